"""From frames to events: every field of every kind, and nothing but typed errors for the rest."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus import reading
from guildbus.bus.events import Ack, Bye, Credit, Event, Heartbeat, Hello, Nack, Publish, Renew
from guildbus.protocols import wire
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import FrameError, GuildbusError
from guildbus.protocols.wire import Frame, Kind, Packet

PEER = b"peer"
PACKET = Packet(
    Envelope(id="m", source="a/1", type="x.v1", subject="r", time="2026-11-22T21:14:53.000000Z"), b"\x80"
)
ATTEMPT = {"id": "m", "attempt": 1}
HELLO = {"agent": "a", "role": "ra", "incarnation": "1"}
NACK = ATTEMPT | {"code": "c", "reason": "r"}


def knows_none(_: str) -> bool:
    return False


def knows_all(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (Frame(Kind.HELLO, HELLO), Hello(PEER, "a", "ra", "1")),
        (
            Frame(Kind.HELLO, HELLO | {"credit": 3, "holding": [["m", 2]], "later": "ignored"}),
            Hello(PEER, "a", "ra", "1", 3, frozenset({("m", 2)})),
        ),
        (Frame(Kind.PUBLISH, PACKET.envelope.to_header(), b"\x80"), Publish(PEER, PACKET)),
        (Frame(Kind.ACK, ATTEMPT), Ack(PEER, "m", 1)),
        (
            Frame(Kind.ACK, ATTEMPT | {"credit": 1}, wire.pack_emits([PACKET])),
            Ack(PEER, "m", 1, (PACKET,), frozenset(), 1),
        ),
        (Frame(Kind.NACK, NACK), Nack(PEER, "m", 1, "c", "r")),
        (
            Frame(Kind.NACK, NACK | {"delay_ms": 1500, "fatal": True, "credit": 1}),
            Nack(PEER, "m", 1, "c", "r", 1.5, fatal=True, credit=1),
        ),
        (Frame(Kind.RENEW, ATTEMPT), Renew(PEER, "m", 1)),
        (Frame(Kind.CREDIT, {"amount": 7}), Credit(PEER, 7)),
        (Frame(Kind.HEARTBEAT, {}), Heartbeat(PEER)),
        (Frame(Kind.HEARTBEAT, {"activity": "x", "health": True}), Heartbeat(PEER, "x", wants_health=True)),
        (Frame(Kind.BYE, {}), Bye(PEER)),
    ],
)
def test_each_kind(frame: Frame, event: Event) -> None:
    assert reading.event_of(PEER, frame, knows_none) == event


def test_what_was_stored_before_is_marked() -> None:
    published = reading.event_of(PEER, Frame(Kind.PUBLISH, PACKET.envelope.to_header(), b"\x80"), knows_all)
    assert published == Publish(PEER, PACKET, duplicate=True)
    acked = reading.event_of(PEER, Frame(Kind.ACK, ATTEMPT, wire.pack_emits([PACKET])), knows_all)
    assert acked == Ack(PEER, "m", 1, (PACKET,), frozenset({"m"}))


@pytest.mark.parametrize(
    ("frame", "where"),
    [
        (Frame(Kind.WELCOME, {}), "frame 1"),
        (Frame(Kind.ACCEPTED, ATTEMPT), "frame 1"),
        (Frame(Kind.DELIVER, PACKET.envelope.to_header()), "frame 1"),
        (Frame(Kind.ERROR, {}), "frame 1"),
        (Frame(Kind.HELLO, HELLO | {"agent": ""}), "agent"),
        (Frame(Kind.HELLO, HELLO | {"agent": "a/b"}), "agent"),
        (Frame(Kind.HELLO, HELLO | {"role": 1}), "role"),
        (Frame(Kind.HELLO, HELLO | {"incarnation": "x" * 1025}), "incarnation"),
        (Frame(Kind.HELLO, HELLO | {"credit": -1}), "credit"),
        (Frame(Kind.HELLO, HELLO | {"credit": reading.MAX_CREDIT + 1}), "credit"),
        (Frame(Kind.HELLO, HELLO | {"credit": True}), "credit"),
        (Frame(Kind.HELLO, HELLO | {"holding": "m"}), "holding"),
        (Frame(Kind.HELLO, HELLO | {"holding": ["m"]}), "holding"),
        (Frame(Kind.HELLO, HELLO | {"holding": [["m", "1"]]}), "holding"),
        (Frame(Kind.HELLO, HELLO | {"holding": [["m", 1, 1]]}), "holding"),
        (Frame(Kind.PUBLISH, {}), "envelope.specversion"),
        (Frame(Kind.ACK, {"id": "m"}), "attempt"),
        (Frame(Kind.ACK, {"id": "m", "attempt": 0}), "attempt"),
        (Frame(Kind.ACK, {"attempt": 1}), "id"),
        (Frame(Kind.ACK, ATTEMPT, b"\xc1"), "frame 3"),
        (Frame(Kind.NACK, ATTEMPT | {"reason": "r"}), "code"),
        (Frame(Kind.NACK, ATTEMPT | {"code": "c"}), "reason"),
        (Frame(Kind.NACK, NACK | {"delay_ms": 86_400_001}), "delay_ms"),
        (Frame(Kind.NACK, NACK | {"delay_ms": 0.5}), "delay_ms"),
        (Frame(Kind.CREDIT, {"amount": 0}), "amount"),
        (Frame(Kind.CREDIT, {}), "amount"),
        (Frame(Kind.HEARTBEAT, {"activity": 1}), "HEARTBEAT.activity"),
        (Frame(Kind.HEARTBEAT, {"activity": "x" * 1025}), "HEARTBEAT.activity"),
    ],
)
def test_mistakes_are_named(frame: Frame, where: str) -> None:
    with pytest.raises(FrameError) as caught:
        reading.event_of(PEER, frame, knows_none)
    assert caught.value.where == where


class TestRefusedSubject:
    """A refusal says which request it is about, if that can be read at all."""

    def test_a_body_that_is_too_large_hides_nothing(self) -> None:
        frames = wire.build(Kind.PUBLISH, PACKET.envelope.to_header(), b"x" * 10)
        assert reading.refused_subject(frames) == {"id": "m", "attempt": 0}

    def test_an_envelope_with_a_mistake(self) -> None:
        frames = wire.build(Kind.PUBLISH, PACKET.envelope.to_header() | {"priority": 99})
        assert reading.refused_subject(frames) == {"id": "m", "attempt": 0}

    @pytest.mark.parametrize(
        "header", [{}, {"id": 1}, {"id": ""}, {"id": "x" * 9999}, {"id": "m", "attempt": "1"}]
    )
    def test_nothing_to_read(self, header: dict[str, object]) -> None:
        assert reading.refused_subject(wire.build(Kind.ACK, header)) == {}

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=40), max_size=6))
    def test_random_frames_never_crash(self, frames: list[bytes]) -> None:
        reading.refused_subject(frames)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)
FIELDS = [
    "agent", "role", "incarnation", "credit", "holding", "id", "attempt", "code", "reason", "delay_ms",
    "fatal", "amount", "activity", "health", "specversion", "source", "type", "subject", "time", "seq",
]  # fmt: skip


@settings(deadline=None)
@given(
    st.sampled_from(list(Kind)),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
    st.binary(max_size=40),
)
def test_random_headers_never_crash(kind: Kind, header: dict[str, object], body: bytes) -> None:
    try:
        event = reading.event_of(PEER, Frame(kind, header, body), knows_none)
    except GuildbusError:
        return
    assert event.peer == PEER


@settings(deadline=None)
@given(st.sampled_from([HELLO | {"holding": [["m", 1]]}, NACK, PACKET.envelope.to_header()]), st.data())
def test_mutated_headers_never_crash(header: dict[str, object], data: st.DataObject) -> None:
    encoded = bytearray(msgpack.packb(header))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    kind = data.draw(st.sampled_from(list(Kind)))
    try:
        frame = wire.parse([wire.VERSION, bytes([kind]), bytes(encoded), b""])
        reading.event_of(PEER, frame, knows_none)
    except GuildbusError:
        return
