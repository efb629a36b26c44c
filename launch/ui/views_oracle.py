"""The oracle's evidence in a run: references, what they settled, disputes, examinations. Pure."""

from typing import Any

from guildbus.launch import evidence
from guildbus.launch.run_log import RunLog
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished


def oracle_view(log: RunLog) -> dict[str, Any]:
    """`{programs, folders, disputes, examined, interventions}`; all empty where nobody was heard."""
    heard = {one.folder: one for one in log.of(WitnessesEstablished)}
    judged = log.of(VerificationFinished)
    return {
        "programs": [
            program.model_dump() for proposed in log.of(ReferenceProposed) for program in proposed.programs
        ],
        "folders": [_heard(one) for one in heard.values()],
        "disputes": _disputes(log),
        "examined": [one.model_dump() for one in judged[-1].examined] if judged else [],
        "interventions": evidence.interventions(log),
    }


def _heard(found: WitnessesEstablished) -> dict[str, Any]:
    return {
        "folder": found.folder,
        "witnesses": list(found.witnesses),
        "dismissed": [one.model_dump() for one in found.dismissed],
        "tables": [table.model_dump() for table in found.tables],
    }


def _disputes(log: RunLog) -> list[dict[str, Any]]:
    """Each question with the answer to it, if there is one yet."""
    answers = {
        line.envelope.causationid: line.message
        for line in log.lines
        if isinstance(line.message, OracleAnswered)
    }
    told = []
    for line in log.lines:
        if not isinstance(line.message, OracleRequested):
            continue
        answer = answers.get(line.envelope.id)
        told.append(
            {
                "seq": line.seq,
                "path": line.message.path,
                "round": line.message.round,
                "failing": list(line.message.failing),
                "answered": answer is not None,
                "verdicts": [one.model_dump() for one in answer.verdicts] if answer is not None else [],
            }
        )
    return told
