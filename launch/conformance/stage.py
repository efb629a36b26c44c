"""One instance of the agent, driven by the real runtime, in the hands of a check.

`on_stage` is one life of an instance: made, started, and killed. `Stage.handle` hands over one message.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from guildbus.agents.runtime import Runtime
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.launch.conformance.outcomes import Lost, Outcome
from guildbus.launch.conformance.stage_bus import Fault, StageBus
from guildbus.launch.conformance.subject import Subject
from guildbus.launch.conformance.telling import BEGAN, Told
from guildbus.protocols.errors import GuildbusError, Withdrawn
from guildbus.protocols.wire import Packet

if TYPE_CHECKING:
    import structlog

T = TypeVar("T")

NO_LEASE_S: Final = 1e6
MOST_ATTEMPTS: Final = 5
CRITICAL: Final = 50


class QuietRuntime(Runtime):
    """The runtime; it logs nothing, and `over` tells when a handling is over, whichever way."""

    @cached_property
    def _log(self) -> "structlog.BoundLogger":
        import structlog

        silent = structlog.make_filtering_bound_logger(CRITICAL)
        return structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=silent)  # type: ignore[no-any-return]

    @cached_property
    def over(self) -> dict[tuple[str, int], asyncio.Event]:
        """(id, attempt) -> set when its handling is over."""
        return {}

    async def _handle(self, delivery: Delivery) -> None:
        envelope = delivery.packet.envelope
        over = self.over.setdefault((envelope.id, envelope.attempt), asyncio.Event())
        try:
            await super()._handle(delivery)
        finally:
            over.set()


class Stage:
    """One instance. `limit_s` replaces its `handler_limit_s`."""

    def __init__(self, subject: Subject, folder: Path, fault: Fault | None, limit_s: float | None) -> None:
        self._subject = subject
        self._handlings = 0
        self.fault = fault
        self.bus = StageBus(subject.registry, fault)
        agent = subject.make(folder)
        least_s = min(agent.handler_limit_s, subject.tolerances.patience_s)
        object.__setattr__(agent, "handler_limit_s", limit_s or least_s)
        identity = AgentIdentity(agent.role, agent.role, "1")
        tools = subject.tools(folder, fault)
        self.runtime = QuietRuntime(agent, self.bus, identity, subject.registry, self._now, tools)

    async def handle(self, story: Told, place: int, attempt: int = 1) -> Outcome:
        """Hand over one message of a history. What comes of it."""
        return await self.outcome(self.hand_over(story, place, attempt))

    def hand_over(self, story: Told, place: int, attempt: int = 1) -> Delivery:
        """The same without waiting for the end."""
        self._handlings += 1
        packet = story.delivered(place)
        envelope = replace(packet.envelope, attempt=attempt)
        self.bus.stories[envelope.subject] = story.packets
        delivery = Delivery(Packet(envelope, packet.body), NO_LEASE_S, MOST_ATTEMPTS)
        self.runtime.over[envelope.id, attempt] = asyncio.Event()
        self.bus.give(delivery, notice=place in story.notices)
        return delivery

    async def outcome(self, delivery: Delivery, within_s: float | None = None) -> Outcome:
        """Wait for the end of what was handed over."""
        envelope = delivery.packet.envelope
        key = (envelope.id, envelope.attempt)
        patience_s = self._subject.tolerances.patience_s + self._subject.tolerances.grace_s
        try:
            async with asyncio.timeout(within_s or patience_s):
                await self.runtime.over[key].wait()
        except TimeoutError:
            return Lost(ended=False)
        return self.bus.outcomes.get(key, Lost(ended=True))

    async def withdraw(self, delivery: Delivery) -> Outcome:
        """Take a delivery back, as a broker does; what came of it within the grace."""
        delivery.withdrawal.happen(Withdrawn("the kit took it back", where=delivery.packet.envelope.subject))
        return await self.outcome(delivery, self._subject.tolerances.grace_s)

    def _now(self) -> float:
        """Later at every handling: a second attempt never has the time of the first."""
        return BEGAN + 3600 + self._handlings


@contextlib.asynccontextmanager
async def on_stage(
    subject: Subject, folder: Path, fault: Fault | None = None, limit_s: float | None = None
) -> AsyncIterator[Stage]:
    """One life of an instance. Raises what its `start` raises. At the end it is killed, not asked."""
    stage = Stage(subject, folder, fault, limit_s)
    async with living(stage.runtime, subject.tolerances.grace_s):
        yield stage


@contextlib.asynccontextmanager
async def living(runtime: Runtime, grace_s: float) -> AsyncIterator[None]:
    """A runtime that serves. Raises what its start raises; one that does not end in time is left behind."""
    ready = asyncio.Event()
    serving = asyncio.create_task(runtime.run(on_ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.is_set():
        waiting.cancel()
        serving.result()
    try:
        yield
    finally:
        runtime.stop()
        done, _ = await asyncio.wait({serving}, timeout=grace_s)
        for task in done:
            with contextlib.suppress(GuildbusError):
                task.result()
        if not done:
            serving.cancel()


def run_to_the_end(doing: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` that does not wait for tasks which refuse to be cancelled: they are left behind."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(doing)
    finally:
        for pending in _cancelled(loop):
            loop.run_until_complete(asyncio.wait(pending, timeout=0.05))
        loop.set_exception_handler(lambda loop, context: None)  # who did not let go is reported by a check
        loop.close()


def _cancelled(loop: asyncio.AbstractEventLoop) -> Iterator[set[asyncio.Task[Any]]]:
    for _ in range(20):
        pending = asyncio.all_tasks(loop)
        if not pending:
            return
        for task in pending:
            task.cancel()
        yield pending
