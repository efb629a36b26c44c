"""What one turn of the broker has to say, gathered by peer and sent when the turn is durable.

A peer that reads BATCH gets what there is for it in one ZeroMQ message: sending one costs the broker more
than deciding about it. Peers that get a delivery come first, because somebody waits for those. A confirmation
for a patient peer waits a moment: most often an answer follows that it can travel with.
"""

from collections.abc import Callable
from typing import Final

import zmq

from guildbus.bus.events import Peer
from guildbus.bus.late_log import LateLog, worth_a_line
from guildbus.protocols import wire

PATIENCE_S: Final = 0.002
_DONTWAIT: Final = int(zmq.DONTWAIT)
_MORE: Final = int(zmq.DONTWAIT | zmq.SNDMORE)


class Outbox:
    """The sending half of a ROUTER socket. The two callables say what a peer said of itself in HELLO."""

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        takes_batches: Callable[[Peer], bool],
        is_patient: Callable[[Peer], bool],
        max_bytes: int,
    ) -> None:
        self._socket = socket
        self._takes_batches = takes_batches
        self._is_patient = is_patient
        self._batch_bytes = min(wire.BATCH_BYTES, max_bytes)
        self._frame_sets: dict[Peer, list[list[bytes]]] = {}
        self._expecting: dict[Peer, None] = {}
        self._log = LateLog("broker")
        self._urgent: dict[Peer, None] = {}
        self._confirmed: dict[Peer, None] = {}
        self._held: dict[Peer, float] = {}
        self._unreached = 0

    @property
    def due(self) -> float | None:
        """When `send` must be called at the latest, on the caller's clock; None if nothing is held."""
        return next(iter(self._held.values()), None)

    def add(
        self, peer: Peer, frames: list[bytes], *, delivery: bool = False, confirmation: bool = False
    ) -> None:
        """One frame set, after those that this peer has already."""
        frame_sets = self._frame_sets.get(peer)
        if frame_sets is None:
            frame_sets = self._frame_sets[peer] = []
        frame_sets.append(frames)
        if delivery:
            self._expecting[peer] = None
        elif confirmation:
            self._confirmed[peer] = None
        else:
            self._urgent[peer] = None

    def send(self, now: float) -> list[Peer]:
        """Send all that is to go now; the peers that should have had a delivery and could not be reached."""
        expecting, self._expecting = self._expecting, {}
        urgent, self._urgent = self._urgent, {}
        confirmed, self._confirmed = self._confirmed, {}
        lost = [peer for peer in expecting if not self._send_all(peer)]
        for peer in urgent:
            self._send_all(peer)
        for peer in confirmed:
            if peer not in self._frame_sets or peer in self._held:
                continue  # it went with something else, or waits with an earlier one
            if self._is_patient(peer):
                self._held[peer] = now + PATIENCE_S
            else:
                self._send_all(peer)
        while self._held:
            peer, held_until = next(iter(self._held.items()))  # who has waited longest
            if now < held_until <= now + PATIENCE_S:  # clocks may jump back
                break
            self._send_all(peer)
        return lost

    def send_everything(self) -> None:
        """Hold nothing back any more."""
        for peer in list(self._frame_sets):
            self._send_all(peer)

    def _send_all(self, peer: Peer) -> bool:
        self._held.pop(peer, None)
        frame_sets = self._frame_sets.pop(peer, [])
        if len(frame_sets) > 1 and self._takes_batches(peer):
            frame_sets = wire.in_batches(frame_sets, self._batch_bytes)
        return all(self._send(peer, frames) for frames in frame_sets)

    def _send(self, peer: Peer, frames: list[bytes]) -> bool:
        """False if the peer is gone (EHOSTUNREACH) or takes nothing more (EAGAIN)."""
        send = self._socket.send
        version, kind, header, body = frames
        try:
            # The five sends that send_multipart makes, without its arithmetic on enumerations.
            send(peer, _MORE)
            send(version, _MORE)
            send(kind, _MORE)
            send(header, _MORE)
            send(body, _DONTWAIT)
        except zmq.ZMQError as error:
            self._unreached += 1
            if worth_a_line(self._unreached):
                self._log.info("peer_unreachable", error=error.strerror, count=self._unreached)
            return False
        return True
