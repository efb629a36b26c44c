"""What a spec's own text names, for the inputs of an examination: numbers, quoted texts, characters. Pure.

Next: `inputs.py`, which draws near them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

LETTERS = "aAbB1é日"
_NAMED = {
    "ampersand": "&",
    "apostrophe|single quote": "'",
    "asterisk": "*",
    "at sign": "@",
    "backslash|backslashe": "\\",
    "brace|curly brace|curly bracket": "{}",
    "bracket": "()[]",
    "colon": ":",
    "comma": ",",
    "dot|full stop|period|decimal point": ".",
    "double quote|quotation mark|quote": '"',
    "equals sign|equal sign": "=",
    "exclamation mark": "!",
    "hash sign|number sign": "#",
    "hyphen|dash|minus sign": "-",
    "newline|line break|line feed": "\n",
    "parenthesi|parenthese": "()",
    "percent sign": "%",
    "pipe|vertical bar": "|",
    "plus sign": "+",
    "question mark": "?",
    "semicolon": ";",
    "slash|slashe": "/",
    "space|blank": " ",
    "tab": "\t",
    "underscore": "_",
}
"""Characters that a prose calls by name, in the singular or the plural."""
_MOST_NAMED = 6
_BELOW = re.compile(r"\b(negative|below|less than|smaller than|lower than)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Hints:
    """Values that a spec's own text names; `named` are characters that it calls by their names.

    `below` says that it speaks of values below a bound: constructors are given negative numbers too then.
    """

    ints: tuple[int, ...] = ()
    floats: tuple[float, ...] = ()
    strings: tuple[str, ...] = ()
    named: str = ""
    below: bool = False

    @property
    def alphabet(self) -> str:
        """The characters of its strings, and those that it names, among letters."""
        letters = LETTERS if self.named and not self.strings else ""
        return "".join(dict.fromkeys("".join((*self.strings, self.named, letters))))

    @property
    def texts(self) -> tuple[str, ...]:
        """Its strings, and short texts with the characters that it names: between, around, doubled, mixed."""
        alone = [text for c in self.named for text in (c, f"a{c}b", f"{c}a{c}", f"{c}{c}", f"a{c}")]
        mixed = [
            text
            for c in self.named
            for d in self.named
            if c != d
            for text in (f"{c}a{d}b{c}", f"{c}a{c}{d}b", f"a{d}{c}b{c}{c}d{c}")
        ]
        return (*self.strings, *alone, *mixed)


def hints_in(prose: str, examples: Iterable[str] = ()) -> Hints:
    """The numbers, the quoted texts and the named characters of a spec."""
    text = "\n".join([prose, *examples])
    numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)", text)
    ints = dict.fromkeys(int(n) for n in numbers if "." not in n and abs(int(n)) < 2**31)
    quoted = re.findall(r'"([^"\n]{0,60})"|`([^`\n]{1,60})`|\'([^\'\n\w][^\'\n]{0,20}|\w)\'', text)
    strings = dict.fromkeys(found for groups in quoted for found in groups if found)
    return Hints(
        ints=tuple(islice(ints, 40)),
        floats=tuple(float(n) for n in islice(dict.fromkeys(n for n in numbers if "." in n), 20)),
        strings=tuple(s for s in islice(strings, 60) if not re.fullmatch(r"[A-Z]\w*\(.*\).*", s)),
        named=_named_in(prose),
        below=_BELOW.search(prose) is not None,
    )


def _named_in(prose: str) -> str:
    """The first few characters that a prose names. A single quote is not also a quote."""
    left, found = prose.lower(), ""
    names = [(name, characters) for said, characters in _NAMED.items() for name in said.split("|")]
    for name, characters in sorted(names, key=lambda pair: -len(pair[0])):
        pattern = rf"\b{name}s?\b"
        if re.search(pattern, left):
            found += characters
            left = re.sub(pattern, " ", left)
    return "".join(dict.fromkeys(found))[:_MOST_NAMED]
