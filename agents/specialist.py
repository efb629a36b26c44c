"""What go-dev and go-test share: from a draft request to candidates, by way of a model.

The prompt is made from the request alone (`prompting.py`), so a specialist knows nothing of other files,
other runs or other agents but what its request shows. Each completion is stored the moment it ends
(`completions.py`): a redelivered request pays only for what is missing.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.budget import within
from guildbus.agents.completions import CompletionStore, Model, StoredModel
from guildbus.agents.context import Context
from guildbus.agents.models import ChatMessage, ChatModel, ChatRequest, Completion
from guildbus.agents.prompting import Prompt, draws_for, prompt_for, sources_from
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import Candidate, DraftProposed, DraftRequested, ModelCall


class Specialist(Agent):
    """A role that drafts files. Subclasses only name their role."""

    emits: ClassVar[tuple[type[Message], ...]] = (DraftProposed,)
    default_candidates: ClassVar[int | None] = None

    def __init__(self, settings: AgentSettings) -> None:
        store = CompletionStore(settings.state_dir)
        self._fleet: tuple[Model, ...] = tuple(
            StoredModel(ChatModel(entry), store) for entry in settings.models
        )
        self._candidates = settings.candidates
        self._temperature = settings.temperature
        self._slots = asyncio.Semaphore(settings.parallel_calls)

    @handles(DraftRequested)
    async def on_draft_requested(self, message: DraftRequested, ctx: Context) -> Sequence[Message]:
        """Draw the candidates, and propose them all: choosing is others' work."""
        count = draws_for(message, min(message.candidates, self._candidates or message.candidates))
        prompts = within([prompt_for(message, index) for index in range(count)], message.max_tokens)
        progress = _Progress(ctx, message.task.path, len(prompts))
        drawn = await asyncio.gather(*(self._draw(p, i, progress) for i, p in enumerate(prompts)))
        sources = sources_from(message, [completion.text for completion in drawn])
        candidates = tuple(
            Candidate(index=index, content=source, sha256=hashlib.sha256(source.encode()).hexdigest())
            for index, source in enumerate(sources)
            if source not in sources[:index]
        )
        calls = tuple(_call(c, p) for c, p in zip(drawn, prompts, strict=True))
        return [DraftProposed(request=message, candidates=candidates, calls=calls)]

    async def stop(self) -> None:
        """Close the connections to the models."""
        for model in self._fleet:
            await model.aclose()

    async def _draw(self, prompt: Prompt, index: int, progress: "_Progress") -> Completion:
        """One candidate, from the first model of the fleet that answers."""
        first = index == 0 and self._temperature is not None
        request = ChatRequest(
            messages=(
                ChatMessage(role="system", content=prompt.system),
                ChatMessage(role="user", content=prompt.user),
            ),
            temperature=self._temperature if first else prompt.temperature,
            seed=prompt.seed,
            max_tokens=prompt.max_tokens,
            stop=prompt.stop,
            candidate_index=index,
        )
        failure = ModelError("no model is named for this agent", where=self.role, remedy="see guild.toml")
        async with self._slots:
            for model in self._fleet:
                try:
                    return await model.complete(request, lambda count: progress.tokens(index, count))
                except ModelError as error:
                    failure = error
        raise failure


class _Progress:
    """Adds up the tokens of calls that run side by side, and says so."""

    def __init__(self, ctx: Context, path: str, candidates: int) -> None:
        self._ctx = ctx
        self._path = path
        self._candidates = candidates
        self._counts: dict[int, int] = {}
        self._say()

    def tokens(self, index: int, count: int) -> None:
        self._counts[index] = count
        self._say()

    def _say(self) -> None:
        total = sum(self._counts.values())
        plural = "s" * (self._candidates != 1)
        self._ctx.say(f"drafting {self._path}: {self._candidates} candidate{plural}, {total} tokens")


def _call(completion: Completion, prompt: Prompt) -> ModelCall:
    return ModelCall(
        model=completion.model,
        key=completion.key,
        manifest=prompt.manifest,
        seed=prompt.seed,
        temperature=prompt.temperature,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        started_at=completion.started_at,
        wall_s=completion.wall_s,
        finish_reason=completion.finish_reason,
        cached=completion.cached,
    )
