"""The two client sides of an arm, and the loops that keep their windows full.

There are two kinds of arm. A *plain* one drives sockets by hand, in one thread and without asyncio: the bare
forwarder and this bus's wire. An *async* one is used through its client library as its users use it.
Each arm's module implements the interfaces here; `process.py` runs them. Next: `forwarder.py`, the shortest.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import zmq

from guildbus.launch.bench.bus.load import Load, Measured, body_of, number_of, summary
from guildbus.protocols.errors import InfrastructureError


class BenchError(InfrastructureError):
    """An arm could not be measured, or answered something else than it was asked."""

    code = "infra.bench"


class PlainEnd(Protocol):
    """One agent's connection, driven by hand. `take` is called when there is something to receive."""

    socket: "zmq.Socket[bytes]"

    def take(self, flags: int = 0) -> list[bytes]:
        """Receive one ZeroMQ message; the bodies in it that count. zmq.Again if there is none (NOBLOCK)."""


End = TypeVar("End", bound=PlainEnd)


class PlainAsker(PlainEnd, Protocol):
    """Bodies that count are answers."""

    def ask(self, bodies: Sequence[bytes]) -> None:
        """Send requests, and whatever else is due."""

    def settle(self) -> None:
        """Return when nothing is open any more."""


class PlainAnswerer(PlainEnd, Protocol):
    """Bodies that count are requests, and `take` has answered them already, each with its own body."""


class AsyncAsker(Protocol):
    """A client library on the asking side, for all its agents."""

    async def open(self) -> None:
        """Connect."""

    async def ask(self, agent: int, body: bytes) -> bytes:
        """One round trip."""

    async def close(self) -> None:
        """Leave in good order."""


class AsyncAnswerer(Protocol):
    """A client library on the answering side: answers from `open` to `close`."""

    @property
    def answered(self) -> int:
        """How many requests so far."""

    async def open(self) -> None:
        """Connect all agents."""

    async def close(self) -> None:
        """Leave in good order."""


class Window:
    """What one asking agent has in flight: answers must come in order, and whole."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._sent: deque[tuple[int, float]] = deque()
        self._next = 0
        self.latencies_s: list[float] = []

    @property
    def empty(self) -> bool:
        """Whether every request has its answer."""
        return not self._sent

    def bodies(self, count: int, now: float) -> list[bytes]:
        """The next requests."""
        numbers = range(self._next, self._next + count)
        self._next += count
        self._sent.extend((number, now) for number in numbers)
        return [body_of(number, self._size_bytes) for number in numbers]

    def answered(self, bodies: Sequence[bytes], now: float) -> None:
        """Check answers and note how long they took. Raises BenchError."""
        for body in bodies:
            number, sent_at = self._sent.popleft()
            check_body(body, number, self._size_bytes)
            self.latencies_s.append(now - sent_at)


def check_body(body: bytes, number: int, size_bytes: int) -> None:
    """Raises BenchError unless this is the answer to request `number`."""
    if number_of(body) != number or len(body) != size_bytes:
        raise BenchError(f"answer {number_of(body)} of {len(body)} bytes to request {number} of {size_bytes}")


def drive_plain(agents: Sequence[PlainAsker], load: Load) -> Measured:
    """Keep every agent's window full until the time is over, then take the rest."""
    clock = time.perf_counter
    windows = {agent.socket: Window(load.size_bytes) for agent in agents}
    start = clock()
    end = start + load.seconds
    for agent in agents:
        agent.ask(windows[agent.socket].bodies(load.window, clock()))

    def took(agent: PlainAsker, answers: list[bytes]) -> None:
        window, now = windows[agent.socket], clock()
        window.answered(answers, now)
        if answers and now < end:
            agent.ask(window.bodies(len(answers), now))

    pump(agents, took, lambda: any(not window.empty for window in windows.values()))
    seconds = clock() - start
    for agent in agents:
        agent.settle()
    latencies = [latency for window in windows.values() for latency in window.latencies_s]
    return summary(len(latencies), seconds, latencies)


def pump(ends: Sequence[End], took: Callable[[End, list[bytes]], None], going_on: Callable[[], bool]) -> None:
    """Receive on all sockets as long as `going_on`. A single one is simply read, without polling."""
    if len(ends) == 1:
        while going_on():
            took(ends[0], ends[0].take())
        return
    poller = zmq.Poller()
    for end in ends:
        poller.register(end.socket, zmq.POLLIN)
    by_socket = {end.socket: end for end in ends}
    while going_on():
        for socket, _ in poller.poll():
            end = by_socket[socket]
            try:
                while True:
                    took(end, end.take(zmq.NOBLOCK))
            except zmq.Again:
                continue


async def drive_async(asker: AsyncAsker, agents: int, load: Load) -> Measured:
    """As many tasks an agent as its window is wide; each asks again when it has its answer."""
    clock = time.perf_counter
    latencies: list[float] = []
    start = clock()
    end = start + load.seconds

    async def ask_on(agent: int, slot: int) -> None:
        number = slot
        while (sent_at := clock()) < end or number == slot:
            answer = await asker.ask(agent, body_of(number, load.size_bytes))
            latencies.append(clock() - sent_at)
            check_body(answer, number, load.size_bytes)
            number += load.window

    await asyncio.gather(*(ask_on(agent, slot) for agent in range(agents) for slot in range(load.window)))
    return summary(len(latencies), clock() - start, latencies)
