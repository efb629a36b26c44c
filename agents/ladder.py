"""The repair ladder: what to try next, and when to stop. A pure function of the run's state.

For each accused file, in turn: its owner, its owner again, then the other specialist (cross-route). A
repair that leaves the very same findings is a stall and moves its file up a rung at once. The file that
was tried least comes first, so that a failing assertion brings both its sides into question. When no
rung is left, or the rounds or tokens are spent, the run stops honestly with a diagnosis.

`localise.py` says who is accused; `repair_router.py` is the agent around this.
"""

from dataclasses import dataclass

from guildbus.agents.budget import shared, spent_text
from guildbus.agents.diagnosis import diagnose_rejection, diagnose_verification
from guildbus.agents.localise import MAX_EVIDENCE, Suspect, suspects
from guildbus.agents.planning import is_test
from guildbus.agents.requests import Author, draft_request, owner_of
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.build import BuildStopped, FileTask
from guildbus.protocols.messages.draft import DraftRejected, DraftRequested, Evidence
from guildbus.protocols.messages.verification import VerificationFinished

OWNER_TURNS = 2
RUNGS = OWNER_TURNS + 1


@dataclass(frozen=True, slots=True)
class Rung:
    """One file's place on the ladder: how many repairs it had since the score last rose."""

    suspect: Suspect
    task: FileTask
    height: int

    @property
    def author(self) -> Author:
        """The owner at first, then the other specialist."""
        owner = owner_of(self.task)
        if self.height < OWNER_TURNS:
            return owner
        return "go-dev" if owner == "go-test" else "go-test"


def after_red(state: RunState, found: VerificationFinished) -> DraftRequested | BuildStopped:
    """What to do about a red verification, the newest in `state`."""
    repairs = [request for request in state.requests if request.reason != "first"]
    if len(repairs) >= state.options.max_rounds:
        return _stop(found, "rounds", f"after {len(repairs)} repairs")
    rungs = [_rung(state, suspect, found) for suspect in suspects(state, found)]
    open_rungs = [rung for rung in rungs if rung.height < RUNGS]
    if not open_rungs:
        return _stop(found, "stalled", "and no repair is left to try")
    request = _request(state, min(open_rungs, key=lambda rung: rung.height))
    paid_for = shared(state, [request])
    return paid_for[0] if paid_for else _stop(found, "tokens", f"since {spent_text(state)}")


def after_rejection(state: RunState, rejected: DraftRejected) -> DraftRequested | BuildStopped:
    """What to do when the gates passed no candidate of a file."""
    task = rejected.task
    if state.pool(task.path) and state.best is not None and not state.best.green:
        return after_red(state, state.best)
    evidence = _gate_evidence(rejected)
    tries = sum(1 for request in state.requests if request.task.path == task.path)
    if tries > min(RUNGS, state.options.max_rounds):
        return BuildStopped(reason="rejected", diagnosis=diagnose_rejection(rejected, tries))
    rung = Rung(Suspect(task.path, evidence, evidence), task, tries - 1)
    request = _request(state, rung, previous=rejected.refused[0].content if rejected.refused else "")
    paid_for = shared(state, [request])
    if paid_for:
        return paid_for[0]
    diagnosis = f"{spent_text(state)}\n{diagnose_rejection(rejected, tries)}"
    return BuildStopped(reason="tokens", diagnosis=diagnosis)


def _rung(state: RunState, suspect: Suspect, found: VerificationFinished) -> Rung:
    """How high a file stands: its repairs since the score rose; a stall ends its owner's turns."""
    since = _rose_at(state)
    mine = [
        request
        for request in state.requests
        if request.reason != "first" and request.task.path == suspect.path and request.round > since
    ]
    height = len(mine)
    if mine and height < OWNER_TURNS and mine[-1].round == state.round and _stalled(state, found):
        height = OWNER_TURNS
    return Rung(suspect, state.plan.task(suspect.path), height)


def _rose_at(state: RunState) -> int:
    """The round of the verification that last raised the score (or opened a new stage)."""
    round_number, best = 0, (-1, -1)
    for verification in state.verifications:
        reached = (verification.stage, verification.score.total)
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
    )


def _request(state: RunState, rung: Rung, previous: str = "") -> DraftRequested:
    current = state.tree().get(rung.task.path)
    return draft_request(
        state,
        rung.task,
        author=rung.author,
        round_number=state.round + 1,
        reason="repair" if rung.author == owner_of(rung.task) else "cross",
        previous=previous or (current.content if current is not None else ""),
        min_cases=current.cases if current is not None and is_test(rung.task.path) else 0,
        evidence=rung.suspect.blind if rung.author == "go-test" else rung.suspect.evidence,
    )


def _gate_evidence(rejected: DraftRejected) -> tuple[Evidence, ...]:
    texts = dict.fromkeys(
        (verdict.gate, verdict.reason, verdict.line)
        for candidate in rejected.refused
        for verdict in candidate.verdicts
        if verdict.outcome == "rejected"
    )
    return tuple(
        Evidence(
            kind="gate", where=f"{rejected.task.path}:{line}" if line else rejected.task.path, text=reason
        )
        for _, reason, line in list(texts)[:MAX_EVIDENCE]
    )


def _stop(found: VerificationFinished, reason: str, how: str) -> BuildStopped:
    return BuildStopped(reason=reason, diagnosis=diagnose_verification(found, how), failures=found.failures)
