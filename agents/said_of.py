"""What a spec says of one function: for a small question, where the whole prose would be too much. Pure."""

import re
from collections.abc import Iterable, Iterator

from guildbus.agents.planning import contract
from guildbus.protocols.spec import Spec

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_GOES_ON = re.compile(r"(It|Its|They|Their|This|These)\b")


def said_of(spec: Spec, folder: str, name: str, others: Iterable[str] = ()) -> str:
    """The sentences about `name` (`GCD`, `Stack.Push`) in the prose of a folder's package.

    A sentence is about the first function that it names; one that names none, or begins with `It`, goes on
    about the one before. All of the prose, if none of it names the function. `others` are the functions
    beside it.
    """
    prose = contract(spec, folder)
    wanted = name.rpartition(".")[2]
    found = (text for text, about, named in _sentences(prose, name, others) if wanted in (about, *named))
    return " ".join(found) or prose


def sentences(prose: str) -> list[str]:
    """All sentences, a line each."""
    return [" ".join(text.split()) for text in _SENTENCE.split(prose)]


def sentences_about(prose: str, name: str, others: Iterable[str] = ()) -> list[str]:
    """The sentences about `name`, a line each, without those about another that only name it."""
    wanted = name.rpartition(".")[2]
    return [" ".join(text.split()) for text, about, _ in _sentences(prose, name, others) if about == wanted]


def _sentences(prose: str, name: str, others: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each sentence, the function that it is about ('' if none yet), and all that it names."""
    known = dict.fromkeys(one.rpartition(".")[2] for one in (name, *others))
    about = ""
    for sentence in _SENTENCE.split(prose):
        places = {one: re.search(rf"\b{re.escape(one)}\b", sentence) for one in known}
        named = {one: place.start() for one, place in places.items() if place is not None}
        if not about or not _GOES_ON.match(sentence):
            about = min(named, key=named.__getitem__, default=about)
        yield sentence, about, tuple(named)
