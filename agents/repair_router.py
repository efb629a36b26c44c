"""The repair-router: hears of what is red, and routes the next repair, or stops. Its mind is `ladder.py`.

verification.finished (red)   -> oracle.requested, draft.requested, reference.requested or build.stopped
oracle.answered               -> the mended test as draft.proposed, and what else is left to do
draft.rejected                -> draft.requested, or build.stopped
"""

from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents import ladder
from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.oracle.record import RECORDED, OracleRecord, read_record
from guildbus.agents.run_state import FOLDED, RunState, fold
from guildbus.agents.spending import counting_all
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftProposed, DraftRejected, DraftRequested
from guildbus.protocols.messages.oracle import OracleAnswered, OracleRequested, ReferenceRequested
from guildbus.protocols.messages.verification import VerificationFinished


class RepairRouter(Agent):
    """Stateless: each answer is made from the run's history."""

    role: ClassVar[str] = "repair-router"
    emits: ClassVar[tuple[type[Message], ...]] = (
        DraftRequested,
        DraftProposed,
        OracleRequested,
        ReferenceRequested,
        BuildStopped,
    )
    credit: ClassVar[int] = 4

    @handles(VerificationFinished)
    async def on_verification_finished(
        self, message: VerificationFinished, ctx: Context
    ) -> Sequence[Message]:
        """Something is red: the next rung."""
        ctx.say(f"routing a repair at {message.score.total}/3")
        state, record = await _memory(ctx)
        return ladder.after_red(state, record, message)

    @handles(OracleAnswered)
    async def on_oracle_answered(self, message: OracleAnswered, ctx: Context) -> Sequence[Message]:
        """The verdicts on a test's rows are there: act on them."""
        ctx.say(f"acting on the verdicts on {message.path}")
        state, record = await _memory(ctx)
        return ladder.after_answer(state, record, message)

    @handles(DraftRejected)
    async def on_draft_rejected(self, message: DraftRejected, ctx: Context) -> Sequence[Message]:
        """No candidate passed the gates: ask again, with their reasons."""
        ctx.say(f"routing a new draft of {message.task.path}")
        state, record = await _memory(ctx)
        return ladder.after_rejection(state, record, message)


async def _memory(ctx: Context) -> tuple[RunState, OracleRecord]:
    history = await ctx.history(*FOLDED, *RECORDED)
    return await counting_all(fold(history), ctx), read_record(history)
