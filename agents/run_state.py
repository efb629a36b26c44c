"""What has happened in a run so far, folded from its messages. Pure.

Every agent that needs more than the message in its hand folds the run's history into this. The fold
knows nothing of who asks: the same messages give the same state, in any process, after any crash. A message
that died and was requeued is in the history twice, and counts once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from guildbus.agents.planning import GO_MOD, folder_of, is_test
from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildOptions, BuildPlanned, BuildRequested, Plan
from guildbus.protocols.messages.draft import DraftAccepted, DraftRejected, DraftRequested, GatedCandidate
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed
from guildbus.protocols.messages.oracle import ReferenceProposed, ReferenceRequested
from guildbus.protocols.messages.verification import VerificationFinished, VerifiedFile
from guildbus.protocols.spec import Spec

MessageT = TypeVar("MessageT", bound=Message)

TaskKey = tuple[str, str, int]
"""A draft request is one of (path, author, round)."""


@dataclass(slots=True)
class RunState:
    """A run, as its history tells it. `spec`, `plan` and `options` are set by the first two messages."""

    spec: Spec
    options: BuildOptions
    plan: Plan
    requests: list[DraftRequested] = field(default_factory=list)
    accepted: list[DraftAccepted] = field(default_factory=list)
    rejected: list[DraftRejected] = field(default_factory=list)
    verifications: list[VerificationFinished] = field(default_factory=list)
    reference_requests: list[ReferenceRequested] = field(default_factory=list)
    references: list[ReferenceProposed] = field(default_factory=list)
    finishes: list[FinishProposed] = field(default_factory=list)
    others: int = 0
    """Tokens of agents that are not ours, as far as they were counted (`spending.counting_all`)."""

    @property
    def stage(self) -> int:
        """The newest stage for which a draft was asked."""
        return max((request.task.stage for request in self.requests), default=0)

    @property
    def round(self) -> int:
        """The newest round: 0 for first drafts, one more a repair."""
        asked = (request.round for request in self.requests)
        return max((*asked, *(draft.round for draft in self.accepted)), default=0)

    @property
    def best(self) -> VerificationFinished | None:
        """The newest verification, that of a finisher's edit if one was kept.

        Selection, and the verdict on edits, see to it that it never scores below an earlier one.
        """
        return self.verifications[-1] if self.verifications else None

    @property
    def tokens(self) -> int:
        """What the model calls of all that was answered cost, prompts and answers, and those of others."""
        drafts = sum(a.tokens for a in self.accepted) + sum(r.tokens for r in self.rejected)
        more = sum(one.tokens for one in self.references) + sum(one.tokens for one in self.finishes)
        return drafts + more + self.others

    def outstanding(self) -> frozenset[TaskKey]:
        """The draft requests that no gate has answered yet."""
        asked: set[TaskKey] = {(r.task.path, r.author, r.round) for r in self.requests}
        passed = {(a.task.path, a.author, a.round) for a in self.accepted}
        refused = {(r.task.path, r.author, r.round) for r in self.rejected}
        return frozenset(asked - passed - refused)

    def awaited(self) -> list[ReferenceRequested]:
        """The requests for references that are not answered yet."""
        answered = [proposed.request for proposed in self.references]
        return [request for request in self.reference_requests if request not in answered]

    def pool(self, path: str) -> list[tuple[DraftAccepted, GatedCandidate]]:
        """All candidates of a file that passed the gates, oldest first."""
        return [(draft, one) for draft in self.accepted if draft.task.path == path for one in draft.accepted]

    def lacking(self, stage: int) -> tuple[str, ...]:
        """The files up to `stage` that have no candidate yet."""
        return tuple(t.path for t in self.plan.tasks if t.stage <= stage and not self.pool(t.path))

    def tree(self) -> dict[str, VerifiedFile]:
        """The files of the newest verification, by path."""
        return {file.path: file for file in self.best.files} if self.best is not None else {}

    def sources(self, folder: str, *, tests: bool) -> dict[str, str]:
        """The newest known text of a folder's implementation (or test) files, by path."""
        known = {path: pool[0][1].content for path in self._paths() if (pool := self.pool(path))}
        known |= {path: file.content for path, file in self.tree().items()}
        return {
            path: text
            for path, text in known.items()
            if path != GO_MOD and folder_of(path) == folder and is_test(path) == tests
        }

    def _paths(self) -> list[str]:
        return [task.path for task in self.plan.tasks]


def fold(history: Iterable[Message]) -> RunState:
    """The state after these messages. Raises InvalidBody if the run has no plan yet."""
    requested: BuildRequested | None = None
    state: RunState | None = None
    for message in history:
        match message:
            case BuildRequested():
                requested = message
            case BuildPlanned() if requested is not None:
                state = RunState(requested.spec, message.options, message.plan)
            case DraftRequested() if state is not None:
                _add(state.requests, message)
            case DraftAccepted() if state is not None:
                _add(state.accepted, message)
            case DraftRejected() if state is not None:
                _add(state.rejected, message)
            case VerificationFinished() if state is not None:
                _add(state.verifications, message)
            case FinishJudged(kept=True, found=VerificationFinished() as found) if state is not None:
                _add(state.verifications, found)
            case ReferenceRequested() if state is not None:
                _add(state.reference_requests, message)
            case ReferenceProposed() if state is not None:
                _add(state.references, message)
            case FinishProposed() if state is not None:
                _add(state.finishes, message)
    if state is None:
        raise InvalidBody("the run has no plan", where="history", remedy="is the journal whole?")
    return state


def _add(known: list[MessageT], message: MessageT) -> None:
    if message not in known:
        known.append(message)


FOLDED: tuple[type[Message], ...] = (
    BuildRequested,
    BuildPlanned,
    DraftRequested,
    DraftAccepted,
    DraftRejected,
    VerificationFinished,
    FinishProposed,
    FinishJudged,
    ReferenceRequested,
    ReferenceProposed,
)
"""The message types that `fold` reads."""
