"""Comparisons that a spec's prose states of parameters and fields: `whose End is below its Start`. Pure.

A small model forgets such a half-sentence, and one of its programs forgets what all the others forget. Only
what is certain is read: a parameter, or a field of a struct, then a word or a sign of comparison, then a
number or another of these names. Next: `heeding.py`, which says whether a program makes the comparison.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from guildbus.agents.oracle.gotypes import Api, Callable, GoType, makes
from guildbus.agents.said_of import sentences, sentences_about

Sign = Literal["<", ">", "<=", ">="]

_WORDS: tuple[tuple[str, Sign], ...] = (
    ("below|under|less than|smaller than|lower than|fewer than", "<"),
    ("above|over|more than|greater than|larger than|higher than|bigger than", ">"),
    ("at least|no less than", ">="),
    ("at most|no more than", "<="),
)
OPPOSITE: dict[Sign, Sign] = {"<": ">=", ">": "<=", "<=": ">", ">=": "<"}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RIGHT = r"(?:its |their |the |that of )?(?P<right>-?\d+|[A-Za-z_]\w*)(?![\w(^*]|\.\d| ?[<>])"
_COMPARED = rf"(?:(?P<words>{'|'.join(words for words, _ in _WORDS)}) |(?P<sign><=|>=|<|>) ?){_RIGHT}"
_STATED = re.compile(
    r"(?<![\w.])(?P<chained>[<>]=? ?)?(?P<if>\b(?:if|when|whose|unless|while) (?:the )?)?"
    r"(?P<left>[A-Za-z_]\w*) ?(?P<link>\b(?:is|are|lies|falls|must be) )?(?P<no>not )?"
    rf"(?:{_COMPARED}|(?P<negative>negative)\b)"
)
_AND = re.compile(rf" (?:or|and) (?:is |are )?(?:{_COMPARED})")
_GRANTED = ("at least", "no less than", "at most", "no more than")
_ARTICLES = ("a", "an", "i")
"""Names that are also words of the prose: they count beside a verb or a sign only."""


@dataclass(frozen=True)
class Condition:
    """`left sign right`, as a clause of the spec states it.

    `subject` is the function or type that it is examined with; `owner` the function, type or struct whose
    names these are: parameters, or fields of one and the same value if `fields`. `right` may be a number.
    """

    subject: str
    owner: str
    left: str
    sign: Sign
    right: str
    clause: str
    fields: bool = False

    @property
    def number(self) -> int | None:
        """What `left` is compared with, if that is a number."""
        return int(self.right) if _is_number(self.right) else None


def conditions_in(prose: str, api: Api) -> tuple[Condition, ...]:
    """Every comparison that the prose of a package states of its parameters and fields, in order."""
    return tuple(dict.fromkeys([*_of_parameters(prose, api), *_of_fields(prose, api)]))


def _of_parameters(prose: str, api: Api) -> Iterator[Condition]:
    others = [one.full_name for one in api.callables]
    for callable_ in api.callables:
        owner = _type_of(callable_) or callable_.full_name
        own = _names(callable_)
        near = {n for one in api.callables if owner in (_type_of(one), one.full_name) for n in _names(one)}
        for sentence in sentences_about(prose, callable_.full_name, others):
            for left, sign, right, clause in _compared(sentence):
                if left in own and (_is_number(right) or right in near):
                    yield Condition(owner, owner, left, sign, right, clause)


def _of_fields(prose: str, api: Api) -> Iterator[Condition]:
    """Of functions that take a struct those that give one back: others may well do without comparing."""
    for name, of in api.types.items():
        fields = {field for field, _ in of.fields} if of.kind == "struct" else set()
        takers = [one for one in api.callables if any(_holds(p.type, name) for p in one.parameters)]
        givers = [one for one in takers if any(_holds(result, name) for result in one.results)]
        for sentence in sentences(prose) if takers and fields else ():
            for left, sign, right, clause in _compared(sentence):
                if left in fields and (_is_number(right) or right in fields):
                    for one in givers or takers:
                        yield Condition(one.full_name, name, left, sign, right, clause, fields=True)


def _type_of(callable_: Callable) -> str:
    """The type that a method or a constructor is examined with; '' for a plain function."""
    return callable_.receiver or makes(callable_)


def _names(callable_: Callable) -> set[str]:
    return {parameter.name for parameter in callable_.parameters}


def _holds(of: GoType, name: str) -> bool:
    return of.text == name or any(_holds(part, name) for part in (of.elem, of.key) if part is not None)


def _compared(sentence: str) -> Iterator[tuple[str, Sign, str, str]]:
    """Left, sign and right of each comparison in a sentence, and the clause; `one` is written as 1.

    `1 <= n <= 100` and `n is at least 1` mostly say what may be taken for granted, not what a program does.
    """
    for clause in sentence.split("; "):
        yield from ((*one, clause) for one in _compared_in(clause))


def _compared_in(clause: str) -> Iterator[tuple[str, Sign, str]]:
    for found in _STATED.finditer(clause):
        named = found["left"].lower() not in _ARTICLES or found["link"] or found["sign"]
        granted = found["words"] in _GRANTED and not found["if"]
        if found["chained"] or granted or not named:
            continue
        if found["negative"]:
            if found["link"]:
                yield found["left"], ">=" if found["no"] else "<", "0"
            continue
        sign = _sign(found)
        yield found["left"], OPPOSITE[sign] if found["no"] else sign, _right(found)
        further = _AND.match(clause, found.end())
        if further is not None:
            yield found["left"], _sign(further), _right(further)


def _sign(found: re.Match[str]) -> Sign:
    said = found["words"] or found["sign"]
    return next(sign for words, sign in _WORDS if said in (sign, *words.split("|")))


def _right(found: re.Match[str]) -> str:
    said = found["right"]
    return str(_NUMBERS.index(said)) if said in _NUMBERS else said


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()
