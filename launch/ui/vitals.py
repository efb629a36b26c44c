"""A run in one line, folded message by message: how it stands, what it has cost. Pure.

The same figures as `report.run_summary`, but kept up as messages come: a page that watches a long run must
not read it again for each of them. `TYPES` are the messages that matter here.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from guildbus.launch.report import Wall, overhead_s
from guildbus.launch.run_log import Line
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import BuildFinished, BuildRequested
from guildbus.protocols.messages.control import DeadRequeued, MessageDied
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested, ModelCall
from guildbus.protocols.messages.oracle import ReferenceProposed
from guildbus.protocols.messages.verification import Score, VerificationFinished

TYPES: Final = tuple(
    body.wire_type()
    for body in (
        BuildRequested,
        DraftRequested,
        DraftProposed,
        ReferenceProposed,
        VerificationFinished,
        MessageDied,
        DeadRequeued,
        BuildFinished,
    )
)


@dataclass(slots=True)
class Vitals:
    """What is known of a run so far. `ended` is None while it goes on; times are seconds since the epoch."""

    run: str
    spec: str = ""
    out: str = ""
    started_at: float = 0.0
    last_at: float = 0.0
    messages: int = 0
    round: int = 0
    died: int = 0
    score: Score = field(default_factory=Score)
    judged: bool = False
    ended: BuildFinished | None = None
    calls: list[ModelCall] = field(default_factory=list)

    def on_line(self, line: Line) -> None:
        """A message of the run."""
        self.messages += 1
        self.started_at = self.started_at or line.at
        self.last_at = max(self.last_at, line.at)
        match line.message:
            case BuildRequested() as asked:
                self.spec, self.out = asked.spec.name, asked.out
            case DraftRequested() as asked:
                self.round = max(self.round, asked.round)
            case DraftProposed() | ReferenceProposed() as proposed:
                self.calls += proposed.calls
            case VerificationFinished() as judged:
                self.score, self.judged = judged.score, True
            case MessageDied():
                self.died += 1
            case DeadRequeued():
                self.ended = None
            case BuildFinished() as ended:
                self.ended, self.score, self.judged = ended, ended.score, True

    def shown(self, *, running: bool) -> dict[str, Any]:
        """For a page. `running`: a swarm works for it now."""
        ended = self.ended
        status = ended.status if ended is not None else "running" if running else "interrupted"
        tokens = sum(call.completion_tokens for call in self.calls)
        return {
            "run": self.run,
            "spec": self.spec,
            "status": status,
            "green": ended is not None and ended.green,
            "ended": ended is not None,
            "judged": self.judged,
            "score": self.score.model_dump() | {"total": self.score.total},
            "rounds": ended.rounds if ended is not None else self.round + 1,
            "calls": len(self.calls),
            "prompt_tokens": sum(call.prompt_tokens for call in self.calls),
            "tokens": tokens,
            "tokens_s": self.tokens_s,
            "died": self.died,
            "started_at": self.started_at,
            "last_at": self.last_at,
            "diagnosis": ended.diagnosis if ended is not None else "",
            "teeth": _teeth(ended),
        }

    @property
    def tokens_s(self) -> float | None:
        """Tokens written in a second of model time, calls at one time taken together; None without any."""
        paid = [call for call in self.calls if not call.cached]
        if not paid:
            return None
        spans = [Span(kind="model", started_at=call.started_at, wall_s=call.wall_s) for call in paid]
        wall = Wall(
            min(span.started_at for span in spans), max(span.started_at + span.wall_s for span in spans)
        )
        busy = wall.wall_s - overhead_s(spans, wall)
        return round(sum(call.completion_tokens for call in paid) / busy, 1) if busy > 0 else None


def _teeth(ended: BuildFinished | None) -> dict[str, Any] | None:
    if ended is None or ended.teeth is None or ended.teeth.score is None:
        return None
    teeth = ended.teeth
    return {"score": teeth.score, "killed": teeth.killed, "of": teeth.killed + teeth.survived}
