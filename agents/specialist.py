"""What go-dev and go-test share: from a draft request to candidates, by way of a model.

The prompt is made from the request alone (`prompting.py`), so a specialist knows nothing of other files,
other runs or other agents but what its request shows. Each completion is stored the moment it ends
(`drawing.py`): a redelivered request pays only for what is missing.
"""

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.budget import within
from guildbus.agents.context import Context
from guildbus.agents.drawing import Drawer
from guildbus.agents.prompting import draws_for, prompt_for, sources_from
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import Candidate, DraftProposed, DraftRequested


class Specialist(Agent):
    """A role that drafts files. Subclasses only name their role."""

    emits: ClassVar[tuple[type[Message], ...]] = (DraftProposed,)

    def __init__(self, settings: AgentSettings) -> None:
        self._drawer = Drawer(settings)
        self._candidates = settings.candidates

    @handles(DraftRequested)
    async def on_draft_requested(self, message: DraftRequested, ctx: Context) -> Sequence[Message]:
        """Draw the candidates, and propose them all: choosing is others' work."""
        count = draws_for(message, min(message.candidates, self._candidates or message.candidates))
        prompts = within([prompt_for(message, index) for index in range(count)], message.max_tokens)
        drawn = await self._drawer.draw(prompts, ctx.say, f"drafting {message.task.path}", ctx.calls)
        sources = sources_from(message, [one.completion.text for one in drawn])
        candidates = tuple(
            Candidate(index=index, content=source, sha256=hashlib.sha256(source.encode()).hexdigest())
            for index, source in enumerate(sources)
            if source not in sources[:index]
        )
        calls = tuple(one.call for one in drawn)
        return [DraftProposed(request=message, candidates=candidates, calls=calls)]

    async def stop(self) -> None:
        """Close the connections to the models."""
        await self._drawer.aclose()
