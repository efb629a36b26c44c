"""JetStream in the pattern of the durable bus: requests and answers are both stored, pulled and acked.

The stream is in files and the server syncs each write before it confirms it (`sync_interval: always`, in
`servers.py`). nats-py's `fetch` of several messages waits until all of them have come or its time is over,
and one of a single message costs a request each; both would be unfair to JetStream here. So messages are
pulled as the `consume` of NATS's other clients does it: a long request is always open at the server.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType
from nats.js.errors import BadRequestError

from guildbus.launch.bench.bus.load import NUMBER_BYTES

STREAM: Final = "bench"
PULL: Final = 1000
PULL_S: Final = 60
TIMEOUT_S: Final = 60.0


class _Agent:
    """One connection: publishes durably, and pulls what is addressed to it."""

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        self._left = 0
        self._client: Client
        self._stream: JetStreamContext

    async def open(self, take: Callable[[Msg], Awaitable[None]]) -> None:
        """Connect, make the stream and this agent's consumer, and begin to pull."""
        self._take = take
        self._client = await nats.connect(f"nats://{self._address}")
        self._stream = self._client.jetstream(timeout=TIMEOUT_S)
        try:
            await self._stream.add_stream(
                name=STREAM,
                subjects=["work.>"],
                storage=StorageType.FILE,
                retention=RetentionPolicy.WORK_QUEUE,
            )
        except BadRequestError:  # the other side made it
            await self._stream.stream_info(STREAM)
        consumer = ConsumerConfig(
            durable_name=self._name,
            filter_subject=f"work.{self._name}",
            ack_policy=AckPolicy.EXPLICIT,
            max_ack_pending=100_000,
        )
        await self._stream.add_consumer(STREAM, consumer)
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(self._inbox, cb=self._came)
        await self._pull()

    async def _pull(self) -> None:
        self._left = PULL
        wanted = json.dumps({"batch": PULL, "expires": PULL_S * 10**9}).encode()
        await self._client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._name}", wanted, self._inbox)

    async def _came(self, message: Msg) -> None:
        if not message.reply:  # a status: the request ran out
            await self._pull()
            return
        self._left -= 1
        if self._left == 0:
            await self._pull()
        await self._take(message)

    async def publish(self, to: str, body: bytes) -> None:
        """Stored and synced when it returns."""
        await self._stream.publish(f"work.{to}", body, timeout=TIMEOUT_S)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()


class JetStreamAsker:
    """Publishes requests, and takes answers by the number in their body."""

    def __init__(self, address: str, agents: int) -> None:
        self._agents = [_Agent(address, f"asker-{number}") for number in range(agents)]
        self._waiting: dict[tuple[int, bytes], asyncio.Future[bytes]] = {}

    async def open(self) -> None:
        """Connect all."""
        for number, agent in enumerate(self._agents):
            await agent.open(self._taker(number))

    def _taker(self, agent: int) -> Callable[[Msg], Awaitable[None]]:
        async def take(message: Msg) -> None:
            await message.ack()
            self._waiting.pop((agent, message.data[:NUMBER_BYTES])).set_result(message.data)

        return take

    async def ask(self, agent: int, body: bytes) -> bytes:
        """Publish durably, then wait for the answer."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[agent, body[:NUMBER_BYTES]] = answer
        await self._agents[agent].publish(f"answerer-{agent}", body)
        return await answer

    async def close(self) -> None:
        """Disconnect all."""
        for agent in self._agents:
            await agent.close()


class JetStreamAnswerer:
    """Stores the answer, then acknowledges the request: a crash between the two repeats the answer."""

    def __init__(self, address: str, agents: int) -> None:
        self._agents = [_Agent(address, f"answerer-{number}") for number in range(agents)]
        self._tasks: set[asyncio.Task[None]] = set()
        self.answered = 0

    async def open(self) -> None:
        """Connect all."""
        for number, agent in enumerate(self._agents):
            await agent.open(self._taker(agent, f"asker-{number}"))

    def _taker(self, agent: _Agent, target: str) -> Callable[[Msg], Awaitable[None]]:
        async def answer(message: Msg) -> None:
            await agent.publish(target, message.data)
            await message.ack()

        async def take(message: Msg) -> None:
            self.answered += 1
            task = asyncio.create_task(answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return take

    async def close(self) -> None:
        """Disconnect all."""
        for agent in self._agents:
            await agent.close()
