"""Drawing completions: what every agent that asks a model does, whatever it asks for.

Several prompts are drawn side by side, each from the first model of the fleet that answers; each completion
is stored the moment it ends (`completions.py`). `specialist.py` and `reference.py` are built on this.
"""

import asyncio
from collections.abc import Callable, Sequence

from guildbus.agents.completions import CompletionStore, MissingCompletion, Model, OfflineModel, StoredModel
from guildbus.agents.models import ChatMessage, ChatModel, ChatRequest, Completion, ModelEntry
from guildbus.agents.prompting import Prompt
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.draft import ModelCall


class Drawer:
    """One agent's models, with a bound on the calls that it makes at once."""

    def __init__(self, settings: AgentSettings) -> None:
        store = CompletionStore(settings.state_dir)
        self._role = settings.role
        self._fleet = tuple(_model(entry, store, settings) for entry in settings.models)
        self._temperature = settings.temperature
        self._slots = asyncio.Semaphore(settings.parallel_calls)

    async def draw(
        self, prompts: Sequence[Prompt], say: Callable[[str], None], what: str
    ) -> list[Completion]:
        """One completion a prompt, in order. Raises ModelError when no model of the fleet answers."""
        progress = _Progress(say, what, len(prompts))
        return await asyncio.gather(*(self._draw(p, i, progress) for i, p in enumerate(prompts)))

    async def aclose(self) -> None:
        """Close the connections to the models."""
        for model in self._fleet:
            await model.aclose()

    async def _draw(self, prompt: Prompt, index: int, progress: "_Progress") -> Completion:
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
        failure = ModelError("no model is named for this agent", where=self._role, remedy="see guild.toml")
        async with self._slots:
            for model in self._fleet:
                try:
                    return await model.complete(request, lambda count: progress.tokens(index, count))
                except MissingCompletion as error:
                    failure = failure if isinstance(failure, MissingCompletion) else error
                except ModelError as error:
                    failure = error
        raise failure


def _model(entry: ModelEntry, store: CompletionStore, settings: AgentSettings) -> Model:
    if settings.offline is not None:
        return OfflineModel(entry, store, settings.offline)
    model = StoredModel(ChatModel(entry), store)
    if settings.telemetry is None:
        return model
    from guildbus.agents.telemetry.calls import ObservedModel

    return ObservedModel(model)


class _Progress:
    """Adds up the tokens of calls that run side by side, and says so."""

    def __init__(self, tell: Callable[[str], None], what: str, count: int) -> None:
        self._tell = tell
        self._what = what
        self._total = count
        self._counts: dict[int, int] = {}
        self._say()

    def tokens(self, index: int, count: int) -> None:
        self._counts[index] = count
        self._say()

    def _say(self) -> None:
        total = sum(self._counts.values())
        plural = "s" * (self._total != 1)
        self._tell(f"{self._what}: {self._total} candidate{plural}, {total} tokens")


def call_record(completion: Completion, prompt: Prompt) -> ModelCall:
    """What the run keeps of one call: what its prompt held, and what it cost."""
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
