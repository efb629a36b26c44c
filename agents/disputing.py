"""What of a red verification goes to the oracle, and what its answer comes to. Pure.

A failing row accuses test and implementation alike, and nothing that either author says can settle it. So
witnesses are asked: those of an examined build at once; in any other build they are called only when a vote
of the test's author has not mended the row, which is cheaper and mostly does. Once they are there, the code
is held to all that they settle. Of a test that is no table nothing can be judged row by row: there the
witnesses are called to examine the code, which then is convicted or cleared. Next: `ladder.py`.
"""

import hashlib

from guildbus.agents.budget import reference_within, tokens_left
from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.localise import Suspect, cleared
from guildbus.agents.oracle.hearing import called_in, contested
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.rewriting import subject_of_test
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.requests import draft_request, reference_request
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import Candidate, DraftProposed
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceRequested,
    RowVerdict,
)
from guildbus.protocols.messages.verification import Counterexample, Examination, VerificationFinished


def dispute(state: RunState, record: OracleRecord, found: VerificationFinished) -> list[Message]:
    """The first failing test that the oracle has not seen yet; if there are no witnesses, call some first.

    Where every test passes, one that does not notice that a function does nothing.
    """
    if not found.score.build:
        return []
    if found.score.test and found.unnoticed:
        return _unnoticed(state, record, found)
    if not found.failures:
        return []
    tree = state.tree()
    failing = {failure.file for failure in found.failures}
    seen = {(dispute.path, dispute.source) for dispute in record.disputes}
    for path in [path for path in tree if path in failing] or list(tree):
        if not is_test(path) or (path, tree[path].content) in seen:
            continue
        asked = _asked(state, path, failing=_failing(found))
        if _heard_of(record, asked.folder):
            return [asked]
        api = read_api(state.plan.api.get(asked.folder, ()))
        readable = called_in(asked.failing, api)
        if readable and not contested(asked.source, asked.failing, api):
            continue
        witnesses = _witnesses(state, record, asked)
        if witnesses is not None:
            return [witnesses, asked] if readable else [witnesses]
    return []


def _unnoticed(state: RunState, record: OracleRecord, found: VerificationFinished) -> list[Message]:
    """The first test whose package has such a function, if something is settled of it; asked about once."""
    seen = {(dispute.path, dispute.source) for dispute in record.disputes if dispute.unnoticed}
    for path in filter(is_test, state.tree()):
        stated = {one.name for one in state.plan.api.get(folder_of(path), ())}
        asked = _asked(state, path, unnoticed=tuple(name for name in found.unnoticed if name in stated))
        if asked.unnoticed and (path, asked.source) not in seen and _heard_of(record, asked.folder):
            return [asked]
    return []


def written_anew(
    state: RunState, record: OracleRecord, found: VerificationFinished, path: str
) -> OracleRequested | None:
    """The tests of a file that fail although all that they are about is cleared; asked for once a text."""
    folder = folder_of(path)
    api = read_api(state.plan.api.get(folder, ()))
    right = cleared(found)
    failing = dict.fromkeys(failure.test.partition("/")[0] for failure in found.failures)
    own = {one.name for one in declarations(parse(state.tree()[path].content))}
    names = tuple(name for name in failing if name in own and subject_of_test(name, api) in right)
    asked = _asked(state, path, failing=_failing(found), anew=names)
    seen = {(dispute.path, dispute.source) for dispute in record.disputes if dispute.anew}
    return asked if names and (path, asked.source) not in seen and _heard_of(record, folder) else None


def _failing(found: VerificationFinished) -> tuple[str, ...]:
    """The calls whose assertions failed; a test's name where its output does not say."""
    return tuple(dict.fromkeys(failure.call or failure.test for failure in found.failures))


def _asked(
    state: RunState,
    path: str,
    *,
    failing: tuple[str, ...] = (),
    unnoticed: tuple[str, ...] = (),
    anew: tuple[str, ...] = (),
) -> OracleRequested:
    return OracleRequested(
        path=path,
        folder=folder_of(path),
        source=state.tree()[path].content,
        round=state.round,
        failing=failing,
        unnoticed=unnoticed,
        anew=anew,
    )


def _heard_of(record: OracleRecord, folder: str) -> bool:
    """Whether witnesses have settled anything of a package."""
    latest = record.latest(folder)
    return latest is not None and any(table.cases for table in latest.tables)


def _witnesses(state: RunState, record: OracleRecord, dispute: OracleRequested) -> ReferenceRequested | None:
    """The first references of a package, once its disputed test was tried again by its author."""
    folder = dispute.folder
    voted = any(r.task.path == dispute.path and r.reason != "first" for r in state.requests)
    known = any(request.folder == folder for request in record.requested)
    if not record.only_disputes or not voted or known:
        return None
    request = reference_request(state, folder)
    return None if request is None else reference_within(request, tokens_left(state))


def mended_draft(state: RunState, answer: OracleAnswered) -> DraftProposed | None:
    """The test with the wrong rows mended, as a draft like any other: every gate is applied to it again."""
    if not answer.mended:
        return None
    task = state.plan.task(answer.path)
    kept = state.tree().get(answer.path)
    request = draft_request(
        state,
        task,
        author="oracle",
        round_number=state.round + 1,
        reason="oracle",
        min_cases=kept.cases if kept is not None else 0,
    )
    digest = hashlib.sha256(answer.mended.encode()).hexdigest()
    return DraftProposed(
        request=request, candidates=(Candidate(index=0, content=answer.mended, sha256=digest),)
    )


def heard(state: RunState, record: OracleRecord, found: VerificationFinished) -> VerificationFinished:
    """The findings with what witnesses say against the code: its failing rows that they found to be right.

    Where the code was examined they are among the findings already.
    """
    if not record.only_disputes:
        return found
    known = tuple(one for one in found.examined if not one.why)
    gave = {failure.call: failure.got for failure in found.failures}
    against: dict[str, list[Counterexample]] = {}
    for path in filter(is_test, state.tree()):
        for verdict in _verdicts(state, record, path):
            if verdict.finding == "row-right" and verdict.call in gave:
                case = Counterexample(
                    call=verdict.call, want=verdict.expected, got=gave[verdict.call], votes=verdict.votes
                )
                against.setdefault(verdict.call.partition("(")[0], []).append(case)
    examined = tuple(
        Examination(subject=subject, agreed=0, total=len(cases), counterexamples=tuple(cases))
        for subject, cases in against.items()
        if subject not in {one.subject for one in known}
    )
    return found.model_copy(update={"examined": (*known, *examined)})


def upheld(state: RunState, record: OracleRecord, suspect: Suspect) -> bool:
    """Whether only failing rows speak against a test, and witnesses found all of those to be right."""
    if not record.only_disputes or any(evidence.kind != "test" for evidence in suspect.evidence):
        return False
    verdicts = _verdicts(state, record, suspect.path)
    return bool(verdicts) and all(verdict.finding == "row-right" for verdict in verdicts)


def _verdicts(state: RunState, record: OracleRecord, path: str) -> list[RowVerdict]:
    """What the oracle has said of a test as it is now."""
    source = state.tree()[path].content if path in state.tree() else ""
    rounds = {d.round for d in record.disputes if d.path == path and d.source == source}
    answers = [answer for answer in record.answers if answer.path == path and answer.round in rounds]
    return [verdict for answer in answers for verdict in answer.verdicts]
