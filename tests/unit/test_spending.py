"""Budgets and temperatures of `guild.toml`: what is stated has its effect on whoever asks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog

from guildbus.agents.chat import Budget, ModelEntry
from guildbus.agents.completions import CompletionStore
from guildbus.agents.context import Context
from guildbus.agents.drawing import Drawer, temperature_of
from guildbus.agents.finishing import next_request, read_finishing
from guildbus.agents.ladder import after_red
from guildbus.agents.prompting import Prompt, rung
from guildbus.agents.repair_router import RepairRouter
from guildbus.agents.runtime import wrap
from guildbus.agents.settings import AgentSettings
from guildbus.agents.spending import BudgetSpent, Spent, exhausted, left_in_run, spent_on, tokens_left
from guildbus.agents.tools import Answer, NoTools, Question
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftRequested, ModelCall
from guildbus.protocols.messages.finish import FinishJudged, FinishRequested
from told import IMPLEMENTATION, NUMKIT, RUN, SUITE, Told, call, failure


class OpinionGiven(Message):
    """What an agent of somebody else's says."""

    type: ClassVar[str] = "opinion.given"
    calls: tuple[ModelCall, ...]


class Scripted(NoTools):
    """Tools that answer, and remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def complete(self, question: Question, say: Callable[[str], None]) -> Answer:
        self.asked.append(question)
        return Answer("so", call(prompt_tokens=200, completion_tokens=100))


def context(history: Sequence[Message], tools: NoTools) -> Context:
    async def read(types: Sequence[str]) -> list[Message]:
        return [m for m in history if not types or m.wire_type() in types]

    envelope = wrap(history[-1], source="t/1", subject=RUN, now=0.0).envelope
    return Context(envelope, 5, structlog.get_logger(), lambda: 0.0, lambda text: None, read, tools=tools)


ENTRY = ModelEntry(name="big", model="stub", base_url="http://127.0.0.1:9/v1", max_retries=0)


IMPL, TEST = "numkit.go", "numkit_test.go"


def settings(**more: Any) -> AgentSettings:
    fields: dict[str, Any] = {
        "name": "go-dev",
        "role": "go-dev",
        "endpoint": "ipc:///nowhere",
        "journal": Path("/nowhere"),
        "state_dir": Path("/nowhere"),
        "cache_dir": Path("/nowhere"),
    }
    return AgentSettings(**(fields | more))


def prompt(step: int = 0, **more: Any) -> Prompt:
    fields: dict[str, Any] = {"temperature": 0.1, "seed": 1, "max_tokens": 500, "stop": (), "manifest": ()}
    return Prompt(system="s", user="u" * 300, step=step, **(fields | more))


def temperatures(entry: ModelEntry, agent: AgentSettings, **more: Any) -> list[float]:
    return [temperature_of(prompt(step, **more), entry, agent) for step in range(5)]


def test_a_ladder_goes_round_without_its_first_step() -> None:
    assert [rung((0.1, 0.5, 0.9), step) for step in range(6)] == [0.1, 0.5, 0.9, 0.9, 0.5, 0.9]
    assert [rung((0.3,), step) for step in range(3)] == [0.3, 0.3, 0.3]


def test_the_agents_line_goes_before_its_model_and_that_before_the_prompt() -> None:
    first = ENTRY.model_copy(update={"temperature": 0.4})
    ladder = ENTRY.model_copy(update={"temperatures": (0.2, 1.2)})
    assert temperatures(ENTRY, settings()) == [0.1] * 5
    assert temperatures(first, settings()) == [0.4, 0.1, 0.1, 0.1, 0.1]
    assert temperatures(ladder, settings()) == [0.2, 1.2, 1.2, 1.2, 1.2]
    assert temperatures(ladder, settings(temperature=0.0)) == [0.0, 1.2, 1.2, 1.2, 1.2]
    assert temperatures(first, settings(temperatures=(0.5, 0.6))) == [0.5, 0.6, 0.6, 0.6, 0.6]


def test_an_agent_that_asks_for_a_temperature_itself_gets_it_unless_its_own_line_says_otherwise() -> None:
    ladder = ENTRY.model_copy(update={"temperatures": (0.2, 1.2)})
    assert temperatures(ladder, settings(), fixed=True) == [0.1] * 5
    assert temperatures(ladder, settings(temperature=0.9), fixed=True)[0] == 0.9


def test_what_a_budget_leaves() -> None:
    spent = spent_on([call(), call(prompt_tokens=1, completion_tokens=2, wall_s=0.5)])
    assert spent == Spent(143, 2.5)
    assert exhausted(Budget(), spent) == ""
    assert exhausted(Budget(tokens=144, seconds=2.6), spent) == ""
    assert "143 tokens" in exhausted(Budget(tokens=143), spent)
    assert "2.5 s" in exhausted(Budget(seconds=2.5), spent)
    assert (tokens_left(Budget(), spent), tokens_left(Budget(tokens=200), spent)) == (None, 57)


async def draw(agent: AgentSettings, calls: Sequence[ModelCall], prompts: Sequence[Prompt]) -> list[Any]:
    async def so_far() -> Sequence[ModelCall]:
        return calls

    drawer = Drawer(agent)
    try:
        return await drawer.draw(prompts, lambda text: None, "asking", so_far)
    finally:
        await drawer.aclose()


async def test_an_agent_whose_budget_is_spent_asks_nobody() -> None:
    agent = settings(models=(ENTRY,), budget=Budget(tokens=500))
    with pytest.raises(BudgetSpent, match="its 500 tokens a run are spent") as caught:
        await draw(agent, [call(role="go-dev", prompt_tokens=460)], [prompt()])
    assert (caught.value.final, caught.value.where) == (True, "go-dev")
    with pytest.raises(BudgetSpent, match="too few for another call"):
        await draw(agent, [call(role="go-dev", prompt_tokens=400)], [prompt()])
    with pytest.raises(ModelError, match="cannot be reached"):
        await draw(agent, [call(role="go-test", prompt_tokens=4000)], [prompt()])


async def test_a_model_whose_budget_is_spent_is_passed_over_and_the_call_says_so(tmp_path: Path) -> None:
    dear = ENTRY.model_copy(update={"model": "dear", "name": "dear", "budget": Budget(tokens=1000)})
    agent = settings(models=(dear, ENTRY), state_dir=tmp_path)
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        await draw(agent, [call(model="dear", prompt_tokens=990)], [prompt()])
    assert "model big" in caught.value.where, "the dear one was not asked"
    assert not CompletionStore(tmp_path).folder.exists()


async def test_an_agent_of_somebody_elses_spends_of_the_same_tokens() -> None:
    """And so does every call of one handling, before its message is in the history."""
    run = Told.of(NUMKIT, max_tokens=10_000)
    for path, text in ((IMPL, IMPLEMENTATION), (TEST, SUITE)):
        run.accept(path, text)
        run.messages[-1] = run.messages[-1].model_copy(update={"tokens": 2000})
    opinion = OpinionGiven(calls=(call(prompt_tokens=4900, completion_tokens=100),))
    tools = Scripted()
    ctx = context([*run.messages, opinion], tools)
    await ctx.complete("x" * 252)
    await ctx.complete("x" * 252, max_tokens=50)
    await ctx.complete("x" * 252)
    assert [question.max_tokens for question in tools.asked] == [900, 50, 300]
    with pytest.raises(BudgetSpent, match="9,000 of the run's 10,000 tokens are spent"):
        await ctx.complete("x" * 252)
    assert [made.model for made in await ctx.calls()] == ["stub"] * 4


async def test_a_finisher_has_what_drafts_references_and_finishers_before_it_have_left() -> None:
    run = Told.of(NUMKIT, max_tokens=10_000, examine=True, finishers=("go-review", "go-doc"))
    for path, text in ((IMPL, IMPLEMENTATION), (TEST, SUITE)):
        run.accept(path, text)
        run.messages[-1] = run.messages[-1].model_copy(update={"tokens": 2000})
    run.witness("").verify(score="build vet test", green=True)
    first = next_request(run.state, read_finishing(run.messages), 0.0, None)
    assert isinstance(first, FinishRequested)
    run.add(first, first.propose(calls=[call(prompt_tokens=4860, completion_tokens=500)]))
    run.add(FinishJudged(role="go-review", kept=False, reason="go test fails"))
    second = next_request(run.state, read_finishing(run.messages), 0.0, None)
    assert isinstance(second, FinishRequested)
    tools = Scripted()
    ctx = context([*run.messages, second], tools)
    assert await left_in_run(ctx) == 10_000 - 4000 - 140 - 5360
    await ctx.complete("x" * 252)
    await ctx.complete("x" * 252)
    assert [question.max_tokens for question in tools.asked] == [400, 100]
    with pytest.raises(BudgetSpent, match="9,500 of the run's 10,000 tokens are spent"):
        await ctx.complete("x" * 252)


async def test_without_a_budget_nothing_is_bounded() -> None:
    assert await left_in_run(context(Told.of(NUMKIT).messages, NoTools())) is None
    tools = Scripted()
    ctx = context(Told.of(NUMKIT).messages, tools)
    assert (await ctx.complete("x", temperature=0.0, max_tokens=7)).text == "so"
    assert [(q.temperature, q.max_tokens) for q in tools.asked] == [(0.0, 7)]
    await ctx.complete("x")
    assert (tools.asked[-1].temperature, tools.asked[-1].max_tokens) == (None, None)


async def test_a_repair_counts_what_everybody_has_spent() -> None:
    for spent, stops in ((100, False), (9_900, True)):
        run = Told.of(NUMKIT, max_tokens=10_000).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE)
        run.verify(failures=(failure(),))
        opinion = OpinionGiven(calls=(call(prompt_tokens=spent - 40),))
        history = [*run.messages[:-1], opinion, run.messages[-1]]
        (next_step,) = await RepairRouter().on_verification_finished(run.found, context(history, NoTools()))
        assert isinstance(next_step, BuildStopped if stops else DraftRequested)
        alone = after_red(run.state, run.record, run.found)
        assert isinstance(alone[0], DraftRequested)
        if isinstance(next_step, DraftRequested) and isinstance(alone[0], DraftRequested):
            assert (next_step.max_tokens, alone[0].max_tokens) == (9_900, 10_000)


async def test_a_fleet_that_is_spent_is_final() -> None:
    dear = ENTRY.model_copy(update={"model": "dear", "name": "dear", "budget": Budget(seconds=2.0)})
    agent = settings(models=(dear,))
    with pytest.raises(BudgetSpent, match="dear: its 2 s of model time a run are spent"):
        await draw(agent, [call(model="dear", wall_s=2.5)], [prompt()])
