"""The broker process: one ROUTER socket (`door.py`), one synchronous loop, group commit.

Each turn drains the frames that are ready, applies them to the pure routing state, commits all
journal records in one transaction, and only then confirms and delivers. What it decides is in
`routing.py`; what it keeps is in `journal.py`; what it does when it cannot keep it, in `standstill.py`; how
it speaks, in `speaking.py`. `main.py` starts it.
"""

import os
import socket as stdlib_socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import zmq

from guildbus.bus.door import Door, Doorway
from guildbus.bus.events import (
    Action,
    Event,
    Fetch,
    Send,
    Spoiled,
    Store,
    Tick,
    Unreachable,
)
from guildbus.bus.journal import Journal
from guildbus.bus.late_log import LateLog
from guildbus.bus.listening import Listener
from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.bus.notices import Subscriptions
from guildbus.bus.outbox import Outbox
from guildbus.bus.permissions import Permissions
from guildbus.bus.routing import Routing
from guildbus.bus.speaking import Speaker
from guildbus.bus.standstill import Standstill, records_of
from guildbus.bus.state import Limits
from guildbus.protocols import ids, wire
from guildbus.protocols.errors import BusError, GuildbusError, JournalError, ProtocolError

if TYPE_CHECKING:
    from guildbus.bus.metrics_server import MetricsServer

IDLE_MS: Final = 1000
BUSY_MS: Final = 10
RESTORED_ACKS: Final = 10_000


