"""What a failing assertion says: the call, what it gave, what was wanted. Pure.

Test messages are prose that people and models write in a few usual shapes; this reads those, and
says nothing about the others. It is prose and not Go source, so regular expressions are in place.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Assertion:
    """`call` is `GCD(0, 5)` or ''; `got` and `want` are as printed, without the quotes of the prose."""

    call: str = ""
    got: str = ""
    want: str = ""


MAX_CHARS = 500
"""Longer messages are dumps: nothing to read, and costly to search."""

_CALL = r"(?P<call>[A-Za-z_][\w.\[\]*]*\(.*?\))"
_WANT = r"(?:want(?:ed|s)?|expect(?:ed|ing|s)?|should(?: be| equal| return)?|exp)"
_GOT = r"(?:got|getting|received?|returned|returns|gave|gives|actual(?:ly)?|was|is|have|had|but got)"
_JOIN = r"\s*[,;:.]?\s*(?:\(\s*)?(?:but\s+|and\s+|instead\s+)?"
_TO = r"(?:\s*[:=]\s*|\s+(?:value\s+|result\s+)?(?:to be\s+|to equal\s+|of\s+|=+\s*)?)"
_GIVES = rf"\s*(?:=+>?|!=|:|->|\s{_GOT}\b\s*[:=]?)\s*(?:{_GOT}\b\s*[:=]?\s*)?"
_END = r"\.?\s*$"
_BEING = rf"\s+(?:to (?:be|equal|return)|=+){_TO}"
_FOR = rf"\s+(?:for|from)\s+{_CALL}"

_SHAPES = tuple(
    re.compile(shape, re.DOTALL | re.IGNORECASE)
    for shape in (
        # F(1): expected 3, got 2        F(1) should be 3, got 2
        rf"^(?:.*?:\s+)?{_CALL}\s*[:;,]?\s*{_WANT}{_TO}(?P<want>.+?){_JOIN}\b{_GOT}{_TO}(?P<got>.+?){_END}",
        # GCD(0, 5) = 0; want 5          F(1) returned 2, expected 3
        rf"^(?:.*?:\s+)?{_CALL}{_GIVES}(?P<got>.+?){_JOIN}\b{_WANT}{_TO}(?P<want>.+?){_END}",
        # expected F(1) to be 3, got 2
        rf"^(?:.*?:\s+)?{_WANT}\s+{_CALL}{_BEING}(?P<want>.+?){_JOIN}\b{_GOT}{_TO}(?P<got>.+?){_END}",
        # expected 3 for F(1), got 2     expected 3, got 2 for F(1)     got 2 for F(1), want 3
        rf"^(?:.*?:\s+)?{_WANT}{_TO}(?P<want>.+?){_FOR}{_JOIN}\b{_GOT}{_TO}(?P<got>.+?){_END}",
        rf"^(?:.*?:\s+)?{_WANT}{_TO}(?P<want>.+?){_JOIN}\b{_GOT}{_TO}(?P<got>.+?){_FOR}{_END}",
        rf"^(?:.*?:\s+)?{_GOT}{_TO}(?P<got>.+?){_FOR}{_JOIN}\b{_WANT}{_TO}(?P<want>.+?){_END}",
        # got 2, want 3                  coprimes: got 2, want 3
        rf"^(?:.*?[:;,]\s+|.*?\s)??\b{_GOT}{_TO}(?P<got>.+?){_JOIN}\b{_WANT}{_TO}(?P<want>.+?){_END}",
        rf"^(?:.*?[:;,]\s+|.*?\s)??\b{_WANT}{_TO}(?P<want>.+?){_JOIN}\b{_GOT}{_TO}(?P<got>.+?){_END}",
        # the greatest divisor = 2, want 3
        rf"^[^=]*\s=+\s*(?P<got>.+?){_JOIN}\b{_WANT}{_TO}(?P<want>.+?){_END}",
    )
)


def read_assertion(message: str) -> Assertion:
    """Call, got and want where the message has a usual shape; else all empty."""
    if len(message) > MAX_CHARS:
        return Assertion()
    for shape in _SHAPES:
        if match := shape.match(message.strip()):
            parts = match.groupdict()
            return Assertion(
                call=(parts.get("call") or "").strip(),
                got=_trim(parts["got"]),
                want=_trim(parts["want"]),
            )
    return Assertion()


_QUOTED = re.compile(r'("(?:\\.|[^"\\])*"|`[^`]*`)')
_NIL = re.compile(r"(?:\[\w*]*\]|map\[\w+\])+[\w.*]+\(nil\)")
_ELEMENT_TYPE = re.compile(r"(?<=[{,: ])[A-Z]\w*(?=\{)")
_CONTAINER = re.compile(r"(?:\[\w*\]|map\[[\w.]+\])[\w.*]*$")


def as_written(message: str, package: str) -> str:
    """A message whose values `%#v` has printed, with these as one writes them inside their package.

    `[]kit.Pair{kit.Pair{A:1, B:2}}` is `[]Pair{{A:1, B:2}}` there, and `[]kit.Pair(nil)` is `nil`. What
    stands between quotes stays.
    """
    written, inside = "", list[bool]()
    for number, part in enumerate(_QUOTED.split(message)):
        if number % 2:
            written += part
            continue
        text = _NIL.sub("nil", re.sub(rf"\b{re.escape(package)}\.(?=[A-Z])", "", part))
        place = 0
        while place < len(text):
            element = _ELEMENT_TYPE.match(text, place) if inside and inside[-1] else None
            place = element.end() if element else place
            if text[place] == "{":
                inside.append(element is None and _CONTAINER.search(written) is not None)
            elif text[place] == "}" and inside:
                inside.pop()
            written += text[place]
            place += 1
    return written


def _trim(value: str) -> str:
    value = value.strip().rstrip(",;").strip()
    if value.endswith(")") and value.count(")") > value.count("("):
        value = value[:-1].rstrip()
    return value
