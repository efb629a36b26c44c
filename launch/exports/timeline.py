"""Who worked on what from when to when, which message went where: what the drawings of a run stand on. Pure.

Times are seconds since the epoch, and every one lies between `started_at` and `ended_at`. What still goes on
at the end of the log ends there, and says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from guildbus.launch import about
from guildbus.launch.handling import Handling, handlings_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols.messages.draft import ModelCall

Kind = Literal["handling", "model", "toolchain"]


@dataclass(frozen=True, slots=True)
class Work:
    """A stretch of one agent's time. `seq` and `attempt` say of which handling it is, or is a part.

    `outcome` is settled, failed, dead, cancelled or open; '' for model and toolchain. `call`: the model call.
    """

    agent: str
    kind: Kind
    label: str
    began_at: float
    ended_at: float
    seq: int
    attempt: int
    outcome: str = ""
    reason: str = ""
    call: ModelCall | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Flight:
    """A message on its way. `arrivals` are its deliveries: attempt, agent, when."""

    line: Line
    sender: str
    sent_at: float
    arrivals: tuple[tuple[int, str, float], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run laid out in time. `agents` are in the order in which they first said or did something."""

    run: str
    started_at: float
    ended_at: float
    agents: tuple[str, ...]
    works: tuple[Work, ...]
    flights: tuple[Flight, ...]
    settled_by: dict[int, Work] = field(default_factory=dict)
    """Of each message that was settled, the handling that did it."""


def timeline_of(log: RunLog) -> Timeline:
    """Lay a run out. An empty log gives an empty timeline at time 0."""
    if not log.lines:
        return Timeline(log.run, 0.0, 0.0, (), (), ())
    handlings = handlings_of(log)
    started_at = log.lines[0].at
    ended_at = max([*(line.at for line in log.lines), *(one.at for one in log.attempts)])
    by_id = {line.envelope.id: line for line in log.lines}
    works: list[Work] = []
    settled_by: dict[int, Work] = {}
    for line in log.lines:
        for one in handlings.get(line.seq, []):
            work = _handling(line, one, started_at, ended_at)
            if work is not None:
                works.append(work)
                if work.outcome == "settled":
                    settled_by[line.seq] = work
    for line in log.lines:
        cause = by_id.get(line.envelope.causationid or "")
        works += _inside(line, settled_by.get(cause.seq) if cause else None, started_at, ended_at)
    flights = tuple(
        Flight(
            line,
            about.agent_name(line.envelope.source),
            max(line.at, started_at),
            tuple(
                (one.attempt, about.agent_name(one.agent), max(one.began_at, line.at))
                for one in handlings.get(line.seq, [])
                if one.began_at is not None
            ),
        )
        for line in log.lines
    )
    names = [name for one in flights for name in (one.sender, *(agent for _, agent, _ in one.arrivals))]
    return Timeline(
        log.run, started_at, ended_at, tuple(dict.fromkeys(names)), tuple(works), flights, settled_by
    )


def _handling(line: Line, one: Handling, start: float, end: float) -> Work | None:
    if one.began_at is None:
        return None
    began = min(max(one.began_at, start), end)
    ended = end if one.ended_at is None else min(max(one.ended_at, began), end)
    label = about.short_type(line.envelope.type)
    files = about.files_of(line.message)
    return Work(
        about.agent_name(one.agent),
        "handling",
        f"{label} {files[0]}" if len(files) == 1 else label,
        began,
        ended,
        line.seq,
        one.attempt,
        one.event or "open",
        f"{one.code}: {one.reason}" if one.code else "",
    )


def _inside(line: Line, parent: Work | None, start: float, end: float) -> Iterator[Work]:
    """The model calls and toolchain runs that led to a message. What the store gave took no time here."""
    agent = about.agent_name(line.envelope.source)
    seq, attempt = (parent.seq, parent.attempt) if parent else (0, 0)
    parts: list[tuple[Kind, str, float, float, ModelCall | None]] = []
    parts += [
        ("model", f"chat {call.model}", call.started_at, call.wall_s, call)
        for call in about.calls_of(line.message)
    ]
    parts += [
        ("toolchain", span.kind, span.started_at, span.wall_s, None) for span in about.spans_of(line.message)
    ]
    for number, (kind, label, began, wall_s, call) in enumerate(parts):
        if call is not None and call.cached and began < start:
            continue
        since = min(max(began, start), end)
        until = min(max(began + wall_s, since), end)
        yield Work(agent, kind, label, since, until, seq, attempt, call=call, number=number)


def lanes(works: list[Work]) -> Iterator[tuple[int, Work]]:
    """Each stretch with the number of a lane, so that none in a lane overlap; in as few as can be."""
    free_at: list[float] = []
    for work in sorted(works, key=lambda one: (one.began_at, -one.ended_at)):
        lane = next((n for n, at in enumerate(free_at) if at <= work.began_at), len(free_at))
        free_at[lane : lane + 1] = [work.ended_at]
        yield lane, work


def figures(work: Work) -> dict[str, Any]:
    """What a model call cost, for those who show it."""
    if work.call is None:
        return {}
    call = work.call
    return {
        "model": call.model,
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": call.completion_tokens,
        "seed": call.seed,
        "temperature": call.temperature,
        "finish_reason": call.finish_reason,
        "cached": call.cached,
    }
