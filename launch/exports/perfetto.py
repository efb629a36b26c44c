"""A run in the Trace Event Format, for ui.perfetto.dev, chrome://tracing and speedscope. Pure.

The run is a process and each agent a thread; what an agent does inside its handling (several model calls at a
time, toolchain runs) is in threads of its own below it, since slices of one thread must nest. A message is a
flow from the slice that sent it to the slice that took it. Times are microseconds since the run began.

The format: "Trace Event Format" (Google, 2016), JSON object form.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from guildbus.launch import about
from guildbus.launch.exports.timeline import Flight, Timeline, Work, figures, lanes, timeline_of
from guildbus.launch.run_log import RunLog
from guildbus.launch.tracing import summary
from guildbus.protocols.messages.verification import VerificationFinished

PID: Final = 1
_COLOURS: Final = {"failed": "terrible", "dead": "terrible", "cancelled": "grey", "open": "grey"}


def render(log: RunLog) -> str:
    """The trace as JSON text."""
    return json.dumps(trace(log), ensure_ascii=False, separators=(",", ":")) + "\n"


def trace(log: RunLog) -> dict[str, Any]:
    """The trace as an object: metadata first, then all events by time."""
    timeline = timeline_of(log)
    threads = _Threads(timeline.started_at)
    for agent in timeline.agents:
        threads.of(agent)
    events = [event for work in _laid_out(timeline, threads) for event in work]
    for flight in timeline.flights:
        events += _flight(flight, timeline, threads)
    events += _counters(log, threads)
    # At one moment the outer slice comes before the inner one, and slices before what binds to them.
    order = {"X": 0, "i": 1, "C": 1, "s": 2, "t": 3, "f": 3}
    events.sort(key=lambda one: (one["ts"], order[one["ph"]], -one.get("dur", 0)))
    return {
        "traceEvents": [*threads.metadata(log.run), *events],
        "displayTimeUnit": "ms",
        "otherData": {"run": log.run, "started_at": log.lines[0].envelope.time if log.lines else ""},
    }


class _Threads:
    """Numbers for the threads, given in the order in which they are asked for."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._numbers: dict[str, int] = {}

    def of(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def ts(self, at: float) -> int:
        return max(0, round((at - self._started_at) * 1_000_000))

    def metadata(self, run: str) -> Iterator[dict[str, Any]]:
        yield {"ph": "M", "name": "process_name", "pid": PID, "tid": 0, "ts": 0, "args": {"name": run}}
        order = sorted(self._numbers, key=lambda name: (self._numbers[name.partition(" ")[0]], name))
        for place, name in enumerate(order):
            thread = {"ph": "M", "pid": PID, "tid": self._numbers[name], "ts": 0}
            yield thread | {"name": "thread_name", "args": {"name": name}}
            yield thread | {"name": "thread_sort_index", "args": {"sort_index": place}}


def _laid_out(timeline: Timeline, threads: _Threads) -> Iterator[list[dict[str, Any]]]:
    for agent in timeline.agents:
        for kind in ("handling", "model", "toolchain"):
            works = [one for one in timeline.works if one.agent == agent and one.kind == kind]
            for lane, work in lanes(works):
                name = agent if kind == "handling" else f"{agent} {kind}"
                yield [_slice(work, threads.of(f"{name} {lane + 1}" if lane else name), threads)]


def _slice(work: Work, tid: int, threads: _Threads) -> dict[str, Any]:
    began = threads.ts(work.began_at)
    event: dict[str, Any] = {
        "ph": "X",
        "name": work.label,
        "cat": work.kind,
        "pid": PID,
        "tid": tid,
        "ts": began,
        "dur": max(1, threads.ts(work.ended_at) - began),
        "args": {"message": work.seq, "attempt": work.attempt} | figures(work),
    }
    if work.outcome:
        event["args"] |= {"outcome": work.outcome, "reason": work.reason}
    if work.outcome in _COLOURS:
        event["cname"] = _COLOURS[work.outcome]
    return event


def _flight(flight: Flight, timeline: Timeline, threads: _Threads) -> Iterator[dict[str, Any]]:
    line = flight.line
    name = about.short_type(line.envelope.type)
    tid, sent = threads.of(flight.sender), threads.ts(flight.sent_at)
    args = {"message": line.seq, "id": line.envelope.id, "says": summary(line.message)}
    here = {"pid": PID, "tid": tid, "ts": sent, "cat": "message", "name": name}
    yield {"ph": "i", "s": "t", "args": args, **here}
    if not flight.arrivals:
        return
    if not _covered(flight, timeline):
        yield {"ph": "X", "dur": 1, "args": args, **here, "name": f"publish {name}", "cat": "publish"}
    yield {"ph": "s", "id": line.seq, **here}
    for number, (_, agent, at) in enumerate(flight.arrivals, 1):
        last = number == len(flight.arrivals)
        arrival = {**here, "tid": threads.of(agent), "ts": max(threads.ts(at), sent), "id": line.seq}
        yield {"ph": "f", "bp": "e", **arrival} if last else {"ph": "t", **arrival}


def _covered(flight: Flight, timeline: Timeline) -> bool:
    """Whether the sender was at work on something when it sent this: a flow starts in a slice."""
    return any(
        work.agent == flight.sender
        and work.kind == "handling"
        and work.began_at <= flight.sent_at < work.ended_at
        for work in timeline.works
    )


def _counters(log: RunLog, threads: _Threads) -> Iterator[dict[str, Any]]:
    """Completion tokens so far, and the score of the best tree."""
    tokens = 0
    for line in log.lines:
        here = {"ph": "C", "pid": PID, "tid": 0, "ts": threads.ts(line.at), "cat": "run"}
        if calls := about.calls_of(line.message):
            tokens += sum(call.completion_tokens for call in calls)
            yield {**here, "name": "completion tokens", "args": {"tokens": tokens}}
        if isinstance(line.message, VerificationFinished):
            yield {**here, "name": "score", "args": {"score": line.message.score.total}}
