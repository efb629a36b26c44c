"""What the broker itself writes: refusals to a peer, and obituaries of messages that died."""

from guildbus.bus.events import Ack, Event, Nack, Peer, Publish, Renew, Send
from guildbus.bus.state import QueuedMessage
from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import GuildbusError, StaleAttempt
from guildbus.protocols.messages.control import MessageDied
from guildbus.protocols.wire import Kind, Packet


def obituary(message: QueuedMessage, code: str, reason: str, broker_id: str, to: str, now: float) -> Packet:
    """The `message.died` that tells the role which closes runs, with every attempt's reason."""
    body = MessageDied(
        message_id=message.id,
        message_type=message.type,
        queue=message.queue,
        code=code,
        reason=reason,
        failures=tuple(message.failures),
    )
    message_id = ids.new_message_id()
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


def id_in(event: Event) -> str:
    """The id of the message that an event is about; '' if it is about none."""
    match event:
        case Publish():
            return event.packet.envelope.id
        case Ack() | Nack() | Renew():
            return event.id
        case _:
            return ""


def refusal_to(peer: Peer, error: GuildbusError, message_id: str) -> Send:
    """An ERROR frame: what, where, remedy, and the message that it is about."""
    header = {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
    return Send(peer, Kind.ERROR, header | ({"id": message_id} if message_id else {}))


def stale(peer: Peer, message_id: str) -> Send:
    """The answer to a zombie: its fencing token is out of date."""
    error = StaleAttempt("another attempt holds this message, or it is settled", where=message_id)
    return refusal_to(peer, error, message_id)
