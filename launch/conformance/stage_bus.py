"""What an instance on the stage talks to: a bus, models and a sandbox that do exactly what a check wants.

They answer from what they were given; or one of them fails, or never answers (`Fault`). The model is a
script, no server is asked. The sandbox is the real one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from guildbus.agents.settings import AgentSettings
from guildbus.agents.tools import DEFAULT_TEMPERATURE, Answer, OwnTools, Question
from guildbus.bus.interface import Delivery
from guildbus.launch.conformance.outcomes import Answered, GivenBack, Outcome
from guildbus.protocols import codec
from guildbus.protocols.errors import BusError, GuildbusError, ModelError, SandboxError
from guildbus.protocols.messages.draft import ModelCall
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet

if TYPE_CHECKING:
    from guildbus.agents.sandbox import Completed

Part = Literal["ctx.history()", "ctx.complete()", "ctx.sandbox()"]
PARTS: Final[tuple[Part, ...]] = ("ctx.history()", "ctx.complete()", "ctx.sandbox()")
_ERRORS: Final[Mapping[Part, type[GuildbusError]]] = {
    "ctx.history()": BusError,
    "ctx.complete()": ModelError,
    "ctx.sandbox()": SandboxError,
}


@dataclass(slots=True)
class Fault:
    """What is wrong with one part. `met` is set when the agent first comes upon it."""

    kind: Literal["fails", "hangs"]
    part: Part
    met: asyncio.Event = field(default_factory=asyncio.Event)

    async def strike(self, part: Part) -> None:
        """Fail, or never return, if it is this part."""
        if part != self.part:
            return
        self.met.set()
        if self.kind == "hangs":
            await asyncio.Event().wait()
        raise _ERRORS[part]("the conformance kit made this fail", where=part)


class StageBus:
    """A `Bus` with one agent on it."""

    def __init__(self, registry: Registry, fault: Fault | None) -> None:
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.stories: dict[str, tuple[Packet, ...]] = {}
        self._registry = registry
        self._fault = fault
        self._lookups = 0
        self._inbox: asyncio.Queue[Delivery] = asyncio.Queue()

    def give(self, delivery: Delivery, *, notice: bool) -> None:
        """Let the agent have it. What a notice is about is looked up by the runtime, and always found."""
        self._lookups += notice
        self._inbox.put_nowait(delivery)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def publish(self, packet: Packet) -> None:
        """An agent answers, and says nothing by itself."""
        raise BusError("an agent does not publish by itself", where=packet.envelope.type)

    async def receive(self) -> Delivery:
        """The next delivery."""
        return await self._inbox.get()

    async def ack(self, delivery: Delivery, emits: Sequence[Packet] = ()) -> None:
        """Note the answer."""
        bodies = tuple(codec.decode(p.envelope.type, p.body, self._registry) for p in emits)
        self._note(delivery, Answered(bodies))

    async def nack(
        self, delivery: Delivery, code: str, reason: str, *, delay_s: float = 0.0, fatal: bool = False
    ) -> None:
        """Note the failure."""
        self._note(delivery, GivenBack(code, reason))

    async def renew(self, delivery: Delivery) -> None:
        """Leases do not end here."""

    async def history(self, subject: str, upto_seq: int, types: Sequence[str] = ()) -> list[Packet]:
        """What was told of the run; or the fault."""
        if self._lookups:
            self._lookups -= 1
        elif self._fault is not None:
            await self._fault.strike("ctx.history()")
        wanted = [p for p in self.stories.get(subject, ()) if p.envelope.seq <= upto_seq]
        return [p for p in wanted if not types or p.envelope.type in types]

    def set_activity(self, text: str) -> None:
        """Nobody looks."""

    def _note(self, delivery: Delivery, outcome: Outcome) -> None:
        envelope = delivery.packet.envelope
        self.outcomes[envelope.id, envelope.attempt] = outcome


class StageTools:
    """`ctx`'s tools: a scripted model, and the sandbox of these settings."""

    def __init__(
        self, settings: AgentSettings, replies: Callable[[str], str], fault: Fault | None = None
    ) -> None:
        self._own = OwnTools(settings)
        self._replies = replies
        self._fault = fault

    async def complete(self, question: Question, say: Callable[[str], None]) -> Answer:
        """What the script says to this prompt."""
        if self._fault is not None:
            await self._fault.strike("ctx.complete()")
        call = ModelCall(
            model="scripted",
            key="",
            manifest=(),
            seed=question.seed,
            temperature=DEFAULT_TEMPERATURE if question.temperature is None else question.temperature,
            prompt_tokens=0,
            completion_tokens=0,
            started_at=0.0,
            wall_s=0.0,
            finish_reason="stop",
        )
        return Answer(self._replies(question.text), call)

    async def run(
        self, argv: tuple[str, ...], files: Mapping[str, str], cwd: str, wall_s: float
    ) -> "Completed":
        """Really, in the sandbox."""
        if self._fault is not None:
            await self._fault.strike("ctx.sandbox()")
        return await self._own.run(argv, files, cwd, wall_s)
