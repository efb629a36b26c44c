"""What the oracle and the finishers did in a run, for its report: examinations, each edit and why. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from guildbus.agents.finishing import FINISH_TYPES
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.control import MessageDied
from guildbus.protocols.messages.draft import ModelCall
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished

CONVICTED: Final = "implementation-convicted"


def examined(log: RunLog) -> dict[str, int]:
    """The functions (or types) that the result was held to, on how many inputs, and the disputes."""
    judged = log.of(VerificationFinished)
    found = [one for one in judged[-1].examined if one.total] if judged else []
    return {
        "functions": len(found),
        "inputs": sum(one.total for one in found),
        "disputes": len(log.of(OracleRequested)),
    }


def interventions(log: RunLog) -> list[dict[str, Any]]:
    """Each expected value that was overturned, each test that was written anew, and what convicted code.

    A mended test that made nothing better was not kept, and is none.
    """
    verifications = log.of(VerificationFinished)
    kept = {(f.path, f.round) for found in verifications for f in found.files if f.author == "oracle"}
    edits = [
        _intervention("test-mended", answer.path, verdict.call, verdict.votes, verdict.before, verdict.after)
        for answer in log.of(OracleAnswered)
        for verdict in answer.verdicts
        if verdict.after and (answer.path, answer.round + 1) in kept
    ]
    edits += [
        _intervention("test-written", answer.path, name, (), "", "")
        for answer in log.of(OracleAnswered)
        for name in answer.anew
        if (answer.path, answer.round + 1) in kept
    ]
    convictions: dict[tuple[str, str], dict[str, Any]] = {}
    for verification in verifications:
        for one in verification.examined:
            for case in one.counterexamples[:1]:
                convictions.setdefault(
                    (one.subject, case.got),
                    _intervention(CONVICTED, one.subject, case.call, case.votes, case.got, case.want),
                )
    examined_ones = {subject for subject, _ in convictions}
    rows = [row for row in _by_rows(log) if row["file"] not in examined_ones]
    return [*edits, *convictions.values(), *rows]


def _by_rows(log: RunLog) -> list[dict[str, Any]]:
    """The failing rows that witnesses found to be right."""
    failing = {(asked.path, asked.round): asked.failing for asked in log.of(OracleRequested)}
    gave = {failure.call: failure.got for found in log.of(VerificationFinished) for failure in found.failures}
    return [
        _intervention(
            CONVICTED,
            verdict.call.partition("(")[0],
            verdict.call,
            verdict.votes,
            gave.get(verdict.call, ""),
            verdict.expected,
        )
        for answer in log.of(OracleAnswered)
        for verdict in answer.verdicts
        if verdict.finding == "row-right" and verdict.call in failing.get((answer.path, answer.round), ())
    ]


def _intervention(
    kind: str, file: str, call: str, votes: Iterable[str], before: str, after: str
) -> dict[str, Any]:
    return {
        "kind": kind,
        "file": file,
        "call": call,
        "witness": list(votes),
        "before": before,
        "after": after,
    }


def finishers(log: RunLog) -> list[dict[str, Any]]:
    """Each finisher that was asked: `{role, kept, why, note, files, before, after, seconds, calls, tokens}`.

    `before` and `after` are `{score, agreed, cases, teeth}` of the tree that it was given and of its edit;
    `after` is None where no edit was judged. `why` says why nothing was kept.
    """
    found: list[dict[str, Any]] = []
    waiting: dict[str, Any] = {}
    asked_at = 0.0
    for line in log.lines:
        match line.message:
            case FinishRequested() as asked:
                waiting, asked_at = _asked(asked), line.at
                found.append(waiting)
            case FinishProposed() as proposed if waiting:
                waiting |= _proposed(proposed)
            case FinishJudged() as judged if waiting:
                after = _figures(judged.found) if judged.found is not None else None
                waiting |= {"kept": judged.kept, "why": judged.reason, "after": after}
                waiting |= {"seconds": round(line.at - asked_at, 3)}
                waiting = {}
            case MessageDied() as died if waiting and died.message_type in FINISH_TYPES:
                waiting |= {"why": f"{died.code}: {died.reason}", "seconds": round(line.at - asked_at, 3)}
                waiting = {}
            case _:
                pass
    return found


def finisher_calls(log: RunLog) -> list[ModelCall]:
    """The model calls that the finishers cost."""
    return [call for proposed in log.of(FinishProposed) for call in proposed.calls]


def finisher_spans(log: RunLog) -> list[Span]:
    """The time in which finishers, and the verifier for them, ran the toolchain."""
    spent = [span for proposed in log.of(FinishProposed) for span in proposed.spans]
    return spent + [span for judged in log.of(FinishJudged) for span in judged.spans]


def _asked(message: FinishRequested) -> dict[str, Any]:
    return {
        "role": message.role,
        "kept": False,
        "why": "no answer",
        "note": "",
        "files": [],
        "before": _figures(message.reached),
        "after": None,
        "seconds": 0.0,
        "calls": 0,
        "tokens": 0,
    }


def _proposed(message: FinishProposed) -> dict[str, Any]:
    return {
        "note": message.note,
        "files": [file.path for file in message.files],
        "calls": len(message.calls),
        "tokens": sum(call.prompt_tokens + call.completion_tokens for call in message.calls),
    }


def _figures(found: VerificationFinished) -> dict[str, Any]:
    return {
        "score": found.score.total,
        "agreed": sum(one.agreed for one in found.examined),
        "cases": sum(file.cases for file in found.files),
        "teeth": found.teeth.score if found.teeth is not None else None,
    }


def reference_calls(log: RunLog) -> list[ModelCall]:
    """The model calls that the references cost."""
    return [call for proposed in log.of(ReferenceProposed) for call in proposed.calls]


def hearing_spans(log: RunLog) -> list[Span]:
    """The time in which references ran."""
    heard = [span for established in log.of(WitnessesEstablished) for span in established.spans]
    return heard + [span for answer in log.of(OracleAnswered) for span in answer.spans]
