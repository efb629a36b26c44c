"""What a build reports, made from its messages: the object that `build --json` ends with (design §8). Pure.

Times: `model.wall_s` and `toolchain_s` add up what each call took; several at once count each. What
the guild itself cost, `overhead_s`, is the wall time in which neither a model nor the toolchain worked:
the build's wall time less the union of all their spans.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from guildbus.launch import about, evidence
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import BuildFinished, BuildRequested
from guildbus.protocols.messages.control import DeadRequeued
from guildbus.protocols.messages.draft import DraftProposed, ModelCall

NOT_MEASURED = "only the suite of a green is measured, and not with [build] teeth_seconds = 0"


@dataclass(frozen=True, slots=True)
class Wall:
    """The stretch of time that a build took, in seconds since the epoch.

    `preparations` are what had to be there before the run: the start of the model server, and the standard
    library of Go, which is compiled once; nothing where another process had done so.
    """

    started_at: float
    ended_at: float
    preparations: tuple[Span, ...] = ()

    @property
    def wall_s(self) -> float:
        """From the command's start to its end."""
        return self.ended_at - self.started_at


def build_report(log: RunLog, wall: Wall) -> dict[str, Any]:
    """The report of a finished run. Raises ValueError if it is not finished."""
    finished = next(reversed(log.of(BuildFinished)), None)
    if finished is None:
        raise ValueError(f"run {log.run} is not finished")
    calls = [call for proposed in log.of(DraftProposed) for call in proposed.calls]
    calls += evidence.reference_calls(log) + evidence.finisher_calls(log)
    toolchain = [*finished.spans, *evidence.hearing_spans(log), *evidence.finisher_spans(log)]
    toolchain += [span for span in wall.preparations if span.kind == "toolchain"]
    # A call that ended before a crash comes from the store afterwards, and was paid by this run all the same.
    since = log.lines[0].at
    paid = [call for call in calls if not call.cached or call.started_at >= since]
    busy = [*map(_span_of, paid), *toolchain, *wall.preparations]
    score, teeth = finished.score, finished.teeth
    return {
        "run_id": log.run,
        "spec": finished.spec_name,
        "green": finished.green,
        "status": finished.status,
        "score": {"build": score.build, "vet": score.vet, "test": score.test, "total": score.total},
        "teeth": teeth.model_dump(mode="json") if teeth is not None and teeth.score is not None else None,
        "teeth_why": teeth.why if teeth is not None else NOT_MEASURED,
        "examined": evidence.examined(log),
        "rounds": finished.rounds,
        "wall_s": round(wall.wall_s, 3),
        "model": {
            "calls": len(paid),
            "prompt_tokens": sum(call.prompt_tokens for call in paid),
            "completion_tokens": sum(call.completion_tokens for call in paid),
            "wall_s": round(sum(call.wall_s for call in paid), 3),
        },
        "toolchain_s": round(sum(span.wall_s for span in toolchain), 3),
        "overhead_s": round(overhead_s(busy, wall), 3),
        "files": [{"path": f.path, "author": f.author, "sha256": f.sha256} for f in finished.files],
        "interventions": evidence.interventions(log),
        "finishers": evidence.finishers(log),
        "diagnosis": finished.diagnosis,
    }


def run_summary(log: RunLog, *, running: bool = False, tokens: int | None = None) -> dict[str, Any]:
    """One line of `guildbus runs`: how a run stands. `running` says whether a swarm works for it now.

    One that has not ended and that nobody works for was interrupted: `guildbus resume` goes on with it.
    The log's first and last message, its request and its ends are enough, if `tokens` says what it cost.
    """
    if tokens is None:
        tokens = sum(call.completion_tokens for line in log.lines for call in about.calls_of(line.message))
    requested = next(iter(log.of(BuildRequested)), None)
    finished = end_of(log)
    started_at = log.lines[0].at if log.lines else 0.0
    return {
        "run_id": log.run,
        "spec": requested.spec.name if requested is not None else "",
        "green": finished.green if finished is not None else False,
        "status": finished.status if finished is not None else "running" if running else "interrupted",
        "score": finished.score.total if finished is not None else 0,
        "rounds": finished.rounds if finished is not None else 0,
        "tokens": tokens,
        "started_at": log.lines[0].envelope.time if log.lines else "",
        "wall_s": round(log.lines[-1].at - started_at, 3) if log.lines else 0.0,
    }


def end_of(log: RunLog) -> BuildFinished | None:
    """The newest end of a run; None if it has none, or a dead letter was requeued since."""
    turns = [line.message for line in log.lines if isinstance(line.message, BuildFinished | DeadRequeued)]
    return turns[-1] if turns and isinstance(turns[-1], BuildFinished) else None


def overhead_s(busy: Iterable[Span], wall: Wall) -> float:
    """The seconds of `wall` that no span covers."""
    covered = 0.0
    reached = wall.started_at
    for span in sorted(busy, key=lambda span: span.started_at):
        start = max(span.started_at, reached)
        end = min(span.started_at + span.wall_s, wall.ended_at)
        if end > start:
            covered += end - start
            reached = end
    return max(0.0, wall.wall_s - covered)


def _span_of(call: ModelCall) -> Span:
    return Span(kind="model", started_at=call.started_at, wall_s=call.wall_s)
