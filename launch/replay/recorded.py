"""A recorded run as a replay needs it: which message was answered by whom, and with what. Pure.

A message is an *answer* if the agent that settled its cause sent it, in the same transaction. All else came
from outside (the request, a cancellation, an obituary of the broker's) and is given to the replay as it is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.base import Message

Position = tuple[str, str, int, int]
"""(type, file, round, how many such were before it) among the answers to one message."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message that was handled: by which agent, and what it answered, in journal order."""

    line: Line
    agent: str
    answers: tuple[Line, ...]


def turns_of(log: RunLog) -> list[Turn]:
    """The messages that were handled to their end, in journal order: the order of the replay."""
    settled = {one.seq: one.agent for one in log.attempts if one.event == "settled"}
    by_cause: dict[str, list[Line]] = {}
    for line in log.lines:
        by_cause.setdefault(line.envelope.causationid or "", []).append(line)
    return [
        Turn(line, agent.partition("/")[0], tuple(_answers(by_cause.get(line.envelope.id, ()), agent)))
        for line in log.lines
        if (agent := settled.get(line.seq, ""))
    ]


def _answers(caused: Iterable[Line], agent: str) -> list[Line]:
    return [line for line in caused if line.envelope.source == agent]


def positions(messages: Sequence[Message]) -> list[Position]:
    """The place of each of the answers to one message: agents that run side by side may swap seats."""
    seen: Counter[tuple[str, str, int]] = Counter()
    found: list[Position] = []
    for message in messages:
        key = (message.wire_type(), file_of(message), _round_of(message))
        found.append((*key, seen[key]))
        seen[key] += 1
    return found


def file_of(message: Message) -> str:
    """The file (or folder) that a message is about; '' if it is about none."""
    about: Any = getattr(message, "request", message)
    task = getattr(about, "task", None)
    return str(task.path if task is not None else getattr(about, "path", getattr(about, "folder", "")))


def _round_of(message: Message) -> int:
    about: Any = getattr(message, "request", message)
    return int(getattr(about, "round", getattr(about, "first", 0)))
