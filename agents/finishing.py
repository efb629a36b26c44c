"""What happens to a green package before its run is closed: who is asked next, and who is waited for. Pure.

    verification.finished (green, the last stage) -> finish.requested to the first finisher
    finish.proposed -> finish.judged (verifier)   -> finish.requested to the next, in the end build.finished

Before them the oracle is asked to sharpen the suite, where that notices less than `[build] teeth` of the
mutants and witnesses have settled what a new row may say. One finisher is asked at a time, and the run
depends on none: one whose message dies (a crash, a wrong answer, its time) is passed over, and the package
stays as it was. Read `edits.py` next: how an edit is judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from guildbus.agents.run_state import RunState
from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.messages.control import DeadRequeued, MessageDied
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import WitnessesEstablished

FINISHING: tuple[type[Message], ...] = (
    FinishRequested,
    FinishProposed,
    FinishJudged,
    MessageDied,
    DeadRequeued,
    BuildFinished,
    WitnessesEstablished,
)
"""The message types that `read_finishing` reads."""

SHARPENER: Final = "oracle"
"""The role that is asked for a sharper suite."""

FINISH_TYPES = frozenset(body.wire_type() for body in (FinishRequested, FinishProposed, FinishJudged))


@dataclass(slots=True)
class Finishing:
    """Who was asked so far. `waiting` is the request that is open, `proposals` how often it was answered.

    `reopened`: it is open because a dead letter was requeued, perhaps another one. `settled` are the packages
    of which witnesses have settled anything.
    """

    asked: list[FinishRequested] = field(default_factory=list)
    waiting: FinishRequested | None = None
    proposals: int = 0
    reopened: bool = False
    settled: set[str] = field(default_factory=set)


def read_finishing(history: Iterable[Message]) -> Finishing:
    """The finishers' part of a run after these messages."""
    found = Finishing()
    for message in history:
        match message:
            case FinishRequested():
                found.asked.append(message)
                found.waiting, found.proposals, found.reopened = message, 0, False
            case FinishProposed():
                found.proposals += 1
            case FinishJudged() | BuildFinished():
                found.waiting = None
            case MessageDied() if message.message_type in FINISH_TYPES:
                found.waiting = None
            case DeadRequeued() if found.asked:
                found.waiting, found.proposals, found.reopened = found.asked[-1], 0, True
            case WitnessesEstablished(tables=tables):
                has_any = any(table.cases and not table.obstacle for table in tables)
                (found.settled.add if has_any else found.settled.discard)(message.folder)
    return found


def next_request(state: RunState, finishing: Finishing, now: float, deadline: float | None) -> Message | None:
    """The request to the first finisher that was not asked yet; None if there is none, or no time.

    `deadline` is that of the message in hand; once a finisher was asked, its request says when the run must
    end. Times are seconds since the epoch. Raises InvalidBody if nothing was verified.
    """
    if state.best is None:
        raise InvalidBody("nothing was verified", where="history", remedy="is the journal whole?")
    asked = {request.role for request in finishing.asked}
    wanted = (*[SHARPENER] * _is_blunt(state, finishing), *state.options.finishers)
    role = next((role for role in wanted if role not in asked), None)
    closes_at = finishing.asked[-1].closes_at if finishing.asked else deadline
    if role is None or (closes_at is not None and now >= closes_at):
        return None
    until = now + state.options.finisher_seconds
    return FinishRequested(
        role=role,
        spec=state.spec,
        plan=state.plan,
        reached=state.best,
        seed=state.options.seed,
        until=until if closes_at is None else min(until, closes_at),
        closes_at=closes_at,
    )


def _is_blunt(state: RunState, finishing: Finishing) -> bool:
    """Whether the suite notices less than was wished for, and something is settled to write rows from."""
    teeth = state.best.teeth if state.best is not None else None
    score = teeth.score if teeth is not None else None
    return score is not None and score < state.options.teeth and bool(finishing.settled)
