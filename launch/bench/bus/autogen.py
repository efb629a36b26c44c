"""AutoGen's distributed runtime as its documentation shows it: a gRPC host, and a worker runtime an agent."""

import asyncio
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    MessageContext,
    RoutedAgent,
    message_handler,
    try_get_known_serializers_for_type,
)
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost

from guildbus.launch.bench.bus.load import NUMBER_BYTES


@dataclass
class Echo:
    """The message. AutoGen packs it as JSON, so the body travels as text, with its number in decimal."""

    number: int
    text: str


class EchoAgent(RoutedAgent):
    """Answers with what it got."""

    answered = 0

    @message_handler
    async def on_echo(self, message: Echo, ctx: MessageContext) -> Echo:
        """The same again."""
        EchoAgent.answered += 1
        return message


def serve(address: str) -> None:
    """The host, for ever."""

    async def run() -> None:
        host = GrpcWorkerAgentRuntimeHost(address)
        host.start()
        await asyncio.Event().wait()

    asyncio.run(run())


class AutogenAsker:
    """One worker runtime an agent."""

    def __init__(self, address: str, agents: int) -> None:
        self._runtimes = [GrpcWorkerAgentRuntime(address) for _ in range(agents)]

    async def open(self) -> None:
        """Connect."""
        for runtime in self._runtimes:
            runtime.add_message_serializer(try_get_known_serializers_for_type(Echo))
            await runtime.start()

    async def ask(self, agent: int, body: bytes) -> bytes:
        """`send_message`."""
        request = Echo(int.from_bytes(body[:NUMBER_BYTES], "big"), body[NUMBER_BYTES:].decode())
        answer: Echo = await self._runtimes[agent].send_message(request, AgentId(f"answerer-{agent}", "one"))
        return answer.number.to_bytes(NUMBER_BYTES, "big") + answer.text.encode()

    async def close(self) -> None:
        """Disconnect."""
        for runtime in self._runtimes:
            await runtime.stop()


class AutogenAnswerer:
    """One worker runtime and one agent each."""

    def __init__(self, address: str, agents: int) -> None:
        self._runtimes = [GrpcWorkerAgentRuntime(address) for _ in range(agents)]

    @property
    def answered(self) -> int:
        """By all agents of this process."""
        return EchoAgent.answered

    async def open(self) -> None:
        """Connect and register."""
        for number, runtime in enumerate(self._runtimes):
            await runtime.start()
            await EchoAgent.register(runtime, f"answerer-{number}", lambda: EchoAgent("echo"))

    async def close(self) -> None:
        """Disconnect."""
        for runtime in self._runtimes:
            await runtime.stop()
