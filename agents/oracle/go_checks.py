"""Go text that holds a value against an expected one, as a Go engineer writes it. Pure.

Only what Go compares as the witnesses do (`values.agree`) is written: of a nil and an empty slice, which are
the same to a witness, no test may tell one from the other. What has no exact form raises NoLiteral, and its
case is left out. Next: `go_tables.py` (tests of functions) and `go_lives.py` (tests of types with methods).
"""

from collections.abc import Sequence
from dataclasses import replace

from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.literals import NoLiteral, write_literal
from guildbus.agents.oracle.values import TOLERANCE, Json

_PLAIN = frozenset({"bool", "int", "rune", "byte", "string"})
_SECOND_NS = 1_000_000_000


def literal(value: Json, of: GoType) -> str:
    """The Go expression of a value; what cannot be seen in a text is escaped. Raises NoLiteral."""
    if of.kind == "duration" and isinstance(value, int | float):
        return duration(value)
    text = write_literal(value, of)
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def tolerance_of(size: float) -> str:
    """What a float of this size may differ by: `1e-9`, `2.5e-7` for 250."""
    return f"{TOLERANCE * max(1, size):g}".replace("e-0", "e-")


def duration(seconds: float) -> str:
    """`1500 * time.Millisecond`, in the largest unit of which it is a whole number."""
    nanoseconds = round(seconds * _SECOND_NS)
    if not nanoseconds:
        return "0"
    units = (("Second", _SECOND_NS), ("Millisecond", 10**6), ("Microsecond", 10**3), ("Nanosecond", 1))
    name, size = next((n, s) for n, s in units if nanoseconds % s == 0)
    return f"{nanoseconds // size} * time.{name}"


def differs(got: str, want: str, of: GoType, value: Json, tolerance: str = "") -> str:
    """The condition that `got` is not `want`, whose value is `value`. Raises NoLiteral.

    `tolerance` is the text of what floats may differ by; without it, it is reckoned from the value.
    """
    if of.kind == "bool" and want in ("true", "false"):
        return f"!{got}" if want == "true" else got
    if of.kind == "float" and isinstance(value, int | float):
        return f"math.Abs({got}-{_operand(want)}) > {tolerance or tolerance_of(abs(value))}"
    if is_comparable(of):
        return f"{got} != {_operand(want)}"
    if of.kind == "list" and of.elem is not None and is_comparable(of.elem):
        return f"!slices.Equal({got}, {want})"
    if of.kind == "map" and all(part is not None and is_comparable(part) for part in (of.key, of.elem)):
        return f"!maps.Equal({got}, {want})"
    if _is_deeply_equal(value, of):
        return f"!reflect.DeepEqual({got}, {want})"
    raise NoLiteral(f"a {of.text} cannot be compared exactly")


def is_comparable(of: GoType) -> bool:
    """Whether `==` compares two values as the witnesses do."""
    if of.kind == "array":
        return of.elem is not None and is_comparable(of.elem)
    if of.kind == "struct":
        return all(is_comparable(part) for _, part in of.fields)
    return of.kind in _PLAIN


def concrete(of: GoType) -> GoType:
    """The type with its type parameters filled in: `[]int` for a `[]T` whose T is int."""
    elem = concrete(of.elem) if of.elem is not None else None
    key = concrete(of.key) if of.key is not None else None
    text = of.text
    if elem is not None and text.startswith("[]"):
        text = f"[]{elem.text}"
    elif elem is not None and of.kind == "array" and text.startswith("["):
        text = f"[{of.length}]{elem.text}"
    elif elem is not None and key is not None and text.startswith("map["):
        text = f"map[{key.text}]{elem.text}"
    return replace(of, text=text, elem=elem, key=key)


def verb(of: GoType) -> str:
    """What shows a value of a type in a message."""
    inner = of.elem if of.kind == "list" and of.elem is not None else of
    return "%q" if inner.kind in ("string", "rune") else "%v"


def quoted(text: str) -> str:
    """A Go string literal: in back quotes where that spares escapes."""
    if '"' in text and "`" not in text and text.isprintable():
        return f"`{text}`"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def either(conditions: Sequence[str]) -> str:
    """`a || b`."""
    return " || ".join(conditions)


def _operand(text: str) -> str:
    """A composite literal in the head of an `if` needs parentheses."""
    return f"({text})" if text.endswith("}") else text


def _is_deeply_equal(value: Json, of: GoType) -> bool:
    """Whether reflect.DeepEqual compares as the witnesses do: nothing in it is empty, or nearly equal."""
    if of.kind in ("list", "array") and of.elem is not None:
        elem = of.elem
        return (bool(value) or of.kind == "array") and all(_is_deeply_equal(one, elem) for one in value)
    if of.kind == "map" and of.key is not None and of.elem is not None:
        elem = of.elem
        pairs = value["map"]
        return bool(pairs) and is_comparable(of.key) and all(_is_deeply_equal(v, elem) for _, v in pairs)
    if of.kind == "struct":
        return all(_is_deeply_equal(value[name], part) for name, part in of.fields)
    if of.kind == "pointer" and of.elem is not None:
        return value is None or _is_deeply_equal(value, of.elem)
    return of.kind in _PLAIN


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
