"""The repair ladder: what to try next, and when to stop. A pure function of the run's state.

A failing row of a test is a dispute: where there are witnesses, the oracle is asked first, and what it finds
wrong in the test is mended on the evidence. In a build that is not examined they are called when a vote of
the test's author has not mended it. Then for each accused file, in turn:

    a test, or code without witnesses    its owner, its owner again, then the other specialist (cross-route)
    code that the witnesses convict      more witnesses, if its test agrees with it; a right program carried
                                         over by rules; its owner, function by function, beside one; more
                                         witnesses; functions again

A compiler's complaint about one function of a file, or a stated value that one does not give, asks for that
function alone, or carries it over if witnesses were heard already. Other code without witnesses is drafted
anew before its first rung, if it had fewer first drafts than `candidates` allows: these are no repairs, and
verification chooses among all.

A repair that leaves the very same findings is a stall and moves its file up a rung at once. The file that
was tried least comes first, so that a failing assertion brings both its sides into question. When no
rung is left, or the rounds or tokens are spent, the run stops honestly with a diagnosis.

`localise.py` says who is accused, `disputing.py` what goes to the oracle; `repair_router.py` is the agent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from guildbus.agents.budget import shared, spent_text, tokens_left
from guildbus.agents.carrying.draft import carried_draft
from guildbus.agents.diagnosis import diagnose_rejection, diagnose_verification
from guildbus.agents.disputing import dispute, heard, mended_draft, upheld
from guildbus.agents.framed import frame_of
from guildbus.agents.localise import (
    MAX_EVIDENCE,
    Suspect,
    accused_functions,
    folder_of_subject,
    suspects,
)
from guildbus.agents.oracle.excerpt import excerpt
from guildbus.agents.oracle.hearing import more
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.requests import draft_request, further_drafts, owner_of
from guildbus.agents.row_votes import doubted_rows
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped, FileTask
from guildbus.protocols.messages.draft import (
    Author,
    DraftRejected,
    DraftRequested,
    Evidence,
    Reason,
)
from guildbus.protocols.messages.oracle import OracleAnswered, ReferenceRequested
from guildbus.protocols.messages.verification import Examination, VerificationFinished

OWNER_TURNS = 2
RUNGS = OWNER_TURNS + 1
FUNCTION_CANDIDATES = 5
"""More than of a whole file: a reply that is begun for the model costs half."""
CONVICTED_RUNGS = 4
SECOND_LOOK = 2
"""From this rung on, witnesses who convict must be more than the first few."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One file's place on the ladder: how many repairs it had since the score last rose."""

    suspect: Suspect
    task: FileTask
    height: int

    @property
    def convicted(self) -> bool:
        """Whether witnesses speak against it, and not just a test."""
        return self.suspect.witnessed

    @property
    def open(self) -> bool:
        """Whether a rung is left."""
        return self.height < (CONVICTED_RUNGS if self.convicted else RUNGS)

    @property
    def author(self) -> Author:
        """The owner at first, then the other specialist; what is convicted stays with its owner."""
        owner = owner_of(self.task)
        if self.height < OWNER_TURNS or self.convicted:
            return owner
        return "go-dev" if owner == "go-test" else "go-test"


def after_red(state: RunState, record: OracleRecord, found: VerificationFinished) -> list[Message]:
    """What to do about a red verification, the newest in `state`."""
    return dispute(state, record, found) or _repair(state, record, heard(state, record, found))


def after_answer(state: RunState, record: OracleRecord, answer: OracleAnswered) -> list[Message]:
    """What to do with the oracle's verdicts: mend the test, and turn to what the witnesses convict."""
    if state.best is None:
        return []
    found = heard(state, record, state.best)
    mended = mended_draft(state, answer)
    if not mended:
        return _repair(state, record, found)
    rungs = [rung for rung in _rungs(state, record, found) if rung.convicted and rung.open]
    if not rungs or _spent(state):
        return [mended]
    return [mended, *_climb(state, record, found, rungs)]


