"""The live view of a build in the terminal: one line an agent, and what it does now.

`LiveState` is pure: messages and health reports in, rows out. `TerminalView` draws it in place with rich;
`PlainView` prints a line a message where the output is no terminal; `SilentView` prints nothing. `Overheard`
is any of them, and a listener beside it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from guildbus.launch.run_log import Line
from guildbus.launch.tracing import summary
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.verification import VerificationFinished


@dataclass(slots=True)
class AgentRow:
    """One agent: what it does now ('' when idle), what it did last, and what its model calls cost."""

    name: str
    now: str = ""
    last: str = ""
    tokens: int = 0


@dataclass(slots=True)
class LiveState:
    """What the view shows. `tokens` counts completion tokens of finished calls."""

    roles: tuple[str, ...]
    rows: dict[str, AgentRow] = field(default_factory=dict)
    round: int = 0
    score: int | None = None
    tokens: int = 0
    phase: str = "starting"

    def __post_init__(self) -> None:
        self.rows = {role: AgentRow(role) for role in self.roles}

    def on_line(self, line: Line) -> None:
        """A message was published."""
        sender = line.envelope.source.split("/")[0]
        name = line.envelope.type.rpartition(".v")[0]
        if sender in self.rows:
            self.rows[sender].last = f"{name}: {summary(line.message)}"
        match line.message:
            case DraftRequested():
                self.round = max(self.round, line.message.round)
            case DraftProposed():
                spent = sum(call.completion_tokens for call in line.message.calls)
                self.tokens += spent
                if sender in self.rows:
                    self.rows[sender].tokens += spent
            case VerificationFinished():
                self.score = line.message.score.total

    def on_health(self, report: dict[str, Any]) -> None:
        """The broker told what its agents are doing."""
        for agent in report["agents"]:
            row = self.rows.get(agent["name"])
            if row is None:
                continue
            handling = agent["handling"]
            row.now = agent["activity"] if handling and agent["activity"] else ""
            if handling and not row.now:
                row.now = f"handling {handling[0]['type'].rpartition('.v')[0]}"


class View(Protocol):
    """Where a build shows itself."""

    def phase(self, text: str) -> None:
        """Something that happens before or after the run itself."""

    def past(self, line: Line) -> None:
        """A message of the run from before this command."""

    def line(self, line: Line) -> None:
        """A message of the run."""

    def health(self, report: dict[str, Any]) -> None:
        """The broker's report."""

    def close(self) -> None:
        """The build is over."""


class SilentView:
    """For `--json`: the report is all there is."""

    def phase(self, text: str) -> None:
        """Nothing."""

    def past(self, line: Line) -> None:
        """Nothing."""

    def line(self, line: Line) -> None:
        """Nothing."""

    def health(self, report: dict[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class PlainView:
    """One line a message, for logs and pipes."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._start = clock()

    def phase(self, text: str) -> None:
        """One line."""
        self._write(f"{self._clock() - self._start:7.1f}  {text}")

    def past(self, line: Line) -> None:
        """Nothing: it has been printed where it happened."""

    def line(self, line: Line) -> None:
        """One line."""
        envelope = line.envelope
        sender = envelope.source.split("/")[0]
        name = envelope.type.rpartition(".v")[0]
        self.phase(f"{sender} -> {envelope.to or 'all'}  {name}  {summary(line.message)}")

    def health(self, report: dict[str, Any]) -> None:
        """Nothing: what an agent does now is for a view that can be drawn again."""

    def close(self) -> None:
        """Nothing."""


class Overheard:
    """Another view, and somebody who hears each new message before it is shown there."""

    def __init__(self, view: View, on_line: Callable[[Line], object]) -> None:
        self._view = view
        self._on_line = on_line

    def phase(self, text: str) -> None:
        """Shown."""
        self._view.phase(text)

    def past(self, line: Line) -> None:
        """Shown, and not told: it is no news."""
        self._view.past(line)

    def line(self, line: Line) -> None:
        """Told, and shown."""
        self._on_line(line)
        self._view.line(line)

    def health(self, report: dict[str, Any]) -> None:
        """Shown."""
        self._view.health(report)

    def close(self) -> None:
        """Close the view."""
        self._view.close()


class TerminalView:
    """A table that is drawn in place, a few times a second."""

    def __init__(self, console: Console, title: str, roles: tuple[str, ...]) -> None:
        self._title = title
        self._state = LiveState(roles)
        self._start = time.monotonic()
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def phase(self, text: str) -> None:
        """Shown in the head line."""
        self._state.phase = text

    def past(self, line: Line) -> None:
        """Into the rows."""
        self._state.on_line(line)

    def line(self, line: Line) -> None:
        """Into the rows."""
        self._state.phase = "running"
        self._state.on_line(line)

    def health(self, report: dict[str, Any]) -> None:
        """Into the rows."""
        self._state.on_health(report)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def render(self) -> RenderableType:
        """The head line, and the table of agents."""
        state = self._state
        head = Text(f"{self._title}  ", style="bold")
        head.append(f"{time.monotonic() - self._start:.0f} s  {state.phase}  round {state.round + 1}", "dim")
        head.append(f"  {state.tokens} tokens", "dim")
        if state.score is not None:
            head.append(f"  {state.score}/3", "green" if state.score == 3 else "yellow")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for row in state.rows.values():
            mark = Text("● " if row.now else "○ ", style="green" if row.now else "dim")
            doing = Text(row.now) if row.now else Text(row.last or "waiting", style="dim")
            table.add_row(mark + Text(row.name), doing)
        return Group(head, table)
