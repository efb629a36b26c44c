"""The bus without sockets or files: the same routing, in one event loop. Shipped, and the test double.

Everything that the broker decides is decided here by the same `routing.py`, at once and in order; only
durability and the wire are missing. Time passes when `tick` is called, or by itself once `open`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from guildbus.bus.events import (
    Ack,
    Bye,
    Deliver,
    Event,
    Heartbeat,
    Hello,
    Nack,
    Publish,
    RecordOutcome,
    Renew,
    Send,
    Store,
    Tick,
)
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols.errors import BusError, GuildbusError, Refused, StaleAttempt
from guildbus.protocols.wire import Kind, Packet


class MemoryBroker:
    """What the clients of one in-memory bus share. `log` is its journal: (seq, packet) in order."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.time) -> None:
        self.limits = limits or Limits()
        self.log: list[tuple[int, Packet]] = []
        self.outcomes: list[RecordOutcome] = []
        self._clock = clock
        self._ids: set[str] = set()
        self._routing = Routing(self.limits, "memory")
        self._inboxes: dict[bytes, asyncio.Queue[Delivery]] = {}

    def attach(self, peer: bytes, inbox: asyncio.Queue[Delivery]) -> None:
        """Deliveries for `peer` go to `inbox` from now on."""
        self._inboxes[peer] = inbox

    def knows(self, message_id: str) -> bool:
        """Whether a message of this id was ever stored."""
        return message_id in self._ids

    def tick(self) -> None:
        """Let time-outs happen."""
        self.apply(Tick())

    def apply(self, event: Event) -> GuildbusError | None:
        """One event through the routing; the refusal, if the broker answered with one."""
        refusal: GuildbusError | None = None
        for action in self._routing.apply(event, self._clock()):
            match action:
                case Store(seq, packet, _):
                    self.log.append((seq, packet))
                    self._ids.add(packet.envelope.id)
                case RecordOutcome():
                    self.outcomes.append(action)
                case Send(_, Kind.ERROR, header):
                    kind = StaleAttempt if header["code"] == StaleAttempt.code else Refused
                    refusal = kind(header["what"], where=header["where"])
                case Deliver(peer, seq, attempt, lease_s):
                    packet = self.log[seq - 1][1]
                    envelope = replace(packet.envelope, attempt=attempt, seq=seq)
                    delivery = Delivery(Packet(envelope, packet.body), lease_s, self.limits.max_attempts)
                    self._inboxes[peer].put_nowait(delivery)
        return refusal


class MemoryBus:
    """A `Bus` on a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, identity: AgentIdentity, *, credit: int = 1) -> None:
        self._broker = broker
        self._identity = identity
        self._credit = credit
        self._peer = identity.instance.encode()
        self._inbox: asyncio.Queue[Delivery] = asyncio.Queue()
        self._beating: asyncio.Task[None] | None = None
        self._activity = ""

    async def open(self) -> None:
        """Join."""
        identity = self._identity
        self._broker.attach(self._peer, self._inbox)
        self._broker.apply(
            Hello(self._peer, identity.name, identity.role, identity.incarnation, self._credit)
        )
        self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Leave; what is in hand goes to another instance."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
            self._broker.apply(Bye(self._peer))

    async def publish(self, packet: Packet) -> None:
        """Store and route. Raises Refused."""
        self._check(self._broker.apply(Publish(self._peer, packet, self._broker.knows(packet.envelope.id))))

    async def receive(self) -> Delivery:
        """The next message for this agent."""
        return await self._inbox.get()

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Settle and publish, in one step."""
        envelope = delivery.packet.envelope
        known = frozenset(packet.envelope.id for packet in emits if self._broker.knows(packet.envelope.id))
        self._check(
            self._broker.apply(Ack(self._peer, envelope.id, envelope.attempt, tuple(emits), known, credit=1))
        )

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Give the attempt back."""
        envelope = delivery.packet.envelope
        self._check(
            self._broker.apply(
                Nack(self._peer, envelope.id, envelope.attempt, code, reason, delay_s, fatal, credit=1)
            )
        )

    async def renew(self, delivery: Delivery) -> None:
        """Extend the lease."""
        envelope = delivery.packet.envelope
        self._broker.apply(Renew(self._peer, envelope.id, envelope.attempt))

    async def history(self, subject: str, upto_seq: int, types: Sequence[str] = ()) -> list[Packet]:
        """The run's messages so far."""
        return [
            packet
            for seq, packet in self._broker.log
            if packet.envelope.subject == subject
            and seq <= upto_seq
            and (not types or packet.envelope.type in types)
        ]

    def set_activity(self, text: str) -> None:
        """Heard at once, and with every heartbeat."""
        self._activity = text
        self._broker.apply(Heartbeat(self._peer, text))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(min(0.05, self._broker.limits.heartbeat_s))
            self._broker.apply(Heartbeat(self._peer, self._activity))
            self._broker.tick()

    def _check(self, refusal: GuildbusError | None) -> None:
        if self._beating is None:
            raise BusError("not open", where=self._identity.name)
        if refusal is not None:
            raise refusal
