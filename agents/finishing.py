"""What happens to a green package before its run is closed: who is asked next, and who is waited for. Pure.

    verification.finished (green, the last stage) -> finish.requested to the first finisher
    finish.proposed -> finish.judged (verifier)   -> finish.requested to the next, in the end build.finished

One finisher is asked at a time, and the run depends on none: one whose message dies (a crash, a wrong answer,
its time) is passed over, and the package stays as it was. Read `edits.py` next: how an edit is judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from guildbus.agents.run_state import RunState
from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.messages.control import DeadRequeued, MessageDied
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested

FINISHING: tuple[type[Message], ...] = (
    FinishRequested,
    FinishProposed,
    FinishJudged,
    MessageDied,
    DeadRequeued,
    BuildFinished,
)
"""The message types that `read_finishing` reads."""

FINISH_TYPES = frozenset(body.wire_type() for body in (FinishRequested, FinishProposed, FinishJudged))


@dataclass(slots=True)
class Finishing:
    """Who was asked so far. `waiting` is the request that is open, `proposals` how often it was answered.

    `reopened`: it is open because a dead letter was requeued, perhaps another one.
    """

    asked: list[FinishRequested] = field(default_factory=list)
    waiting: FinishRequested | None = None
    proposals: int = 0
    reopened: bool = False


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
    return found


def next_request(state: RunState, finishing: Finishing, now: float, deadline: float | None) -> Message | None:
    """The request to the first finisher that was not asked yet; None if there is none, or no time.

    `deadline` is that of the message in hand; once a finisher was asked, its request says when the run must
    end. Times are seconds since the epoch. Raises InvalidBody if nothing was verified.
    """
    if state.best is None:
        raise InvalidBody("nothing was verified", where="history", remedy="is the journal whole?")
    asked = {request.role for request in finishing.asked}
    role = next((role for role in state.options.finishers if role not in asked), None)
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
