"""Which values of a test file derive from the code under test: a light data flow.

Flow-insensitive and generous: a variable derives from everything that is ever assigned to it; an
expression from every name in it. So a test that the flow calls idle really is idle, while a sly
one may slip through; the verifier's emptied functions (`stubs.py`) catch those. Labels are `CODE`
and `(function, index)` for a helper's parameter. Read `assertions.py` next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.imports import imports
from guildbus.agents.golang.scopes import NAME_TYPES, Binding, Scopes
from guildbus.agents.golang.syntax import GoFile, declarations, find, names_of, receiver_type, text_of, walk

CODE = "code"
TOP_FUNCTIONS = ("function_declaration", "method_declaration")

_PREDECLARED = """
    any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune
    string uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap clear close complex copy
    delete imag len make max min new panic print println real recover _
"""
PREDECLARED = frozenset(_PREDECLARED.split())
"""The names that Go declares itself."""

_LITERALS = {
    "int_literal",
    "float_literal",
    "rune_literal",
    "interpreted_string_literal",
    "raw_string_literal",
}


@dataclass(frozen=True)
class UnderTest:
    """What counts as the code under test.

    `names` are the package's top-level names (methods come by their type); None means every
    bare name that nothing declares. `qualifiers` are package names through which an external
    test package calls it.
    """

    names: frozenset[str] | None = None
    qualifiers: frozenset[str] = frozenset()


Variable = tuple[int, int]
"""A binding or top-level variable: (file number, byte where its name stands)."""

Label = str | tuple[str, int]


@dataclass(frozen=True)
class Ref:
    """One name in an expression that may carry a label.

    `kind` is `code`, `variable`, `function` (a helper), or `recover` (inside that function).
    """

    kind: str
    name: str = ""
    variable: Variable = (-1, -1)


_CODE_REF = Ref(CODE)


class Flow:
    """The labels of every variable in a group of test files of one package."""

    def __init__(self, files: Sequence[GoFile], code: UnderTest) -> None:
        self.files = tuple(files)
        self.code = code
        self.scopes = tuple(Scopes(file) for file in self.files)
        self.functions: dict[str, tuple[int, Node]] = {}
        self.methods: dict[str, str] = {}
        self.assigned: set[Variable] = set()
        self._globals: dict[str, Variable] = {}
        self._other_names: set[str] = set()
        self.sources: dict[Variable, list[Node]] = {}
        self._imported = tuple({found.name for found in imports(file)} for file in self.files)
        for number, file in enumerate(self.files):
            self._collect_top_level(number, file)
        self._edges: list[tuple[Variable, frozenset[Ref]]] = []
        self.labels: dict[Variable, set[Label]] = {}
        for number in range(len(self.files)):
            self._collect_edges(number)
        self.reaches = self._functions_that_reach()
        self._solve()

    def refs(self, number: int, node: Node) -> frozenset[Ref]:
        """The leaves of an expression or statement of file `number` that may carry a label."""
        return frozenset(self._refs(number, node))

    def labels_of(self, refs: Iterable[Ref]) -> set[Label]:
        """What these leaves derive from."""
        found: set[Label] = set()
        for ref in refs:
            if ref.kind == CODE or (ref.kind in ("function", "recover") and ref.name in self.reaches):
                found.add(CODE)
            elif ref.kind == "variable":
                found |= self.labels.get(ref.variable, set())
        return found

    def variable(self, number: int, name: Node) -> Variable | None:
        """The local or top-level variable that an identifier means."""
        binding = self.scopes[number].binding(name)
        if binding is not None:
            return (number, binding.node.start_byte)
        return self._globals.get(text_of(name))

    def binding(self, number: int, name: Node) -> Binding | None:
        """The local declaration that an identifier means."""
        return self.scopes[number].binding(name)

    def _collect_top_level(self, number: int, file: GoFile) -> None:
        for found in declarations(file):
            if found.kind == "func":
                self.functions[found.name] = (number, found.node)
            elif found.kind == "var":
                names = names_of(found.node)
                value = found.node.child_by_field_name("value")
                values = value.named_children if value is not None else []
                for position, name in enumerate(names):
                    if text_of(name) == found.name:
                        variable = (number, name.start_byte)
                        self._globals[found.name] = variable
                        source = values[position] if len(values) == len(names) else value
                        self.sources[variable] = [source] if source is not None else []
            elif found.kind == "method":
                self.functions[found.name] = (number, found.node)
                self.methods[found.name.split(".")[1]] = found.name
            else:
                self._other_names.add(found.name)

    def _refs(self, number: int, node: Node) -> Iterator[Ref]:
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type in NAME_TYPES:
                ref = self._ref(number, current)
                if ref is not None:
                    yield ref
            elif current.type == "field_identifier" and text_of(current) in self.methods:
                yield Ref("function", self.methods[text_of(current)])
            elif current.type not in ("struct_type", "comment"):
                stack.extend(current.children)

    def _ref(self, number: int, name: Node) -> Ref | None:
        if self.scopes[number].is_key(name):
            return None
        variable, text = self.variable(number, name), text_of(name)
        if variable is not None:
            return Ref("variable", variable=variable)
        if text == "recover":
            return Ref("recover", function_around(name))
        if text in self.functions:
            return Ref("function", text)
        if text in self.code.qualifiers:
            return _CODE_REF
        if text in self._other_names or text in PREDECLARED or text in self._imported[number]:
            return None
        return _CODE_REF if self.code.names is None or text in self.code.names else None

    def _collect_edges(self, number: int) -> None:
        for binding in self.scopes[number].bindings:
            variable = (number, binding.node.start_byte)
            self.sources[variable] = binding.sources
            for source in (*binding.sources, *([binding.type] if binding.type is not None else [])):
                self._edges.append((variable, self.refs(number, source)))
        for variable in (found for found in self._globals.values() if found[0] == number):
            for source in self.sources[variable]:
                self._edges.append((variable, self.refs(number, source)))
        for name, (where, function) in self.functions.items():
            if where == number:
                self._seed_parameters(number, name, function)
        for node in walk(self.files[number].root):
            if node.type in ("assignment_statement", "range_clause", "receive_statement"):
                self._flow(number, node, "left", "right")
            elif node.type in ("inc_statement", "dec_statement"):
                self._change(number, node.named_children[0], frozenset())
            elif node.type == "send_statement":
                self._flow(number, node, "channel", "value")
            elif node.type == "call_expression":
                self._call(number, node)

    def _seed_parameters(self, number: int, name: str, function: Node) -> None:
        for binding in self.scopes[number].bindings:
            if binding.owner is not None and binding.owner == function:
                self.labels[(number, binding.node.start_byte)] = {(name, binding.index)}

    def _flow(self, number: int, node: Node, to: str, source: str) -> None:
        left, right = node.child_by_field_name(to), node.child_by_field_name(source)
        if left is None or right is None or any(child.type == ":=" for child in node.children):
            return
        targets = left.named_children if left.type == "expression_list" else [left]
        for target in targets:
            self._change(number, target, self.refs(number, right))

    def _change(self, number: int, target: Node, refs: frozenset[Ref]) -> None:
        """`seen[x] = y` and `n++` carry y, x and whatever decided that control came here."""
        root = root_identifier(target)
        variable = self.variable(number, root) if root is not None else None
        if variable is None:
            return
        self.assigned.add(variable)
        deciders = (self.refs(number, node) for node in _deciders(target))
        self._edges.append((variable, refs.union(self.refs(number, target), *deciders)))

    def _call(self, number: int, call: Node) -> None:
        callee, arguments = call.child_by_field_name("function"), arguments_of(call)
        if callee is None:
            return
        if callee.type == "identifier":
            self._closure_call(number, callee, arguments)
        callee_refs = self.refs(number, callee)
        all_refs = callee_refs.union(*(self.refs(number, argument) for argument in arguments))
        for argument in arguments:
            pointer = argument.type == "unary_expression" and text_of(argument).startswith("&")
            root = root_identifier(argument) if pointer else argument
            if root is None or root.type != "identifier":
                continue
            variable = self.variable(number, root)
            if variable is not None and (pointer or not self._is_plain(variable)):
                self._edges.append((variable, all_refs if pointer else callee_refs))

    def _closure_call(self, number: int, callee: Node, arguments: list[Node]) -> None:
        binding = self.scopes[number].binding(callee)
        for literal in binding.sources if binding is not None else ():
            if literal.type == "func_literal":
                for parameter in self.scopes[number].bindings:
                    if parameter.owner is not None and parameter.owner == literal:
                        for argument in arguments[parameter.index : parameter.index + 1]:
                            self._edges.append(
                                ((number, parameter.node.start_byte), self.refs(number, argument))
                            )

    def _is_plain(self, variable: Variable) -> bool:
        """Only ever a literal: a call cannot change it."""
        sources = self.sources.get(variable, [])
        return bool(sources) and all(source.type in _LITERALS for source in sources)

    def _functions_that_reach(self) -> frozenset[str]:
        direct = {
            name: self._with_globals(self.refs(number, function.child_by_field_name("body") or function))
            for name, (number, function) in self.functions.items()
        }
        reached: set[str] = set()
        while True:
            more = {
                name
                for name, refs in direct.items()
                if name not in reached and any(_reaches(ref, reached) for ref in refs)
            }
            if not more:
                return frozenset(reached)
            reached |= more

    def _with_globals(self, refs: frozenset[Ref]) -> frozenset[Ref]:
        """These names, and those in the initialisers of the top-level variables among them."""
        tops = {ref.variable for ref in refs} & set(self._globals.values())
        return refs.union(
            *(self.refs(top[0], source) for top in tops for source in self.sources.get(top, []))
        )

    def _solve(self) -> None:
        changed = True
        while changed:
            changed = False
            for variable, refs in self._edges:
                known = self.labels.setdefault(variable, set())
                new = self.labels_of(refs) - known
                if new:
                    known |= new
                    changed = True


def _reaches(ref: Ref, reached: set[str]) -> bool:
    return ref == _CODE_REF or (ref.kind == "function" and ref.name in reached)


def _deciders(node: Node) -> Iterator[Node]:
    """The conditions and ranges of the `if`s and loops around a statement."""
    child, parent = node, node.parent
    while parent is not None and child.type not in TOP_FUNCTIONS:
        if parent.type in ("if_statement", "for_statement") and child.type in ("block", "if_statement"):
            for part in parent.named_children:
                decides = part.child_by_field_name("condition" if part.type == "for_clause" else "right")
                if part.type in ("for_clause", "range_clause"):
                    yield from [decides] if decides is not None else []
                elif part.type not in ("block", "if_statement", "comment"):
                    yield part
        child, parent = parent, parent.parent


def root_identifier(node: Node) -> Node | None:
    """The variable that an assignable expression changes: `x` of `x.f[i]`, `*x`, `&x`, `x[:]`."""
    current: Node | None = node
    while current is not None and current.type != "identifier":
        current = current.child_by_field_name("operand") or (
            current.named_children[0] if current.type == "parenthesized_expression" else None
        )
    return current


def arguments_of(call: Node) -> list[Node]:
    """The argument expressions of a call."""
    arguments = call.child_by_field_name("arguments")
    found = arguments.named_children if arguments is not None else []
    return [argument for argument in found if argument.type != "comment"]


def function_around(node: Node) -> str:
    """The name of the top-level function or method around a node, '' outside of any."""
    current: Node | None = node
    while current is not None and current.type not in TOP_FUNCTIONS:
        current = current.parent
    name = current.child_by_field_name("name") if current is not None else None
    if current is None or name is None:
        return ""
    return (
        text_of(name)
        if current.type == "function_declaration"
        else f"{receiver_type(current)}.{text_of(name)}"
    )


def calls(node: Node) -> Iterator[Node]:
    """Every call below a node."""
    return find(node, "call_expression")
