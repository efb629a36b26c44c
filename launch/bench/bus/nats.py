"""NATS core: request/reply through nats-py, nothing stored."""

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

TIMEOUT_S = 60


class NatsAsker:
    """One connection an agent."""

    def __init__(self, address: str, agents: int) -> None:
        self._address = address
        self._agents = agents
        self._clients: list[Client] = []

    async def open(self) -> None:
        """Connect."""
        self._clients = [await nats.connect(f"nats://{self._address}") for _ in range(self._agents)]

    async def ask(self, agent: int, body: bytes) -> bytes:
        """`request`."""
        answer = await self._clients[agent].request(f"answerer.{agent}", body, timeout=TIMEOUT_S)
        return answer.data

    async def close(self) -> None:
        """Disconnect."""
        for client in self._clients:
            await client.close()


class NatsAnswerer:
    """One connection and one subscription an agent."""

    def __init__(self, address: str, agents: int) -> None:
        self._address = address
        self._agents = agents
        self._clients: list[Client] = []
        self.answered = 0

    async def open(self) -> None:
        """Connect and subscribe."""
        for number in range(self._agents):
            client = await nats.connect(f"nats://{self._address}")
            await client.subscribe(f"answerer.{number}", cb=self._answer)
            await client.flush()
            self._clients.append(client)

    async def _answer(self, message: Msg) -> None:
        self.answered += 1
        await message.respond(message.data)

    async def close(self) -> None:
        """Disconnect."""
        for client in self._clients:
            await client.close()
