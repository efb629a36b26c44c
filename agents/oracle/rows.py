"""The cases that a test states: for each row of a table, the call, and the literal that it expects. Pure.

Read on the syntax tree: a call of the code under test in a test function, its arguments literals or fields of
a loop's row, and the comparison of its result with a literal or another field; of objects step by step
(`sequences.py`). What is not certain is left out: a row that is not found can not be corrected, and is never
guessed at. Next: `compared.py`, then `disputes.py`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.assertions import Suite, guess_code, rows_of
from guildbus.agents.golang.flow import UnderTest, arguments_of, calls, function_around
from guildbus.agents.golang.signatures import is_test_name
from guildbus.agents.golang.syntax import GoFile, find, line_of, parse, text_of
from guildbus.agents.oracle.compared import compared
from guildbus.agents.oracle.gotypes import Api, Callable, GoType
from guildbus.agents.oracle.literals import NoLiteral, case_of, read_literal
from guildbus.agents.oracle.sequences import lives_in
from guildbus.agents.oracle.values import Json, canonical


@dataclass(frozen=True)
class Expectation:
    """One expected result: which one (from 0), its value, and the literal's place in the source (bytes).

    Of a sequence, `step` is the operation whose result it is. `spelled` is what stands at the place for true
    and for false, where that is no literal: `!ok`, `ok`.
    """

    result: int
    type: GoType
    value: Json
    start: int
    end: int
    line: int
    step: int | None = None
    spelled: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class Refusal:
    """Whether an error is due, by a field of the row such as `wantErr`, and the field's place (bytes).

    Only `true` and `false` have a place; else it is 0, 0.
    """

    due: bool
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Row:
    """One case of a test, and what it expects of the results that it looks at. `function` may be a type.

    `refusal` is what a row of a table says of the error of a function that gives one.
    """

    test: str
    function: str
    case: Json
    expected: tuple[Expectation, ...]
    refusal: Refusal | None = None


def rows_in(source: str, api: Api) -> tuple[Row, ...]:
    """Every case that can be read with certainty, in order."""
    file = parse(source)
    code = guess_code(file)
    suite = Suite(file, code)
    by_name = {c.name: c for c in api.functions if not c.obstacle}
    found: list[Row] = []
    for call in calls(file.root):
        callable_ = by_name.get(_callee(suite, code, call))
        test = function_around(call)
        if callable_ is not None and is_test_name(test):
            found += _rows(suite, test, call, callable_)
    return (*_unshared(found), *_steps(file, api))


def _steps(file: GoFile, api: Api) -> Iterator[Row]:
    """A row for each result that a test of an object looks at, all with the same case."""
    for test, life in lives_in(file, api):
        offset = len(life.maker.results) > 1
        for one in life.looked:
            place = (one.node.start_byte, one.node.end_byte, line_of(one.node))
            step = one.step + offset
            expected = Expectation(one.result, one.type, one.value, *place, step=step, spelled=one.spelled)
            yield Row(test, life.type, life.case, (expected,))


def _unshared(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows whose literals belong to one case alone, each once: an edit must not change another case."""
    cases: dict[int, set[str]] = {}
    unique: dict[tuple[str, int, int], Row] = {}
    for row in rows:
        text = canonical(row.case)
        for one in row.expected:
            cases.setdefault(one.start, set()).add(text)
        unique.setdefault((text, row.expected[0].start, row.expected[0].result), row)
    for row in unique.values():
        if all(len(cases[one.start]) == 1 for one in row.expected):
            yield row


def _callee(suite: Suite, code: UnderTest, call: Node) -> str:
    """The name of the function under test that is called; '' for any other call."""
    head = call.child_by_field_name("function")
    if head is not None and head.type == "selector_expression":
        operand, field = head.child_by_field_name("operand"), head.child_by_field_name("field")
        known = operand is not None and text_of(operand) in code.qualifiers
        return text_of(field).partition("[")[0] if known and field is not None else ""
    if head is None or (head.type == "identifier" and suite.flow.binding(0, head) is not None):
        return ""
    return text_of(head).partition("[")[0]


def _rows(suite: Suite, test: str, call: Node, callable_: Callable) -> Iterator[Row]:
    pairs = list(compared(suite, call, callable_))
    wanted = dict(pairs)
    if not wanted or len(wanted) < len(pairs):
        return
    for cells in _environments(suite, call):
        try:
            case = case_of(callable_, list(_given(suite, call, cells)))
            expected = tuple(
                _expectation(i, callable_, _through(suite, node, cells)) for i, node in wanted.items()
            )
        except NoLiteral:
            continue
        refusal = _refusal(cells) if callable_.fails else None
        yield Row(test, callable_.full_name, case, expected, refusal)


def _refusal(cells: "Cells") -> Refusal | None:
    """The first field that is about the error, by its name."""
    named = (cell for row in cells.values() for field, cell in row.items() if "err" in field.lower())
    cell = next(named, None)
    if cell is None:
        return None
    text = text_of(cell)
    place = (cell.start_byte, cell.end_byte) if text in ("true", "false") else (0, 0)
    return Refusal(text not in ("false", "nil", '""'), *place)


