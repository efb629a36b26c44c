"""The journal as the page's views need it. Everything here blocks: call it in a thread.

A record that is damaged, or that this version cannot read, is left out and counted: one of them must not hide
a run from the person who wants to know what happened to it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guildbus.bus.records import OPEN, Damaged
from guildbus.bus.tail import Attempt, JournalReader, Stored
from guildbus.launch.run_log import Line, RunLog, decode_line
from guildbus.launch.ui.views_message import opened
from guildbus.launch.ui.views_swimlane import is_over, lives_of, row_of
from guildbus.launch.ui.vitals import TYPES, Vitals
from guildbus.protocols.errors import ProtocolError, UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry

PAGE: Final = 500
SHOWN_RUNS: Final = 300
WATCHED: Final = 400
"""So many messages of one run are looked at for a change at a time."""


@contextmanager
def journal_of(path: Path) -> Iterator[JournalReader]:
    """A reader, closed afterwards. BusError if there is no journal yet."""
    reader = JournalReader(path)
    try:
        yield reader
    finally:
        reader.close()


def readable(stored: Sequence[Stored], registry: Registry) -> list[Line]:
    """Those that this version can read."""
    lines = []
    for one in stored:
        try:
            lines.append(decode_line(one, registry))
        except ProtocolError:
            continue
    return lines


def log_of(path: Path, run: str, registry: Registry, bodies: Sequence[type[Message]]) -> RunLog:
    """A run's messages of some types, without attempts. UsageError if it has none at all."""
    with journal_of(path) as reader:
        if not reader.since(0, run, 1, damaged=[]):
            raise UsageError("no such run", where=f"run {run!r}", remedy="the list of runs has them all")
        types = [body.wire_type() for body in bodies]
        return RunLog(run, tuple(readable(reader.history(run, types=types, damaged=[]), registry)))


def message_of(path: Path, run: str, seq: int, registry: Registry) -> dict[str, Any]:
    """One message, opened. UsageError if the run has none of this number."""
    with journal_of(path) as reader:
        found = reader.since(seq - 1, run, 1, damaged=[])
        if not found or found[0].seq != seq:
            raise UsageError("no such message", where=f"message {seq} of run {run!r}")
        return opened(found[0], reader.attempts_of([seq]), registry)


@dataclass(slots=True)
class RunTail:
    """One run as it grows: pages of rows, and the lives of messages that are not over."""

    reader: JournalReader
    run: str
    registry: Registry
    vitals: Vitals
    seq: int = 0
    unread: int = 0
    _open: dict[int, Any] = field(default_factory=dict)

    def next(self) -> dict[str, Any] | None:
        """`{rows, lives, unread}` since the last call: what is new and what has changed; None for nothing."""
        damaged: list[Damaged] = []
        stored = self.reader.since(self.seq, self.run, PAGE, damaged=damaged)
        lines = readable(stored, self.registry)
        self.unread += len(damaged) + len(stored) - len(lines)
        for line in lines:
            self.vitals.on_line(line)
        if stored:
            self.seq = stored[-1].seq
        lives = self._changed(stored)
        if not stored and not lives and not damaged:
            return None
        return {"rows": [row_of(line) for line in lines], "lives": lives, "unread": self.unread}

    def _changed(self, stored: Sequence[Stored]) -> dict[int, Any]:
        watched = [*list(self._open)[:WATCHED], *(one.seq for one in stored)]
        attempts: list[Attempt] = self.reader.attempts_of(watched) if watched else []
        lives = lives_of(attempts)
        for one in stored:
            if one.state == OPEN:
                self._open[one.seq] = None
        changed = {seq: life for seq, life in lives.items() if self._open.get(seq) != life}
        for seq, life in changed.items():
            if is_over(life):
                self._open.pop(seq, None)
            elif seq in self._open:
                self._open[seq] = life
        return changed


@dataclass(slots=True)
class RunsIndex:
    """The newest runs, each a line, kept up with the journal."""

    registry: Registry
    seq: int = 0
    vitals: dict[str, Vitals] = field(default_factory=dict)

    def refresh(self, path: Path) -> bool:
        """Read what is new; whether anything was."""
        if not path.is_file():
            return False
        with journal_of(path) as reader:
            newest = reader.last_seq()
            if newest == self.seq:
                return False
            if newest < self.seq or not self.vitals:  # another journal, or the first look at this one
                self._read_all(reader, newest)
            else:
                self._read_on(reader, newest)
            self.seq = newest
        return True

    def _read_all(self, reader: JournalReader, newest: int) -> None:
        self.vitals.clear()
        for run in reader.runs(SHOWN_RUNS):
            self._hear(readable(reader.history(run, newest, TYPES, damaged=[]), self.registry))

    def _read_on(self, reader: JournalReader, newest: int) -> None:
        seq = self.seq
        while seq < newest and (stored := reader.since(seq, None, PAGE, damaged=[])):
            seq = stored[-1].seq
            known = [one for one in stored if one.seq <= newest and one.packet.envelope.type in TYPES]
            self._hear(readable(known, self.registry))

    def _hear(self, lines: Sequence[Line]) -> None:
        for line in lines:
            run = line.envelope.subject
            if run not in self.vitals:
                self.vitals[run] = Vitals(run)
            self.vitals[run].on_line(line)
