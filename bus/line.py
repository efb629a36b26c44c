"""One client's connection: a DEALER socket and the session over it, shared by two threads under a lock.

The event loop's thread sends and receives without a detour through another one; a beating thread looks in
now and then, so that heartbeats go out, and are heard, while a handler computes. What came is kept in order
until the event loop takes it. Next: `client.py`, which owns both threads' ends.
"""

import threading
import time
from collections import deque
from typing import Final

import zmq

from guildbus.bus.curve import ClientKeys, secure_client
from guildbus.bus.session import ClientSession, Reconnect, Step, Transmit
from guildbus.protocols import wire
from guildbus.protocols.errors import ProtocolError
from guildbus.protocols.wire import Frame

LINGER_MS: Final = 200
_DONTWAIT: Final = int(zmq.DONTWAIT)
_POLLIN: Final = int(zmq.POLLIN)
_MORE: Final = int(zmq.DONTWAIT | zmq.SNDMORE)


class Line:
    """Safe to use from two threads. `descriptor` becomes readable when `pump` has something to do."""

    def __init__(
        self, endpoint: str, session: ClientSession, keys: ClientKeys | None, max_bytes: int
    ) -> None:
        """Connect, and say HELLO with the first `pump`. BusError for an endpoint that cannot be used."""
        self._endpoint = endpoint
        self._session = session
        self._keys = keys
        self._batch_bytes = min(wire.BATCH_BYTES, max_bytes)
        self._lock = threading.Lock()
        self._news: deque[Step] = deque()
        self._worn_out: list[zmq.Socket[bytes]] = []
        self._unsent: list[list[bytes]] = []
        self._dealer = self._connect()
        self._due = self._frames(session.connect(time.monotonic()))

    @property
    def descriptor(self) -> int:
        """To be watched for reading; another one after a `Reconnect`."""
        return int(self._dealer.getsockopt(zmq.FD))

    def submit(self, frame: Frame) -> None:
        """A frame that the broker confirms goes out with the next `pump`, and again until it is confirmed."""
        with self._lock:
            self._due += self._frames(self._session.submit(frame))

    def post(self, frame: Frame) -> None:
        """A frame that needs no confirmation goes out with the next `pump`, if the conversation stands."""
        with self._lock:
            self._due += self._frames(self._session.post(frame))

    def pump(self) -> bool:
        """Send and receive all that there is, and let time pass. Whether there are `news`."""
        with self._lock:
            self._due += self._frames(self._session.tick(time.monotonic()))
            self._transmit()
            # The descriptor tells of what is new since the last look, and sending looks too: the last thing
            # that is done is always to find that there is nothing more to receive.
            while self._receive():
                self._transmit()
            return bool(self._news)

    def rest_s(self) -> float:
        """Until the session has something to do: each wake-up of an agent at rest costs processor time."""
        with self._lock:
            return max(0.0, self._session.rest_s(time.monotonic()))

    def news(self) -> list[Step]:
        """What the event loop has to know, in order. After a `Reconnect`, call `drop_worn_out`."""
        with self._lock:
            news = list(self._news)
            self._news.clear()
        return news

    def drop_worn_out(self) -> None:
        """Close the sockets that were replaced, when nobody watches their descriptors any more."""
        with self._lock:
            while self._worn_out:
                self._worn_out.pop().close(0)

    def close(self) -> None:
        """Let what is due leave, then close."""
        self.pump()
        self.drop_worn_out()
        with self._lock:
            self._dealer.close(LINGER_MS)

    def _connect(self) -> "zmq.Socket[bytes]":
        dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, LINGER_MS)
        dealer.setsockopt(zmq.RECONNECT_IVL, 50)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        secure_client(dealer, self._endpoint, self._keys)
        dealer.connect(self._endpoint)
        return dealer

    def _frames(self, steps: list[Step]) -> list[Frame]:
        """The frames among the steps; a fresh socket if they ask for one; the rest is news."""
        frames: list[Frame] = []
        for step in steps:
            if isinstance(step, Transmit):
                frames.append(step.frame)
                continue
            if isinstance(step, Reconnect):
                self._worn_out.append(self._dealer)
                self._dealer = self._connect()
                self._due.clear()
                self._unsent.clear()
            self._news.append(step)
        return frames

    def _receive(self) -> bool:
        """Hear all that came. Whether that leads to something to send."""
        while int(self._dealer.getsockopt(zmq.EVENTS)) & _POLLIN:
            frames = receive(self._dealer)
            try:
                for frame_set in wire.unpack_batch(frames):
                    steps = self._session.received(wire.parse(frame_set), time.monotonic())
                    self._due += self._frames(steps)
            except ProtocolError:
                # A broker that talks nonsense is as good as silent: the session reconnects.
                continue
        return bool(self._due)

    def _transmit(self) -> None:
        frame_sets = [wire.frames_of(frame) for frame in self._due]
        self._due = []
        if self._session.batches:
            frame_sets = wire.in_batches(frame_sets, self._batch_bytes)
        frame_sets = self._unsent + frame_sets
        self._unsent = []
        for at, (version, kind, header, body) in enumerate(frame_sets):
            try:
                self._dealer.send(version, _MORE)
                self._dealer.send(kind, _MORE)
                self._dealer.send(header, _MORE)
                self._dealer.send(body, _DONTWAIT)
            except zmq.Again:
                # The pipe is full, since the broker does not keep up: the rest goes when there is room again.
                self._unsent = frame_sets[at:]
                return


def receive(socket: "zmq.Socket[bytes]") -> list[bytes]:
    """The frames of one ZeroMQ message. Raises zmq.Again if there is none.

    A part knows whether more follow: asking the socket, as recv_multipart does, costs more than receiving.
    """
    part = socket.recv(_DONTWAIT, copy=False)
    frames = [part.bytes]
    while part.more:
        part = socket.recv(_DONTWAIT, copy=False)
        frames.append(part.bytes)
    return frames
