"""The types of carried values, how two become one, and the text that turns a value into another type. Pure.

A Python string of one character is a rune where it comes from a string, and a literal of one character is
either (`CHAR`), whatever the place wants. A list or dict that is empty is of an open type until something is
put into it. Next: `expressions.py`.
"""

import json
from dataclasses import dataclass

from guildbus.agents.oracle.gotypes import GoType


class NotCarried(ValueError):
    """The rules do not know how to say this in Go."""


class StillOpen(NotCarried):
    """A type is not known yet: it may be when the rest of the function was read."""


BOOL = GoType("bool", "bool")
INT = GoType("int", "int")
FLOAT = GoType("float", "float64")
STRING = GoType("string", "string")
RUNE = GoType("rune", "rune")
CHAR = GoType("rune", "char")
TIME = GoType("time", "time.Time")
ERROR = GoType("error", "error")
NOTHING = GoType("any", "nil")
EMPTY_LIST = GoType("list", "[]")
EMPTY_DICT = GoType("map", "map")

ATOM, SUM, TEST, AND, OR = range(5)
"""How loosely the operators of Go bind, as far as brackets depend on it."""

PLACES = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Value:
    """An expression in Go. `rank` is that of its outermost operator: how loosely it binds."""

    text: str
    type: GoType
    rank: int = ATOM

    @property
    def operand(self) -> str:
        """As it stands beside any operator."""
        return self.within(ATOM)

    def within(self, rank: int) -> str:
        """As it stands beside an operator of this rank."""
        return self.text if self.rank <= rank else f"({self.text})"


def list_of(elem: GoType) -> GoType:
    """A slice."""
    return GoType("list", f"[]{elem.text}", elem=elem)


def map_of(key: GoType, elem: GoType, *, ordered: bool = False) -> GoType:
    """A map; an ordered one is the helper `orderedMap`. A plain map to truth values is a set (`set_of`)."""
    if elem.kind == "bool" and not ordered:
        raise NotCarried("a dict of truth values, which would be taken for a set")
    text = f"*orderedMap[{key.text}, {elem.text}]" if ordered else f"map[{key.text}]{elem.text}"
    return GoType("map", text, elem=elem, key=key)


def set_of(elem: GoType) -> GoType:
    """A set: a map to true."""
    return GoType("map", f"map[{elem.text}]bool", elem=BOOL, key=elem)


def tuple_of(parts: tuple[GoType, ...]) -> GoType:
    """A pair or more, where it is an element: a struct without a name."""
    if not 2 <= len(parts) <= len(PLACES):
        raise NotCarried(f"a tuple of {len(parts)}")
    fields = tuple(zip(PLACES, map(settled, parts), strict=False))
    return GoType("struct", f"struct{{ {'; '.join(f'{n} {t.text}' for n, t in fields)} }}", fields=fields)


def is_ordered(of: GoType) -> bool:
    """Whether a map is the helper."""
    return of.text.startswith("*orderedMap")


def is_open(of: GoType) -> bool:
    """Whether an element's type is not known yet."""
    return of.kind in ("list", "map") and (of.elem is None or is_open(of.elem))


def settled(of: GoType) -> GoType:
    """The type as Go has it; a literal of one character is a string where nobody wants a rune."""
    if of == CHAR:
        return STRING
    if is_open(of) or of == NOTHING:
        raise StillOpen("nothing is ever put into it")
    if of.kind == "list" and of.elem is not None:
        return list_of(settled(of.elem))
    return of


def joined(first: GoType | None, second: GoType) -> GoType:
    """The type of a variable that holds both."""
    if first is None or first in (second, NOTHING):
        return second
    if second == NOTHING:
        return first
    kinds = {first.kind, second.kind}
    if len(kinds) == 1 and first.text == second.text:
        return first
    if kinds == {"int", "float"}:
        return FLOAT
    if CHAR in (first, second):
        return first if second == CHAR else second
    if kinds == {"rune", "string"}:
        return STRING
    if kinds == {"list"} and (first.elem is None or second.elem is None):
        return first if second.elem is None else second
    if kinds == {"list"} and first.elem is not None and second.elem is not None:
        return list_of(joined(first.elem, second.elem))
    if kinds == {"map"} and (first.elem is None or second.elem is None):
        return first if second.elem is None else second
    if kinds == {"struct", "pointer"}:
        return first if first.kind == "pointer" else second
    raise NotCarried(f"{first.text} and {second.text} in one place")


