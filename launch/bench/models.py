"""How fast the roster's models answer: time to the first token, tokens a second, alone and side by side.

    guildbus models bench [NAME...] --parallel 4 --repeat 5

Each trial is a round of 1, 2 ... N calls at once, after one call that only warms up. Every prompt begins with
a number of its own, so that no server answers from its cache of prompts, and nothing is read from, or put
into, the store of completions. A failed call is not tried again: what would be measured then is the pause.
Rate limits of `guild.toml` are not kept, since it is the endpoint that is measured.

`first_s` is the time to the first token, of which most is reading the prompt where nobody else waits, so
`prompt_tokens_s` is reckoned from it; `answer_tokens_s` counts from the first token on; `total_tokens_s` are
the answer tokens of all calls of a round, a second.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import starmap
from typing import Any, Final

from guildbus.agents.chat import ChatMessage, ChatRequest, Completion, ModelEntry
from guildbus.agents.models import ChatModel
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.serving import Fleet
from guildbus.protocols.errors import ModelError, UsageError

TASK: Final = "Write a Go function for each of these notes, one after the other, with a comment on each line."
NOTE: Final = "The function of this note takes a slice of integers and gives back the largest one of them."


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked: prompts of about so many words, answers of at most so many tokens."""

    parallel: int = 2
    repeat: int = 3
    prompt_words: int = 300
    max_tokens: int = 128


@dataclass(frozen=True, slots=True)
class Call:
    """One call, measured. Seconds, and what the server counted."""

    first_s: float
    wall_s: float
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, and the lowest and highest of what was measured."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        told = sorted(values)
        return cls(*(round(value, 3) for value in (statistics.median(told), told[0], told[-1])))


@dataclass(frozen=True, slots=True)
class Level:
    """All rounds of `parallel` calls at once."""

    parallel: int
    rounds: int
    first_s: Spread
    prompt_tokens_s: Spread
    answer_tokens_s: Spread
    total_tokens_s: Spread


@dataclass(frozen=True, slots=True)
class Measured:
    """One model. `failure` says why there are no (further) levels."""

    name: str
    model: str
    adapter: str
    base_url: str
    levels: tuple[Level, ...]
    failure: str = ""


def asking_for(config: GuildConfig, names: Sequence[str]) -> GuildConfig:
    """A roster that needs these models, or without names all that agents use, and no others to be served.

    Each comes with all adapters that agents use on it. UsageError for a name that guild.toml does not have.
    """
    asking = [agent for agent in config.agents if agent.may_ask]
    roster: list[AgentTable] = []
    for name in dict.fromkeys(names or (name for agent in asking for name in agent.fleet)):
        if name not in config.models:
            raise UsageError(
                f"there is no model {name!r}{did_you_mean(name, config.models)}", where="guild.toml: models"
            )
        adapters = dict.fromkeys(agent.adapter for agent in asking if name in agent.fleet) or {None: None}
        roster += [
            AgentTable(role="go-dev", name=f"{name}-{number}", model=name, adapter=adapter)
            for number, adapter in enumerate(adapters)
        ]
    return config.model_copy(update={"agents": tuple(roster)})


def distinct(fleets: Iterable[Fleet]) -> list[ModelEntry]:
    """The models of a roster, each once with each of its adapters."""
    return list({(entry.name, entry.adapter): entry for fleet in fleets for entry in fleet}.values())


async def measure(entry: ModelEntry, work: Workload, say: Callable[[str], None]) -> Measured:
    """Ask one model, level by level, until it fails."""
    model = ChatModel(entry.model_copy(update={"max_retries": 0}))
    numbers = iter(range(10**6, 2 * 10**6))
    levels: list[Level] = []
    failure = ""
    try:
        await _call(model, work, next(numbers))
        for parallel in range(1, work.parallel + 1):
            say(f"{entry.name}: {parallel} at once, {work.repeat} rounds")
            rounds = [await _round(model, work, parallel, numbers) for _ in range(work.repeat)]
            levels.append(level_of(parallel, rounds))
    except ModelError as error:
        failure = str(error)
    finally:
        await model.aclose()
    return Measured(entry.name, entry.model, entry.adapter, entry.base_url or "", tuple(levels), failure)


def level_of(parallel: int, rounds: Sequence[tuple[float, Sequence[Call]]]) -> Level:
    """The figures of some rounds, each its wall time in seconds and its calls. Pure."""
    calls = [call for _, made in rounds for call in made]
    answered = ((call.answer_tokens - 1, call.wall_s - call.first_s) for call in calls)
    in_all = ((sum(call.answer_tokens for call in made), wall_s) for wall_s, made in rounds)
    return Level(
        parallel=parallel,
        rounds=len(rounds),
        first_s=Spread.of(call.first_s for call in calls),
        prompt_tokens_s=Spread.of(_rate(call.prompt_tokens, call.first_s) for call in calls),
        answer_tokens_s=Spread.of(starmap(_rate, answered)),
        total_tokens_s=Spread.of(starmap(_rate, in_all)),
    )


def as_json(found: Iterable[Measured]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in found]


async def _round(
    model: ChatModel, work: Workload, parallel: int, numbers: Iterator[int]
) -> tuple[float, list[Call]]:
    began = time.monotonic()
    calls = await asyncio.gather(*(_call(model, work, next(numbers)) for _ in range(parallel)))
    return time.monotonic() - began, calls


async def _call(model: ChatModel, work: Workload, number: int) -> Call:
    began = time.monotonic()
    first: list[float] = []

    def on_tokens(_count: int) -> None:
        if not first:
            first.append(time.monotonic() - began)

    completion: Completion = await model.complete(_request(work, number), on_tokens)
    wall_s = time.monotonic() - began
    return Call(first[0], wall_s, completion.prompt_tokens, completion.completion_tokens)


def _request(work: Workload, number: int) -> ChatRequest:
    notes = max(1, (work.prompt_words - len(TASK.split())) // len(NOTE.split()))
    text = "\n".join([f"{number}", TASK, *[NOTE] * notes])
    return ChatRequest(
        messages=(ChatMessage(role="user", content=text),),
        temperature=0.0,
        seed=number,
        max_tokens=work.max_tokens,
    )


def _rate(count: int, seconds: float) -> float:
    return max(0, count) / seconds if seconds > 0 else 0.0
