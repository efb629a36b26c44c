"""Lists, dicts, tuples and texts written out; comprehensions, whose loops come before. Pure.

Next: `loops.py`.
"""

import ast
from collections.abc import Callable as Function
from typing import TYPE_CHECKING

from guildbus.agents.carrying.loops import loop_head
from guildbus.agents.carrying.types import (
    EMPTY_DICT,
    EMPTY_LIST,
    STRING,
    NotCarried,
    Value,
    fitted,
    joined,
    list_of,
    map_of,
    set_of,
    settled,
    string_literal,
    tuple_of,
)
from guildbus.agents.oracle.gotypes import GoType

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer


def either(w: "Writer", test: ast.expr, body: ast.expr, other: ast.expr, wanted: GoType | None) -> Value:
    """`a if b else c`: a variable that gets one of the two."""
    condition = w.condition(test)
    (first, before), (second, behind) = w.value_apart(body), w.value_apart(other)
    of = wanted if wanted is not None else settled(joined(first.type, second.type))
    name = w.fresh("chosen")
    for line in (
        f"var {name} {of.text}",
        f"if {condition.text} {{",
        *before,
        f"{name} = {fitted(first, of).text}",
        "} else {",
        *behind,
        f"{name} = {fitted(second, of).text}",
        "}",
    ):
        w.emit(line)
    return Value(name, of)


def list_display(w: "Writer", elements: list[ast.expr], wanted: GoType | None) -> Value:
    if not elements:
        return Value("", EMPTY_LIST)
    of = wanted.elem if wanted is not None and wanted.kind == "list" else None
    found = [w.value(element, of) for element in elements]
    for one in found:
        of = joined(of, one.type)
    assert of is not None
    elem = settled(of)
    texts = [_bare(fitted(one, elem), elem) for one in found]
    return Value(f"{list_of(elem).text}{{{', '.join(texts)}}}", list_of(elem))


def tuple_display(w: "Writer", elements: list[ast.expr], wanted: GoType | None) -> Value:
    parts = [of for _, of in wanted.fields] if wanted is not None and wanted.kind == "struct" else []
    if len(parts) != len(elements):
        parts = [settled(value.type) for value in w.values(elements)]
    of = tuple_of(tuple(parts))
    texts = [w.value(element, part).text for element, part in zip(elements, parts, strict=True)]
    return Value(f"{of.text}{{{', '.join(texts)}}}", of)


def set_display(w: "Writer", elements: list[ast.expr]) -> Value:
    found = w.values(elements)
    of: GoType | None = None
    for one in found:
        of = joined(of, one.type)
    key = settled(of) if of is not None else STRING
    return Value(
        f"{set_of(key).text}{{{', '.join(f'{fitted(v, key).text}: true' for v in found)}}}", set_of(key)
    )


def dict_display(w: "Writer", node: ast.Dict) -> Value:
    if not node.keys:
        return Value("", EMPTY_DICT)
    keys = w.values([key for key in node.keys if key is not None])
    elements = w.values(node.values)
    if len(keys) != len(elements):
        raise NotCarried("a dict inside a dict's display")
    key: GoType | None = None
    elem: GoType | None = None
    for one, other in zip(keys, elements, strict=True):
        key, elem = joined(key, one.type), joined(elem, other.type)
    assert key is not None
    assert elem is not None
    key, elem = settled(key), settled(elem)
    of = map_of(key, elem)
    pairs = zip(keys, elements, strict=True)
    shown = ", ".join(f"{fitted(k, settled(key)).text}: {fitted(v, settled(elem)).text}" for k, v in pairs)
    return Value(f"{of.text}{{{shown}}}", of)


def formatted(w: "Writer", parts: list[ast.expr]) -> Value:
    """An f-string without formats."""
    text, given = "", []
    for part in parts:
        match part:
            case ast.Constant(value=str(fixed)):
                text += fixed.replace("%", "%%")
            case ast.FormattedValue(value=inner, format_spec=None):
                shown = w.value(inner)
                text += "%v"
                given.append(fitted(shown, STRING).text if shown.type.kind == "rune" else shown.text)
            case _:
                raise NotCarried("a format")
    return Value(f"fmt.Sprintf({', '.join([string_literal(text), *given])})", STRING)


def collected(w: "Writer", element: ast.expr, generators: list[ast.comprehension]) -> Value:
    """A comprehension: a loop that appends to a list."""
    name = w.fresh("kept")
    held: list[GoType] = []

    def body() -> None:
        found = w.value(element)
        held.append(settled(found.type))
        w.emit(f"{name} = append({name}, {fitted(found, held[0]).text})")

    _, lines = w.apart(lambda: looped(w, generators, body))
    w.emit(f"{name} := {list_of(held[0]).text}{{}}")
    w.lines += lines
    return Value(name, list_of(held[0]))


def looped(w: "Writer", generators: list[ast.comprehension], body: Function[[], None]) -> None:
    """The loops of a comprehension around a body; its variables are its own."""
    if len(generators) != 1:
        raise NotCarried("a comprehension over several things")
    generator = generators[0]
    with w.shadowing([node.id for node in ast.walk(generator.target) if isinstance(node, ast.Name)]):
        loop_head(w, generator.target, generator.iter)
        for test in generator.ifs:
            w.emit(f"if {w.condition(test).text} {{")
        body()
        w.lines += ["}"] * (len(generator.ifs) + 1)


def _bare(value: Value, of: GoType) -> str:
    """A value as an element: a struct without a name needs no type before it."""
    prefix = f"{of.text}{{"
    return (
        value.text[len(of.text) :]
        if of.text.startswith("struct{") and value.text.startswith(prefix)
        else value.text
    )
