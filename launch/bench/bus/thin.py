"""This bus driven by hand: pyzmq, msgpack and docs/protocol.md, as thin as the forwarder's clients.

What is measured with these is the broker. They answer every delivery and check every confirmation, but keep
nothing for a reconnect: an agent needs `guildbus.bus.client`.
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
PLENTY: Final = 100_000


class Connection:
    """One agent that has said HELLO."""

    def __init__(self, endpoint: str, name: str, credit: int = PLENTY) -> None:
        self.name = name
        self.open = 0
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        me = {"agent": name, "role": name, "incarnation": ids.new_message_id(), "credit": credit}
        self.send(HELLO, me)
        if self.socket.recv_multipart()[1] != WELCOME:
            raise BenchError("no WELCOME", where=name)

    def send(self, kind: bytes, header: dict[str, Any], body: bytes = b"") -> None:
        """One frame set."""
        self.socket.send_multipart([VERSION, kind, msgpack.packb(header), body])

    def receive(self, flags: int = 0) -> tuple[dict[str, Any], bytes] | None:
        """A delivery's envelope and body; None for a confirmation. Raises BenchError for anything else."""
        _, kind, header, body = self.socket.recv_multipart(flags)
        if kind == DELIVER:
            return msgpack.unpackb(header), body
        if kind != ACCEPTED:
            raise BenchError(f"refused: {msgpack.unpackb(header)}", where=self.name)
        self.open -= 1
        return None

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
        """Settle a delivery, and publish what it led to."""
        self.open += 1
        self.send(ACK, {"id": delivery["id"], "attempt": delivery["attempt"], "credit": credit}, emits)


class ThinAsker(Connection):
    """Publishes requests to the answerer of its own number, and settles the answers."""

    def __init__(self, endpoint: str, number: int) -> None:
        super().__init__(endpoint, f"asker-{number}")
        self._target = f"answerer-{number}"

    def ask(self, bodies: Sequence[bytes]) -> None:
        """PUBLISH each."""
        now = time.time()
        for body in bodies:
            self.open += 1
            self.send(PUBLISH, self.envelope(self._target, now), body)

    def take(self, flags: int = 0) -> list[bytes]:
        """An answer, settled; or a confirmation, which is none."""
        found = self.receive(flags)
        if found is None:
            return []
        self.acknowledge(found[0])
        return [found[1]]

    def settle(self) -> None:
        """Wait until every request and every acknowledgement is confirmed."""
        while self.open:
            self.receive()


class ThinAnswerer(Connection):
    """Acknowledges each request with its answer, in one transaction."""

    def __init__(self, endpoint: str, number: int) -> None:
        super().__init__(endpoint, f"answerer-{number}")
        self._target = f"asker-{number}"

    def take(self, flags: int = 0) -> list[bytes]:
        """One request, answered; or a confirmation, which is none."""
        found = self.receive(flags)
        if found is None:
            return []
        delivery, body = found
        answer = self.envelope(self._target, time.time(), delivery["id"])
        self.acknowledge(delivery, msgpack.packb([msgpack.packb(answer), body]))
        return [body]
