"""Who hears of what: the roles that subscribe to message types, and the broker's notices to them. Pure.

A message goes to whoever it is addressed to. A role that subscribes to its type gets a notice beside it, an
`event.noticed` of the broker's own, in the same transaction: it waits in the role's queue and is leased,
acknowledged and buried like any message. `launch/swarm.py` makes the table from the classes' `subscribes`;
docs/adr/0040 says why it is done so.
"""

from collections.abc import Iterable, Mapping

from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.messages.control import EventNoticed
from guildbus.protocols.wire import Packet

NOTICE = EventNoticed.wire_type()


class Subscriptions:
    """{message type: the roles that subscribe to it}."""

    def __init__(self, table: Mapping[str, Iterable[str]] | None = None) -> None:
        """Nobody can subscribe to notices: there would be one of each notice."""
        found = {kind: tuple(sorted(set(roles))) for kind, roles in (table or {}).items()}
        self._table = {kind: roles for kind, roles in found.items() if roles and kind != NOTICE}

    def roles(self, envelope: Envelope) -> tuple[str, ...]:
        """Who is to hear of a message: the subscribers, but for the role that takes it anyway."""
        roles = self._table.get(envelope.type, ())
        return tuple(role for role in roles if role != envelope.to) if roles else roles


def is_copy(envelope: Envelope) -> bool:
    """Whether what was PUBLISHed was said before: a message that is new and has a cause comes in an ACK.

    A requeued dead letter and the beginning of a forked run are such copies: their subscribers have heard.
    """
    return envelope.causationid is not None


def notice_of(packet: Packet, seq: int, role: str, broker_id: str, now: float, message_id: str) -> Packet:
    """The notice, of this id, that tells a role of message `seq`: of its run, deadline and priority."""
    about = packet.envelope
    body = EventNoticed(message_id=about.id, message_type=about.type, seq=seq)
    envelope = Envelope(
        id=message_id,
        source=f"broker/{broker_id}",
        type=NOTICE,
        subject=about.subject,
        time=format_time(now),
        to=role,
        traceparent=ids.traceparent(about.subject, message_id),
        correlationid=about.correlationid or about.id,
        causationid=about.id,
        deadline=about.deadline,
        priority=about.priority,
        hops=about.hops + 1,
    )
    return Packet(envelope, codec.encode(body))
