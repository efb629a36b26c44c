"""The runtime and the bus, observed: spans for publish, process and settle, and for the agent's invocation.

publish go-dev                         (the sender's; its id follows from the message's)
  process go-dev                       one attempt, from the delivery to its end
    invoke_agent go-dev                the handler; model calls are below it (calls.py)
    ack go-dev                         settled
    publish gate-keeper                what was answered, in the same transaction
"""

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from guildbus.agents.agent import Agent
from guildbus.agents.runtime import Runtime
from guildbus.agents.telemetry.messages import message_attributes, metric_attributes
from guildbus.agents.telemetry.provider import Telemetry
from guildbus.agents.telemetry.span_ids import carried_parent, named, remote_parent
from guildbus.agents.tools import Tools
from guildbus.bus.interface import AgentIdentity, Bus, Delivery
from guildbus.protocols import semantic_names as names
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet

if TYPE_CHECKING:
    import structlog


@dataclass(frozen=True, slots=True)
class InHand:
    """What the current task handles, and whom to tell of it."""

    delivery: Delivery
    telemetry: Telemetry


in_hand: ContextVar[InHand | None] = ContextVar("guildbus_in_hand", default=None)


class ObservedRuntime(Runtime):
    """A runtime that tells what it does. Made instead of `Runtime` where telemetry is on."""

    def __init__(
        self,
        agent: Agent,
        bus: Bus,
        identity: AgentIdentity,
        registry: Registry,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.time,
        tools: Tools | None = None,
    ) -> None:
        super().__init__(agent, ObservedBus(bus, telemetry), identity, registry, clock, tools)
        self._telemetry = telemetry
        self._name = identity.name

    async def _handle(self, delivery: Delivery) -> None:
        packet = delivery.packet
        envelope = packet.envelope
        token = in_hand.set(InHand(delivery, self._telemetry))
        self._telemetry.consumed.add(1, metric_attributes(packet, names.PROCESS))
        attributes = message_attributes(
            packet.envelope, len(packet.body), names.PROCESS, names.PROCESS, self._telemetry.instance
        )
        began = time.monotonic()
        with named(envelope.subject, envelope.id, envelope.attempt):
            span = self._telemetry.tracer.start_span(
                names.span_name(names.PROCESS, envelope.to),
                carried_parent(envelope.traceparent, envelope.subject, envelope.id),
                SpanKind.CONSUMER,
                attributes | {names.ATTEMPT: envelope.attempt},
            )
        try:
            await super()._handle(delivery)
        finally:
            taken = metric_attributes(packet, names.PROCESS)
            self._telemetry.process_s.record(time.monotonic() - began, taken)
            span.end()
            in_hand.reset(token)

    async def _attempt(self, delivery: Delivery, log: "structlog.BoundLogger") -> list[Packet]:
        envelope = delivery.packet.envelope
        names_ = (envelope.id, envelope.attempt)
        with named(envelope.subject, *names_, names.INVOKE_AGENT):
            span = self._telemetry.tracer.start_span(
                names.span_name(names.INVOKE_AGENT, self._name),
                remote_parent(envelope.subject, *names_),
                SpanKind.INTERNAL,
                {
                    names.GEN_AI_OPERATION_NAME: names.INVOKE_AGENT,
                    names.GEN_AI_AGENT_NAME: self._name,
                    names.GEN_AI_CONVERSATION_ID: envelope.subject,
                    names.RUN: envelope.subject,
                },
            )
        try:
            return await super()._attempt(delivery, log)
        except BaseException as error:
            failed(span, error)
            raise
        finally:
            span.end()


class ObservedBus:
    """A bus whose publications and settlements are told. Everything else goes straight through."""

    def __init__(self, bus: Bus, telemetry: Telemetry) -> None:
        self._bus = bus
        self._telemetry = telemetry
        self.open = bus.open
        self.close = bus.close
        self.receive = bus.receive
        self.renew = bus.renew
        self.history = bus.history
        self.set_activity = bus.set_activity

    async def publish(self, packet: Packet) -> None:
        """Publish, and tell it."""
        began = time.time()
        await self._bus.publish(packet)
        tell_published(self._telemetry, packet, began)

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Settle, and tell it, and what was published in the same transaction."""
        began = time.time()
        try:
            await self._bus.ack(delivery, emits)
        except GuildbusError as error:
            self._tell_settled(delivery, names.ACK, began, error=error)
            raise
        self._tell_settled(delivery, names.ACK, began)
        for packet in emits:
            tell_published(self._telemetry, packet, began, delivery)

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Give back, and tell it."""
        began = time.time()
        await self._bus.nack(delivery, code, reason, delay_s=delay_s, fatal=fatal)
        self._tell_settled(delivery, names.NACK, began, code=code, reason=reason)

    def _tell_settled(
        self,
        delivery: Delivery,
        operation: str,
        began: float,
        *,
        code: str = "",
        reason: str = "",
        error: GuildbusError | None = None,
    ) -> None:
        packet = delivery.packet
        envelope = packet.envelope
        code, reason = (code, reason) if error is None else (error.code, str(error))
        attributes = message_attributes(
            packet.envelope, len(packet.body), operation, names.SETTLE, self._telemetry.instance
        )
        if code:
            attributes[names.ERROR_TYPE] = code
        with named(envelope.subject, envelope.id, envelope.attempt, names.SETTLE):
            span = self._telemetry.tracer.start_span(
                names.span_name(operation, envelope.to),
                remote_parent(envelope.subject, envelope.id, envelope.attempt),
                SpanKind.CLIENT,
                attributes,
                start_time=_ns(began),
            )
        if code:
            span.set_status(Status(StatusCode.ERROR, reason))
        span.end()
        taken = metric_attributes(packet, operation, code)
        self._telemetry.operation_s.record(time.time() - began, taken)


def tell_published(telemetry: Telemetry, packet: Packet, began: float, cause: Delivery | None = None) -> None:
    """A message was published; `cause` is the delivery that it answers, None for what opens a run."""
    envelope = packet.envelope
    parent = remote_parent(envelope.subject, envelope.subject)
    if cause is not None:
        caused = cause.packet.envelope
        parent = remote_parent(caused.subject, caused.id, caused.attempt)
    with named(envelope.subject, envelope.id):
        span = telemetry.tracer.start_span(
            names.span_name(names.PUBLISH, envelope.to),
            parent,
            SpanKind.PRODUCER,
            message_attributes(
                packet.envelope, len(packet.body), names.PUBLISH, names.SEND, telemetry.instance
            ),
            start_time=_ns(began),
        )
    span.end()
    telemetry.sent.add(1, metric_attributes(packet, names.PUBLISH))
    telemetry.operation_s.record(time.time() - began, metric_attributes(packet, names.PUBLISH))


def failed(span: Span, error: BaseException) -> None:
    """A span that ended in an error: its code as the type, as the conventions want it."""
    kind: Any = error.code if isinstance(error, GuildbusError) else type(error).__qualname__
    span.set_attribute(names.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR, str(error) or kind))


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
