"""What the tests of a file really check.

A *failing call* is t.Error, Errorf, Fatal, Fatalf, Fail or FailNow on a handle of package
testing. A test *asserts* if it reaches one, itself or through same-package helpers, under a
condition that derives from the code under test (`flow.py`). Conditions are those of `if`,
`switch`, `select` and `for` around the call, and of earlier `if`s that leave the block. Read
`comparisons.py` next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.flow import CODE, TOP_FUNCTIONS, Flow, Label, Ref, UnderTest, arguments_of, calls
from guildbus.agents.golang.imports import imports, usual_name
from guildbus.agents.golang.signatures import is_test_function, type_text
from guildbus.agents.golang.syntax import GoFile, find, leaves, line_of, package_name, parse, text_of

FAILING = frozenset({"Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"})
_FAILS: Label = "fails"
_LEAVES = {"return_statement", "continue_statement", "break_statement", "goto_statement"}


@dataclass(frozen=True)
class TestSummary:
    """What one TestXxx does. `fails` is whether it reaches a failing call at all."""

    __test__ = False

    name: str
    line: int
    reaches_code: bool
    asserts: bool
    fails: bool
    cases: int


@dataclass(frozen=True, eq=False)
class _Site:
    """One failing call, or one call of a helper (`callee`) that may hold one."""

    call: Node
    guards: tuple[Node, ...]
    callee: str = ""


class Suite:
    """The assertions of a test file, seen together with its package's other test files."""

    def __init__(self, file: GoFile, code: UnderTest, others: Sequence[GoFile] = ()) -> None:
        self.file = file
        self.flow = Flow([file, *others], code)
        self._handle_fields = {
            text_of(name)
            for each in self.flow.files
            for field in find(each.root, "field_declaration")
            if (stated := field.child_by_field_name("type")) is not None and is_handle(stated)
            for name in field.children_by_field_name("name")
        }
        self._sites = {
            name: tuple(self._sites_in(number, node)) for name, (number, node) in self.flow.functions.items()
        }
        self._summaries: dict[str, set[Label]] = {name: set() for name in self.flow.functions}
        self._summarise()

    def tests(self) -> tuple[TestSummary, ...]:
        """One summary a TestXxx of the file, in order."""
        found = []
        for name, (number, node) in self.flow.functions.items():
            if number == 0 and is_test_function(node):
                summary = self._summaries[name]
                asserts = CODE in summary
                found.append(
                    TestSummary(
                        name=name,
                        line=line_of(node),
                        reaches_code=name in self.flow.reaches,
                        asserts=asserts,
                        fails=bool(self._failing_sites(name)),
                        cases=self._cases(name) if asserts else 0,
                    )
                )
        return tuple(found)

    def table(self, number: int, loop: Node) -> Node | None:
        """The composite literal that a `for ... range` goes over, directly or through a variable."""
        clause = next((child for child in loop.named_children if child.type == "range_clause"), None)
        right = clause.child_by_field_name("right") if clause is not None else None
        if right is not None and right.type == "identifier":
            variable = self.flow.variable(number, right)
            sources = self.flow.sources.get(variable, []) if variable is not None else []
            right = sources[0] if len(sources) == 1 else None
        return right if right is not None and right.type == "composite_literal" else None

    def _sites_in(self, number: int, function: Node) -> Iterator[_Site]:
        for call in calls(function):
            callee = call.child_by_field_name("function")
            if callee is None:
                continue
            if callee.type == "identifier":
                binding = self.flow.binding(number, callee)
                if binding is None:
                    if text_of(callee) in self.flow.functions:
                        yield _Site(call, tuple(self._guards(number, call)), text_of(callee))
                elif any(self._closure_fails(number, source) for source in binding.sources):
                    yield _Site(call, tuple(self._guards(number, call)))
            elif self._is_failing(number, callee):
                yield _Site(call, tuple(self._guards(number, call)))
            elif callee.type == "selector_expression":
                field = callee.child_by_field_name("field")
                method = self.flow.methods.get(text_of(field)) if field is not None else None
                if method is not None:
                    yield _Site(call, tuple(self._guards(number, call)), method)

    def _closure_fails(self, number: int, source: Node) -> bool:
        """A closure that fails unconditionally: its calls are failing calls."""
        if source.type != "func_literal":
            return False
        for call in calls(source):
            callee = call.child_by_field_name("function")
            inside = self._guards(number, call, until=source)
            if callee is not None and self._is_failing(number, callee) and not list(inside):
                return True
        return False

    def _is_failing(self, number: int, callee: Node) -> bool:
        if callee.type != "selector_expression":
            return False
        operand, field = callee.child_by_field_name("operand"), callee.child_by_field_name("field")
        if operand is None or field is None or text_of(field) not in FAILING:
            return False
        if operand.type == "selector_expression":
            inner = operand.child_by_field_name("field")
            return inner is not None and text_of(inner) in self._handle_fields
        if operand.type != "identifier":
            return False
        binding = self.flow.binding(number, operand)
        return binding is not None and binding.type is not None and is_handle(binding.type)

    def _guards(self, number: int, node: Node, until: Node | None = None) -> Iterator[Node]:
        """The conditions under which control reaches `node`, inner ones first."""
        child, parent = node, node.parent
        while parent is not None and parent != until and child.type not in TOP_FUNCTIONS:
            if parent.type == "statement_list":
                yield from _left_before(parent, child)
            elif parent.type == "if_statement" and child.type in ("block", "if_statement"):
                condition = parent.child_by_field_name("condition")
                if condition is not None and constant(condition) is None:
                    yield condition
            elif parent.type == "for_statement" and child.type == "block":
                yield from self._loop_guard(number, parent)
            elif parent.type in ("expression_switch_statement", "type_switch_statement"):
                yield from _switch_guards(parent)
            elif parent.type == "select_statement":
                for case in parent.named_children:
                    communication = case.child_by_field_name("communication")
                    if communication is not None:
                        yield communication
            child, parent = parent, parent.parent

    def _loop_guard(self, number: int, loop: Node) -> Iterator[Node]:
        for part in loop.named_children:
            if part.type == "for_clause":
                condition = part.child_by_field_name("condition")
                if condition is not None:
                    yield condition
            elif part.type == "range_clause":
                right = part.child_by_field_name("right")
                if right is not None and self.table(number, loop) is None:
                    yield right
            elif part.type not in ("block", "comment") and constant(part) is None:
                yield part

    def _guard_refs(self, number: int, site: _Site) -> frozenset[Ref]:
        return frozenset().union(*(self.flow.refs(number, guard) for guard in site.guards))

    def _site_labels(self, number: int, site: _Site) -> set[Label]:
        guards = self.flow.labels_of(self._guard_refs(number, site))
        direct = guards if site.guards else {_FAILS}
        if not site.callee:
            return direct
        found: set[Label] = set()
        arguments = arguments_of(site.call)
        for label in self._summaries[site.callee]:
            if label == _FAILS:
                found |= direct
            elif isinstance(label, tuple):
                for argument in arguments[label[1] : label[1] + 1]:
                    found |= self.flow.labels_of(self.flow.refs(number, argument))
            else:
                found.add(label)
        return found

    def _summarise(self) -> None:
        """Carry what helpers check to their callers, until nothing new is learnt."""
        changed = True
        while changed:
            changed = False
            for name, (number, _) in self.flow.functions.items():
                for site in self._sites[name]:
                    new = self._site_labels(number, site) - self._summaries[name]
                    if new:
                        self._summaries[name] |= new
                        changed = True

    def _failing_sites(self, name: str, seen: frozenset[str] = frozenset()) -> list[_Site]:
        found = []
        for site in self._sites[name]:
            if not site.callee:
                found.append(site)
            elif site.callee not in seen:
                found.extend(self._failing_sites(site.callee, seen | {name}))
        return found

    def _cases(self, name: str) -> int:
        number, _ = self.flow.functions[name]
        rows: dict[int, set[str]] = {}
        direct: set[int] = set()
        for site in self._sites[name]:
            if CODE not in self._site_labels(number, site):
                continue
            tables = [table for loop in _loops_around(site.call) if (table := self.table(number, loop))]
            for table in tables:
                rows[table.start_byte] = {leaves(row) for row in rows_of(table)}
            if not tables:
                place = site.guards[0] if site.guards and not site.callee else site.call
                direct.add(place.start_byte)
        return sum(len(found) for found in rows.values()) + len(direct)


