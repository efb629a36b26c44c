"""What a spec says of one function: for a small question, where the whole prose would be too much. Pure."""

import re
from collections.abc import Iterable

from guildbus.agents.planning import contract
from guildbus.protocols.spec import Spec

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def said_of(spec: Spec, folder: str, name: str, others: Iterable[str] = ()) -> str:
    """The sentences about `name` (`GCD`, `Stack.Push`) in the prose of a folder's package.

    A sentence is about the first function that it names; one that names none goes on about the one before.
    All of the prose, if none of it names the function. `others` are the functions beside it.
    """
    prose = contract(spec, folder)
    known = [one.rpartition(".")[2] for one in (name, *others)]
    wanted, current = known[0], ""
    found: list[str] = []
    for sentence in _SENTENCE.split(prose):
        places = {one: re.search(rf"\b{re.escape(one)}\b", sentence) for one in known}
        named = {one: place.start() for one, place in places.items() if place is not None}
        current = min(named, key=named.__getitem__, default=current)
        if wanted in (current, *named):
            found.append(sentence)
    return " ".join(found) or prose
