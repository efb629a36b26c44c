"""What came of one delivery, and where two outcomes differ, what is incidental left out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guildbus.launch.replay.comparing import first_difference
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry


@dataclass(frozen=True, slots=True)
class Answered:
    """An ack, with what was emitted."""

    bodies: tuple[Message, ...]

    def __str__(self) -> str:
        return f"answered {', '.join(b.wire_type() for b in self.bodies) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A nack."""

    code: str
    reason: str

    def __str__(self) -> str:
        return f"gave it back as {self.code}: {self.reason[:300]}"


@dataclass(frozen=True, slots=True)
class Lost:
    """Neither: the handling ended without a word (`ended`), or had not ended when the kit lost patience."""

    ended: bool

    def __str__(self) -> str:
        return "neither acked nor nacked" if self.ended else "not answered in time"


Outcome = Answered | GivenBack | Lost


def difference(want: Outcome, got: Outcome) -> str | None:
    """Where two outcomes differ, in words; None if they say the same. The reasons of nacks may differ."""
    if isinstance(want, GivenBack) and isinstance(got, GivenBack) and want.code == got.code:
        return None
    if not (isinstance(want, Answered) and isinstance(got, Answered)):
        return None if want == got else f"first it {want}; then it {got}"
    types = [[body.wire_type() for body in one.bodies] for one in (want, got)]
    if types[0] != types[1]:
        return f"first it {want}; then it {got}"
    for before, after in zip(want.bodies, got.bodies, strict=True):
        found = first_difference(before, after)
        if found is not None:
            return f"{before.wire_type()}: {found.field} was {_short(found.want)}, then {_short(found.got)}"
    return None


def to_json(outcome: Outcome) -> dict[str, Any]:
    """For another process; `from_json` reads it."""
    match outcome:
        case Answered(bodies):
            said = [{"type": b.wire_type(), "body": b.model_dump(mode="json")} for b in bodies]
            return {"answered": said}
        case GivenBack(code, reason):
            return {"code": code, "reason": reason}
        case Lost(ended):
            return {"ended": ended}


def from_json(stated: Mapping[str, Any], registry: Registry) -> Outcome:
    """An outcome of another process."""
    if "answered" in stated:
        said = stated["answered"]
        return Answered(tuple(registry.resolve(b["type"])[0].model_validate(b["body"]) for b in said))
    if "code" in stated:
        return GivenBack(stated["code"], stated["reason"])
    return Lost(stated["ended"])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
