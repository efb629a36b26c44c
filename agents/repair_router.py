"""The repair-router: hears of what is red, and routes the next repair, or stops. Its mind is `ladder.py`."""

from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents import ladder
from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.run_state import FOLDED, fold
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftRejected, DraftRequested
from guildbus.protocols.messages.verification import VerificationFinished


class RepairRouter(Agent):
    """Stateless: each answer is made from the run's history."""

    role: ClassVar[str] = "repair-router"
    emits: ClassVar[tuple[type[Message], ...]] = (DraftRequested, BuildStopped)
    credit: ClassVar[int] = 4

    @handles(VerificationFinished)
    async def on_verification_finished(
        self, message: VerificationFinished, ctx: Context
    ) -> Sequence[Message]:
        """Something is red: the next rung."""
        ctx.say(f"routing a repair at {message.score.total}/3")
        return [ladder.after_red(fold(await ctx.history(*FOLDED)), message)]

    @handles(DraftRejected)
    async def on_draft_rejected(self, message: DraftRejected, ctx: Context) -> Sequence[Message]:
        """No candidate passed the gates: ask again, with their reasons."""
        ctx.say(f"routing a new draft of {message.task.path}")
        return [ladder.after_rejection(fold(await ctx.history(*FOLDED)), message)]
