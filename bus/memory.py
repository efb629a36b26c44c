"""The bus without sockets or files: the same routing, in one event loop. Shipped, and the test double.

Everything that the broker decides is decided here by the same `routing.py`, at once and in order; only
durability and the wire are missing. Time passes when `tick` is called, or by itself once `open`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

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
from guildbus.bus.interface import AgentIdentity, Delivery, Inbox, next_delivery
from guildbus.bus.memory_log import MemoryLog, decide
from guildbus.bus.notices import Subscriptions
from guildbus.bus.permissions import Permissions
from guildbus.bus.routing import Routing
from guildbus.bus.session import BUSY_RETRY_S, Request, plain
from guildbus.bus.state import Limits
from guildbus.protocols import wire
from guildbus.protocols.errors import (
    BusError,
    GuildbusError,
    NoSession,
    NotAllowed,
    QueueFull,
    Refused,
    Replaced,
    StaleAttempt,
    TooMany,
    Withdrawn,
)
from guildbus.protocols.wire import Kind, Packet

_REFUSALS: Final = {
    kind.code: kind for kind in (StaleAttempt, QueueFull, NoSession, NotAllowed, Replaced, TooMany, Withdrawn)
}


class MemoryBroker:
    """What the clients of one in-memory bus share. `log` is its journal: (seq, packet) in order."""

    def __init__(
        self,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        permissions: Permissions | None = None,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.log: list[tuple[int, Packet]] = []
        self.outcomes: list[RecordOutcome] = []
        self._clock = clock
        self._kept = MemoryLog()
        self._routing = Routing(self.limits, "memory", permissions=permissions, subscriptions=subscriptions)
        self._clients: dict[bytes, MemoryBus] = {}

    def attach(self, peer: bytes, client: "MemoryBus") -> None:
        """Deliveries for `peer`, and their withdrawals, go to `client` from now on."""
        self._clients[peer] = client

    def knows(self, message_id: str) -> bool:
        """Whether a message of this id was ever stored."""
        return message_id in self._kept.ids

    def tick(self) -> None:
        """Let time-outs happen."""
        self.apply(Tick())

    def apply(self, event: Event) -> GuildbusError | None:
        """One event through the routing; the refusal, if the broker answered with one."""
        refusal: GuildbusError | None = None
        for action in decide(self._routing, self._kept, event, self._clock()):
            match action:
                case Store(seq, packet, _):
                    self.log.append((seq, packet))
                case RecordOutcome():
                    self.outcomes.append(action)
                case Send(peer, Kind.ERROR, header):
                    error = _REFUSALS.get(header["code"], Refused)(header["what"], where=header["where"])
                    if isinstance(error, Withdrawn):
                        self._clients[peer].withdraw(header["id"], header["attempt"], error)
                    else:
                        refusal = error
                case Deliver(peer, seq, attempt, lease_s):
                    packet = self.log[seq - 1][1]
                    envelope = replace(packet.envelope, attempt=attempt, seq=seq)
                    delivery = Delivery(Packet(envelope, packet.body), lease_s, self.limits.max_attempts)
                    self._clients[peer].deliver(delivery)
        return refusal


class MemoryBus:
    """A `Bus` on a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, identity: AgentIdentity, *, credit: int = 1) -> None:
        self._broker = broker
        self._identity = identity
        self._credit = credit
        self._peer = identity.instance.encode()
        self._inbox: Inbox = asyncio.Queue()
        self._in_hand: dict[Request, Delivery] = {}
        self._beating: asyncio.Task[None] | None = None
        self._activity = ""

    def deliver(self, delivery: Delivery) -> None:
        """The broker's side of `receive`."""
        envelope = delivery.packet.envelope
        self._in_hand[envelope.id, envelope.attempt] = delivery
        self._inbox.put_nowait(delivery)

    def withdraw(self, message_id: str, attempt: int, error: GuildbusError) -> None:
        """The broker takes a delivery back."""
        delivery = self._in_hand.get((message_id, attempt))
        if delivery is not None:
            delivery.withdrawal.happen(error)

    async def open(self) -> None:
        """Join."""
        identity = self._identity
        self._broker.attach(self._peer, self)
        refusal = self._broker.apply(
            Hello(self._peer, identity.name, identity.role, identity.incarnation, self._credit)
        )
        if refusal is not None:
            raise refusal
        self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Leave; what is in hand goes to another instance."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
            self._broker.apply(Bye(self._peer))
            self._inbox.put_nowait(BusError("closed", where=self._identity.name))

    async def publish(self, packet: Packet) -> None:
        """Store and route; a full queue is waited for. Raises Refused."""
        wire.publication(packet)
        await self._apply(
            lambda: Publish(self._peer, packet, duplicate=self._broker.knows(packet.envelope.id))
        )

    async def receive(self) -> Delivery:
        """The next message for this agent. Raises BusError once this client is closed."""
        return await next_delivery(self._inbox)

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Settle and publish, in one step."""
        envelope = delivery.packet.envelope
        wire.pack_emits(emits)
        emitted = tuple(emits)

        def answer() -> Ack:
            known = frozenset(p.envelope.id for p in emitted if self._broker.knows(p.envelope.id))
            return Ack(self._peer, envelope.id, envelope.attempt, emitted, known, credit=1)

        await self._answer(delivery, answer)

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Give the attempt back."""
        envelope = delivery.packet.envelope
        code, reason = plain(code, 200) or "agent.error", plain(reason, 1000) or "no reason given"
        answer = Nack(self._peer, envelope.id, envelope.attempt, code, reason, delay_s, fatal, credit=1)
        await self._answer(delivery, lambda: answer)

    async def renew(self, delivery: Delivery) -> None:
        """Extend the lease."""
        envelope = delivery.packet.envelope
        refusal = self._broker.apply(Renew(self._peer, envelope.id, envelope.attempt))
        if refusal is not None:
            self.withdraw(envelope.id, envelope.attempt, refusal)

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

    async def _answer(self, delivery: Delivery, event: Callable[[], Event]) -> None:
        await self._apply(event)
        envelope = delivery.packet.envelope
        self._in_hand.pop((envelope.id, envelope.attempt), None)

    async def _apply(self, event: Callable[[], Event]) -> None:
        while True:
            if self._beating is None:
                raise BusError("not open", where=self._identity.name)
            refusal = self._broker.apply(event())
            if refusal is None:
                return
            if not isinstance(refusal, QueueFull):
                raise refusal
            await asyncio.sleep(BUSY_RETRY_S)
