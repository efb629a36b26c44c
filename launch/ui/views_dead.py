"""Dead letters for the page: what died, why each attempt failed, what became of it. Pure."""

from collections.abc import Iterable
from typing import Any

from guildbus.bus.tail import Attempt
from guildbus.launch.dead_letters import DeadLetter
from guildbus.launch.ui.views_message import plain_body


def dead_view(letters: Iterable[DeadLetter]) -> list[dict[str, Any]]:
    """The letters that still want something first, then the others; the newest of each first."""
    told = [_letter(letter) for letter in letters]
    told.reverse()
    return sorted(told, key=lambda one: bool(one["fate"] != "dead"))


def _letter(letter: DeadLetter) -> dict[str, Any]:
    envelope, death, dropped = letter.envelope, letter.death, letter.dropped
    return {
        "id": letter.id,
        "run": envelope.subject,
        "type": envelope.type.rpartition(".v")[0],
        "queue": envelope.to or "",
        "fate": letter.fate,
        "died_at": death.at if death is not None else None,
        "code": death.code if death is not None else "",
        "reason": death.reason if death is not None else "",
        "failures": [_failure(attempt) for attempt in letter.failures],
        "copies": list(letter.copies),
        "dropped": {"by": dropped.by, "reason": dropped.reason} if dropped is not None else None,
        "body": plain_body(letter.packet.body),
    }


def _failure(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "at": attempt.at,
        "agent": attempt.agent.partition("/")[0],
        "code": attempt.code,
        "reason": attempt.reason,
    }
