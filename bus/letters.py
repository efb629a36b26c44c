"""What the broker itself writes: refusals to a peer, and obituaries of messages that died."""

from collections.abc import Mapping
from typing import Any

from guildbus.bus.events import Ack, Nack, Peer, PeerEvent, Publish, Renew, Send
from guildbus.bus.state import QueuedMessage
from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import GuildbusError, StaleAttempt, Withdrawn
from guildbus.protocols.messages.control import MessageDied
from guildbus.protocols.wire import Kind, Packet


def obituary(
    message: QueuedMessage,
    code: str,
    reason: str,
    broker_id: str,
    to: str | None,
    now: float,
    message_id: str,
) -> Packet:
    """The `message.died`, of this id, that tells the role which closes runs: with every attempt's reason.

    `to` None announces it.
    """
    body = MessageDied(
        message_id=message.id,
        message_type=message.type,
        queue=message.queue,
        code=code,
        reason=reason,
        failures=tuple(message.failures),
    )
    envelope = Envelope(
        id=message_id,
        source=f"broker/{broker_id}",
        type=MessageDied.wire_type(),
        subject=message.subject,
        time=format_time(now),
        to=to,
        causationid=message.id,
        traceparent=ids.traceparent(message.subject, message_id),
        hops=message.hops + 1,
    )
    return Packet(envelope, codec.encode(body))


def subject_of(event: PeerEvent) -> dict[str, Any]:
    """Which request an answer is for: `id` and `attempt` (0: a PUBLISH); empty if about no message."""
    match event:
        case Publish():
            return {"id": event.packet.envelope.id, "attempt": event.packet.envelope.attempt}
        case Ack() | Nack() | Renew():
            return {"id": event.id, "attempt": event.attempt}
        case _:
            return {}


def refusal_header(error: GuildbusError, subject: Mapping[str, Any]) -> dict[str, Any]:
    """The header of an ERROR frame: what, where, remedy, and the request that it answers."""
    told = {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
    return told | dict(subject)


def refusal_of(event: PeerEvent, error: GuildbusError) -> Send:
    """An ERROR frame in answer to an event."""
    return Send(event.peer, Kind.ERROR, refusal_header(error, subject_of(event)))


def accepted(event: Publish | Ack | Nack, *, duplicate: bool = False) -> Send:
    """It is durable. `duplicate`: it was so before, and nothing happened twice."""
    header = subject_of(event)
    if duplicate:
        header["duplicate"] = True
    return Send(event.peer, Kind.ACCEPTED, header)


def stale(event: Ack | Nack | Renew) -> Send:
    """The answer to a zombie: its fencing token is out of date."""
    return refusal_of(
        event, StaleAttempt("another attempt holds this message, or it is settled", where=event.id)
    )


def withdrawal(peer: Peer, message_id: str, attempt: int, reason: str) -> Send:
    """What was delivered is the holder's no more, and whatever it still does for it is in vain."""
    error = Withdrawn(reason, where=message_id, remedy="stop working on it, and NACK it")
    return Send(peer, Kind.ERROR, refusal_header(error, {"id": message_id, "attempt": attempt}))
