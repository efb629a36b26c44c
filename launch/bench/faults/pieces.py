"""The work itself: a piece is published to `cut`, its result goes to `weld`, and that one's is announced.

A result's id is new each time, so that a second effect is not hidden by the broker's dedup; it names its
cause, so that the judge can count. A body carries its own SHA-256: whoever takes it knows whether it is as
it was made.
"""

import hashlib
import time
from typing import Final

from guildbus.protocols import ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

STAGES: Final = ("cut", "weld")
"""The roles in order; after the last one the result is announced to nobody."""
SUBJECT: Final = "bench"
DIGEST_BYTES: Final = 32


def body_of(size: int, salt: bytes) -> bytes:
    """A body of `size` bytes (at least 32) that tells whether it is undamaged."""
    payload = (salt * (size // len(salt) + 1))[: max(0, size - DIGEST_BYTES)]
    return hashlib.sha256(payload).digest() + payload


def undamaged(body: bytes) -> bool:
    """Whether a body is as it was made."""
    return hashlib.sha256(body[DIGEST_BYTES:]).digest() == body[:DIGEST_BYTES]


def piece(
    source: str, *, stage: int = 0, cause: Envelope | None = None, size: int = 256, subject: str = SUBJECT
) -> Packet:
    """One message of a stage; `stage` past the last is an announcement."""
    message_id = ids.new_message_id()
    envelope = Envelope(
        id=message_id,
        source=source,
        type="piece.v1" if stage < len(STAGES) else "done.v1",
        subject=subject,
        time=format_time(time.time()),
        to=STAGES[stage] if stage < len(STAGES) else None,
        causationid=None if cause is None else cause.id,
        hops=stage,
    )
    return Packet(envelope, body_of(size, message_id.encode()))


def result_of(packet: Packet, source: str) -> Packet:
    """What handling a piece gives: the next stage's piece, of the same size."""
    envelope = packet.envelope
    stage = envelope.hops + 1
    return piece(source, stage=stage, cause=envelope, size=len(packet.body), subject=envelope.subject)
