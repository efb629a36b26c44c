"""A run as the journal has it, decoded: what reports, traces and live views are made from."""

from dataclasses import dataclass
from typing import TypeVar

from guildbus.bus.tail import Attempt, JournalReader, Stored
from guildbus.protocols import codec
from guildbus.protocols.envelope import Envelope, parse_time
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.messages.control import DeadRequeued
from guildbus.protocols.registry import Registry

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a run. `at` is when it was published, in seconds since the epoch."""

    seq: int
    envelope: Envelope
    message: Message
    size_bytes: int

    @property
    def at(self) -> float:
        """Seconds since the epoch."""
        return parse_time(self.envelope.time) or 0.0


@dataclass(frozen=True, slots=True)
class RunLog:
    """All messages of a run in journal order, and what happened to each."""

    run: str
    lines: tuple[Line, ...]
    attempts: tuple[Attempt, ...] = ()

    def of(self, body: type[MessageT]) -> list[MessageT]:
        """The messages of one type, in order."""
        return [line.message for line in self.lines if isinstance(line.message, body)]


def decode_line(stored: Stored, registry: Registry) -> Line:
    """One stored message, decoded."""
    packet = stored.packet
    message = codec.decode(packet.envelope.type, packet.body, registry)
    return Line(stored.seq, packet.envelope, message, len(packet.body))


def over_after(message: Message, over: bool) -> bool:
    """Whether a run is over once this message is there; `over` says whether it was before."""
    if isinstance(message, BuildFinished | DeadRequeued):
        return isinstance(message, BuildFinished)
    return over


def read_run(reader: JournalReader, run: str, registry: Registry) -> RunLog:
    """A run's messages and their attempts."""
    lines = tuple(decode_line(stored, registry) for stored in reader.history(run))
    return RunLog(run, lines, tuple(reader.attempts(run)))


def find_run(reader: JournalReader, wanted: str) -> str:
    """The run that a person means: its whole name, a part of it that fits only one, or `last`.

    Raises UsageError when there is none, or more than one.
    """
    if wanted == "last" and (newest := reader.runs(limit=1)):
        return newest[0]
    runs = reader.runs()
    if wanted in runs:
        return wanted
    fitting = [run for run in runs if wanted in run]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        shown = ", ".join(fitting[:5])
        raise UsageError(
            f"{len(fitting)} runs fit: {shown}", where=f"run {wanted!r}", remedy="say more of its name"
        )
    raise UsageError("no such run", where=f"run {wanted!r}", remedy="`guildbus runs` lists them")


def find_message(reader: JournalReader, wanted: str, run: str | None = None) -> Stored:
    """The message that a person means: its number (`17`, `#17`) or the start of its id, in one run or in all.

    Raises UsageError when there is none, or more than one.
    """
    found = reader.matching(wanted.removeprefix("#"), run)
    if len(found) == 1:
        return found[0]
    where = f"message {wanted!r}"
    if found:
        shown = ", ".join(f"#{one.seq} {one.packet.envelope.id}" for one in found[:5])
        raise UsageError(
            f"several messages fit: {shown}", where=where, remedy="say more of its id, or its number"
        )
    remedy = "`guildbus trace RUN` shows a number for each message" + (" of that run" if run else "")
    raise UsageError("no such message", where=where, remedy=remedy)