def after_rejection(state: RunState, record: OracleRecord, rejected: DraftRejected) -> list[Message]:
    """What to do when the gates passed no candidate of a file."""
    task = rejected.task
    if state.pool(task.path) and state.best is not None and not state.best.green:
        return after_red(state, record, state.best)
    evidence = _gate_evidence(rejected)
    tries = sum(1 for request in state.requests if request.task.path == task.path and not request.drawn)
    if tries > min(RUNGS, state.options.max_rounds):
        return [BuildStopped(reason="rejected", diagnosis=diagnose_rejection(rejected, tries))]
    rung = Rung(Suspect(task.path, evidence, evidence), task, tries - 1)
    refused = rejected.refused[0].content if rejected.refused else ""
    request = further_drafts(state, task) or _request(state, rung, previous=refused)
    paid_for = shared(state, [request])
    if paid_for:
        return [paid_for[0]]
    diagnosis = f"{spent_text(state)}\n{diagnose_rejection(rejected, tries)}"
    return [BuildStopped(reason="tokens", diagnosis=diagnosis)]


def _spent(state: RunState) -> bool:
    return _repairs(state) >= state.options.max_rounds


def _repairs(state: RunState) -> int:
    return sum(1 for request in state.requests if request.reason != "first")


def _repair(state: RunState, record: OracleRecord, found: VerificationFinished) -> list[Message]:
    if _spent(state):
        return [_stop(found, "rounds", f"after {_repairs(state)} repairs")]
    rungs = [rung for rung in _rungs(state, record, found) if rung.open]
    if not rungs:
        return [_stop(found, "stalled", "and no repair is left to try")]
    return _climb(state, record, found, rungs)


def _rungs(state: RunState, record: OracleRecord, found: VerificationFinished) -> list[Rung]:
    return [
        _rung(state, suspect, found)
        for suspect in suspects(state, found)
        if not upheld(state, record, suspect)
    ]


def _climb(
    state: RunState, record: OracleRecord, found: VerificationFinished, rungs: Sequence[Rung]
) -> list[Message]:
    """The next step for the file that was tried least."""
    rung = min(rungs, key=lambda each: each.height)
    doubting = _doubting(state, record, found) if rung.convicted else None
    if doubting is not None:
        return [doubting]
    carried = _carried(state, record, rung, found)
    if carried is not None:
        return [carried]
    if rung.convicted and rung.height >= SECOND_LOOK:
        witnesses = more(record, folder_of(rung.task.path), tokens_left(state))
        heard = record.latest(folder_of(rung.task.path))
        if witnesses is not None and heard is not None and len(heard.witnesses) <= SECOND_LOOK:
            return [witnesses]
    if not rung.convicted:
        request = _narrow(state, rung, found) or further_drafts(state, rung.task)
    else:
        request = _function(state, record, rung, found)
    paid_for = shared(state, [request or _request(state, rung)])
    return [paid_for[0] if paid_for else _stop(found, "tokens", f"since {spent_text(state)}")]


def _doubting(
    state: RunState, record: OracleRecord, found: VerificationFinished
) -> ReferenceRequested | None:
    """More witnesses, where code and test agree with each other against those that were heard.

    Asked for once on each function or type: it takes more to convict it then. None if no more can be had.
    """
    for folder in dict.fromkeys(task.folder for task in state.plan.tasks):
        said = [f"{failure.test} {failure.call} {failure.output}" for failure in found.failures]
        against_both = tuple(
            one.subject
            for one in _convicted(state, found, folder)
            if one.subject not in record.doubted(folder) and not any(one.subject in text for text in said)
        )
        request = more(record, folder, tokens_left(state), against_both) if against_both else None
        if request is not None:
            return request.model_copy(update={"doubted": against_both})
    return None


