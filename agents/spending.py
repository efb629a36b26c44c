"""What a run has spent on model calls, and what its budgets still allow: functions of the run's history.

There are three kinds of budget. That of the run (`--max-tokens`) is looked after by whoever asks for drafts
(`budget.py`). That of an agent and that of a model (`budget_tokens` and `budget_seconds` of `[[agents]]` and
`[models.X]`) are looked after here, by whoever is about to call: what was spent is read from the calls in the
run's history, so it is the same in any process and after any crash. Answers from the store count too.

A model whose budget is spent is passed over for the next of the fleet; an agent whose own is spent stops
(`BudgetSpent`). Calls that are under way in other processes are not in the history yet, so agents that call
one model at the same time may overrun its budget by what those calls cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from guildbus.agents.budget import LEAST_ANSWER_TOKENS, text_tokens
from guildbus.agents.budget import tokens_left as tokens_in_run
from guildbus.agents.chat import Budget
from guildbus.agents.context import Context
from guildbus.agents.run_state import FOLDED, RunState, fold
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.messages.build import BuildPlanned
from guildbus.protocols.messages.draft import DraftProposed, ModelCall, calls_of
from guildbus.protocols.messages.finish import FinishProposed
from guildbus.protocols.messages.oracle import ReferenceProposed

COUNTED: Final = (DraftProposed, ReferenceProposed, FinishProposed)
"""The messages whose calls a run's state counts by itself."""


class BudgetSpent(GuildbusError):
    """An agent may make no more calls in this run. To try again would change nothing."""

    code: ClassVar[str] = "agent.budget"
    final: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens, prompts and answers, and seconds of calls."""

    tokens: int = 0
    seconds: float = 0.0


def spent_on(calls: Iterable[ModelCall]) -> Spent:
    """What these calls came to."""
    told = list(calls)
    return Spent(
        sum(call.prompt_tokens + call.completion_tokens for call in told), sum(call.wall_s for call in told)
    )


async def counting_all(state: RunState, ctx: Context) -> RunState:
    """The same state, with what agents that are not ours have spent, where the run has a budget."""
    if state.options.max_tokens is not None:
        others = (one for one in await ctx.history() if not isinstance(one, COUNTED))
        state.others = spent_on(call for one in others for call in calls_of(one)).tokens
    return state


async def left_in_run(ctx: Context) -> int | None:
    """What of the run's budget is neither spent nor promised; None without one."""
    state = await _limited(ctx)
    return None if state is None else tokens_in_run(state)


async def _limited(ctx: Context) -> RunState | None:
    """The run as it stands, if it has a budget."""
    planned = await ctx.latest(BuildPlanned)
    if planned is None or planned.options.max_tokens is None:
        return None
    return await counting_all(fold(await ctx.history(*FOLDED)), ctx)


async def room_in_run(ctx: Context, prompt: str) -> int | None:
    """How long an answer may be, by the run's budget; None without one. BudgetSpent if it pays for none."""
    state = await _limited(ctx)
    if state is None:
        return None
    left = (tokens_in_run(state) or 0) - spent_on(ctx.made).tokens
    room = left - text_tokens(prompt)
    if room < LEAST_ANSWER_TOKENS:
        raise BudgetSpent(
            f"{state.tokens:,} of the run's {state.options.max_tokens:,} tokens are spent: "
            "the rest does not pay for another call",
            where=f"run {ctx.run}",
            remedy="give the build more --max-tokens",
        )
    return room


def exhausted(budget: Budget, spent: Spent) -> str:
    """Why nothing may be spent any more: `its 5,000 tokens a run are spent`; '' while something may."""
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        return f"its {budget.tokens:,} tokens a run are spent"
    if budget.seconds is not None and spent.seconds >= budget.seconds:
        return f"its {budget.seconds:g} s of model time a run are spent"
    return ""


def tokens_left(budget: Budget, spent: Spent) -> int | None:
    """What is left of the tokens; None without a limit."""
    return None if budget.tokens is None else max(0, budget.tokens - spent.tokens)
