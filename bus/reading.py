"""From a parsed frame to an event: the fields of each kind, checked. docs/protocol.md lists them.

Pure. A frame that only the broker may send (WELCOME, DELIVER, ...) is refused like any other mistake.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from guildbus.bus.events import (
    Ack,
    Bye,
    Credit,
    Heartbeat,
    Hello,
    Nack,
    Peer,
    PeerEvent,
    Publish,
    Renew,
)
from guildbus.protocols.envelope import MAX_TEXT
from guildbus.protocols.errors import FrameError, ProtocolError
from guildbus.protocols.wire import Frame, Kind, packet_of, parse, unpack_emits

MAX_CREDIT = 100_000
Knows = Callable[[str], bool]


def event_of(peer: Peer, frame: Frame, knows: Knows) -> PeerEvent:
    """The event that a peer's frame means. `knows` tells whether a message id was stored before.

    Raises FrameError (or TooLarge) naming the field that is wrong.
    """
    read = _READERS.get(frame.kind)
    if read is None:
        raise FrameError(f"{frame.kind.name} is the broker's to send", where="frame 1")
    return read(peer, frame, knows)


def _hello(peer: Peer, frame: Frame, _: Knows) -> Hello:
    header = frame.header
    return Hello(
        peer,
        _name(header, "agent"),
        _text(header, "role"),
        _text(header, "incarnation"),
        _count(header, "credit", 0, MAX_CREDIT),
        _attempts(header, "holding"),
        header.get("batch") is True,
        header.get("patient") is True,
    )


def _publish(peer: Peer, frame: Frame, knows: Knows) -> Publish:
    packet = packet_of(frame.header, frame.packed, frame.body)
    return Publish(peer, packet, knows(packet.envelope.id))


def _ack(peer: Peer, frame: Frame, knows: Knows) -> Ack:
    header = frame.header
    emits = unpack_emits(frame.body)
    known = frozenset([packet.envelope.id for packet in emits if knows(packet.envelope.id)])
    credit = _count(header, "credit", 0, MAX_CREDIT)
    return Ack(peer, _text(header, "id"), _count(header, "attempt", 1), emits, known, credit)


def _nack(peer: Peer, frame: Frame, _: Knows) -> Nack:
    header = frame.header
    return Nack(
        peer,
        _text(header, "id"),
        _count(header, "attempt", 1),
        _text(header, "code"),
        _text(header, "reason"),
        _count(header, "delay_ms", 0, 86_400_000) / 1000,
        header.get("fatal") is True,
        _count(header, "credit", 0, MAX_CREDIT),
    )


def _renew(peer: Peer, frame: Frame, _: Knows) -> Renew:
    return Renew(peer, _text(frame.header, "id"), _count(frame.header, "attempt", 1))


def _credit(peer: Peer, frame: Frame, _: Knows) -> Credit:
    return Credit(peer, _count(frame.header, "amount", 1, MAX_CREDIT))


def _heartbeat(peer: Peer, frame: Frame, _: Knows) -> Heartbeat:
    activity = frame.header.get("activity", "")
    if type(activity) is not str or len(activity) > MAX_TEXT:
        raise FrameError("not a short text", where="HEARTBEAT.activity")
    return Heartbeat(peer, activity, frame.header.get("health") is True)


def _bye(peer: Peer, _frame: Frame, _: Knows) -> Bye:
    return Bye(peer)


_READERS: Final[dict[Kind, Callable[[Peer, Frame, Knows], PeerEvent]]] = {
    Kind.HELLO: _hello,
    Kind.PUBLISH: _publish,
    Kind.ACK: _ack,
    Kind.NACK: _nack,
    Kind.RENEW: _renew,
    Kind.CREDIT: _credit,
    Kind.HEARTBEAT: _heartbeat,
    Kind.BYE: _bye,
}


def refused_subject(frames: Sequence[bytes]) -> dict[str, Any]:
    """`id` and `attempt` of a frame set that was refused, as far as they can be read.

    The refusal carries them, so that its sender learns which of its requests it is about.
    """
    try:
        header = parse((*frames[:3], b"")).header
        return {"id": _text(header, "id"), "attempt": _count(header, "attempt", 0)}
    except ProtocolError:
        return {}


def _text(header: dict[str, Any], name: str) -> str:
    value = header.get(name)
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        raise FrameError("missing, or not a short text", where=name)
    return value


def _count(header: dict[str, Any], name: str, least: int, most: int = 2**53) -> int:
    value = header.get(name, least if least == 0 else None)
    if type(value) is not int or not least <= value <= most:
        raise FrameError(f"missing, or not a number from {least} to {most}", where=name)
    return value


def _name(header: dict[str, Any], name: str) -> str:
    value = _text(header, name)
    if "/" in value:
        raise FrameError("holds a '/', which parts a name from its incarnation", where=name)
    return value


def _attempts(header: dict[str, Any], name: str) -> frozenset[tuple[str, int]]:
    value = header.get(name, [])
    if type(value) is not list or not all(
        type(item) is list and [type(part) for part in item] == [str, int] for item in value
    ):
        raise FrameError("not a list of [message id, attempt]", where=name)
    return frozenset((message_id, attempt) for message_id, attempt in value)
