"""The envelope: what the bus knows of a message. CloudEvents 1.0 names, one msgpack map.

The broker routes on these attributes and never looks at a body. `attempt` and `seq` are the
broker's: zero when published, set on delivery. Times are RFC 3339 UTC with microseconds, which
sort as text. See docs/protocol.md, section "Envelope"; `codec.py` makes the bodies.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, fields
from datetime import UTC, date, datetime
from typing import Any, Final

from guildbus.protocols.errors import FrameError
from guildbus.protocols.values import value

SPEC_VERSION: Final = "1.0"
MAX_PRIORITY: Final = 9
MAX_TEXT: Final = 1024


@value
class Envelope:
    """The header of one message.

    `source` names the agent instance that made it, `type` the body (`draft.requested.v1`),
    `subject` the run, `to` a role or one agent (None: an announcement). `correlationid` is the
    message that opened the conversation, `causationid` the one that this answers. `hops` grows by one
    a causation step; `priority` runs from 0 (lowest) to 9.
    """

    _: KW_ONLY
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
        """The map that travels: what is not set is left out, and so are an `attempt` and a `seq` of 0."""
        header: dict[str, Any] = {"specversion": SPEC_VERSION}
        for name in _NAMES:
            attribute = getattr(self, name)
            if attribute is not None:
                header[name] = attribute
        if self.attempt:
            header["attempt"] = self.attempt
        if self.seq:
            header["seq"] = self.seq
        return header

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> "Envelope":
        """Check a map that came off the wire; FrameError says which attribute is wrong."""
        check_header(header)
        attributes = dict(header)
        del attributes["specversion"]
        return cls(**attributes)


def check_header(header: Mapping[str, Any]) -> None:
    """Raises FrameError, which says what is wrong, unless a map is an envelope."""
    if header.get("specversion") != SPEC_VERSION:
        raise FrameError(f"specversion is not {SPEC_VERSION!r}", where="envelope.specversion")
    # One pass with everything in line: this runs for every message that the broker routes.
    for name, found in header.items():
        if name in _TEXTS:
            if type(found) is str and 0 < len(found) <= MAX_TEXT:
                continue
        elif name in _NUMBERS:
            if type(found) is int and 0 <= found <= _NUMBERS[name]:
                continue
        elif name not in _TIMES:
            raise FrameError("unknown attribute", where=f"envelope.{name[:64]}")
        elif type(found) is str and is_time(found):
            continue
        raise FrameError(f"bad value of type {type(found).__name__}", where=f"envelope.{name}")
    if not header.keys() >= _REQUIRED:
        missing = ", ".join(sorted(_REQUIRED - header.keys()))
        raise FrameError(f"missing {missing}", where="envelope")


_REQUIRED: Final = frozenset({"id", "source", "type", "subject", "time"})
_TIMES: Final = frozenset({"time", "deadline"})
_NUMBERS: Final = {"priority": MAX_PRIORITY, "hops": 2**53 - 1, "attempt": 2**53 - 1, "seq": 2**53 - 1}
_TEXTS: Final = frozenset(field.name for field in fields(Envelope)) - _TIMES - set(_NUMBERS) | {"specversion"}
_NAMES: Final = tuple(field.name for field in fields(Envelope) if field.name not in ("attempt", "seq"))
# ISO 8601 has other forms of the same length (week dates), and those do not sort as text.
_TIME_FORM: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)


def format_time(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 UTC with microseconds: `2026-11-22T21:14:53.000000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float | None:
    """Seconds since the epoch; None unless `text` is exactly the form of `format_time`."""
    return datetime.fromisoformat(text).timestamp() if is_time(text) else None


def is_time(text: str) -> bool:
    """Whether `text` is exactly the form of `format_time`."""
    form = _TIME_FORM.fullmatch(text)
    return form is not None and _is_date(form[1])


@functools.lru_cache(64)
def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
