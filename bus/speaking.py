"""The broker's mouth: what is durable is said, and what could not be said is told.

Messages come from memory while they are fresh, else from the journal, where each is checked against its
checksum: one that is damaged is never said. `broker.py` decides when, `outbox.py` puts the frames together.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from guildbus.bus.door import Door
from guildbus.bus.events import Action, Deliver, Event, RecordOutcome, Send, Spoiled, Store, Unreachable
from guildbus.bus.integrity import Damage
from guildbus.bus.journal import Journal
from guildbus.bus.late_log import LateLog
from guildbus.bus.outbox import Outbox
from guildbus.bus.records import Damaged
from guildbus.protocols import wire
from guildbus.protocols.errors import BusError, JournalError
from guildbus.protocols.wire import Kind, Packet

HOT_PACKETS: Final = 2048

Stored = tuple[bytes, bytes]
"""A message as it is kept and sent: its packed envelope, and its body."""


class Speaker:
    """`journal_state()` is the journal's part of the health report."""

    def __init__(
        self,
        journal: Journal | None,
        door: Door,
        outbox: Outbox,
        journal_state: Callable[[], dict[str, Any]],
    ) -> None:
        self._journal = journal
        self._door = door
        self._outbox = outbox
        self._journal_state = journal_state
        self._hot: dict[int, Stored] = {}
        self._coldest = 0
        self._log = LateLog("broker")

    def say(
        self, actions: Sequence[Action], now: float
    ) -> tuple[list[Event], list[Action], JournalError | None]:
        """Send what there is to send.

        Gives the events that follow from what is damaged or cannot be reached; and, if the disk refuses to
        give a message, that error and all that was not said for it.
        """
        for action in actions:
            if isinstance(action, Store) and action.queue is not None:
                self._keep(action.seq, action.packet)
        events: list[Event] = []
        unsaid: list[Action] = []
        trouble: JournalError | None = None
        cold = self._read_ahead(actions)
        for at, action in enumerate(actions):
            if isinstance(action, Deliver):
                try:
                    packed, body = cold.get(action.seq) or self._stored(action.seq)
                except Damaged as error:
                    events.append(self._spoiled(error, now))
                    continue
                except JournalError as error:
                    trouble = error
                    unsaid = [one for one in actions[at:] if isinstance(one, Send | Deliver)]
                    break
                frames = wire.build_delivery(packed, body, action.attempt, action.seq)
                self._outbox.add(action.peer, frames, delivery=True)
            elif isinstance(action, Send):
                if action.kind is Kind.ERROR:
                    self._door.offended(action.peer, action.header["code"])
                frames = wire.build(action.kind, self._completed(action.header))
                self._outbox.add(action.peer, frames, confirmation=action.kind is Kind.ACCEPTED)
        events += [Unreachable(peer) for peer in self._outbox.send(now)]
        for action in actions:
            if isinstance(action, RecordOutcome) and action.outcome != "failed":
                self._hot.pop(action.seq, None)
        return events, unsaid, trouble

    def _completed(self, header: dict[str, Any]) -> dict[str, Any]:
        """A health report gets what the routing does not know."""
        if "health" not in header:
            return header
        return {**header, "health": self.completed(header["health"])}

    def completed(self, report: dict[str, Any]) -> dict[str, Any]:
        """A health report with refusals, and the state of the journal."""
        return {**report, "refused": dict(self._door.refused), "journal": self._journal_state()}

    def _read_ahead(self, actions: Sequence[Action]) -> dict[int, Stored]:
        """What is to be delivered and is not in memory. What cannot be read `_stored` will tell of."""
        hot = self._hot
        cold = [one.seq for one in actions if isinstance(one, Deliver) and one.seq not in hot]
        if self._journal is None or len(cold) < 2:
            return {}
        try:
            return self._journal.stored_of(cold)
        except JournalError:
            return {}

    def _stored(self, seq: int) -> Stored:
        hot = self._hot.get(seq)
        if hot is not None:
            return hot
        if self._journal is None:
            raise BusError("a message was dropped from memory", where=f"seq {seq}")
        try:
            return self._journal.stored(seq)
        except KeyError:
            raise Damaged(seq, "it is not there") from None

    def _keep(self, seq: int, packet: Packet) -> None:
        if not self._hot:
            self._coldest = seq
        self._hot[seq] = (wire.pack_envelope(packet), packet.body)
        while self._journal is not None and len(self._hot) > HOT_PACKETS:
            # By number, and not by next(iter()), which passes over all that was ever taken out of a dict.
            self._hot.pop(self._coldest, None)
            self._coldest += 1

    def _spoiled(self, error: Damaged, now: float) -> Spoiled:
        self._log.error("journal_damaged", place=error.where, what=error.what)
        if self._journal is not None:
            self._journal.note_damage(Damage(error.where, error.what, error.seq), now)
        return Spoiled(error.seq, error.what)
