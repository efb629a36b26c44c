"""The reference writer: programs that say what the code should do, written from the spec alone.

Its request has no place for an implementation or a test, and its prompt is made from the request alone:
that is what makes its programs witnesses. Small models compute badly in their heads and write small
programs well; the oracle runs them. Read `oracle/reference_prompt.py` next.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.budget import within
from guildbus.agents.context import Context
from guildbus.agents.drawing import CallsSoFar, Drawer
from guildbus.agents.oracle.reference_prompt import program_in, reference_prompt
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.oracle import ReferenceProgram, ReferenceProposed, ReferenceRequested


class Reference(Agent):
    """Writes as many samples as are asked for."""

    role: ClassVar[str] = "reference"
    emits: ClassVar[tuple[type[Message], ...]] = (ReferenceProposed,)

    def __init__(self, settings: AgentSettings) -> None:
        self._drawer = Drawer(settings)

    @handles(ReferenceRequested)
    async def on_reference_requested(self, message: ReferenceRequested, ctx: Context) -> Sequence[Message]:
        """Draw the samples, and hand all of them to the oracle."""
        return [await self.write(message, ctx.say, ctx.calls)]

    async def write(
        self, request: ReferenceRequested, say: Callable[[str], None], so_far: CallsSoFar
    ) -> ReferenceProposed:
        """As many programs as are asked for. Raises ModelError when no model answers."""
        samples = range(request.first, request.first + request.count)
        prompts = within([reference_prompt(request, sample) for sample in samples], request.max_tokens)
        drawn = await self._drawer.draw(prompts, say, f"writing references in {request.language}", so_far)
        programs = [
            _program(f"{request.language}-{sample}", request, one.completion.text)
            for sample, one in zip(samples, drawn, strict=False)
        ]
        calls = tuple(one.call for one in drawn)
        return ReferenceProposed(request=request, programs=tuple(programs), calls=calls)

    async def stop(self) -> None:
        """Close the connections to the models."""
        await self._drawer.aclose()


def _program(name: str, request: ReferenceRequested, reply: str) -> ReferenceProgram:
    content = program_in(reply)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ReferenceProgram(name=name, language=request.language, content=content, sha256=digest)
