"""From the declarations that a spec states (`func GCD(a, b int) int`, `type Interval struct{...}`) to types.

By tree-sitter, never by patterns over Go. What is left open (an unexported field, a function type) is read as
unsupported, with the reason. The data are in `gotypes.py`.
"""

from collections.abc import Mapping, Sequence

from tree_sitter import Node

from guildbus.agents.golang.signatures import Stated, parse_signature
from guildbus.agents.golang.syntax import find, names_of, receiver_type, text_of
from guildbus.agents.oracle.gotypes import Api, Callable, GoType, Kind, Parameter
from guildbus.protocols.spec import Signature

_INTEGERS = {
    "int": (-(2**63), 2**63 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint": (0, 2**64 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_PLAIN: Mapping[str, Kind] = {
    "bool": "bool",
    "string": "string",
    "rune": "rune",
    "byte": "byte",
    "error": "error",
    "any": "any",
    "float32": "float",
    "float64": "float",
}
_TIMES: Mapping[str, Kind] = {"time.Time": "time", "time.Duration": "duration"}
_MOST_DEPTH = 12


def read_api(signatures: Sequence[Signature]) -> Api:
    """What the stated declarations say; texts that are no declaration are left out."""
    found = [stated for signature in signatures if (stated := parse_signature(signature.text)) is not None]
    reader = _Reader(found)
    return Api(
        types={name: reader.named(name) for name in (*reader.specs, *reader.receivers)},
        callables=tuple(reader.callable(s) for s in found if s.kind in ("func", "method")),
        sentinels=tuple(s.name for s in found if s.kind == "var" and s.name.startswith("Err")),
    )


class _Reader:
    """Reads type nodes, with the stated declarations at hand to look names up in."""

    def __init__(self, found: Sequence[Stated]) -> None:
        self.specs = {s.name: s.declaration.node for s in found if s.kind == "type"}
        self.pointed = {
            receiver_type(s.declaration.node)
            for s in found
            if s.kind == "method" and "*" in _receiver_text(s.declaration.node)
        }
        self.receivers = tuple(
            dict.fromkeys(receiver_type(s.declaration.node) for s in found if s.kind == "method")
        )
        self._open: list[str] = []

    def callable(self, stated: Stated) -> Callable:
        node = stated.declaration.node
        bound = dict.fromkeys(_type_parameters(node), "int")
        result = node.child_by_field_name("result")
        results: list[Node] = []
        if result is not None and result.type == "parameter_list":
            results = [t for d in result.named_children for t in _repeated(d)]
        elif result is not None:
            results = [result]
        return Callable(
            name=stated.name.rpartition(".")[2],
            text=stated.text,
            receiver=receiver_type(node) if stated.kind == "method" else "",
            parameters=tuple(self._parameters(node.child_by_field_name("parameters"), bound)),
            results=tuple(self.read(each, bound) for each in results),
            type_arguments=tuple(bound.values()) if stated.kind == "func" else (),
        )

    def _parameters(self, node: Node | None, bound: Mapping[str, str]) -> list[Parameter]:
        found: list[Parameter] = []
        for declaration in node.named_children if node is not None else ():
            stated = declaration.child_by_field_name("type")
            if stated is None:
                continue
            names = [text_of(name) for name in names_of(declaration)] or [f"arg{len(found) + 1}"]
            of = self.read(stated, bound)
            variadic = declaration.type == "variadic_parameter_declaration"
            if variadic:
                of = GoType("list", f"[]{of.text}", elem=of)
            found += [Parameter(name, of, variadic) for name in names]
        return found

    def named(self, name: str) -> GoType:
        """A type that the package declares, or that methods are stated of."""
        if name in self._open or len(self._open) > _MOST_DEPTH:
            return GoType("unsupported", name, why=f"{name} refers to itself")
        spec = self.specs.get(name)
        body = spec.child_by_field_name("type") if spec is not None else None
        if body is None or (body.type == "struct_type" and (name in self.pointed or _hides(body))):
            return GoType("object", name)
        self._open.append(name)
        try:
            read = self.read(body, dict.fromkeys(_type_parameters(spec), "int"))
        finally:
            self._open.pop()
        if name in self.pointed and read.kind != "unsupported":
            return GoType("object", name)
        return GoType(**{**read.__dict__, "text": name})

    def read(self, node: Node, bound: Mapping[str, str]) -> GoType:
        """The type that a node states."""
        text = " ".join(text_of(node).split())
        match node.type:
            case "type_identifier":
                return self._identifier(text, bound)
            case "qualified_type":
                kind = _TIMES.get(text)
                return GoType(kind, text) if kind else _unsupported(text, "is not a type of this package")
            case "slice_type" | "array_type":
                return self._list(node, text, bound)
            case "map_type":
                key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
                if key is None or value is None:
                    return _unsupported(text, "cannot be read")
                return GoType("map", text, elem=self.read(value, bound), key=self.read(key, bound))
            case "pointer_type":
                return self._pointer(node, text, bound)
            case "struct_type":
                if _hides(node):
                    return _unsupported(text, "has unexported fields")
                return GoType("struct", text, fields=tuple(self._fields(node, bound)))
            case "interface_type" if not node.named_children:
                return GoType("any", "any")
            case "generic_type":
                named = node.child_by_field_name("type")
                read = (
                    self.named(text_of(named)) if named is not None else _unsupported(text, "cannot be read")
                )
                return GoType(**{**read.__dict__, "text": text})
            case "function_type" if text == "func() time.Time":
                return GoType("clock", text)
        return _unsupported(text, "cannot be made from data")

    def _identifier(self, text: str, bound: Mapping[str, str]) -> GoType:
        text = bound.get(text, text)
        if text in self.specs or text in self.receivers:
            return self.named(text)
        if text in _INTEGERS and text != "uint8":
            least, most = _INTEGERS[text]
            return GoType("int", text, least=least, most=most)
        kind = _PLAIN.get("byte" if text == "uint8" else text)
        if kind is not None:
            return GoType(kind, text)
        if text[:1].isupper():
            return GoType("object", text)
        return _unsupported(text, "is not stated")

    def _list(self, node: Node, text: str, bound: Mapping[str, str]) -> GoType:
        element = node.child_by_field_name("element")
        if element is None:
            return _unsupported(text, "cannot be read")
        of = self.read(element, bound)
        length = node.child_by_field_name("length")
        if length is None:
            return GoType("bytes", text) if of.kind == "byte" else GoType("list", text, elem=of)
        if not text_of(length).isdecimal():
            return _unsupported(text, "has a length that is no number")
        return GoType("array", text, elem=of, length=int(text_of(length)))

    def _pointer(self, node: Node, text: str, bound: Mapping[str, str]) -> GoType:
        target = node.named_children[0] if node.named_children else None
        of = self.read(target, bound) if target is not None else _unsupported(text, "cannot be read")
        if of.kind == "object":
            return GoType("object", text)
        if of.kind == "struct":
            return GoType("pointer", text, elem=of)
        return _unsupported(text, of.why or "is a pointer to no struct")

    def _fields(self, node: Node, bound: Mapping[str, str]) -> list[tuple[str, GoType]]:
        found: list[tuple[str, GoType]] = []
        for declaration in _own_fields(node):
            stated = declaration.child_by_field_name("type")
            if stated is not None:
                of = self.read(stated, bound)
                found += [(text_of(name), of) for name in declaration.children_by_field_name("name")]
        return found


def _unsupported(text: str, why: str) -> GoType:
    return GoType("unsupported", text, why=f"{text} {why}")


def _hides(struct: Node) -> bool:
    """Whether a struct has state that cannot be seen: unexported or embedded fields, or a comment says so."""
    fields = _own_fields(struct)
    names = [text_of(name) for one in fields for name in one.children_by_field_name("name")]
    embedded = any(not one.children_by_field_name("name") for one in fields)
    if embedded or not fields or any(not name[:1].isupper() for name in names):
        return True
    return any("unexported" in text_of(comment) for comment in find(struct, "comment"))


def _own_fields(struct: Node) -> list[Node]:
    return [
        one
        for one in find(struct, "field_declaration")
        if one.parent is not None and one.parent.parent == struct
    ]


def _repeated(declaration: Node) -> list[Node]:
    """The type of a result declaration, once for each name that it gives: `(lo, hi int)` are two."""
    stated = declaration.child_by_field_name("type")
    return [] if stated is None else [stated] * max(1, len(names_of(declaration)))


def _type_parameters(node: Node | None) -> list[str]:
    """The names that stand for types: a function's own, or those of its receiver's type."""
    if node is None:
        return []
    stated = node.child_by_field_name("type_parameters")
    names = [text_of(n) for d in (stated.named_children if stated is not None else ()) for n in names_of(d)]
    receiver = node.child_by_field_name("receiver")
    for arguments in find(receiver, "type_arguments") if receiver is not None else ():
        names += [text_of(argument) for argument in arguments.named_children]
    return names


def _receiver_text(method: Node) -> str:
    receiver = method.child_by_field_name("receiver")
    return text_of(receiver) if receiver is not None else ""
