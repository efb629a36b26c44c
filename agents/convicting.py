"""What is done about code that witnesses convict, a function at a time.

    more witnesses    where code and test agree against them, or before more of the same
    carried over      a right program, by rules; each is tried once
    one function      by its owner, beside a right program, with the counterexample

Pure. Next: `ladder.py`, which says when.
"""

from collections.abc import Sequence

from guildbus.agents.budget import tokens_left
from guildbus.agents.carrying.draft import carried_draft
from guildbus.agents.localise import MAX_EVIDENCE, accused_functions, folder_of_subject
from guildbus.agents.oracle.examining import LONGEST
from guildbus.agents.oracle.excerpt import excerpt
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.summons import more
from guildbus.agents.oracle.witnesses import LEAD_IN_DOUBT
from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.requests import owner_of
from guildbus.agents.run_state import RunState
from guildbus.agents.rungs import Rung, repair_request
from guildbus.protocols.messages.draft import DraftRequested, Evidence
from guildbus.protocols.messages.oracle import ReferenceRequested
from guildbus.protocols.messages.verification import Examination, VerificationFinished

FUNCTION_CANDIDATES = 5
"""More than of a whole file: a reply that is begun for the model costs half."""
SECOND_LOOK = 2
"""From this rung on, witnesses who convict must be more than the first few."""


def doubting(state: RunState, record: OracleRecord, found: VerificationFinished) -> ReferenceRequested | None:
    """More witnesses, where code and test agree with each other against those that were heard.

    Asked for once on each function or type: it takes more to convict it then. None if no more can be had, or
    if those that were heard lead by as much already.
    """
    for folder in dict.fromkeys(task.folder for task in state.plan.tasks):
        said = "\n".join(f"{failure.test} {failure.call} {failure.output}" for failure in found.failures)
        stated = [one.name for one in state.plan.api.get(folder, ())]
        against_both = tuple(
            one.subject
            for one in _convicted(state, found, folder)
            if one.subject not in record.doubted(folder)
            and not _beyond_doubt(record, folder, one)
            and not any(name in said for name in (one.subject, *_methods(one.subject, stated)))
        )
        request = (
            more(record, folder, tokens_left(state), against_both, in_doubt=True) if against_both else None
        )
        if request is not None:
            return request.model_copy(update={"doubted": against_both})
    return None


def _beyond_doubt(record: OracleRecord, folder: str, convicted: Examination) -> bool:
    """Whether on every counterexample the witnesses lead by what it takes where they are doubted."""
    latest = record.latest(folder)
    tables = () if latest is None else latest.tables
    leads = {
        case.call[:LONGEST]: LEAD_IN_DOUBT if case.stated else len(case.votes) - case.against
        for table in tables
        for case in table.cases
    }
    return all(leads.get(found.call, 0) >= LEAD_IN_DOUBT for found in convicted.counterexamples)


def _methods(subject: str, stated: Sequence[str]) -> list[str]:
    """The bare names of a type's methods, as failing calls have them."""
    return [name.partition(".")[2] for name in stated if name.startswith(f"{subject}.")]


def second_look(state: RunState, record: OracleRecord, rung: Rung) -> ReferenceRequested | None:
    """More witnesses before more of the same, where only the first few were heard."""
    folder = folder_of(rung.task.path)
    latest = record.latest(folder)
    if rung.height < SECOND_LOOK or latest is None or len(latest.witnesses) > SECOND_LOOK:
        return None
    return more(record, folder, tokens_left(state))


def carried(
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
            request = repair_request(state, rung, reason="function", scope=subject, reference=text)
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


def one_function(
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
    request = repair_request(state, rung, reason="function", scope=scope, reference=program)
    return alone(request, [one for one in request.evidence if one.where == subject.subject])


def alone(request: DraftRequested, evidence: Sequence[Evidence]) -> DraftRequested:
    """A request for one function: what is said of that one, and more candidates than of a whole file."""
    told = tuple(evidence) or request.evidence
    more = max(FUNCTION_CANDIDATES, request.candidates)
    return request.model_copy(update={"candidates": more, "evidence": told[:MAX_EVIDENCE]})