def _given(suite: Suite, call: Node, cells: "Cells") -> Iterator[Node]:
    """The argument expressions, those of a slice that is spread (`xs...`) one by one."""
    for node in arguments_of(call):
        if node.type != "variadic_argument":
            yield _through(suite, node, cells)
            continue
        slice_ = _through(suite, node.named_children[0], cells)
        body = slice_.child_by_field_name("body") if slice_.type == "composite_literal" else None
        if body is None and slice_.type != "nil":
            raise NoLiteral("what is spread is no literal")
        yield from (_bare(cell) for cell in (body.named_children if body else ()) if cell.type != "comment")


def _expectation(result: int, callable_: Callable, node: Node) -> Expectation:
    of = callable_.results[result]
    return Expectation(result, of, read_literal(node, of), node.start_byte, node.end_byte, line_of(node))


Cells = dict[str, dict[str, Node]]
"""Loop variable -> field -> the row's cell; a row that is no struct has its value under ''."""


def _environments(suite: Suite, call: Node) -> list[Cells]:
    """What the loop variables around a call stand for: one environment a row. [] if a loop changes them."""
    found: list[Cells] = [{}]
    node = call.parent
    while node is not None and node.type != "source_file":
        if node.type == "for_statement":
            table = suite.table(0, node)
            names = _range_names(node)
            if any(suite.flow.variable(0, name) in suite.flow.assigned for name in (*names, *_ranged(node))):
                return []
            if table is not None and len(names) == 2:
                rows = [_bound(table, row, *map(text_of, names)) for row in rows_of(table)]
                found = [{**row, **cells} for cells in found for row in rows if row]
        node = node.parent
    return found


def _bound(table: Node, row: Node, key: str, value: str) -> Cells:
    """The two loop variables in one row; the key of a slice is a number that no row names."""
    cells = _cells(table, row)
    if not cells:
        return {}
    keyed = row.type == "keyed_element" and len(row.named_children) == 2
    return {**({key: {"": _bare(row.named_children[0])}} if keyed else {}), value: cells}


def _ranged(loop: Node) -> list[Node]:
    clause = next((child for child in loop.named_children if child.type == "range_clause"), None)
    right = clause.child_by_field_name("right") if clause is not None else None
    return [right] if right is not None and right.type == "identifier" else []


def _range_names(loop: Node) -> list[Node]:
    clause = next((child for child in loop.named_children if child.type == "range_clause"), None)
    left = clause.child_by_field_name("left") if clause is not None else None
    return left.named_children if left is not None else []


def _cells(table: Node, row: Node) -> dict[str, Node]:
    """Field -> cell of one row of a table of structs; {} where that is not certain."""
    stated = table.child_by_field_name("type")
    fields = [
        text_of(name)
        for struct in (find(stated, "struct_type") if stated is not None else ())
        for field in find(struct, "field_declaration")
        for name in field.children_by_field_name("name")
    ] or _named_fields(table, stated)
    value = row.named_children[-1] if row.type == "keyed_element" else row
    if value.type == "literal_element":
        value = value.named_children[0]
    if not fields:
        return {"": value}
    body = value.child_by_field_name("body") if value.type == "composite_literal" else value
    if body is None or body.type != "literal_value":
        return {}
    cells = [cell for cell in body.named_children if cell.type != "comment"]
    if any(cell.type == "keyed_element" for cell in cells):
        return {
            text_of(cell.named_children[0]): _bare(cell.named_children[1])
            for cell in cells
            if cell.type == "keyed_element" and len(cell.named_children) == 2
        }
    return dict(zip(fields, map(_bare, cells), strict=True)) if len(cells) == len(fields) else {}


def _named_fields(table: Node, stated: Node | None) -> list[str]:
    """The fields of a row type that the test declares by name."""
    root = table
    while root.parent is not None:
        root = root.parent
    names = {text_of(name) for name in find(stated, "type_identifier")} if stated is not None else set()
    return [
        text_of(name)
        for spec in find(root, "type_spec")
        if (label := spec.child_by_field_name("name")) is not None and text_of(label) in names
        for field in find(spec, "field_declaration")
        for name in field.children_by_field_name("name")
    ]


def _bare(cell: Node) -> Node:
    return cell.named_children[0] if cell.type == "literal_element" and cell.named_children else cell


def _through(suite: Suite, node: Node, cells: Cells) -> Node:
    """The cell that `tt.want` stands for, the literal that `want` was set to; others are themselves."""
    if node.type == "identifier" and "" in cells.get(text_of(node), {}):
        return cells[text_of(node)][""]
    if node.type == "selector_expression":
        operand, field = node.child_by_field_name("operand"), node.child_by_field_name("field")
        if operand is not None and field is not None:
            return cells.get(text_of(operand), {}).get(text_of(field), node)
    if node.type == "identifier":
        binding, variable = suite.flow.binding(0, node), suite.flow.variable(0, node)
        if binding is not None and len(binding.sources) == 1 and variable not in suite.flow.assigned:
            return binding.sources[0]
    return node
