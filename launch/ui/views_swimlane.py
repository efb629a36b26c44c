"""A run's messages as rows for the swimlane and the list: who to whom, when, what it says. Pure.

A row never changes; how a message fares is its *life*: the attempts at it, which come later and grow. Both
are short, since a run may have ten thousand: a body is asked for when it is opened (`views_message.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from guildbus.bus.tail import Attempt
from guildbus.launch.run_log import Line
from guildbus.launch.tracing import summary
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildStopped
from guildbus.protocols.messages.control import MessageDied, RunCancelled
from guildbus.protocols.messages.draft import DraftAccepted, DraftProposed, DraftRejected, DraftRequested
from guildbus.protocols.messages.oracle import OracleAnswered, OracleRequested, ReferenceProposed
from guildbus.protocols.messages.verification import VerificationFinished

YOU: Final = "you"
"""The lane of commands: what a person asked for."""
FINAL: Final = frozenset({"settled", "dead", "cancelled"})
"""The events after which nothing more happens to a message."""
ORDER: Final = (YOU, "planner", "go-dev", "go-test", "reference", "gate-keeper", "verifier", "repair-router")


def row_of(line: Line) -> dict[str, Any]:
    """One message. `at` is seconds since the epoch; `tone` says whether it is good or bad news, if either."""
    envelope, message = line.envelope, line.message
    return {
        "seq": line.seq,
        "id": envelope.id,
        "type": envelope.type.rpartition(".v")[0],
        "at": line.at,
        "from": lane_of(envelope.source),
        "to": envelope.to,
        "cause": envelope.causationid,
        "says": summary(message),
        "file": _file(message),
        "round": getattr(message, "round", None),
        "tone": _tone(message),
        "bytes": line.size_bytes,
        "calls": _calls(message),
    }


def lane_of(source: str) -> str:
    """The lane of an agent instance; every command is a person's."""
    name = source.partition("/")[0]
    return YOU if name.startswith("cli-") else name


def lives_of(attempts: Iterable[Attempt]) -> dict[int, list[list[Any]]]:
    """{seq: its attempts}, each `[lane, attempt, began, ended, event, code, reason]`; None while in hand."""
    lives: dict[int, dict[int, list[Any]]] = defaultdict(dict)
    for one in attempts:
        found = lives[one.seq].get(one.attempt)
        if one.event == "delivered":
            lives[one.seq][one.attempt] = [lane_of(one.agent), one.attempt, one.at, None, "", "", ""]
        elif found is None:  # it died while nobody had it
            end = [lane_of(one.agent), one.attempt, one.at, one.at, one.event, one.code, one.reason]
            lives[one.seq][one.attempt] = end
        else:
            found[3:] = [one.at, one.event, one.code, one.reason]
    return {seq: list(life.values()) for seq, life in lives.items()}


def is_over(life: Sequence[Sequence[Any]]) -> bool:
    """Whether nothing more can happen to a message."""
    return bool(life) and life[-1][4] in FINAL


def lanes_of(roster: Iterable[str], rows: Iterable[dict[str, Any]] = ()) -> list[str]:
    """The lanes from top to bottom: whoever asks, the roster in the order of the work, and all others."""
    known = {YOU: None, **dict.fromkeys(roster)}
    known |= {row["from"]: None for row in rows}
    places = {name: place for place, name in enumerate(ORDER)}
    return sorted(known, key=lambda name: places.get(name, len(ORDER)))


def _file(message: Message) -> str:
    match message:
        case DraftRequested() | DraftAccepted() | DraftRejected():
            return message.task.path
        case DraftProposed():
            return message.request.task.path
        case OracleRequested() | OracleAnswered():
            return message.path
        case _:
            return ""


def _tone(message: Message) -> str:
    match message:
        case VerificationFinished() | BuildFinished():
            return "good" if message.green else "bad"
        case DraftRejected() | MessageDied() | BuildStopped() | RunCancelled():
            return "bad"
        case DraftAccepted():
            return "good"
        case _:
            return ""


def _calls(message: Message) -> list[list[float]]:
    """When its model calls ran, as `[began, ended]`: bars on its sender's lane."""
    if not isinstance(message, DraftProposed | ReferenceProposed):
        return []
    return [[call.started_at, call.started_at + call.wall_s] for call in message.calls if not call.cached]
