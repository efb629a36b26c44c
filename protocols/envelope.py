"""The envelope: what the bus knows of a message. CloudEvents 1.0 names, one msgpack map.

The broker routes on these attributes and never looks at a body. `attempt` and `seq` are the
broker's: zero when published, set on delivery. Times are RFC 3339 UTC with microseconds, which
sort as text. See docs/protocol.md, section "Envelope"; `codec.py` makes the bodies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from guildbus.protocols.errors import FrameError

SPEC_VERSION: Final = "1.0"
MAX_PRIORITY: Final = 9
MAX_TEXT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The header of one message.

    `source` names the agent instance that made it, `type` the body (`draft.requested.v1`),
    `subject` the run, `to` a role or one agent (None: an announcement). `correlationid` is the
    message that opened the conversation, `causationid` the one that this answers. `hops` grows by one
    a causation step; `priority` runs from 0 (lowest) to 9.
    """

    id: str
    source: str
    type: str
    subject: str
    time: str
    to: str | None = None
    dataschema: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    deadline: str | None = None
    priority: int = 4
    hops: int = 0
    attempt: int = 0
    seq: int = 0

    def to_header(self) -> dict[str, Any]:
        """The map that travels: unset optional attributes are left out."""
        header: dict[str, Any] = {"specversion": SPEC_VERSION}
        for name in _NAMES:
            value = getattr(self, name)
            if value is not None:
                header[name] = value
        return header

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> "Envelope":
        """Check a map that came off the wire; FrameError says which attribute is wrong."""
        attributes = dict(header)
        if attributes.pop("specversion", None) != SPEC_VERSION:
            raise FrameError(f"specversion is not {SPEC_VERSION!r}", where="envelope.specversion")
        for name, value in attributes.items():
            check = _CHECKS.get(name)
            if check is None:
                raise FrameError("unknown attribute", where=f"envelope.{name[:64]}")
            if not check(value):
                raise FrameError(f"bad value of type {type(value).__name__}", where=f"envelope.{name}")
        missing = _REQUIRED - attributes.keys()
        if missing:
            raise FrameError(f"missing {', '.join(sorted(missing))}", where="envelope")
        return cls(**attributes)


def _is_text(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_TEXT


def _is_time(value: object) -> bool:
    return type(value) is str and parse_time(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_priority(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_PRIORITY


_NAMES: Final = tuple(field.name for field in fields(Envelope))
_REQUIRED: Final = frozenset({"id", "source", "type", "subject", "time"})
_CHECKS: Final = dict.fromkeys(_NAMES, _is_text) | {
    "time": _is_time,
    "deadline": _is_time,
    "priority": _is_priority,
    "hops": _is_count,
    "attempt": _is_count,
    "seq": _is_count,
}


def format_time(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 UTC with microseconds: `2026-11-22T21:14:53.000000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float | None:
    """Seconds since the epoch; None unless `text` is exactly the form of `format_time`."""
    if len(text) != 27 or text[-1] != "Z" or text[10] != "T" or text[19] != ".":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # ISO 8601 has other forms of the same length (week dates), and those do not sort as text.
    if moment.replace(tzinfo=None).isoformat(timespec="microseconds") != text[:-1]:
        return None
    return moment.timestamp()
