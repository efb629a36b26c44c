"""The gate-keeper: every candidate through all gates; it mends what is certain and refuses the rest.

It never chooses: all candidates that pass go on, and verification selects. The gates are in `gates/`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.gating import TimedFormatter, gate_context
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.run_state import FOLDED, fold
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import (
    DraftAccepted,
    DraftProposed,
    DraftRejected,
    GatedCandidate,
)


class GateKeeper(Agent):
    """Pure gates over a draft, with gofmt as the only program that it runs."""

    role: ClassVar[str] = "gate-keeper"
    emits: ClassVar[tuple[type[Message], ...]] = (DraftAccepted, DraftRejected)
    credit: ClassVar[int] = 2

    def __init__(self, settings: AgentSettings) -> None:
        self._cache = settings.cache_dir

    async def start(self) -> None:
        """Find the toolchain and its list of standard packages."""
        self._toolchain = Toolchain.find(self._cache)
        self._stdlib = await asyncio.to_thread(self._toolchain.stdlib)

    @handles(DraftProposed)
    async def on_draft_proposed(self, message: DraftProposed, ctx: Context) -> Sequence[Message]:
        """Accept what passes; reject the proposal if nothing does."""
        request = message.request
        ctx.say(f"gating {request.task.path}")
        state = fold(await ctx.history(*FOLDED))
        formatter = TimedFormatter(self._toolchain)
        context = gate_context(state, request, self._stdlib, formatter)
        gated = await asyncio.to_thread(
            lambda: [run_gates(one.content, context, one.index) for one in message.candidates]
        )
        accepted = _distinct(one for one in gated if is_accepted(one))
        refused = tuple(one for one in gated if not is_accepted(one))
        tokens = sum(call.prompt_tokens + call.completion_tokens for call in message.calls)
        if accepted:
            return [
                DraftAccepted(
                    task=request.task,
                    author=request.author,
                    round=request.round,
                    accepted=accepted,
                    refused=refused,
                    spans=tuple(formatter.spans),
                    tokens=tokens,
                )
            ]
        return [
            DraftRejected(
                task=request.task,
                author=request.author,
                round=request.round,
                refused=refused,
                spans=tuple(formatter.spans),
                tokens=tokens,
            )
        ]


def _distinct(candidates: Iterable[GatedCandidate]) -> tuple[GatedCandidate, ...]:
    """Candidates that the gates made equal count once: the first of them."""
    kept: dict[str, GatedCandidate] = {}
    for candidate in candidates:
        kept.setdefault(candidate.sha256, candidate)
    return tuple(kept.values())
