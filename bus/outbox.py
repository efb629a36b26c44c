"""What one turn of the broker has to say, gathered by peer and sent when the turn is durable.

A peer that reads BATCH gets what there is for it in one ZeroMQ message: sending one costs the broker more
than deciding about it. Peers that get a delivery come first, because somebody waits for those.
"""

from collections.abc import Callable
from typing import Final

import zmq

from guildbus.bus.events import Peer
from guildbus.bus.late_log import LateLog
from guildbus.protocols import wire

_DONTWAIT: Final = int(zmq.DONTWAIT)
_MORE: Final = int(zmq.DONTWAIT | zmq.SNDMORE)


class Outbox:
    """The sending half of a ROUTER socket."""

    def __init__(
        self, socket: "zmq.Socket[bytes]", takes_batches: Callable[[Peer], bool], max_bytes: int
    ) -> None:
        self._socket = socket
        self._takes_batches = takes_batches
        self._batch_bytes = min(wire.BATCH_BYTES, max_bytes)
        self._frame_sets: dict[Peer, list[list[bytes]]] = {}
        self._expecting: dict[Peer, None] = {}
        self._log = LateLog("broker")

    def add(self, peer: Peer, frames: list[bytes], *, delivery: bool = False) -> None:
        """One frame set, after those that this peer has already."""
        self._frame_sets.setdefault(peer, []).append(frames)
        if delivery:
            self._expecting[peer] = None

    def send(self) -> list[Peer]:
        """Send it all; the peers that should have had a delivery and could not be reached."""
        waiting, self._frame_sets = self._frame_sets, {}
        expecting, self._expecting = self._expecting, {}
        lost = [peer for peer in expecting if not self._send_all(peer, waiting.pop(peer))]
        for peer, frame_sets in waiting.items():
            self._send_all(peer, frame_sets)
        return lost

    def _send_all(self, peer: Peer, frame_sets: list[list[bytes]]) -> bool:
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
            self._log.info("peer_unreachable", error=error.strerror)
            return False
        return True
