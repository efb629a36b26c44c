"""The broker process: one ROUTER socket (`door.py`), one synchronous loop, group commit.

Each turn drains the frames that are ready, applies them to the pure routing state, commits all
journal records in one transaction, and only then confirms and delivers. What it decides is in
`routing.py`; what it keeps is in `journal.py`. Started as `python -P -m guildbus.bus.broker`.
"""

import argparse
import json
import os
import signal
import socket as stdlib_socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

import apsw
import zmq

from guildbus.bus import reading
from guildbus.bus.door import Door, Doorway, worth_a_line
from guildbus.bus.events import (
    Action,
    Deliver,
    Fetch,
    Hello,
    Peer,
    RecordOutcome,
    Send,
    Store,
    Tick,
    Unreachable,
)
from guildbus.bus.journal import Journal
from guildbus.bus.late_log import LateLog
from guildbus.bus.letters import refusal_header
from guildbus.bus.lifeline import watch_lifeline
from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.bus.outbox import Outbox
from guildbus.bus.permissions import Permissions
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols import ids, wire
from guildbus.protocols.errors import BusError, GuildbusError, ProtocolError
from guildbus.protocols.wire import Kind, Packet

TURN_FRAMES: Final = 512
IDLE_MS: Final = 1000
BUSY_MS: Final = 10
HOT_PACKETS: Final = 2048
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
        max_connections: int = 256,
        keys: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._journal = journal
        self._clock = clock
        self._max_bytes = max_bytes
        self._hot: dict[int, Packet] = {}
        self._stopping = False
        self._wake_in, self._wake_out = stdlib_socket.socketpair()
        self._ticked = 0.0
        self._log = LateLog("broker")
        if journal is None:
            limits = replace(limits, window=sys.maxsize)  # there is nowhere else to keep a message
        next_seq = journal.next_seq() if journal else 1
        self._routing = Routing(limits, ids.new_message_id()[-12:], next_seq, permissions)
        if journal is not None:
            found = journal.recovered(limits.only_run)
            self._routing.restore(found, clock(), journal.latest_acks(RESTORED_ACKS))
        self._socket_lock = self._claim(endpoint)
        self._door = Door(Doorway(endpoint, max_bytes, max_connections, keys))
        self._outbox = self.outbox_type(
            self._door.socket, self._routing.takes_batches, self._routing.is_patient, max_bytes
        )

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
            self._stopping = True
            self._wake_in.send(b"\0")

    def run(self) -> None:
        """The loop, until `stop`."""
        poller = zmq.Poller()
        self._door.register(poller)
        poller.register(self._wake_out, zmq.POLLIN)
        try:
            while not self._stopping:
                poller.poll(self._pause_ms())
                now = self._clock()
                actions = self._drain(now)
                if now >= self._next_tick() and not _fetches(actions):
                    actions += self._routing.apply(Tick(), now)
                    self._door.watch_list()
                    self._ticked = now
                actions += self._farewells(now)
                self._turn(actions, now)
        finally:
            self._outbox.send_everything()
            self._door.close()
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

    def _next_tick(self) -> float:
        """When the next timer runs out, but neither too often nor too seldom; clocks may jump backwards."""
        if self._clock() < self._ticked:
            return 0.0
        idle = self._ticked + IDLE_MS / 1000
        due = self._routing.next_due()
        return idle if due is None else min(idle, max(due, self._ticked + BUSY_MS / 1000))

    def _drain(self, now: float) -> list[Action]:
        """Apply the frames that are ready. An id is known once it is stored, also within this turn."""
        actions: list[Action] = []
        stored: set[str] = set()

        def knows(message_id: str) -> bool:
            return message_id in stored or (self._journal is not None and self._journal.knows(message_id))

        self._door.attend()
        for peer, frames in self._received():
            try:
                event = reading.event_of(peer, wire.parse(frames, self._max_bytes), knows)
                if isinstance(event, Hello):
                    self._door.check(event)
            except ProtocolError as error:
                self._refuse(peer, frames, error)
                continue
            decided = self._routing.apply(event, now)
            stored.update(action.packet.envelope.id for action in decided if isinstance(action, Store))
            actions += decided
            if decided and isinstance(decided[-1], Fetch):
                break  # it is answered before anything else is heard
        return actions

    def _received(self) -> Iterator[tuple[Peer, list[bytes]]]:
        """The frame sets that are ready, but no more than make a turn; each one of a BATCH by itself."""
        count = 0
        while count < TURN_FRAMES:
            try:
                received = self._door.receive()
            except zmq.Again:
                return
            count += 1
            if received is None:
                continue
            peer, frames = received
            try:
                frame_sets = wire.unpack_batch(frames, self._max_bytes)
            except ProtocolError as error:
                self._refuse(peer, frames, error)
                continue
            count += len(frame_sets)
            for frame_set in frame_sets:
                if self._door.is_shut(peer):
                    break
                yield peer, frame_set

    def _farewells(self, now: float) -> list[Action]:
        """What those had in hand whom the door has shown out goes to others; to them nothing is said."""
        return [
            action
            for peer in self._door.gone()
            for action in self._routing.apply(Unreachable(peer), now)
            if not (isinstance(action, Send) and action.peer == peer)
        ]

    def _refuse(self, peer: Peer, frames: list[bytes], error: GuildbusError) -> None:
        self._door.offended(peer, error.code)
        if worth_a_line(self._door.refused[error.code]):
            self._log.warning("frame_refused", code=error.code, what=error.what, where=error.where)
        header = refusal_header(error, reading.refused_subject(frames))
        self._outbox.add(peer, wire.build(Kind.ERROR, header))

    def _turn(self, actions: list[Action], now: float) -> None:
        """Commit, then speak. An unreachable peer is an event of its own, and a turn of its own."""
        while True:
            records = [action for action in actions if not isinstance(action, Send | Deliver | Fetch)]
            if self._journal is not None:
                self._journal.commit(records, now)
            for record in records:
                if isinstance(record, Store) and record.queue is not None:
                    self._keep(record.seq, record.packet)
            lost = self._transmit(actions, now)
            for record in records:
                if isinstance(record, RecordOutcome) and record.outcome != "failed":
                    self._hot.pop(record.seq, None)
            fetches = _fetches(actions)
            if not lost and not fetches:
                return
            actions = self._answered(fetches[0], now) if fetches else []
            actions += [action for peer in lost for action in self._routing.apply(Unreachable(peer), now)]
            actions += fetches[1:]

    def _answered(self, fetch: Fetch, now: float) -> list[Action]:
        """What the routing decides from the page that it asked for."""
        if self._journal is None:
            raise BusError("a message was dropped from memory", where=f"queue {fetch.name}")
        return self._routing.apply(self._journal.fetch(fetch), now)

    def _transmit(self, actions: list[Action], now: float) -> list[Peer]:
        """Send what there is to send; the peers that could not be reached."""
        for action in actions:
            if isinstance(action, Deliver):
                frames = wire.build_delivery(self._packet(action.seq), action.attempt, action.seq)
                self._outbox.add(action.peer, frames, delivery=True)
            elif isinstance(action, Send):
                if action.kind is Kind.ERROR:
                    self._door.offended(action.peer, action.header["code"])
                elif "health" in action.header:
                    action.header["health"]["refused"] = dict(self._door.refused)
                confirmation = action.kind is Kind.ACCEPTED
                self._outbox.add(
                    action.peer, wire.build(action.kind, action.header), confirmation=confirmation
                )
        return self._outbox.send(now)

    def _packet(self, seq: int) -> Packet:
        packet = self._hot.get(seq)
        if packet is None:
            if self._journal is None:
                raise BusError("a message was dropped from memory", where=f"seq {seq}")
            packet = self._journal.packet(seq)
        return packet

    def _keep(self, seq: int, packet: Packet) -> None:
        self._hot[seq] = packet
        if self._journal is not None and len(self._hot) > HOT_PACKETS:
            del self._hot[next(iter(self._hot))]