def _narrow(state: RunState, rung: Rung, found: VerificationFinished) -> DraftRequested | None:
    """One function of the file anew, where all that is said of the file is about functions of it.

    None where its author is to see all of the text: another specialist, or whoever votes on rows.
    """
    current = state.tree().get(rung.task.path)
    if current is None or rung.author != owner_of(rung.task):
        return None
    known = {one.name for one in state.plan.api.get(rung.task.folder, ())} | set(rung.task.tests)
    names = accused_functions(rung.task.path, current.content, found)
    if not names or not known.issuperset(names):
        return None
    request = _request(state, rung, reason="function", scope=names[0])
    if doubted_rows(request) or frame_of(request) is not None:
        return None
    return _alone(request, [one for one in request.evidence if names[0] in one.text])


def _alone(request: DraftRequested, evidence: Sequence[Evidence]) -> DraftRequested:
    """A request for one function: what is said of that one, and more candidates than of a whole file."""
    told = tuple(evidence) or request.evidence
    more = max(FUNCTION_CANDIDATES, request.candidates)
    return request.model_copy(update={"candidates": more, "evidence": told[:MAX_EVIDENCE]})


def _carried(
    state: RunState, record: OracleRecord, rung: Rung, found: VerificationFinished
) -> DraftRequested | None:
    """The first wrong function or type for which a right program was not carried over yet, and can be.

    Wrong is what the witnesses convict; else what the compiler or a stated value speaks against.
    """
    current = state.tree().get(rung.task.path)
    if current is None or is_test(rung.task.path) or rung.author != owner_of(rung.task):
        return None
    folder = folder_of(rung.task.path)
    api = read_api(state.plan.api.get(folder, ()))
    wrong = [one.subject for one in _convicted(state, found, folder)]
    accused = wrong or accused_functions(rung.task.path, current.content, found)
    tried = {(request.scope, request.reference) for request in state.requests if request.carry}
    for subject in dict.fromkeys(name.partition(".")[0] for name in accused):
        for program in record.agreeing(folder, subject):
            text = excerpt(program.content, subject, api)
            request = _request(state, rung, reason="function", scope=subject, reference=text)
            request = request.model_copy(update={"carry": True, "candidates": 1})
            if (subject, text) not in tried and carried_draft(request) not in ("", current.content):
                return request
    return None


def _convicted(state: RunState, found: VerificationFinished, folder: str) -> list[Examination]:
    """The functions and types of a package that do not give what the witnesses settled."""
    return [
        one
        for one in found.examined
        if one.counterexamples and folder_of_subject(state, one.subject) == folder
    ]


def _function(
    state: RunState, record: OracleRecord, rung: Rung, found: VerificationFinished
) -> DraftRequested | None:
    """One function anew, beside a program that the witnesses agree with; None if no program can be named.

    The functions that are wrong take turns, and so do the programs. A type is written anew with all its file.
    """
    turn = rung.height
    folder = folder_of(rung.task.path)
    wrong = _convicted(state, found, folder)
    if not wrong:
        return None
    subject = wrong[turn % len(wrong)]
    votes = subject.counterexamples[0].votes
    programs = {program.name: program for program in record.programs(folder) if program.language == "python"}
    agreeing = [programs[name] for name in votes if name in programs]
    if not agreeing:
        return None
    api = state.plan.api.get(folder, ())
    plain = any(one.name == subject.subject for one in api if one.text.startswith("func"))
    program = excerpt(agreeing[turn % len(agreeing)].content, subject.subject, read_api(api))
    scope = subject.subject if plain else ""
    request = _request(state, rung, reason="function", scope=scope, reference=program)
    return _alone(request, [one for one in request.evidence if one.where == subject.subject])


def _rung(state: RunState, suspect: Suspect, found: VerificationFinished) -> Rung:
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
    return Rung(suspect, state.plan.task(suspect.path), height)


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


def _request(
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
