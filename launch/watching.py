"""What `guildbus top` shows: health reports and journal lines in, one frame's figures out. Pure.

Rates are taken over the last seconds of what was seen, not since the start: a view is about now. The drawing
is in `top_view.py`.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from guildbus.launch.run_log import Line
from guildbus.launch.tracing import summary
from guildbus.protocols.messages.build import BuildFinished, BuildRequested
from guildbus.protocols.messages.control import DeadRequeued
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.oracle import ReferenceProposed
from guildbus.protocols.messages.verification import VerificationFinished

WINDOW_S: Final = 10.0


@dataclass(slots=True)
class RunRow:
    """One run in progress."""

    run: str
    started_at: float
    round: int = 0
    score: int | None = None
    messages: int = 0
    tokens: int = 0
    last: str = ""


@dataclass(slots=True)
class Watch:
    """Fed by `on_line` and `on_health`; times are seconds since the epoch."""

    runs: dict[str, RunRow] = field(default_factory=dict)
    health: dict[str, Any] | None = None
    record: dict[str, Any] | None = None
    _published: deque[tuple[float, int]] = field(default_factory=deque)
    _spent: deque[tuple[float, int]] = field(default_factory=deque)
    _drawn: dict[str, tuple[float, int]] = field(default_factory=dict)

    def on_line(self, line: Line) -> None:
        """A message was published."""
        run = line.envelope.subject
        message = line.message
        if isinstance(message, BuildFinished):
            self.runs.pop(run, None)
            return
        if isinstance(message, BuildRequested | DeadRequeued):
            self.runs.setdefault(run, RunRow(run, line.at))
        row = self.runs.get(run)
        if row is None:
            return
        row.messages += 1
        row.last = f"{line.envelope.type.rpartition('.v')[0]}: {summary(message)}"
        match message:
            case DraftRequested():
                row.round = max(row.round, message.round)
            case VerificationFinished():
                row.score = message.score.total
            case DraftProposed() | ReferenceProposed():
                row.tokens += sum(call.completion_tokens for call in message.calls if not call.cached)

    def on_health(self, now: float, record: dict[str, Any] | None, health: dict[str, Any] | None) -> None:
        """The swarm's record and its broker's report; None where there is none."""
        self.record, self.health = record, health
        if health is None:
            self._published.clear()
            self._drawn.clear()
            return
        self._published.append((now, int(health.get("published", 0))))
        _forget(self._published, now)
        for agent in health["agents"]:
            self._count_tokens(agent["name"], agent["activity"], now)
        _forget(self._spent, now)

    def _count_tokens(self, agent: str, activity: str, now: float) -> None:
        """An agent that draws says how far it is: `drafting x.go: 2 candidates, 130 tokens`."""
        words = activity.split()
        if len(words) < 2 or words[-1] != "tokens" or not words[-2].isdigit():
            self._drawn.pop(agent, None)
            return
        count = int(words[-2])
        _, before = self._drawn.get(agent, (now, 0))
        if count > before:
            self._spent.append((now, count - before))
        self._drawn[agent] = (now, count)

    @property
    def messages_per_s(self) -> float:
        """Messages that were published a second, of late."""
        if len(self._published) < 2:
            return 0.0
        (began, first), (ended, last) = self._published[0], self._published[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def tokens_per_s(self, now: float) -> float:
        """Tokens that models drew a second, of late."""
        if len(self._published) < 2:
            return 0.0
        seen_s = min(WINDOW_S, now - self._published[0][0])
        return sum(count for _, count in self._spent) / seen_s if seen_s > 0 else 0.0


def _forget(seen: deque[tuple[float, int]], now: float) -> None:
    while seen and now - seen[0][0] > WINDOW_S:
        seen.popleft()