def count_cases(source: str, code: UnderTest | None = None) -> int:
    """How many asserting cases a test file has.

    Over all its TestXxx, sum up: for each table literal that is ranged over around an asserting
    check, its distinct rows; for each asserting check outside of such a loop, one (checks that
    share their innermost condition are one; a call of a helper that asserts is one). A check
    is asserting if its condition derives from the code under test. Without `code`, every bare
    name that the file does not declare, and its own package's qualifier, counts as that.
    """
    file = parse(source)
    return sum(test.cases for test in Suite(file, code or guess_code(file)).tests())


def guess_code(file: GoFile) -> UnderTest:
    """The code under test as far as a test file alone tells it."""
    package = package_name(file)
    inner = package.removesuffix("_test")
    if inner == package:
        return UnderTest()
    names = {found.name for found in imports(file) if usual_name(found.path) == inner}
    return UnderTest(names=frozenset(), qualifiers=frozenset(names))


def is_handle(stated: Node) -> bool:
    """Whether a type is a handle that a failing call goes to: `*testing.T`, `testing.TB`."""
    return type_text(stated) in ("* testing . T", "* testing . B", "* testing . F", "testing . TB")


def rows_of(table: Node) -> list[Node]:
    """The elements of a composite literal."""
    body = table.child_by_field_name("body")
    return [row for row in (body.named_children if body is not None else []) if row.type != "comment"]