def fitted(value: Value, wanted: GoType | None) -> Value:
    """The value as one of the wanted type. Raises NotCarried where there is no way."""
    given = value.type
    if wanted is None or wanted.kind == "any" or (given.kind, given.text) == (wanted.kind, wanted.text):
        return value
    if given == CHAR:
        text = json.loads(value.text)
        return Value(rune_literal(text) if wanted.kind == "rune" else value.text, wanted)
    if given.kind == "rune" and wanted.kind == "string":
        return Value(f"string({value.text})", STRING)
    if given.kind == "int" and wanted.kind in ("float", "int"):
        number = value.text.lstrip("-").isdigit()
        return Value(value.text if number else f"{wanted.text}({value.text})", wanted)
    if given.kind == "pointer" and given.elem == wanted:
        return Value(f"*{value.text}", wanted)
    if given == NOTHING and wanted.kind in ("pointer", "error", "list", "map", "object"):
        return Value("nil", wanted)
    if given.kind == wanted.kind == "list" and given.elem is None:
        return Value(f"{wanted.text}{{}}", wanted)
    if given.kind == wanted.kind == "map" and given.elem is None:
        return Value(empty_map(wanted), wanted)
    raise NotCarried(f"{given.text} where {wanted.text} is wanted")


_OPPOSITES = ((' != ""', ' == ""'), (" != 0", " == 0"), (" != nil", " == nil"))


def negated(value: Value) -> Value:
    """The opposite of a truth value; where something is compared with nothing, by the opposite sign."""
    opposites = (*_OPPOSITES, (" > 0", " == 0")) if value.text.startswith("len(") else _OPPOSITES
    for ending, opposite in opposites:
        if value.rank == TEST and value.text.endswith(ending):
            return Value(value.text.removesuffix(ending) + opposite, value.type, TEST)
    return Value(f"!{value.operand}", value.type)


def empty_map(of: GoType) -> str:
    """A map that can be written."""
    return f"new{of.text[1:2].upper()}{of.text[2:]}()" if is_ordered(of) else f"{of.text}{{}}"


def zero(of: GoType) -> str:
    """The zero value's text."""
    plain = {
        "bool": "false",
        "string": '""',
        "int": "0",
        "float": "0",
        "rune": "0",
        "byte": "0",
        "duration": "0",
    }
    if of.kind in plain:
        return plain[of.kind]
    return f"{of.text}{{}}" if of.kind in ("struct", "time", "array") else "nil"


def rune_literal(char: str) -> str:
    """A rune of Go."""
    if len(char) != 1:
        raise NotCarried(f"{char!r} is no single character")
    special = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return (
        f"'{special.get(char, char)}'" if char.isprintable() or char in special else f"'\\u{ord(char):04x}'"
    )


def string_literal(text: str) -> str:
    """A string of Go: its escapes are those of JSON, but for surrogates and slashes."""
    if any(0xD800 <= ord(char) < 0xE000 for char in text):
        raise NotCarried("half a character")
    return json.dumps(text, ensure_ascii=False)


def length(value: Value) -> str:
    """`len`."""
    if value.type.kind == "string":
        return f"utf8.RuneCountInString({value.text})"
    if value.type.kind in ("list", "map"):
        inner = f"{value.operand}.keys" if is_ordered(value.type) else value.text
        return f"len({inner})"
    raise NotCarried(f"the length of {value.type.text}")


def copied(value: Value) -> Value:
    """A list of its own, so that appending to it changes no other."""
    fresh = value.text.startswith((value.type.text, "slices.Clone", "slices.Sorted", "reversedList"))
    return value if fresh else Value(f"slices.Clone({value.text})", value.type)


def element(of: GoType) -> GoType:
    """What a loop over such a value gives."""
    if of.kind in ("string", "rune"):
        return RUNE
    if of.kind == "list" and of.elem is not None:
        return of.elem
    if of.kind == "map" and of.key is not None:
        return of.key
    raise StillOpen(f"the elements of {of.text}")


def by_runes(held: Value) -> Value:
    """A string as a list of its runes; anything else as it is."""
    return Value(f"[]rune({held.text})", list_of(RUNE)) if held.type.kind == "string" else held
