"""What one function gives, as inputs of another. Pure.

Hardly any text that is drawn is a Roman numeral: on drawn inputs alone, a reader of numerals has nothing to
do but refuse. But where the package states a function that gives such texts, what the witnesses settle of it
are inputs that mean something. Texts are fed changed a little as well, so that what is nearly right is among
them. The same settled cases give the same inputs, in the same order. Next: `hearing.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.values import Json, canonical, failure
from guildbus.agents.oracle.witnesses import Settled

ItemT = TypeVar("ItemT")

MOST_FED = 60
"""Values that are fed to one function as they are."""
MOST_CHANGED = 7
"""Texts that are fed to it changed, each in three ways."""
LONGEST = 300
"""Characters of a value's canonical text."""
LARGEST = 2**31
"""No integer from here on is fed: what is computed of it may overflow in one language alone."""


def feeders(api: Api) -> list[tuple[Callable, tuple[Callable, ...]]]:
    """The functions to which something is fed, each with those that give it.

    One that is fed takes one value; those that give it take none of its type, since who reads what it gives
    is drawn no better inputs itself.
    """
    usable = [one for one in api.functions if one.results and not one.obstacle]
    found = [(taker, tuple(giver for giver in usable if _feeds(giver, taker))) for taker in usable]
    return [(taker, givers) for taker, givers in found if givers]


def _feeds(giver: Callable, taker: Callable) -> bool:
    taken = tuple(parameter.type for parameter in taker.parameters)
    needed = {parameter.type for parameter in giver.parameters}
    return len(taken) == 1 and giver.values == taken and needed.isdisjoint(taken)


def fed_cases(api: Api, settled: Sequence[Settled], drawn: Sequence[Json]) -> list[Json]:
    """Further cases, none of which is among those that were drawn."""
    known = {canonical(case): case for case in drawn}
    before = len(known)
    for taker, givers in feeders(api):
        given = {canonical(value): value for giver in givers for value in _given(giver, settled)}
        chosen = evenly(list(given.values()), MOST_FED)
        texts = chosen if taker.parameters[0].type.kind == "string" else []
        changed = [near for text in evenly(texts, MOST_CHANGED) for near in near_misses(text)]
        for value in (*chosen, *changed):
            case = {"call": taker.full_name, "args": [value]}
            known.setdefault(canonical(case), case)
    return list(known.values())[before:]


def _given(giver: Callable, settled: Iterable[Settled]) -> Iterator[Json]:
    """What a function is settled to give: no refusals, and nothing that cannot be put in anywhere."""
    for one in settled:
        values = one.outcome.get("values") if one.case.get("call") == giver.full_name else None
        if not values or failure(one.outcome) is not None or len(canonical(values[0])) > LONGEST:
            continue
        text = giver.results[0].kind == "string"
        if _modest(values[0]) and (isinstance(values[0], str) or not text):
            yield values[0]


def _modest(value: Json) -> bool:
    """Whether no integer in a value is LARGEST or beyond."""
    match value:
        case int():
            return abs(value) < LARGEST
        case list():
            return all(map(_modest, value))
        case dict():
            return all(map(_modest, value.values()))
    return True


def evenly(items: Sequence[ItemT], most: int) -> list[ItemT]:
    """At most so many of them, as far apart as can be, the first among them."""
    count = min(len(items), most)
    return [items[index * len(items) // count] for index in range(count)]


def near_misses(text: str) -> tuple[str, str, str]:
    """A text without its last character, in the other case, and with its last character twice."""
    return text[:-1], text.swapcase(), text + text[-1:]
