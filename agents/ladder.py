"""The repair ladder: what to try next, and when to stop. A pure function of the run's state.

A failing row of a test is a dispute: where there are witnesses, the oracle is asked first, and what it finds
wrong in the test is mended on the evidence. In a build that is not examined they are called when a vote of
the test's author has not mended it. Then for each accused file, in turn:

    a test, or code without witnesses    its owner, its owner again, then the other specialist (cross-route)
    a test of code that is cleared       its owner, then the oracle, who writes it anew from settled cases
    code that the witnesses convict      more witnesses, if its test agrees with it; a right program carried
                                         over by rules; its owner, function by function, beside one; more
                                         witnesses; functions again
    any of them                          its owner with the next model of its fleet, twice for each

A compiler's complaint about one function of a file, or a stated value that one does not give, asks for that
function alone, or carries it over if witnesses were heard already. Other code without witnesses is drafted
anew before its first rung, if it had fewer first drafts than `candidates` allows: these are no repairs, and
verification chooses among all.

The file that was tried least comes first, so that a failing assertion brings both its sides into question.
When no rung is left, or the rounds or tokens are spent, the run stops honestly with a diagnosis.

`localise.py` says who is accused, `rungs.py` how often it was tried, `disputing.py` what goes to the oracle,
`convicting.py` what is done about code that it convicts; `repair_router.py` is the agent.
"""

from collections.abc import Sequence

from guildbus.agents.budget import shared, spent_text
from guildbus.agents.convicting import alone, carried, doubting, one_function, second_look
from guildbus.agents.diagnosis import diagnose_rejection, diagnose_verification
from guildbus.agents.disputing import dispute, heard, mended_draft, upheld, written_anew
from guildbus.agents.framed import frame_of
from guildbus.agents.localise import (
    MAX_EVIDENCE,
    Suspect,
    accused_functions,
    suspects,
)
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.planning import is_test
from guildbus.agents.requests import further_drafts, owner_of
from guildbus.agents.row_votes import doubted_rows
from guildbus.agents.run_state import RunState
from guildbus.agents.rungs import Rung, further_models, repair_request, rung_of
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import (
    DraftRejected,
    DraftRequested,
    Evidence,
)
from guildbus.protocols.messages.oracle import OracleAnswered
from guildbus.protocols.messages.verification import VerificationFinished


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
    rung = Rung(Suspect(task.path, evidence, evidence), task, tries - 1, further_models(state, task))
    if not rung.open or tries > state.options.max_rounds:
        return [BuildStopped(reason="rejected", diagnosis=diagnose_rejection(rejected, tries))]
    refused = rejected.refused[0].content if rejected.refused else ""
    request = further_drafts(state, task) or repair_request(state, rung, previous=refused)
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
        rung_of(state, suspect, found)
        for suspect in suspects(state, found)
        if not upheld(state, record, suspect)
    ]


def _climb(
    state: RunState, record: OracleRecord, found: VerificationFinished, rungs: Sequence[Rung]
) -> list[Message]:
    """The next step for the file that was tried least."""
    rung = min(rungs, key=lambda each: each.height)
    if rung.convicted and (asked := doubting(state, record, found)) is not None:
        return [asked]
    if (right := carried(state, record, rung, found)) is not None:
        return [right]
    if is_test(rung.task.path) and rung.height and rung.task.path in state.tree():
        anew = written_anew(state, record, found, rung.task.path)
        if anew is not None:
            return [anew]
    if rung.convicted and (asked := second_look(state, record, rung)) is not None:
        return [asked]
    if not rung.convicted:
        request = _narrow(state, rung, found) or further_drafts(state, rung.task)
    else:
        request = one_function(state, record, rung, found)
    paid_for = shared(state, [request or repair_request(state, rung)])
    return [paid_for[0] if paid_for else _stop(found, "tokens", f"since {spent_text(state)}")]


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
    request = repair_request(state, rung, reason="function", scope=names[0])
    if doubted_rows(request) or frame_of(request) is not None:
        return None
    return alone(request, [one for one in request.evidence if names[0] in one.text])


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
