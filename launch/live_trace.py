"""A run's messages as they come, a line each: what `guildbus trace -f` prints.

`Follower` makes the lines and is pure; `followed` reads the journal for it until the run has ended. It only
reads, so the build is not slower for it.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from guildbus.bus.tail import Attempt, JournalReader
from guildbus.launch import about
from guildbus.launch.filtering import Wanted
from guildbus.launch.run_log import Line, decode_line, over_after
from guildbus.launch.tracing import Look, Row, summary
from guildbus.protocols.registry import Registry

POLL_S: Final = 0.2
PAGE: Final = 500


class Follower:
    """What has been seen of a run. A message is a `Row`, and so is an attempt that did not settle one."""

    def __init__(self, wanted: Wanted | None = None) -> None:
        self._wanted = wanted or Wanted()
        self._start: float | None = None
        self._numbers: dict[str, int] = {}
        self._shown: set[int] = set()
        self.ended = False

    def on_line(self, line: Line) -> Row | None:
        """A message was published; None if it is not wanted."""
        self._start = line.at if self._start is None else self._start
        self._numbers[line.envelope.id] = line.seq
        self.ended = over_after(line.message, self.ended)
        if not self._wanted.takes(line):
            return None
        self._shown.add(line.seq)
        envelope = line.envelope
        cause = self._numbers.get(envelope.causationid or "")
        name = f"#{line.seq} {about.short_type(envelope.type)}"
        way = f"{about.agent_name(envelope.source)} -> {envelope.to or 'all'}"
        behind = f" <- #{cause}" if cause is not None else ""
        looks: dict[str, Look] = {"good": "good", "bad": "bad"}
        text = f"{line.at - self._start:8.2f}  {name}{behind}  {way}  {summary(line.message)}"
        return Row(text, looks.get(about.verdict_of(line.message), ""))

    def on_ended(self, one: Attempt) -> Row | None:
        """An attempt ended; None if it settled its message, or that is not wanted."""
        if one.event == "settled" or one.seq not in self._shown:
            return None
        who = f" by {one.agent}" if one.agent else ""
        said = f"#{one.seq} attempt {one.attempt}{who}: {one.event}: {one.code}: {one.reason}"
        return Row(f"{one.at - (self._start or one.at):8.2f}  {said}", "bad")


def followed(
    reader: JournalReader,
    run: str,
    registry: Registry,
    follower: Follower,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Line | None, Row]]:
    """Everything of a run so far and then what comes, until it has ended. An attempt comes without a line."""
    seq = settled = 0
    due = True
    while True:
        if not due and not reader.changed():
            sleep(POLL_S)
            continue
        found = reader.since(seq, run, PAGE)
        due = bool(found)
        for stored in found:
            seq = stored.seq
            line = decode_line(stored, registry)
            if (row := follower.on_line(line)) is not None:
                yield line, row
        if len(found) == PAGE:
            continue
        settled, ended = reader.endings(run, settled)
        yield from ((None, row) for one in ended if (row := follower.on_ended(one)) is not None)
        if follower.ended and not found:
            return
        if not found:
            sleep(POLL_S)