def _loops_around(node: Node) -> Iterator[Node]:
    current = node.parent
    while current is not None and current.type not in TOP_FUNCTIONS:
        if current.type == "for_statement":
            yield current
        current = current.parent


def _left_before(statements: Node, child: Node) -> Iterator[Node]:
    """Conditions of earlier `if`s of the block that leave it: `if got == want { return }`."""
    for earlier in statements.named_children:
        if earlier == child:
            return
        if earlier.type == "if_statement":
            condition = earlier.child_by_field_name("condition")
            if condition is not None and _leaves_block(earlier) and constant(condition) is None:
                yield condition


def _leaves_block(statement: Node) -> bool:
    block = statement.child_by_field_name("consequence")
    inner = block.named_children[-1] if block is not None and block.named_children else None
    last = inner.named_children[-1] if inner is not None and inner.named_children else None
    return last is not None and last.type in _LEAVES


def _switch_guards(switch: Node) -> Iterator[Node]:
    value = switch.child_by_field_name("value")
    if value is not None:
        yield value
    for case in switch.named_children:
        if case.type == "expression_case":
            stated = case.child_by_field_name("value")
            if stated is not None:
                yield stated


def constant(condition: Node) -> bool | None:
    """The value of a condition that is constant for all to see (`false && x`), else None."""
    if condition.type in ("true", "false"):
        return condition.type == "true"
    if condition.type == "parenthesized_expression":
        return next((constant(child) for child in condition.named_children), None)
    if condition.type != "binary_expression":
        return None
    operator, left, right = (condition.child_by_field_name(part) for part in ("operator", "left", "right"))
    killer = {"&&": False, "||": True}.get(text_of(operator) if operator is not None else "")
    if killer is None or left is None or right is None:
        return None
    return killer if killer in (constant(left), constant(right)) else None
