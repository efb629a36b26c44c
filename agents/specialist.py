"""What go-dev and go-test share: from a draft request to candidates, by way of a model.

The prompt is made from the request alone (`prompting.py`), so a specialist knows nothing of other files,
other runs or other agents but what its request shows. A file whose declarations are certain is drawn section
by section (`sections.py`), if all models of the fleet go on from a begun reply. Each completion is stored the
moment it ends (`drawing.py`): a redelivered request pays only for what is missing. A right program that is
carried over by rules (`carrying/`) needs no model.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.budget import LEAST_ANSWER_TOKENS, prompt_tokens, within
from guildbus.agents.carrying.draft import carried_drafts
from guildbus.agents.context import Context
from guildbus.agents.drawing import Drawer, Drawn
from guildbus.agents.prompting import draws_for, prompt_for, section_prompt, sources_from
from guildbus.agents.sections import Answer, Section, sections_of, so_far
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import Candidate, DraftProposed, DraftRequested, ModelCall


class Specialist(Agent):
    """A role that drafts files. Subclasses only name their role."""

    emits: ClassVar[tuple[type[Message], ...]] = (DraftProposed,)

    def __init__(self, settings: AgentSettings) -> None:
        self._drawer = Drawer(settings)
        self._candidates = settings.candidates

    @handles(DraftRequested)
    async def on_draft_requested(self, message: DraftRequested, ctx: Context) -> Sequence[Message]:
        """Draw the candidates, and propose them all: choosing is others' work."""
        if message.carry:
            return [_proposed(message, carried_drafts(message), ())]
        count = draws_for(message, min(message.candidates, self._candidates or message.candidates))
        sections = sections_of(message) if self._drawer.continues else ()
        if sections:
            written = await asyncio.gather(
                *(self._in_sections(message, sections, index, count, ctx) for index in range(count))
            )
            texts = [text for text, _ in written]
            drawn = [one for _, answers in written for one in answers]
        else:
            prompts = within([prompt_for(message, index) for index in range(count)], message.max_tokens)
            drawn = await self._drawer.draw(prompts, ctx.say, _what(message), ctx.calls)
            texts = [one.completion.text for one in drawn]
        return [_proposed(message, sources_from(message, texts), [one.call for one in drawn])]

    async def _in_sections(
        self, message: DraftRequested, sections: Sequence[Section], candidate: int, beside: int, ctx: Context
    ) -> tuple[str, list[Drawn]]:
        """One candidate, and the calls that it took; what the request's tokens do not pay for is left out."""
        left = None if message.max_tokens is None else message.max_tokens // beside
        drawn: list[Drawn] = []
        while True:
            answers = [Answer(one.completion.text, one.completion.cut) for one in drawn]
            text, section = so_far(sections, answers)
            if section is None:
                return text, drawn
            prompt = section_prompt(message, candidate, text, section)
            if left is not None and drawn and left < prompt_tokens(prompt) + LEAST_ANSWER_TOKENS:
                return text, drawn
            [one] = await self._drawer.draw(within([prompt], left), ctx.say, _what(message), ctx.calls)
            drawn.append(one)
            if left is not None:
                left -= one.call.prompt_tokens + one.call.completion_tokens

    async def stop(self) -> None:
        """Close the connections to the models."""
        await self._drawer.aclose()


def _proposed(message: DraftRequested, sources: Sequence[str], calls: Sequence[ModelCall]) -> DraftProposed:
    """Each text once."""
    candidates = tuple(
        Candidate(index=index, content=source, sha256=hashlib.sha256(source.encode()).hexdigest())
        for index, source in enumerate(sources)
        if source not in sources[:index]
    )
    return DraftProposed(request=message, candidates=candidates, calls=tuple(calls))


def _what(message: DraftRequested) -> str:
    return f"drafting {message.task.path}"
