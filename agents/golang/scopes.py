"""Which local declaration an identifier means (the Go specification, "Declarations and scope").

One walk over a file gives a `Binding` to every identifier that a function declares and uses.
Identifiers without one mean a top-level name, an import or a predeclared name. Read
`imports.py` next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from guildbus.agents.golang.syntax import GoFile, names_of, specs_of, text_of

NAME_TYPES = ("identifier", "type_identifier", "package_identifier")

_SCOPES = {
    "block",
    "if_statement",
    "for_statement",
    "expression_switch_statement",
    "type_switch_statement",
    "select_statement",
    "expression_case",
    "type_case",
    "default_case",
    "communication_case",
}
_FUNCTIONS = {"function_declaration", "method_declaration", "func_literal"}


@dataclass(frozen=True, eq=False)
class Binding:
    """One local variable, parameter, constant or type.

    `sources` are the nodes that give it its value (initialisers, a ranged-over expression);
    `type` is its stated type; `owner` is the function of a parameter.
    """

    name: str
    node: Node
    type: Node | None = None
    owner: Node | None = None
    index: int = -1
    sources: list[Node] = field(default_factory=list)


class Scopes:
    """The bindings of one file. `binding(node)` is None for names that are not local."""

    def __init__(self, file: GoFile) -> None:
        self.bindings: list[Binding] = []
        self._of: dict[int, Binding] = {}
        self._keys: set[int] = set()
        self._stack: list[dict[str, Binding]] = []
        for node in file.root.named_children:
            if node.type not in ("package_clause", "import_declaration", "comment"):
                self._visit(node)

    def binding(self, node: Node) -> Binding | None:
        """What an identifier node means locally."""
        return self._of.get(node.start_byte)

    def is_key(self, node: Node) -> bool:
        """Whether an identifier is the key of a composite literal's element: mostly a field name."""
        return node.start_byte in self._keys

    def _bind(
        self,
        name: Node,
        *,
        stated: Node | None = None,
        owner: Node | None = None,
        index: int = -1,
        sources: Sequence[Node] = (),
    ) -> Binding:
        binding = Binding(text_of(name), name, stated, owner, index, list(sources))
        self.bindings.append(binding)
        self._of[name.start_byte] = binding
        if self._stack and binding.name != "_":
            self._stack[-1][binding.name] = binding
        return binding

    def _resolve(self, node: Node) -> None:
        name = text_of(node)
        for scope in reversed(self._stack):
            if name in scope:
                self._of[node.start_byte] = scope[name]
                return

    def _visit(self, node: Node | None) -> None:
        if node is None:
            return
        if node.type in NAME_TYPES:
            self._resolve(node)
        elif node.type in _FUNCTIONS:
            self._function(node)
        elif node.type in _SCOPES:
            self._stack.append({})
            self._statement(node)
            self._stack.pop()
        else:
            self._statement(node)

    def _children(self, node: Node) -> None:
        for child in node.children:
            self._visit(child)

    def _function(self, node: Node) -> None:
        self._stack.append({})
        for parameters in node.children_by_field_name("type_parameters"):
            for declaration in parameters.named_children:
                for name in names_of(declaration):
                    self._bind(name)
                self._visit(declaration.child_by_field_name("type"))
        receiver = node.child_by_field_name("receiver")
        if receiver is not None:
            self._parameters(receiver, None)
        self._parameters(node.child_by_field_name("parameters"), node)
        result = node.child_by_field_name("result")
        if result is not None and result.type == "parameter_list":
            self._parameters(result, None)
        else:
            self._visit(result)
        self._visit(node.child_by_field_name("body"))
        self._stack.pop()

    def _parameters(self, parameters: Node | None, owner: Node | None) -> None:
        index = 0
        for declaration in parameters.named_children if parameters is not None else ():
            stated = declaration.child_by_field_name("type")
            self._visit(stated)
            for name in names_of(declaration):
                self._bind(name, stated=stated, owner=owner, index=index)
                index += 1
            index += 0 if names_of(declaration) else 1

    def _statement(self, node: Node) -> None:
        match node.type:
            case "short_var_declaration":
                self._define(node, node.child_by_field_name("left"), node.child_by_field_name("right"))
            case "range_clause" | "receive_statement":
                self._receive(node)
            case "var_declaration" | "const_declaration":
                for spec in specs_of(node):
                    self._spec(spec)
            case "type_declaration":
                for spec in node.named_children:
                    name = spec.child_by_field_name("name")
                    stated = spec.child_by_field_name("type")
                    if self._stack and name is not None:
                        self._bind(name, stated=stated)
                    self._visit(stated)
            case "type_switch_statement":
                self._type_switch(node)
            case "selector_expression":
                self._visit(node.child_by_field_name("operand"))
            case "keyed_element":
                self._keyed(node)
            case "function_type" | "method_elem":
                self._unbound(node)
            case _:
                self._children(node)

    def _define(self, node: Node, left: Node | None, right: Node | None) -> None:
        self._visit(right)
        names = [name for name in left.named_children if name.type == "identifier"] if left else []
        values = right.named_children if right is not None and right.type == "expression_list" else [right]
        for position, name in enumerate(names):
            value = values[position] if len(values) == len(names) else right
            known = self._stack[-1].get(text_of(name)) if self._stack else None
            if known is None:
                known = self._bind(name)
            else:
                self._of[name.start_byte] = known
            if value is not None:
                known.sources.append(value)

    def _receive(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and any(child.type == ":=" for child in node.children):
            self._define(node, left, right)
        else:
            self._visit(left)
            self._visit(right)

    def _spec(self, spec: Node) -> None:
        stated, value = spec.child_by_field_name("type"), spec.child_by_field_name("value")
        self._visit(stated)
        self._visit(value)
        if not self._stack:
            return
        names = names_of(spec)
        values = value.named_children if value is not None else []
        for position, name in enumerate(names):
            binding = self._bind(name, stated=stated)
            if value is not None:
                binding.sources.append(values[position] if len(values) == len(names) else value)

    def _type_switch(self, node: Node) -> None:
        self._visit(node.child_by_field_name("initializer"))
        value, alias = node.child_by_field_name("value"), node.child_by_field_name("alias")
        self._visit(value)
        for name in alias.named_children if alias is not None else ():
            binding = self._bind(name)
            if value is not None:
                binding.sources.append(value)
        for case in node.named_children:
            if case.type in ("type_case", "default_case"):
                self._visit(case)

    def _keyed(self, node: Node) -> None:
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key is not None:
            inner = key.named_children[0] if key.named_child_count == 1 else None
            if inner is not None and inner.type == "identifier":
                self._keys.add(inner.start_byte)
            else:
                self._visit(key)
        self._visit(value)

    def _unbound(self, node: Node) -> None:
        for declaration in node.named_children:
            if declaration.type == "parameter_list":
                for parameter in declaration.named_children:
                    self._visit(parameter.child_by_field_name("type"))
            elif declaration.type != "field_identifier":
                self._visit(declaration)
