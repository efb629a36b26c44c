"""The agent on the in-memory bus: the real routing, with notices of what it subscribes to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

from guildbus.agents.contracts import Member, subscriptions
from guildbus.bus.events import RecordOutcome
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.memory import MemoryBroker, MemoryBus
from guildbus.bus.notices import Subscriptions
from guildbus.bus.state import Limits
from guildbus.launch.conformance.bench import Bench
from guildbus.launch.conformance.outcomes import Lost
from guildbus.launch.conformance.stage import NO_LEASE_S, QuietRuntime, living
from guildbus.launch.conformance.telling import Told
from guildbus.protocols import codec
from guildbus.protocols.messages.base import Message

LIMITS: Final = Limits(lease_s=NO_LEASE_S, silent_s=NO_LEASE_S, unclaimed_s=NO_LEASE_S, max_attempts=2)
LOOK_S: Final = 0.002


@dataclass
class MemoryStage:
    """One broker, one agent, and somebody who speaks from outside."""

    bench: Bench
    broker: MemoryBroker
    runtime: QuietRuntime
    outside: MemoryBus

    async def publish(self, story: Told, place: int) -> None:
        """Say one message of a history."""
        packet = story.packets[place]
        await self.outside.publish(replace(packet, envelope=replace(packet.envelope, seq=0)))

    async def end_of(self, story: Told, place: int) -> RecordOutcome | Lost:
        """What the broker noted of the first attempt at a message that the agent takes."""
        seq, message_id = self._delivered(story, place)
        tolerances = self.bench.subject.tolerances
        loop = asyncio.get_running_loop()
        until = loop.time() + tolerances.patience_s + tolerances.grace_s
        while loop.time() < until:
            noted = next((outcome for outcome in self.broker.outcomes if outcome.seq == seq), None)
            if noted is not None:
                return noted
            over = self.runtime.over.get((message_id, 1))
            if over is not None and over.is_set():
                return Lost(ended=True)
            await asyncio.sleep(LOOK_S)
        return Lost(ended=False)

    def emitted(self) -> list[Message]:
        """What the agent said so far."""
        said = [p for _, p in self.broker.log if p.envelope.source.startswith(f"{self._role}/")]
        return [codec.decode(p.envelope.type, p.body, self.bench.subject.registry) for p in said]

    @property
    def _role(self) -> str:
        return self.bench.subject.agent_class.role

    def _delivered(self, story: Told, place: int) -> tuple[int, str]:
        """The number and id of what is handed out: the message, or the broker's notice of it."""
        wanted = story.packets[place].envelope.id
        for seq, packet in self.broker.log:
            envelope = packet.envelope
            cause = envelope.causationid if place in story.notices else envelope.id
            if cause == wanted and envelope.to == self._role:
                return seq, envelope.id
        raise AssertionError(f"{wanted} was not stored")


@contextlib.asynccontextmanager
async def on_memory_bus(bench: Bench) -> AsyncIterator[MemoryStage]:
    """A new broker with an instance of the agent on it. Raises what its start raises."""
    subject, folder = bench.subject, bench.new_folder()
    heard = subscriptions([Member(subject.agent_class.role, subject.agent_class)])
    broker = MemoryBroker(LIMITS, subscriptions=Subscriptions(heard))
    agent = subject.make(folder)
    identity = AgentIdentity(agent.role, agent.role, "1")
    bus = MemoryBus(broker, identity, credit=agent.credit)
    runtime = QuietRuntime(agent, bus, identity, subject.registry, tools=subject.tools(folder))
    outside = MemoryBus(broker, AgentIdentity("kit", "kit", "1"), credit=0)
    async with living(runtime, subject.tolerances.grace_s):
        await outside.open()
        try:
            yield MemoryStage(bench, broker, runtime, outside)
        finally:
            await outside.close()
