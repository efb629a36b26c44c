"""The bus as an agent sees it. ZeroMQ, memory and whatever comes keep to this Protocol.

One test suite (tests/integration/test_bus_conformance.py) runs over every implementation.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.wire import Packet


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Who speaks: `name` is unique in a swarm, `role` names the queue, `incarnation` this process."""

    name: str
    role: str
    incarnation: str

    @property
    def instance(self) -> str:
        """`name/incarnation`: the envelope's `source`."""
        return f"{self.name}/{self.incarnation}"


@dataclass(slots=True)
class Withdrawal:
    """Whether the broker has taken a delivery back, and why. It lives in its client's event loop."""

    error: GuildbusError | None = None
    _then: Callable[[], object] | None = None

    def then(self, call: Callable[[], object]) -> None:
        """Call this when it happens, or now if it has."""
        if self.error is None:
            self._then = call
        else:
            call()

    def happen(self, error: GuildbusError) -> None:
        """It is taken back. The first reason stays."""
        if self.error is None:
            self.error = error
            if self._then is not None:
                self._then()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in hand. `envelope.attempt` is the fencing token, `envelope.seq` its place in the journal.

    Once `withdrawal` has happened nothing that is done for it counts any more: stop, and nack it.
    """

    packet: Packet
    lease_s: float
    max_attempts: int
    withdrawal: Withdrawal = field(default_factory=Withdrawal, compare=False)


Inbox = asyncio.Queue[Delivery | GuildbusError]
"""What came for an agent; the error is the last thing that comes, and stays."""


async def next_delivery(inbox: Inbox) -> Delivery:
    """Wait for the next message. Raises what says why there will be none."""
    found = await inbox.get()
    if isinstance(found, GuildbusError):
        inbox.put_nowait(found)
        raise found
    return found


class Bus(Protocol):
    """At-least-once delivery; effects once, because `ack` publishes results in the same transaction."""

    async def open(self) -> None:
        """Say HELLO and wait for WELCOME. Raises BusError when nobody answers."""

    async def close(self) -> None:
        """Say BYE: what is in hand goes to another instance at once."""

    async def publish(self, packet: Packet) -> None:
        """Return when the message is durable; a full queue is waited for.

        Raises Refused when the broker does not take it, FrameError or TooLarge before it is sent.
        """

    async def receive(self) -> Delivery:
        """The next message for this agent; if the broker takes it back, its `withdrawal` happens.

        Raises BusError once closed, Replaced when a newer incarnation took over.
        """

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Settle, and publish the results, in one transaction.

        Raises Refused (StaleAttempt for a zombie), FrameError or TooLarge for the emits.
        """

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Give the attempt back with its reason."""

    async def renew(self, delivery: Delivery) -> None:
        """The task makes progress: extend its lease. A lease that is lost already is a withdrawal."""

    async def history(self, subject: str, upto_seq: int, types: Sequence[str] = ()) -> list[Packet]:
        """The run's messages up to and with `upto_seq`, in journal order; all types when none is named."""

    def set_activity(self, text: str) -> None:
        """What the agent does now, for people: travels with the next heartbeat."""
