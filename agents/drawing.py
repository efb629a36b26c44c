"""Drawing completions: what every agent that asks a model does, whatever it asks for.

Several prompts are drawn side by side, each from the first model of the fleet that can answer; each
completion is stored the moment it ends (`completions.py`). Only a model that goes on from a begun reply gets
one; any other reads the same text at the end of its question. Here is also decided what is asked with: what
`guild.toml` states of the agent goes before what it states of the model, and that before what the prompt's
author would take. `specialist.py`, `reference.py` and `tools.py` are built on this.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from guildbus.agents.budget import LEAST_ANSWER_TOKENS, prompt_tokens, within
from guildbus.agents.chat import ChatMessage, ChatRequest, Completion, ModelEntry, completion_key
from guildbus.agents.completions import CompletionStore, MissingCompletion, Model, OfflineModel, StoredModel
from guildbus.agents.health import FleetHealth
from guildbus.agents.model_errors import RequestRefused
from guildbus.agents.models import ChatModel
from guildbus.agents.prompting import Prompt, in_one_turn, rung
from guildbus.agents.settings import AgentSettings
from guildbus.agents.spending import BudgetSpent, exhausted, spent_on, tokens_left
from guildbus.bus.late_log import LateLog
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.draft import ModelCall

_Request = tuple[ChatRequest | None, str]
"""What a model is asked, or None and why it is not."""

CallsSoFar = Callable[[], Awaitable[Sequence[ModelCall]]]
"""Reads the model calls of the run up to now; asked only where there is a budget."""

_LOG = LateLog("drawing")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A completion, and the record of the call for the run."""

    completion: Completion
    call: ModelCall


class Drawer:
    """One agent's models, with a bound on the calls that it makes at once."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._store = CompletionStore(settings.state_dir)
        self._fleet = tuple(_model(entry, self._store, settings) for entry in settings.models)
        self._health = FleetHealth()
        self._slots = asyncio.Semaphore(settings.parallel_calls)

    @property
    def continues(self) -> bool:
        """Whether every model of the fleet goes on from a begun reply."""
        return bool(self._fleet) and all(model.entry.continues for model in self._fleet)

    async def draw(
        self, prompts: Sequence[Prompt], say: Callable[[str], None], what: str, so_far: CallsSoFar
    ) -> list[Drawn]:
        """One completion a prompt, in order; fewer where the agent's budget does not pay for all.

        Raises ModelError when no model of the fleet answers, BudgetSpent when the agent may make no more
        calls.
        """
        budgets = [self._settings.budget, *(model.entry.budget for model in self._fleet)]
        calls = await so_far() if any(budget.limited for budget in budgets) else ()
        prompts = self._affordable(prompts, calls)
        progress = _Progress(say, what, len(prompts))
        asking = [_Ask(prompt, index, len(prompts)) for index, prompt in enumerate(prompts)]
        return await asyncio.gather(*(self._draw(ask, calls, progress) for ask in asking))

    async def aclose(self) -> None:
        """Close the connections to the models."""
        for model in self._fleet:
            await model.aclose()

    def _affordable(self, prompts: Sequence[Prompt], calls: Sequence[ModelCall]) -> list[Prompt]:
        """What the agent's own budget pays for."""
        budget = self._settings.budget
        spent = spent_on(call for call in calls if call.role == self._settings.role)
        left = tokens_left(budget, spent)
        why = exhausted(budget, spent)
        if left is not None and not why and prompts and left < _least(prompts[0]):
            why = f"{left:,} of its {budget.tokens:,} tokens a run are left: too few for another call"
        if why:
            raise BudgetSpent(
                f"the agent may make no more calls in this run: {why}",
                where=self._settings.role,
                remedy="raise budget_tokens or budget_seconds of its [[agents]] entry in guild.toml",
            )
        return within(prompts, left)

    async def _draw(self, ask: "_Ask", calls: Sequence[ModelCall], progress: "_Progress") -> Drawn:
        async with self._slots:
            requests = [self._request(ask, model.entry, calls) for model in self._fleet]
            self._refuse_if_spent(requests)
            resting = self._resting(requests)
            passed_over: dict[int, str] = {}
            failure: ModelError | None = None
            turns = in_turn(len(self._fleet), ask.prompt.place)
            for place in sorted(turns, key=lambda place: place in resting):
                model, (request, reason) = self._fleet[place], requests[place]
                if request is None:
                    passed_over[place] = reason
                    continue
                try:
                    completion = await model.complete(request, lambda n: progress.tokens(ask.index, n))
                except ModelError as error:
                    passed_over[place] = error.what
                    if not isinstance(failure, MissingCompletion):
                        failure = error
                    if not isinstance(error, MissingCompletion | RequestRefused):
                        self._health.failed(place, time.monotonic())
                        _LOG.warning("model_failed", model=model.entry.name, reason=str(error))
                    continue
                if not completion.cached:
                    self._health.answered(place)
                earlier = set(turns[: turns.index(place)]).intersection(resting)
                before = dict.fromkeys(earlier, "failed a short while ago")
                prompt = as_read_by(model.entry, ask.prompt)
                return Drawn(completion, self._record(completion, prompt, request, before | passed_over))
        raise failure or ModelError(
            "no model is named for this agent", where=self._settings.role, remedy="see guild.toml"
        )

    def _refuse_if_spent(self, requests: "Sequence[_Request]") -> None:
        """BudgetSpent if there are models, and none of them may be asked any more."""
        if requests and all(request is None for request, _ in requests):
            told = (f"{m.entry.name}: {why}" for m, (_, why) in zip(self._fleet, requests, strict=True))
            raise BudgetSpent(
                f"no model may be asked any more in this run: {'; '.join(told)}",
                where=self._settings.role,
                remedy="raise budget_tokens or budget_seconds of a model in guild.toml, or name a fallback",
            )

    def _resting(self, requests: "Sequence[_Request]") -> list[int]:
        """The models that failed lately, and have no answer to this in the store."""
        now = time.monotonic()
        return [
            place
            for place, (request, _) in enumerate(requests)
            if self._health.resting(place, now)
            and (
                request is None or self._store.get(completion_key(self._fleet[place].entry, request)) is None
            )
        ]

    def _request(self, ask: "_Ask", entry: ModelEntry, calls: Sequence[ModelCall]) -> "_Request":
        """What this model is asked; None, and why, where its budget is spent."""
        prompt, room = as_read_by(entry, ask.prompt), ask.prompt.room
        spent = spent_on(call for call in calls if call.model == entry.model)
        if why := exhausted(entry.budget, spent):
            return None, why
        left = tokens_left(entry.budget, spent)
        if left is not None:
            share = left // ask.beside - prompt_tokens(prompt)
            if share < LEAST_ANSWER_TOKENS:
                return None, f"{left:,} of its {entry.budget.tokens:,} tokens a run are left"
            room = share if room is None else min(room, share)
        longest = entry.max_tokens or prompt.max_tokens
        request = ChatRequest(
            messages=_messages(prompt),
            temperature=temperature_of(prompt, entry, self._settings),
            seed=prompt.seed,
            max_tokens=longest if room is None else min(longest, room),
            stop=prompt.stop,
            candidate_index=ask.index,
        )
        return request, ""

    def _record(
        self, completion: Completion, prompt: Prompt, request: ChatRequest, passed_over: Mapping[int, str]
    ) -> ModelCall:
        """What the run keeps of one call: what its prompt held, and what it cost."""
        return ModelCall(
            model=completion.model,
            key=completion.key,
            manifest=prompt.manifest,
            seed=prompt.seed,
            temperature=prompt.temperature if request.temperature is None else request.temperature,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            started_at=completion.started_at,
            wall_s=completion.wall_s,
            finish_reason=completion.finish_reason,
            cached=completion.cached,
            role=self._settings.role,
            passed_over=tuple(f"{self._fleet[n].entry.name}: {passed_over[n]}" for n in sorted(passed_over)),
        )


