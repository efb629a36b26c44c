"""Declarations compared with what a spec states, modulo parameter and type parameter names.

A stated text is one declaration without a body: `func GCD(a, b int) int`, `func (s *Stack) Push(v
int)`, `type Shape interface{...}`, `var ErrEmpty error`. Types are compared by their tokens, with
`interface{}` and `any` the same. Read `api.py` next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.syntax import (
    Declaration,
    DeclarationKind,
    GoFile,
    declarations,
    find,
    leaves,
    names_of,
    parse,
    text_of,
)


@dataclass(frozen=True)
class Callable:
    """A function's shape. Types are token strings; type parameters are numbered (`$0`)."""

    name: str
    receiver: str
    type_parameters: tuple[str, ...]
    parameters: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True)
class Stated:
    """One stated declaration: its kind, its name (`Stack.Push`), and its parsed form."""

    kind: DeclarationKind
    name: str
    text: str
    declaration: Declaration


def parse_signature(text: str) -> Stated | None:
    """Read one stated declaration; None if it is none."""
    file = parse(f"package p\n\n{text}\n")
    found = declarations(file)
    if file.root.has_error or not found:
        return None
    first = found[0]
    return Stated(first.kind, first.name, text, first)


def callable_of(node: Node) -> Callable:
    """The shape of a function or method declaration node."""
    name, receiver = node.child_by_field_name("name"), node.child_by_field_name("receiver")
    numbered: dict[str, str] = {}
    bounds: list[Node] = []
    if receiver is not None:
        for arguments in find(receiver, "type_arguments"):
            for argument in arguments.named_children:
                numbered[text_of(argument)] = f"${len(numbered)}"
    stated = node.child_by_field_name("type_parameters")
    for declaration in stated.named_children if stated is not None else ():
        bound = declaration.child_by_field_name("type")
        for parameter in names_of(declaration):
            numbered[text_of(parameter)] = f"${len(numbered)}"
            if bound is not None:
                bounds.append(bound)
    result = node.child_by_field_name("result")
    if result is None:
        results: tuple[str, ...] = ()
    elif result.type == "parameter_list":
        results = _types(result, numbered)
    else:
        results = (type_text(result, numbered),)
    return Callable(
        name=text_of(name) if name is not None else "",
        receiver=_types(receiver, numbered)[0] if receiver is not None and receiver.named_children else "",
        type_parameters=tuple(type_text(bound, numbered) for bound in bounds),
        parameters=_types(node.child_by_field_name("parameters"), numbered),
        results=results,
    )


def _types(parameters: Node | None, numbered: Mapping[str, str]) -> tuple[str, ...]:
    """One type a parameter: `(a, b int, c ...string)` gives `int, int, ...string`."""
    found: list[str] = []
    for declaration in parameters.named_children if parameters is not None else ():
        stated = declaration.child_by_field_name("type")
        if stated is None:
            continue
        prefix = "... " if declaration.type == "variadic_parameter_declaration" else ""
        found.extend([prefix + type_text(stated, numbered)] * max(1, len(names_of(declaration))))
    return tuple(found)


def type_text(node: Node, numbered: Mapping[str, str] | None = None) -> str:
    """A type's tokens, without the parameter names of function types inside it."""
    numbered = numbered or {}
    if node.type == "parameter_list":
        return "( " + " , ".join(_types(node, numbered)) + " )"
    if node.type == "parenthesized_type":
        return " ".join(type_text(child, numbered) for child in node.named_children)
    if node.type == "interface_type" and not node.named_children:
        return "any"
    if node.type == "type_identifier":
        return numbered.get(text_of(node), text_of(node))
    if node.child_count == 0 or node.type.endswith("string_literal"):
        return text_of(node)
    parts = (type_text(child, numbered) for child in node.children if child.type != "comment")
    return " ".join(part for part in parts if part.strip())


def mismatch(stated: Stated, file: GoFile) -> str:
    """'' if the file declares what is stated, else one sentence that says what is wrong."""
    same_name = [found for found in declarations(file) if found.name == stated.name]
    if not same_name:
        return f"{stated.name} is missing: declare `{stated.text}`"
    found = same_name[0]
    if found.kind != stated.kind:
        return f"{stated.name} is a {found.kind}, but must be `{stated.text}`"
    if stated.kind in ("func", "method"):
        if callable_of(found.node) != callable_of(stated.declaration.node):
            return f"{stated.name} has the wrong signature: it must be `{stated.text}`"
    elif stated.kind == "type":
        lacking = _lacking_members(stated.declaration.node, found.node)
        if lacking:
            return f"type {stated.name} lacks `{lacking}`: it must be `{stated.text}`"
    else:
        wanted, given = (each.node.child_by_field_name("type") for each in (stated.declaration, found))
        if wanted is not None and given is not None and type_text(wanted) != type_text(given):
            return f"{stated.name} has the wrong type: it must be `{stated.text}`"
    return ""


def _lacking_members(wanted: Node, given: Node) -> str:
    """The first field or method that a stated type has and a declared one has not; '' for none."""
    wanted_type, given_type = wanted.child_by_field_name("type"), given.child_by_field_name("type")
    if wanted_type is None or given_type is None:
        return ""
    if wanted_type.type not in ("struct_type", "interface_type"):
        same = type_text(wanted_type) == type_text(given_type)
        return "" if same else leaves(wanted_type)
    if wanted_type.type != given_type.type:
        return leaves(wanted_type)
    present = set(_members(given_type))
    return next((member for member in _members(wanted_type) if member not in present), "")


def _members(node: Node) -> list[str]:
    if node.type == "interface_type":
        return [type_text(child) for child in node.named_children if child.type != "comment"]
    found: list[str] = []
    for field in find(node, "field_declaration"):
        if field.parent is None or field.parent.parent != node:
            continue
        stated = field.child_by_field_name("type")
        stated_text = type_text(stated) if stated is not None else ""
        names = field.children_by_field_name("name")
        found.extend(f"{text_of(name)} {stated_text}" for name in names)
        if not names:
            found.append(stated_text)
    return found


def is_test_function(node: Node, prefix: str = "Test") -> bool:
    """Whether `go test` runs this function: TestXxx with one `*testing.T` and no result."""
    name = node.child_by_field_name("name")
    if node.type != "function_declaration" or name is None or not is_test_name(text_of(name), prefix):
        return False
    shape = callable_of(node)
    handle = {"Test": "T", "Benchmark": "B", "Fuzz": "F"}[prefix]
    return shape.parameters == (f"* testing . {handle}",) and not shape.results and not shape.type_parameters


def is_test_name(name: str, prefix: str = "Test") -> bool:
    """`TestGCD`, `Test_x` and `Test`, not `Testify` (package testing's rule)."""
    rest = name[len(prefix) :]
    return name.startswith(prefix) and (not rest or not rest[0].islower())


def takes_testing(node: Node) -> bool:
    """Whether a function has a parameter of package testing (`*testing.T`, `testing.TB`, ...)."""
    if node.type not in ("function_declaration", "method_declaration"):
        return False
    return any("testing ." in parameter for parameter in callable_of(node).parameters)
