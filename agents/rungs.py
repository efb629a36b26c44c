"""One file's place on the ladder: how many repairs it had since things got better, and the next one. Pure.

A repair that leaves the very same findings is a stall and moves its file up a rung at once. Above the rungs
of the first model are those of its owner's further ones, if it has a fleet. Next: `ladder.py`.
"""

from dataclasses import dataclass

from guildbus.agents.localise import Suspect
from guildbus.agents.planning import is_test
from guildbus.agents.requests import draft_request, owner_of
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import Author, DraftRequested, Reason
from guildbus.protocols.messages.verification import VerificationFinished

OWNER_TURNS = 2
RUNGS = OWNER_TURNS + 1
CONVICTED_RUNGS = 4


@dataclass(frozen=True, slots=True)
class Rung:
    """One file's place on the ladder: how many repairs it had since the score last rose.

    `further` are the models of its owner's fleet beyond the first.
    """

    suspect: Suspect
    task: FileTask
    height: int
    further: int = 0

    @property
    def convicted(self) -> bool:
        """Whether witnesses speak against it, and not just a test."""
        return self.suspect.witnessed

    @property
    def open(self) -> bool:
        """Whether a rung is left."""
        return self.height < self._of_one_model + OWNER_TURNS * self.further

    @property
    def place(self) -> int:
        """The place in its owner's fleet of the model whose turn it is."""
        above = self.height - self._of_one_model
        return min(self.further, 1 + above // OWNER_TURNS) if above >= 0 else 0

    @property
    def author(self) -> Author:
        """The owner at first, then the other specialist, then the owner with further models.

        What is convicted stays with its owner.
        """
        owner = owner_of(self.task)
        if self.height < OWNER_TURNS or self.convicted or self.place:
            return owner
        return "go-dev" if owner == "go-test" else "go-test"

    @property
    def _of_one_model(self) -> int:
        return CONVICTED_RUNGS if self.convicted else RUNGS


def rung_of(state: RunState, suspect: Suspect, found: VerificationFinished) -> Rung:
    """How high a file stands: its repairs since the score rose; a stall ends its owner's turns."""
    since = _rose_at(state)
    mine = [
        request
        for request in state.requests
        if request.reason != "first" and request.task.path == suspect.path and request.round > since
    ]
    height = len(mine)
    stalled = mine and mine[-1].round == state.round and _stalled(state, found)
    if stalled and height < OWNER_TURNS and not suspect.witnessed:
        height = OWNER_TURNS
    task = state.plan.task(suspect.path)
    return Rung(suspect, task, height, further_models(state, task))


def further_models(state: RunState, task: FileTask) -> int:
    """How many models the fleet of a file's owner has beyond its first."""
    return state.options.further_models.get(owner_of(task), 0)


def _rose_at(state: RunState) -> int:
    """The round that last raised the score or the number of right functions (or opened a new stage)."""
    round_number, best = 0, (-1, -1, -1)
    for verification in state.verifications:
        right = sum(not one.counterexamples for one in verification.examined)
        reached = (verification.stage, verification.score.total, right)
        if reached > best:
            round_number, best = verification.round, reached
    return round_number


def _stalled(state: RunState, found: VerificationFinished) -> bool:
    """Whether the newest two verifications found exactly the same."""
    earlier = [v for v in state.verifications if v.stage == found.stage]
    return len(earlier) >= 2 and surface(earlier[-1]) == surface(earlier[-2])


def surface(found: VerificationFinished) -> frozenset[tuple[str, ...]]:
    """The findings without their line numbers, which every edit moves."""
    return frozenset(
        [("diagnostic", d.tool, d.file, d.message) for d in found.diagnostics]
        + [("test", f.package, f.test, f.call, f.got, f.want) for f in found.failures]
        + [("missing", name) for name in found.missing_tests]
        + [("unnoticed", name) for name in found.unnoticed]
        + [("example", b.call, b.got) for b in found.broken_examples]
        + [("examined", one.subject, c.call, c.got) for one in found.examined for c in one.counterexamples]
    )


def repair_request(
    state: RunState,
    rung: Rung,
    previous: str = "",
    *,
    reason: Reason | None = None,
    scope: str = "",
    reference: str = "",
) -> DraftRequested:
    current = state.tree().get(rung.task.path)
    return draft_request(
        state,
        rung.task,
        author=rung.author,
        round_number=state.round + 1,
        reason=reason or ("repair" if rung.author == owner_of(rung.task) else "cross"),
        scope=scope,
        reference=reference,
        previous=previous or (current.content if current is not None else ""),
        min_cases=current.cases if current is not None and is_test(rung.task.path) else 0,
        evidence=rung.suspect.blind if rung.author == "go-test" else rung.suspect.evidence,
        place=rung.place,
    )