@dataclass(frozen=True, slots=True)
class _Ask:
    """One prompt of those that are drawn side by side."""

    prompt: Prompt
    index: int
    beside: int


def in_turn(count: int, first: int) -> list[int]:
    """The places of a fleet of so many in the order of asking: from `first` on, then those before.

    The last comes first where there are not so many.
    """
    start = max(0, min(first, count - 1))
    return [*range(start, count), *range(start)]


def as_read_by(entry: ModelEntry, prompt: Prompt) -> Prompt:
    """The prompt as this model gets it: with its reply begun only if it goes on from there."""
    return prompt if entry.continues else in_one_turn(prompt)


def _messages(prompt: Prompt) -> tuple[ChatMessage, ...]:
    asked = (
        ChatMessage(role="system", content=prompt.system),
        ChatMessage(role="user", content=prompt.user),
    )
    return (*asked, ChatMessage(role="assistant", content=prompt.begun)) if prompt.begun else asked


def temperature_of(prompt: Prompt, entry: ModelEntry, settings: AgentSettings) -> float:
    """What a prompt is sampled with: as its agent's line states, then its model's, then its author's choice.

    An agent that asks for a temperature itself gets it, unless its own line says otherwise.
    """
    for stated in (settings,) if prompt.fixed else (settings, entry):
        if stated.temperatures:
            return rung(stated.temperatures, prompt.step)
        if stated.temperature is not None and prompt.step == 0:
            return stated.temperature
    return prompt.temperature


def _least(prompt: Prompt) -> int:
    return prompt_tokens(prompt) + LEAST_ANSWER_TOKENS


def _model(entry: ModelEntry, store: CompletionStore, settings: AgentSettings) -> Model:
    if settings.offline is not None:
        return OfflineModel(entry, store, settings.offline)
    model = StoredModel(ChatModel(entry, limits_dir=settings.state_dir / "limits"), store)
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
