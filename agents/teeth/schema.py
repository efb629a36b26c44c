"""All mutants in one program: a variable that is set from the environment chooses one. Pure.

Building a test binary costs a hundred times more than running it, so one is built for all mutants ("mutant
schemata", Untch and others 1993). A function gets a dispatcher before its body, and each mutant is a
function literal with the changed body in it:

    func GCD(a, b int) int {
        switch guildbusMutant {
        case 7:
            return func() int { ...the changed body... }()
        }
        ...the body as it was...

A literal sees the parameters, the receiver and the type parameters, whatever they are called, and the
compiler checks it as it checks a body: missing returns, unused variables. A package variable's value becomes
such a literal too, where its type is plain to see. What has no place here is built alone, with an overlay:
constants, other variables, and functions that call `recover` themselves (it works only in the body of a
deferred function).

Each region holds its text unchanged as well, in a *control*: if the compiler complains of a control, the form
does not fit there, and the region's mutants are built alone. Read `script.py` next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.syntax import declarations, package_name, parse, text_of
from guildbus.agents.teeth.mutants import Mutant

VARIABLE = "guildbusMutant"
ENVIRONMENT = "GUILDBUS_MUTANT"
CHOOSER_FILE = "guildbus_mutant.go"

_PLAIN = {
    "int_literal": "int",
    "float_literal": "float64",
    "rune_literal": "rune",
    "interpreted_string_literal": "string",
    "raw_string_literal": "string",
    "true": "bool",
    "false": "bool",
}


@dataclass(frozen=True)
class Region:
    """A stretch of the original (bytes) that can hold mutants: a function's body, or a variable's value.

    `result` is what the function, or the variable, has as a type; '' for a function without results.
    """

    start: int
    end: int
    result: str
    is_body: bool

    def holds(self, mutant: Mutant) -> bool:
        """Whether the mutant changes something in here."""
        return self.start <= mutant.start and mutant.end <= self.end


@dataclass(frozen=True)
class Place:
    """The lines of a variant file that hold one mutant, or a control (`number` is None)."""

    first: int
    last: int
    region: Region
    number: int | None = None


@dataclass(frozen=True)
class Variant:
    """A file with mutants in it. `numbers` are those that it holds, `places` where each is."""

    text: str
    numbers: frozenset[int]
    places: tuple[Place, ...]

    def at(self, line: int) -> Place | None:
        """What stands on a line, counted from 1."""
        return next((place for place in self.places if place.first <= line <= place.last), None)


def chooser(package: str) -> str:
    """A file that reads the number of the mutant. Go initialises it before whatever depends on it."""
    return (
        f'package {package}\n\nimport (\n\tguildbusOS "os"\n\tguildbusConv "strconv"\n)\n\n'
        f'var {VARIABLE}, _ = guildbusConv.Atoi(guildbusOS.Getenv("{ENVIRONMENT}"))\n'
    )


def package_of(source: str) -> str:
    """The package that a file declares."""
    return package_name(parse(source))


def with_mutants(
    source: str, mutants: Mapping[int, Mutant], apart: frozenset[Region] = frozenset()
) -> Variant:
    """The file with all of these mutants that it can hold, by number; regions in `apart` stay as they are."""
    data = source.encode()
    page = _Page()
    position = 0
    for region in regions(source):
        inside = {number: mutant for number, mutant in mutants.items() if region.holds(mutant)}
        if region in apart or not inside:
            continue
        start = region.start + 1 if region.is_body else region.start
        page.add(data[position:start])
        position = start if region.is_body else region.end
        if region.is_body:
            _body_cases(page, region, data, inside)
        else:
            _value_cases(page, region, data, inside)
    page.add(data[position:])
    numbers = frozenset(place.number for place in page.places if place.number is not None)
    return Variant(b"".join(page.parts).decode(), numbers, tuple(page.places))


def regions(source: str) -> tuple[Region, ...]:
    """Where mutants can stand beside one another, in order; they do not overlap."""
    found = []
    for declared in declarations(parse(source)):
        if declared.kind in ("func", "method"):
            body, result = (declared.node.child_by_field_name(name) for name in ("body", "result"))
            if body is not None and not _recovers(body):
                stated = text_of(result) if result is not None else ""
                found.append(Region(body.start_byte, body.end_byte, stated, is_body=True))
        elif declared.kind == "var" and (region := _value_region(declared.node)) is not None:
            found.append(region)
    return tuple(found)


class _Page:
    """A text that grows, and the places in it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.places: list[Place] = []
        self._line = 1

    def add(self, text: bytes) -> None:
        self.parts.append(text)
        self._line += text.count(b"\n")

    def place(self, region: Region, number: int | None, text: bytes) -> None:
        """Add whole lines that hold one mutant, or a control."""
        first = self._line
        self.add(text)
        self.places.append(Place(first, self._line - 1, region, number))


def _body_cases(page: _Page, region: Region, data: bytes, inside: Mapping[int, Mutant]) -> None:
    opening = f"return func() {region.result} " if region.result else "func() "
    closing = "()" if region.result else "()\nreturn"
    page.add(f"\nswitch {VARIABLE} {{\n".encode())
    bodies: list[tuple[int | None, bytes]] = [(None, data[region.start : region.end])]
    bodies += [(number, _changed(data, region, mutant)) for number, mutant in inside.items()]
    for number, body in bodies:
        case = -region.start if number is None else number
        text = f"case {case}:\n{opening}".encode() + body + f"{closing}\n".encode()
        page.place(region, number, text)
    page.add(b"}\n")


def _value_cases(page: _Page, region: Region, data: bytes, inside: Mapping[int, Mutant]) -> None:
    page.add(f"func() {region.result} {{\nswitch {VARIABLE} {{\n".encode())
    for number, mutant in inside.items():
        text = f"case {number}:\nreturn ".encode() + _changed(data, region, mutant) + b"\n"
        page.place(region, number, text)
    page.add(b"}\n")
    page.place(region, None, b"return " + data[region.start : region.end] + b"\n")
    page.add(b"}()")


def _changed(data: bytes, region: Region, mutant: Mutant) -> bytes:
    return data[region.start : mutant.start] + mutant.replacement.encode() + data[mutant.end : region.end]


def _value_region(spec: Node) -> Region | None:
    """A variable alone in its spec, whose type is stated or written out in its value."""
    stated, values = spec.child_by_field_name("type"), spec.child_by_field_name("value")
    if len(spec.children_by_field_name("name")) != 1 or values is None or len(values.named_children) != 1:
        return None
    value = values.named_children[0]
    result = text_of(stated) if stated is not None else _type_of(value)
    return Region(value.start_byte, value.end_byte, result, is_body=False) if result else None


def _type_of(value: Node) -> str:
    """The type of a literal, '' if it is not written there."""
    if value.type == "unary_expression" and value.children[0].type == "&":
        pointed = _type_of(value.named_children[0])
        return f"*{pointed}" if pointed else ""
    if value.type == "composite_literal":
        kind = value.child_by_field_name("type")
        fits = kind is not None and kind.type != "implicit_length_array_type"
        return text_of(kind) if kind is not None and fits else ""
    return _PLAIN.get(value.type, "")


def _recovers(node: Node) -> bool:
    """Whether a body calls `recover` itself, and not in a function literal."""
    if node.type == "func_literal":
        return False
    called = node.child_by_field_name("function") if node.type == "call_expression" else None
    if called is not None and text_of(called) == "recover":
        return True
    return any(_recovers(child) for child in node.named_children)
