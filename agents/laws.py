"""Properties of a spec that are Go: `GCD(a, b) == GCD(b, a)` is true for all a and b. Pure.

An entry of `properties:` that is a Go expression with a call in it is a law. Its free names are its
parameters; each has the type of the argument that it stands for. Whatever is no expression is prose, for
people and models alone. Code is held to laws as to stated values: `golang/law_probe.py` writes the test, on
values that are drawn as those of an examination are.

    Reverse(Reverse(s)) == s                        s string
    lo > hi || Clamp(x, lo, hi) <= hi               x, lo, hi int
    strings.ToLower(Slug(s)) == Slug(s)             the standard library may help
    Reverse keeps the number of runes               prose
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.go_fragments import expression, of_type, text_of
from guildbus.agents.golang.law_probe import Instance, Trial
from guildbus.agents.oracle.gotypes import Api, Callable, GoType, Parameter
from guildbus.agents.oracle.hints import Hints, hints_in
from guildbus.agents.oracle.inputs import cases_for
from guildbus.agents.oracle.literals import NoLiteral, write_literal
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.messages.build import Plan

INSTANCES = 60
"""Lists of values that a law is tried on."""
NO_HINTS = Hints()
_BUILTINS = frozenset({"len", "cap", "min", "max", "string", "int", "float64", "rune", "byte"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LOGICAL = frozenset({"&&", "||"})
_UNEQUAL = frozenset({"list", "map", "bytes"})
"""Kinds that Go does not compare."""


@dataclass(frozen=True)
class ReadLaw:
    """A law with its parameters, in the order in which they are named first."""

    text: str
    parameters: tuple[Parameter, ...]

    def instances(self, hints: Hints = NO_HINTS, count: int = INSTANCES) -> tuple[Instance, ...]:
        """The law with drawn values, the same for the same hints. Values without a literal are left out."""
        about = Callable(self.text, self.text, "", self.parameters, ())
        found = []
        for case in cases_for(Api(), about, hints, count=count):
            try:
                values = [
                    write_literal(v, p.type) for v, p in zip(case["args"], self.parameters, strict=True)
                ]
            except NoLiteral:
                continue
            found.append(Instance(tuple(values), self._with(values)))
        return tuple(found)

    def _with(self, values: Sequence[str]) -> str:
        by_name = dict(zip((p.name for p in self.parameters), values, strict=True))
        source = self.text.encode()
        root = expression(self.text)
        assert root is not None
        lead = root.start_byte
        places = [(n.start_byte - lead, n.end_byte - lead, text_of(n)) for n in _names(root)]
        for start, end, name in sorted(places, reverse=True):
            if name in by_name:
                source = source[:start] + by_name[name].encode() + source[end:]
        return source.decode()


def read_law(text: str, api: Api) -> ReadLaw | None:
    """The law that an entry of `properties:` is; None for prose. ValueError says what is wrong with a law."""
    law = text.strip()
    root = expression(law)
    if root is None or not _calls(root):
        return None
    functions = {one.name: one for one in api.functions}
    if not _is_condition(root, functions):
        raise ValueError(f"{law!r} is neither true nor false: compare something in it")
    types: dict[str, GoType] = {}
    for call in _calls(root):
        for name, of in _given(call, functions):
            if types.setdefault(name, of).text != of.text:
                raise ValueError(f"{name} is a {types[name].text} in one place and a {of.text} in another")
    free = dict.fromkeys(text_of(node) for node in _names(root) if not _is_package(node))
    for name in free:
        if name not in types:
            raise ValueError(f"nothing says of which type {name} is: give it to a function of the package")
        if obstacle := types[name].obstacle:
            raise ValueError(f"no value of {name} can be made up: {obstacle}")
    _refuse_uncomparable(root, functions)
    found = ReadLaw(law, tuple(Parameter(name, types[name]) for name in free))
    if not found.parameters:
        raise ValueError(f"{law!r} has no parameter: state a value under 'examples'")
    if not found.instances(count=4):
        raise ValueError(f"no values can be written down for {', '.join(free)}")
    return found


def trials_of(plan: Plan) -> tuple[Trial, ...]:
    """The laws of a plan, in its order, with the values that they are tried on."""
    found = []
    for one in plan.laws:
        law = read_law(one.text, read_api(plan.api.get(one.folder, ())))
        if law is not None:
            hints = hints_in("\n".join(task.purpose for task in plan.tasks if task.folder == one.folder))
            parameters = tuple((p.name, p.type.text) for p in law.parameters)
            found.append(Trial(law.text, one.folder, parameters, law.instances(hints)))
    return tuple(found)


def called_in(text: str) -> tuple[str, ...]:
    """The names of the functions that an expression calls by a bare name, each once; builtins are none."""
    root = expression(text)
    calls = [] if root is None else [text_of(call.child_by_field_name("function")) for call in _calls(root)]
    return tuple(dict.fromkeys(name for name in calls if name.isidentifier() and name not in _BUILTINS))


def _calls(root: Node) -> list[Node]:
    return of_type(root, "call_expression")


def _given(call: Node, functions: dict[str, Callable]) -> Iterator[tuple[str, GoType]]:
    """The names that are arguments of a call of the package, with the types of their places."""
    head = call.child_by_field_name("function")
    name = text_of(head)
    if head is not None and head.type != "identifier":
        return
    if name not in functions:
        if name in _BUILTINS:
            return
        raise ValueError(f"{name} is no function that the spec states")
    one = functions[name]
    if len(one.results) != 1:
        raise ValueError(f"{name} has {len(one.results)} results, and an expression takes one")
    given = call.child_by_field_name("arguments")
    arguments = [] if given is None else [n for n in given.named_children if n.type != "comment"]
    variadic = bool(one.parameters) and one.parameters[-1].variadic
    if len(arguments) != len(one.parameters) and not (variadic and len(arguments) >= len(one.parameters) - 1):
        raise ValueError(f"{name} takes {len(one.parameters)} arguments, not {len(arguments)}")
    for place, argument in enumerate(arguments):
        parameter = one.parameters[min(place, len(one.parameters) - 1)]
        if argument.type == "identifier":
            of = parameter.type.elem if parameter.variadic and parameter.type.elem else parameter.type
            yield text_of(argument), of


def _names(root: Node) -> list[Node]:
    """The identifiers of an expression that are values: no called function, no field, no type."""
    called = {head.id for call in _calls(root) if (head := call.child_by_field_name("function")) is not None}
    return [node for node in of_type(root, "identifier") if node.id not in called]


def _is_package(node: Node) -> bool:
    """Whether an identifier is the `strings` of `strings.ToLower(s)`."""
    parent = node.parent
    return (
        parent is not None
        and parent.type == "selector_expression"
        and parent.parent is not None
        and parent.parent.type == "call_expression"
    )


def _is_condition(node: Node, functions: dict[str, Callable]) -> bool:
    match node.type:
        case "parenthesized_expression" | "unary_expression":
            return any(_is_condition(child, functions) for child in node.named_children)
        case "binary_expression":
            sign = text_of(node.child_by_field_name("operator"))
            return sign in _COMPARISONS or (
                sign in _LOGICAL and all(_is_condition(child, functions) for child in node.named_children)
            )
        case "call_expression":
            name = text_of(node.child_by_field_name("function"))
            results = functions[name].results if name in functions else ()
            return name not in _BUILTINS and (name not in functions or [r.kind for r in results] == ["bool"])
    return False


def _refuse_uncomparable(root: Node, functions: dict[str, Callable]) -> None:
    for node in of_type(root, "binary_expression"):
        sign = text_of(node.child_by_field_name("operator"))
        if sign not in _COMPARISONS or any(child.type == "nil" for child in node.named_children):
            continue
        for call in (child for child in node.named_children if child.type == "call_expression"):
            one = functions.get(text_of(call.child_by_field_name("function")))
            if one is not None and one.results[0].kind in _UNEQUAL:
                raise ValueError(
                    f"{text_of(call)} is a {one.results[0].text}, which Go does not compare by {sign}: "
                    "use slices.Equal, maps.Equal or reflect.DeepEqual"
                )