def _fetches(actions: list[Action]) -> list[Fetch]:
    return [action for action in actions if isinstance(action, Fetch)]


def main() -> None:
    """Run a broker until SIGTERM. Prints one JSON line `{"ready": endpoint}` when it listens."""
    parser = argparse.ArgumentParser(prog="guildbus.bus.broker", description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--limits", default="{}", help="JSON object of guildbus.bus.state.Limits")
    parser.add_argument("--permissions", help="JSON object {role: [types]}; without it all may say all")
    parser.add_argument("--keys", type=Path, help="the folder of keys: a must for tcp://")
    parser.add_argument("--max-connections", type=int, default=256)
    parser.add_argument("--max-bytes", type=int, default=wire.DEFAULT_MAX_BYTES)
    arguments = parser.parse_args()
    watch_lifeline()
    try:
        limits = Limits(**json.loads(arguments.limits))
        table = arguments.permissions
        broker = Broker(
            arguments.endpoint,
            Journal(arguments.journal),
            limits,
            max_bytes=arguments.max_bytes,
            max_connections=arguments.max_connections,
            keys=arguments.keys,
            permissions=None if table is None else Permissions(json.loads(table)),
        )
    except (GuildbusError, apsw.Error) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)
    signal.signal(signal.SIGTERM, broker.stop)
    signal.signal(signal.SIGINT, broker.stop)
    sys.stdout.write(json.dumps({"ready": arguments.endpoint}) + "\n")
    sys.stdout.flush()
    broker.run()


if __name__ == "__main__":
    main()
