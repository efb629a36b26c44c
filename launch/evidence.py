"""What the oracle did in a run, for its report: what was examined, and each edit with its witnesses. Pure."""

from typing import Any

from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.draft import ModelCall
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished


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
    """Each expected value that was overturned, and the first case that convicted each implementation."""
    edits = [
        {
            "kind": "test-mended",
            "file": answer.path,
            "call": verdict.call,
            "witness": list(verdict.votes),
            "before": verdict.before,
            "after": verdict.after,
        }
        for answer in log.of(OracleAnswered)
        for verdict in answer.verdicts
        if verdict.after
    ]
    seen: set[tuple[str, str]] = set()
    convictions: list[dict[str, Any]] = []
    for verification in log.of(VerificationFinished):
        for one in verification.examined:
            for case in one.counterexamples[:1]:
                if (one.subject, case.got) not in seen:
                    seen.add((one.subject, case.got))
                    convictions.append(
                        {
                            "kind": "implementation-convicted",
                            "file": one.subject,
                            "call": case.call,
                            "witness": list(case.votes),
                            "before": case.got,
                            "after": case.want,
                        }
                    )
    return [*edits, *convictions]


def reference_calls(log: RunLog) -> list[ModelCall]:
    """The model calls that the references cost."""
    return [call for proposed in log.of(ReferenceProposed) for call in proposed.calls]


def hearing_spans(log: RunLog) -> list[Span]:
    """The time in which references ran."""
    heard = [span for established in log.of(WitnessesEstablished) for span in established.spans]
    return heard + [span for answer in log.of(OracleAnswered) for span in answer.spans]
