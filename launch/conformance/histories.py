"""A history: the messages of one run in order. The kit hands each that the agent handles to it, in turn.

`guildbus trace RUN --format json > FILE` records one. Where there is none, `made_up` makes two.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guildbus.launch.conformance.making_up import make_up
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry

ROUNDS = 3
"""So many messages of each type are in a history that is made up."""


@dataclass(frozen=True, slots=True)
class History:
    """`messages` of one run, in the order of the journal."""

    name: str
    messages: tuple[Message, ...]

    def as_json(self) -> list[dict[str, Any]]:
        """`[{type, body}]`, which `from_json` reads."""
        return [{"type": m.wire_type(), "body": m.model_dump(mode="json")} for m in self.messages]


def read_history(path: Path, registry: Registry) -> History:
    """A recorded history. UsageError says what is wrong with the file, and in which of its messages."""
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the history cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise UsageError(f"no JSON: {error}", where=str(path)) from error
    return History(path.name, from_json(stated, registry, str(path)))


def from_json(stated: object, registry: Registry, where: str) -> tuple[Message, ...]:
    """The messages of a list `[{type, body, ...}]`; older versions of a type come in through upcasters."""
    if not (isinstance(stated, list) and all(isinstance(one, dict) for one in stated)):
        raise UsageError(
            "not a list of messages", where=where, remedy="record one: guildbus trace RUN --format json"
        )
    found: list[Message] = []
    for number, one in enumerate(stated, 1):
        wire_type, fields = one.get("type"), one.get("body")
        if not (isinstance(wire_type, str) and isinstance(fields, dict)):
            raise UsageError(f"message {number} has no type or no body", where=where)
        body, upcasters = registry.resolve(wire_type)
        for upcast in upcasters:
            fields = upcast(fields)
        try:
            found.append(body.model_validate(fields))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise UsageError(f"message {number}, {wire_type}: {place}: {first['msg']}", where=where) from None
    return tuple(found)


def made_up(bodies: Sequence[type[Message]]) -> tuple[History, History]:
    """Two runs with the same types of message and nothing else in common. UsageError: see `make_up`."""

    def run(name: str, first: int) -> History:
        return History(name, tuple(make_up(body, first + n) for n in range(ROUNDS) for body in bodies))

    return run("made-up-1", 1), run("made-up-2", 1 + ROUNDS)
