"""The bare forwarder: a ROUTER socket that hands a message on and nothing else.

It is the floor under every Python broker on ZeroMQ: two receives and two sends a round trip, no queue, no
journal, no acknowledgement; a message for someone who is not there is dropped.
"""

from collections.abc import Sequence

import zmq

PROBE_MS = 100


def serve(endpoint: str) -> None:
    """Forward for ever: `[from, to, body]` comes in, `[to, from, body]` goes out."""
    router: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    router.bind(endpoint)
    while True:
        source, target, body = router.recv_multipart()
        router.send_multipart([target, source, body])


class ForwarderAsker:
    """Asks the answerer of its own number."""

    def __init__(self, endpoint: str, number: int) -> None:
        self.socket = _dealer(endpoint, b"asker-%d" % number)
        self._target = b"answerer-%d" % number
        self._await_answerer()

    def _await_answerer(self) -> None:
        """Until the other end is connected, the forwarder drops what is for it."""
        self.ask([b""])
        while not self.socket.poll(PROBE_MS):
            self.ask([b""])

    def ask(self, bodies: Sequence[bytes]) -> None:
        """One ZeroMQ message a request."""
        for body in bodies:
            self.socket.send_multipart([self._target, body])

    def take(self, flags: int = 0) -> list[bytes]:
        """One answer; that to a probe is none."""
        answer = self.socket.recv_multipart(flags)[1]
        return [answer] if answer else []

    def settle(self) -> None:
        """Nothing is ever open."""


class ForwarderAnswerer:
    """Sends each request back to where it came from."""

    def __init__(self, endpoint: str, number: int) -> None:
        self.socket = _dealer(endpoint, b"answerer-%d" % number)

    def take(self, flags: int = 0) -> list[bytes]:
        """One request, answered; a probe is none."""
        source, body = self.socket.recv_multipart(flags)
        self.socket.send_multipart([source, body])
        return [body] if body else []


def _dealer(endpoint: str, identity: bytes) -> "zmq.Socket[bytes]":
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, identity)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    return socket