class Broker:
    """The edge around `Routing`. `journal=None` makes a bus that forgets: for measuring only."""

    outbox_type: type[Outbox] = Outbox

    def __init__(
        self,
        endpoint: str,
        journal: Journal | None,
        limits: Limits,
        *,
        max_bytes: int = wire.DEFAULT_MAX_BYTES,
        permissions: Permissions | None = None,
        subscriptions: Subscriptions | None = None,
        max_connections: int = 256,
        keys: Path | None = None,
        metrics: "MetricsServer | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._metrics = metrics
        self._journal = journal
        self._clock = clock
        self._stopping = False
        self._wake_in, self._wake_out = stdlib_socket.socketpair()
        self._ticked = 0.0
        self._standstill: Standstill | None = None
        self._log = LateLog("broker")
        if journal is None:
            limits = replace(limits, window=sys.maxsize)  # there is nowhere else to keep a message
        next_seq = journal.next_seq() if journal else 1
        broker_id = ids.new_message_id()[-12:]
        self._routing = Routing(limits, broker_id, next_seq, permissions, subscriptions=subscriptions)
        if journal is not None:
            for damage in journal.damage:
                self._log.error("journal_damaged", place=damage.place, what=damage.what)
            found = journal.recovered(limits.only_run)
            self._routing.restore(found, clock(), journal.latest_acks(RESTORED_ACKS))
        self._socket_lock = self._claim(endpoint)
        self._door = Door(Doorway(endpoint, max_bytes, max_connections, keys))
        self._outbox = self.outbox_type(
            self._door.socket, self._routing.takes_batches, self._routing.is_patient, max_bytes
        )
        self._listener = Listener(self._door, self._outbox, max_bytes)
        self._speaker = Speaker(journal, self._door, self._outbox, self._journal_state)

    def _claim(self, endpoint: str) -> int | None:
        """libzmq silently takes over the ipc file of a living broker, so a lock beside it guards it."""
        if not endpoint.startswith("ipc://"):
            return None
        path = Path(endpoint.removeprefix("ipc://"))
        if len(os.fsencode(path)) > 100:
            raise BusError(
                "path is too long for a socket (100 bytes)", where=str(path), remedy="shorten state_dir"
            )
        return lock_file(lock_of(path), f"socket {path}")

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Finish the turn, then leave. A poll that a signal interrupts is resumed, so it is woken too."""
        if not self._stopping:
            # In this order: once the loop may leave, it closes what wakes it.
            self._wake_in.send(b"\0")
            self._stopping = True

    def run(self) -> None:
        """The loop, until `stop`."""
        poller = zmq.Poller()
        self._door.register(poller)
        poller.register(self._wake_out, zmq.POLLIN)
        if self._metrics is not None:
            self._metrics.register(poller)
        try:
            while not self._stopping:
                ready = poller.poll(self._pause_ms())
                now = self._clock()
                if self._standstill is None:
                    self._work(now)
                else:
                    self._stand_still(self._standstill, now)
                if self._metrics is not None and self._metrics.asks(ready):
                    self._metrics.answer(self._report())
        finally:
            self._outbox.send_everything()
            self._door.close()
            if self._metrics is not None:
                self._metrics.close()
            self._stopping = True
            self._wake_in.close()
            self._wake_out.close()
            if self._journal is not None:
                self._journal.close()
            if self._socket_lock is not None:
                path = Path(self._endpoint.removeprefix("ipc://"))
                path.unlink(missing_ok=True)
                unlock_file(lock_of(path), self._socket_lock)

    def _pause_ms(self) -> int:
        """How long there is nothing to do if nothing comes."""
        due, held = self._next_tick(), self._outbox.due
        return max(0, int((min(due, held or due) - self._clock()) * 1000)) + 1

    def _work(self, now: float) -> None:
        """One turn: hear, decide, commit, speak."""
        actions: list[Action] = []
        heard = self._drain(actions, now)
        ticking = now >= self._next_tick() and not _fetches(actions)
        if self._standstill is None and ticking:
            actions += self._routing.apply(Tick(), now)
            self._door.watch_list()
            self._ticked = now
        if self._standstill is None:
            self._turn(actions + self._farewells(now), now)
        if self._standstill is not None:
            self._outbox.send(now)
        elif ticking and not heard:
            self._tidy(now)

    def _next_tick(self) -> float:
        """When the next timer runs out, but neither too often nor too seldom; clocks may jump backwards."""
        if self._listener.waiting or self._clock() < self._ticked:
            return 0.0
        if self._standstill is not None:
            return self._standstill.retry_at
        idle = self._ticked + IDLE_MS / 1000
        due = self._routing.next_due()
        return idle if due is None else min(idle, max(due, self._ticked + BUSY_MS / 1000))

    def _drain(self, actions: list[Action], now: float) -> bool:
        """Apply the frames that are ready: whether there were any.

        An id is known once it is stored, also within this turn.
        """
        heard = False
        stored: set[str] = set()

        def knows(message_id: str) -> bool:
            return message_id in stored or (self._journal is not None and self._journal.knows(message_id))

        for peer, frames in self._listener.received():
            heard = True
            try:
                event = self._listener.event(peer, frames, knows)
            except JournalError as error:
                self._listener.refuse(peer, frames, error)
                self._halt(actions, now, error)
                break
            except ProtocolError as error:
                self._listener.refuse(peer, frames, error)
                continue
            decided = self._routing.apply(event, now)
            stored.update(action.packet.envelope.id for action in decided if isinstance(action, Store))
            actions += decided
            if decided and isinstance(decided[-1], Fetch):
                break  # it is answered before anything else is heard
        return heard

    # -- while the disk refuses --------------------------------------------------------------

    def _halt(self, actions: Sequence[Action], at: float, error: JournalError) -> None:
        """The disk refuses: keep these actions for later, and stand still until it takes them."""
        self._log.error("journal_read_only", reason=str(error))
        self._standstill = Standstill.begin(actions, at, error, self._clock())

    def _stand_still(self, standstill: Standstill, now: float) -> None:
        """Hear everyone, and try the same commit again when it is time."""
        for peer, frames in self._listener.received():
            try:
                event = self._listener.event(peer, frames, lambda _: False)
                refusal: GuildbusError | None = standstill.refusal(event)
            except ProtocolError as error:
                refusal = error
            if refusal is not None:
                self._listener.refuse(peer, frames, refusal)
            elif not standstill.postpones(event):
                self._speaker.say(standstill.join(self._routing.apply(event, now)), now)
        standstill.keep(Unreachable(peer) for peer in self._door.gone())
        self._outbox.send(now)
        if now < standstill.retry_at or self._journal is None:
            return
        self._door.watch_list()
        try:
            self._journal.commit(standstill.records, standstill.at)
        except JournalError as error:
            standstill.failed_again(error, now)
            return
        self._log.warning("journal_writable", after_s=round(now - standstill.since, 1))
        self._standstill = None
        self._routing.renew_leases(now)
        self._turn(self._spoken(standstill.actions, now), now)
        for late in standstill.postponed():
            self._catch_up(late, now)

    def _catch_up(self, late: Event, now: float) -> None:
        if self._standstill is None:
            self._turn(self._routing.apply(late, now), now)
        else:
            self._standstill.keep([late])

    def _journal_state(self) -> dict[str, Any]:
        """For the health report."""
        if self._journal is None:
            return {"state": "none"}
        state = {"state": "ok"} if self._standstill is None else self._standstill.report()
        return state | {"damaged": len(self._journal.damage)}

    def _report(self) -> dict[str, Any]:
        """As a HEARTBEAT with `health` tells it."""
        return self._speaker.completed(self._routing.health(self._clock()))

    def _tidy(self, now: float) -> None:
        """Housekeeping between two turns; what the disk refuses now is done another time."""
        if self._journal is None:
            return
        try:
            found = self._journal.tidy(now)
        except JournalError as error:
            self._log.warning("journal_untidy", reason=str(error))
            return
        for damage in found:
            self._log.error("journal_damaged", place=damage.place, what=damage.what)
            if damage.seq is not None:
                self._turn(self._routing.apply(Spoiled(damage.seq, damage.what), now), now)

    # -- speaking ----------------------------------------------------------------------------

    def _farewells(self, now: float) -> list[Action]:
        """What those had in hand whom the door has shown out goes to others; to them nothing is said."""
        return [
            action
            for peer in self._door.gone()
            for action in self._routing.apply(Unreachable(peer), now)
            if not (isinstance(action, Send) and action.peer == peer)
        ]

    def _turn(self, actions: list[Action], now: float) -> None:
        """Commit, then speak, and again with what follows from that."""
        while self._standstill is None:
            if self._journal is not None:
                try:
                    self._journal.commit(records_of(actions), now)
                except JournalError as error:
                    self._halt(actions, now, error)
                    return
            actions = self._spoken(actions, now)
            if not actions:
                return
        self._standstill.actions += actions

    def _spoken(self, actions: list[Action], now: float) -> list[Action]:
        """Say what is committed, and fetch what was asked for: what follows from it.

        An unreachable peer and a damaged message are events of their own.
        """
        events, unsaid, trouble = self._speaker.say(actions, now)
        fetches = _fetches(actions)
        following: list[Action] = []
        if fetches and trouble is None:
            try:
                following += self._answered(fetches.pop(0), now)
            except JournalError as error:
                fetches, trouble = _fetches(actions), error
        for event in events:
            following += self._routing.apply(event, now)
        following += fetches
        if trouble is not None:
            # It is committed, so only the saying waits.
            self._halt(unsaid, now, trouble)
        return following

    def _answered(self, fetch: Fetch, now: float) -> list[Action]:
        """What the routing decides from the page that it asked for."""
        if self._journal is None:
            raise BusError("a message was dropped from memory", where=f"queue {fetch.name}")
        return self._routing.apply(self._journal.fetch(fetch), now)


def _fetches(actions: list[Action]) -> list[Fetch]:
    return [action for action in actions if isinstance(action, Fetch)]
