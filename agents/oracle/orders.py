"""Orders that a spec's prose states of a result: `returns the intervals of the list sorted by Start`. Pure.

A program that forgets to sort is wrong wherever its input is not sorted already, and whoever is told to mind
something else forgets it. Whether a result is in order shows without knowing the right one. Only a field of
the structs that a function gives back is read, and no order that depends on anything. Used by `heeding.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.values import Json
from guildbus.agents.said_of import sentences_about

_BY = re.compile(r"\b(?:sorted|ordered) by (?:its |their )?(?P<field>\w+)(?P<down> in descending order)?")
_DEPENDS = re.compile(r"\b(?:if|unless|when|otherwise|or)\b")
_ORDERED = ("int", "float", "string", "byte", "rune")


@dataclass(frozen=True)
class Order:
    """The structs of the list that a function gives back are in order of a field."""

    subject: str
    field: str
    down: bool = False

    def is_kept_by(self, outcome: Json) -> bool:
        """Whether a result is in this order; a failure is."""
        keys = [one[self.field] for one in (outcome.get("values") or [None])[0] or []]
        return all(type(a) is not type(b) or (b <= a if self.down else a <= b) for a, b in pairwise(keys))


def orders_in(prose: str, api: Api) -> tuple[Order, ...]:
    """Every order that the prose of a package states of a function's result."""
    return tuple(dict.fromkeys(_orders(prose, api)))


def _orders(prose: str, api: Api) -> Iterator[Order]:
    names = [one.full_name for one in api.callables]
    for callable_ in api.functions:
        fields = _sortable(callable_)
        for sentence in sentences_about(prose, callable_.full_name, names) if fields else ():
            found = _BY.search(sentence)
            if found is not None and found["field"] in fields and not _DEPENDS.search(sentence):
                yield Order(callable_.full_name, found["field"], bool(found["down"]))


def _sortable(callable_: Callable) -> list[str]:
    """The fields that the structs of its list may be in order of."""
    elem = callable_.results[0].elem if callable_.results and callable_.results[0].kind == "list" else None
    return [name for name, of in elem.fields if of.kind in _ORDERED] if elem is not None else []
