"""What drives an agent: receive, decode, handle under a lease, acknowledge with the results.

Every message ends in an ack, a nack with a reason, or the redelivery that a lost lease brings:

    receive -> decode -> handler (time limit; lease renewed while it runs) -> ack with what it emits
                  \\-> nack, fatal     \\-> GuildbusError or a bug: nack, tried again later

A notice (`event.noticed`) stands for a message of a type that the agent subscribes to: that message is read
from the journal, and the handler is called with it.

A delivery that the broker withdraws (its run is cancelled, its deadline passed, its lease ran out) cancels
its handler: a handler lets CancelledError through, and on its way closes requests and ends processes.

Read `agent.py` for the other side of this, and `guildbus.bus.interface` for the bus.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from guildbus.agents.agent import Agent, Handler
from guildbus.agents.context import Context
from guildbus.agents.tools import NoTools, Tools
from guildbus.bus.interface import AgentIdentity, Bus, Delivery
from guildbus.bus.late_log import get_logger, speaking_of
from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import (
    GuildbusError,
    NotAllowed,
    ProtocolError,
    Refused,
    StaleAttempt,
    Unanswered,
    Withdrawn,
)
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.control import EventNoticed
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet

if TYPE_CHECKING:
    import structlog


def wrap(message: Message, *, source: str, subject: str, now: float, cause: Envelope | None = None) -> Packet:
    """A body in its envelope. `cause` is the message that it answers: its run, trace, deadline, hops.

    A body that says itself when it expires has that for its deadline.
    """
    message_id = ids.new_message_id()
    deadline = None if cause is None else cause.deadline
    if message.own_deadline is not None:
        deadline = format_time(message.own_deadline)
    envelope = Envelope(
        id=message_id,
        source=source,
        type=message.wire_type(),
        subject=subject,
        time=format_time(now),
        to=message.recipient,
        traceparent=ids.traceparent(subject, message_id),
        correlationid=message_id if cause is None else cause.correlationid or cause.id,
        causationid=None if cause is None else cause.id,
        deadline=deadline,
        priority=4 if cause is None else cause.priority,
        hops=0 if cause is None else cause.hops + 1,
    )
    return Packet(envelope, codec.encode(message))


def retry_delay_s(attempt: int) -> float:
    """How long to wait before the next attempt: 0.5, 1, 2, 4 ... at most 30 seconds."""
    return float(min(30.0, 0.5 * 2 ** (attempt - 1)))


class Runtime:
    """One agent on one bus, until `stop`."""

    def __init__(
        self,
        agent: Agent,
        bus: Bus,
        identity: AgentIdentity,
        registry: Registry,
        clock: Callable[[], float] = time.time,
        tools: Tools | None = None,
    ) -> None:
        self._agent = agent
        self._bus = bus
        self._identity = identity
        self._registry = registry
        self._clock = clock
        self._tools = tools or NoTools()
        self._handling: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    @cached_property
    def _log(self) -> "structlog.BoundLogger":
        """First needed by the first message: an agent says HELLO before it imports what it does not need."""
        return get_logger("runtime").bind(agent=self._identity.instance)

    def stop(self) -> None:
        """Take no more messages; give back what is in hand."""
        self._stopping.set()

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`. Raises BusError when no broker answers."""
        await self._bus.open()
        await self._agent.start()
        on_ready()
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                receiving = asyncio.create_task(self._bus.receive())
                await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not receiving.done():
                    receiving.cancel()
                    break
                task = asyncio.create_task(self._handle(receiving.result()))
                self._handling.add(task)
                task.add_done_callback(self._handling.discard)
        finally:
            stopped.cancel()
            for task in list(self._handling):
                task.cancel()
            await asyncio.gather(*self._handling, return_exceptions=True)
            await self._agent.stop()
            await self._bus.close()

    async def _handle(self, delivery: Delivery) -> None:
        envelope = delivery.packet.envelope
        speaking_of(envelope.subject, envelope.id)
        log = self._log.bind(run=envelope.subject, message=envelope.id, type=envelope.type)
        began = self._clock()
        try:
            results = await self._attempt(delivery, log)
        except Withdrawn as error:
            await self._let_go(delivery, log, error)
        except ProtocolError as error:
            await self._give_back(delivery, log, error.code, str(error), fatal=True)
        except GuildbusError as error:
            await self._give_back(delivery, log, error.code, str(error), fatal=error.final)
        except TimeoutError:
            reason = f"no answer within {self._agent.handler_limit_s:.0f} s"
            await self._give_back(delivery, log, "agent.timeout", reason)
        except Exception as error:  # the outermost loop: a bug costs one attempt
            log.exception("handler_failed")
            await self._give_back(delivery, log, "agent.crashed", f"{type(error).__name__}: {error}")
        else:
            await self._settle(delivery, log.bind(took_s=round(self._clock() - began, 3)), results)
        self._bus.set_activity("")

    async def _attempt(self, delivery: Delivery, log: "structlog.BoundLogger") -> list[Packet]:
        envelope = delivery.packet.envelope
        packet = delivery.packet
        message = codec.decode(envelope.type, packet.body, self._registry)
        original: Envelope | None = None
        if isinstance(message, EventNoticed):
            packet = await self._noticed(message, envelope)
            original = packet.envelope
            message = codec.decode(original.type, packet.body, self._registry)
        handler: Handler | None = self._agent.handlers.get(message.wire_type())
        if handler is None:
            raise Refused(f"{self._agent.role} does not handle it", where=packet.envelope.type)
        context = Context(
            envelope=envelope,
            max_attempts=delivery.max_attempts,
            log=log,
            clock=self._clock,
            say=self._bus.set_activity,
            read_history=lambda types: self._history(envelope, types),
            original=original,
            tools=self._tools,
        )
        emits = await self._under_lease(delivery, handler(self._agent, message, context))
        self._check_declared(emits)
        if original is None:
            _check_answered(message, emits)
        now = self._clock()
        return [
            wrap(emitted, source=self._identity.instance, subject=envelope.subject, now=now, cause=envelope)
            for emitted in emits
        ]

    def _check_declared(self, emits: Sequence[Message]) -> None:
        """The broker would refuse it all the same; here the reason can name the class."""
        declared = {body.wire_type() for body in self._agent.emits}
        for emitted in emits:
            if emitted.wire_type() not in declared:
                raise NotAllowed(
                    f"returned {emitted.wire_type()}, which its class does not declare",
                    where=f"{type(self._agent).__qualname__}.emits",
                    remedy=f"add {type(emitted).__name__} to it",
                )

    async def _under_lease(
        self, delivery: Delivery, handling: Awaitable[Sequence[Message]]
    ) -> Sequence[Message]:
        """The handler's results. Raises TimeoutError, or Withdrawn once the handler has let go."""
        working = asyncio.ensure_future(handling)
        renewing = asyncio.create_task(self._renew(delivery))
        delivery.withdrawal.then(working.cancel)
        try:
            async with asyncio.timeout(self._agent.handler_limit_s):
                return await working
        except asyncio.CancelledError:
            reason = delivery.withdrawal.error
            if reason is None or not working.cancelled() or _being_cancelled():
                raise
            raise Withdrawn(reason.what, where=reason.where) from None
        finally:
            renewing.cancel()

    async def _noticed(self, notice: EventNoticed, envelope: Envelope) -> Packet:
        """The message that a notice is about: it is in the journal, before its notice."""
        upto = notice.seq or envelope.seq
        for packet in reversed(await self._bus.history(envelope.subject, upto, [notice.message_type])):
            if packet.envelope.id == notice.message_id:
                return packet
        raise Refused(
            f"the {notice.message_type} that it is about is not in the run",
            where=notice.message_id,
            remedy="is the journal whole?",
        )

    async def _history(self, envelope: Envelope, types: Sequence[str]) -> list[Message]:
        """Older versions of the types too; of all types, what people and agents said: no notices."""
        spelled = [name for kind in types for name in self._registry.spellings(kind)]
        packets = await self._bus.history(envelope.subject, envelope.seq, spelled)
        found = [codec.decode(packet.envelope.type, packet.body, self._registry) for packet in packets]
        return found if types else [one for one in found if not isinstance(one, EventNoticed)]

    async def _renew(self, delivery: Delivery) -> None:
        while True:
            await asyncio.sleep(delivery.lease_s / 3)
            await self._bus.renew(delivery)

    async def _settle(self, delivery: Delivery, log: "structlog.BoundLogger", results: list[Packet]) -> None:
        try:
            await self._bus.ack(delivery, results)
            log.info("handled", attempt=delivery.packet.envelope.attempt, emits=len(results))
        except StaleAttempt:
            log.warning("answer_too_late", attempt=delivery.packet.envelope.attempt)
        except ProtocolError as error:
            await self._give_back(delivery, log, error.code, str(error), fatal=True)

    async def _let_go(self, delivery: Delivery, log: "structlog.BoundLogger", error: Withdrawn) -> None:
        """The attempt is over already; the nack only gives its credit back, and is refused as stale."""
        log.info("withdrawn", attempt=delivery.packet.envelope.attempt, reason=error.what)
        with contextlib.suppress(Refused):
            await self._bus.nack(delivery, "agent.withdrawn", error.what)

    async def _give_back(
        self, delivery: Delivery, log: "structlog.BoundLogger", code: str, reason: str, *, fatal: bool = False
    ) -> None:
        attempt = delivery.packet.envelope.attempt
        log.warning("attempt_failed", attempt=attempt, code=code, reason=reason, fatal=fatal)
        try:
            await self._bus.nack(delivery, code, reason, delay_s=retry_delay_s(attempt), fatal=fatal)
        except Refused as error:
            log.warning("nack_refused", reason=str(error))


def _check_answered(message: Message, emits: Sequence[Message]) -> None:
    """An acknowledgement without the answer that is waited for would be a silence without an end."""
    wanted = message.answered_by
    if wanted is not None and not any(isinstance(emitted, wanted) for emitted in emits):
        raise Unanswered(
            f"returned no {wanted.wire_type()}",
            where=message.wire_type(),
            remedy=f"return one {wanted.__name__}, also where there is nothing to do",
        )


def _being_cancelled() -> bool:
    """Whether somebody wants this task itself to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
