"""This bus as agents use it: `ZmqBus`, with its sessions, its resending and its I/O thread an agent."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity
from guildbus.protocols import ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet


class ShippedAsker:
    """Publishes, and waits for the delivery whose cause is its request."""

    def __init__(self, endpoint: str, agents: int) -> None:
        self._buses = [_bus(endpoint, f"asker-{number}") for number in range(agents)]
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._tasks = _Tasks()

    async def open(self) -> None:
        """HELLO from each agent."""
        for bus in self._buses:
            await bus.open()
            self._tasks.start(self._receive(bus))

    async def ask(self, agent: int, body: bytes) -> bytes:
        """PUBLISH, durable when it returns, then the answer."""
        bus = self._buses[agent]
        request = _packet(bus, f"answerer-{agent}", body)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[request.envelope.id] = answer
        await bus.publish(request)
        return await answer

    async def _receive(self, bus: ZmqBus) -> None:
        while True:
            delivery = await bus.receive()
            self._waiting.pop(delivery.packet.envelope.causationid or "").set_result(delivery.packet.body)
            self._tasks.start(bus.ack(delivery))

    async def close(self) -> None:
        """BYE."""
        await self._tasks.stop()
        for bus in self._buses:
            await bus.close()


class ShippedAnswerer:
    """Acknowledges each request with its answer, as the agents' runtime does."""

    def __init__(self, endpoint: str, agents: int) -> None:
        self._buses = [_bus(endpoint, f"answerer-{number}") for number in range(agents)]
        self._tasks = _Tasks()
        self.answered = 0

    async def open(self) -> None:
        """HELLO from each agent."""
        for number, bus in enumerate(self._buses):
            await bus.open()
            self._tasks.start(self._serve(bus, f"asker-{number}"))

    async def _serve(self, bus: ZmqBus, target: str) -> None:
        while True:
            delivery = await bus.receive()
            self.answered += 1
            asked = delivery.packet
            answer = _packet(bus, target, asked.body, asked.envelope.id)
            self._tasks.start(bus.ack(delivery, [answer]))

    async def close(self) -> None:
        """BYE."""
        await self._tasks.stop()
        for bus in self._buses:
            await bus.close()


class _Tasks:
    """Keeps tasks alive; one that fails makes the process fail."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _bus(endpoint: str, name: str) -> ZmqBus:
    return ZmqBus(endpoint, AgentIdentity(name, name, ids.new_message_id()), credit=1000)


def _packet(bus: ZmqBus, to: str, body: bytes, cause: str | None = None) -> Packet:
    envelope = Envelope(
        id=ids.new_message_id(),
        source=bus.instance,
        type="bench.echo.v1",
        subject="bench",
        time=format_time(time.time()),
        to=to,
        causationid=cause,
    )
    return Packet(envelope, body)
