"""This bus driven by hand: pyzmq, msgpack and docs/protocol.md, as thin as the forwarder's clients.

What is measured with these is the broker. They answer every delivery and check every confirmation, but keep
nothing for a reconnect: an agent needs `guildbus.bus.client`. What is due to be sent at one time goes into
one BATCH, as the protocol offers it.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgpack
import zmq

from guildbus.launch.bench.bus.sides import BenchError
from guildbus.protocols import ids
from guildbus.protocols.envelope import format_time

VERSION: Final = b"\x01"
HELLO, WELCOME, PUBLISH, ACCEPTED, DELIVER, ACK = (bytes([kind]) for kind in range(1, 7))
CREDIT: Final = b"\x0a"
BATCH: Final = b"\x0d"
BATCH_BYTES: Final = 128 * 1024
PLENTY: Final = 100_000


class Connection:
    """One agent that has said HELLO."""

    def __init__(self, endpoint: str, name: str, credit: int = PLENTY) -> None:
        self.name = name
        self.open = 0
        self._due: list[bytes] = []
        self._due_bytes = 0
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        me = {"agent": name, "role": name, "incarnation": ids.new_message_id(), "credit": credit}
        self.due(HELLO, me | {"batch": True, "patient": True})
        self.flush()
        if self.socket.recv_multipart()[1] != WELCOME:
            raise BenchError("no WELCOME", where=name)

    def due(self, kind: bytes, header: dict[str, Any], body: bytes = b"") -> None:
        """One frame set, to be sent with the next `flush`."""
        self._due += (kind, msgpack.packb(header), body)
        self._due_bytes += len(body)
        if self._due_bytes > BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is due."""
        if len(self._due) == 3:
            self.socket.send_multipart([VERSION, *self._due])
        elif self._due:
            self.socket.send_multipart([VERSION, BATCH, b"\x80", msgpack.packb(self._due)])
        self._due, self._due_bytes = [], 0

    def receive(self, flags: int = 0) -> list[tuple[dict[str, Any], bytes]]:
        """The deliveries in one ZeroMQ message, envelope and body, and count its confirmations.

        Raises BenchError for a refusal.
        """
        _, *frames = self.socket.recv_multipart(flags)
        if frames[0] == BATCH:
            frames = msgpack.unpackb(frames[2])
        deliveries = []
        for at in range(0, len(frames), 3):
            kind, header, body = frames[at : at + 3]
            if kind == DELIVER:
                deliveries.append((msgpack.unpackb(header), body))
            elif kind == ACCEPTED:
                self.open -= 1
            else:
                raise BenchError(f"refused: {msgpack.unpackb(header)}", where=self.name)
        return deliveries

    def envelope(self, to: str, made: float, cause: str | None = None) -> dict[str, Any]:
        """A new message's."""
        attributes = {
            "specversion": "1.0",
            "id": ids.new_message_id(),
            "source": self.name,
            "type": "bench.echo.v1",
            "subject": "bench",
            "time": format_time(made),
            "to": to,
        }
        return attributes if cause is None else attributes | {"causationid": cause}

    def acknowledge(self, delivery: dict[str, Any], emits: bytes = b"", credit: int = 1) -> None:
        """Settle a delivery, and publish what it led to, with the next `flush`."""
        self.open += 1
        self.due(ACK, {"id": delivery["id"], "attempt": delivery["attempt"], "credit": credit}, emits)


class ThinAsker(Connection):
    """Publishes requests to the answerer of its own number, and settles the answers."""

    def __init__(self, endpoint: str, number: int) -> None:
        super().__init__(endpoint, f"asker-{number}")
        self._target = f"answerer-{number}"
        self._taken: list[dict[str, Any]] = []

    def ask(self, bodies: Sequence[bytes]) -> None:
        """PUBLISH each, and settle the answers that led to this."""
        now = time.time()
        for body in bodies:
            self.open += 1
            self.due(PUBLISH, self.envelope(self._target, now), body)
        self._settle_taken()

    def take(self, flags: int = 0) -> list[bytes]:
        """Answers; they are settled with the next requests."""
        deliveries = self.receive(flags)
        self._taken += [delivery for delivery, _ in deliveries]
        return [body for _, body in deliveries]

    def _settle_taken(self) -> None:
        for delivery in self._taken:
            self.acknowledge(delivery)
        self._taken.clear()
        self.flush()

    def settle(self) -> None:
        """Wait until every request and every acknowledgement is confirmed."""
        self._settle_taken()
        while self.open:
            self.receive()


class ThinAnswerer(Connection):
    """Acknowledges each request with its answer, in one transaction."""

    def __init__(self, endpoint: str, number: int) -> None:
        super().__init__(endpoint, f"answerer-{number}")
        self._target = f"asker-{number}"

    def take(self, flags: int = 0) -> list[bytes]:
        """Requests, answered."""
        deliveries = self.receive(flags)
        now = time.time()
        for delivery, body in deliveries:
            answer = self.envelope(self._target, now, delivery["id"])
            self.acknowledge(delivery, msgpack.packb([msgpack.packb(answer), body]))
        self.flush()
        return [body for _, body in deliveries]
