"""The frames, byte for byte, and everything that is not a frame."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.protocols import wire
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import FrameError, GuildbusError, TooLarge
from guildbus.protocols.wire import Frame, Kind, Packet

ID = "01939f4e-7c00-7000-8000-000000000001"
TIME = "2026-11-22T21:14:53.000000Z"
ENVELOPE = Envelope(id=ID, source="planner/7", type="x.v1", subject="r", time=TIME, to="go-dev")
ENVELOPE_BYTES = (
    b"\x89\xabspecversion\xa31.0\xa2id\xd9\x24" + ID.encode() + b"\xa6source\xa9planner/7"
    b"\xa4type\xa4x.v1\xa7subject\xa1r\xa4time\xbb" + TIME.encode() + b"\xa2to\xa6go-dev"
    b"\xa8priority\x04\xa4hops\x00"
)
DELIVERED_BYTES = b"\x8b" + ENVELOPE_BYTES[1:] + b"\xa7attempt\x01\xa3seq\xcd\x01\x2c"

GOLDEN = [
    (
        Kind.HELLO,
        {"agent": "a", "role": "ra", "incarnation": "1", "credit": 2, "holding": [["m", 1]]},
        b"\x01",
        b"\x85\xa5agent\xa1a\xa4role\xa2ra\xabincarnation\xa11\xa6credit\x02\xa7holding\x91\x92\xa1m\x01",
    ),
    (
        Kind.WELCOME,
        {"broker": "b", "heartbeat_s": 2.0, "lease_s": 30.0, "max_attempts": 5},
        b"\x02",
        (
            b"\x84\xa6broker\xa1b\xabheartbeat_s\xcb\x40\x00\x00\x00\x00\x00\x00\x00"
            b"\xa7lease_s\xcb\x40\x3e\x00\x00\x00\x00\x00\x00\xacmax_attempts\x05"
        ),
    ),
    (Kind.PUBLISH, ENVELOPE.to_header(), b"\x03", ENVELOPE_BYTES),
    (Kind.ACCEPTED, {"id": "m", "attempt": 0}, b"\x04", b"\x82\xa2id\xa1m\xa7attempt\x00"),
    (
        Kind.DELIVER,
        ENVELOPE.to_header() | {"attempt": 1, "seq": 300},
        b"\x05",
        DELIVERED_BYTES,
    ),
    (
        Kind.ACK,
        {"id": "m", "attempt": 1, "credit": 1},
        b"\x06",
        b"\x83\xa2id\xa1m\xa7attempt\x01\xa6credit\x01",
    ),
    (
        Kind.NACK,
        {"id": "m", "attempt": 1, "code": "c", "reason": "r", "delay_ms": 500, "fatal": False, "credit": 1},
        b"\x07",
        (
            b"\x87\xa2id\xa1m\xa7attempt\x01\xa4code\xa1c\xa6reason\xa1r\xa8delay_ms\xcd\x01\xf4"
            b"\xa5fatal\xc2\xa6credit\x01"
        ),
    ),
    (Kind.RENEW, {"id": "m", "attempt": 1}, b"\x08", b"\x82\xa2id\xa1m\xa7attempt\x01"),
    (Kind.HEARTBEAT, {"activity": "thinks"}, b"\x09", b"\x81\xa8activity\xa6thinks"),
    (Kind.CREDIT, {"amount": 3}, b"\x0a", b"\x81\xa6amount\x03"),
    (
        Kind.ERROR,
        {"code": "protocol.frame", "what": "w", "where": "h", "remedy": ""},
        b"\x0b",
        b"\x84\xa4code\xaeprotocol.frame\xa4what\xa1w\xa5where\xa1h\xa6remedy\xa0",
    ),
    (Kind.BYE, {}, b"\x0c", b"\x80"),
    (Kind.BATCH, {}, b"\x0d", b"\x80"),
]


@pytest.mark.parametrize(
    ("kind", "header", "kind_byte", "header_bytes"), GOLDEN, ids=[g[0].name for g in GOLDEN]
)
def test_golden_bytes(kind: Kind, header: dict[str, object], kind_byte: bytes, header_bytes: bytes) -> None:
    frames = [b"\x01", kind_byte, header_bytes, b"body"]
    assert wire.build(kind, header, b"body") == frames
    assert wire.parse(frames) == Frame(kind, header, b"body")


def test_there_is_a_golden_form_of_every_kind() -> None:
    assert [golden[0] for golden in GOLDEN] == list(Kind)


def test_golden_emits() -> None:
    header = b"\xc4" + bytes([len(ENVELOPE_BYTES)]) + ENVELOPE_BYTES
    golden = b"\x92" + header + b"\xc4\x01\x80"
    packet = Packet(ENVELOPE, b"\x80")
    assert wire.pack_emits([packet]) == golden
    assert wire.unpack_emits(golden) == (packet,)
    assert wire.pack_emits([]) == b""
    assert wire.unpack_emits(b"") == ()


def test_a_delivery_is_the_envelope_as_it_came_and_two_more() -> None:
    sent = wire.parse([b"\x01", b"\x03", ENVELOPE_BYTES, b"body"])
    packet = wire.packet_of(sent.header, sent.packed, sent.body)
    assert packet == Packet(ENVELOPE, b"body")
    assert packet.packed == ENVELOPE_BYTES
    for same in (packet, Packet(ENVELOPE, b"body")):
        packed = wire.pack_envelope(same)
        assert wire.build_delivery(packed, same.body, 1, 300) == [b"\x01", b"\x05", DELIVERED_BYTES, b"body"]


def test_a_delivery_may_be_longer_than_what_was_published() -> None:
    full = ENVELOPE.to_header() | {"to": "x"}
    full["tracestate"] = "x" * (wire.MAX_HEADER_BYTES - len(msgpack.packb(full | {"tracestate": ""})) - 2)
    packed = msgpack.packb(full)
    assert len(packed) == wire.MAX_HEADER_BYTES
    frames = wire.build_delivery(packed, b"", 2**53 - 1, 2**53 - 1)
    assert wire.parse(frames).header["seq"] == 2**53 - 1
    with pytest.raises(TooLarge):
        wire.parse([b"\x01", b"\x03", frames[2], b""])


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["to", "dataschema", "traceparent", "tracestate", "correlationid", "causationid", "deadline"]
        ),
        st.just(TIME),
    ),
    st.integers(1, 2**53 - 1),
    st.integers(1, 2**53 - 1),
)
def test_a_delivery_says_the_same_as_its_map(extra: dict[str, str], attempt: int, seq: int) -> None:
    header = ENVELOPE.to_header() | extra
    packed = msgpack.packb(header)
    frames = wire.build_delivery(packed, b"", attempt, seq)
    assert frames == wire.build(Kind.DELIVER, header | {"attempt": attempt, "seq": seq})


@pytest.mark.parametrize(
    "packed",
    [
        b"\x8a" + ENVELOPE_BYTES[1:] + b"\xa3seq\x00",
        b"\x8a" + ENVELOPE_BYTES[1:] + b"\xa2to\xa6go-dev",
        b"\xde\x00\x09" + ENVELOPE_BYTES[1:],
        b"\xdf\x00\x00\x00\x09" + ENVELOPE_BYTES[1:],
    ],
    ids=["its seq", "an attribute twice", "a wide map", "a wider map"],
)
def test_an_unusual_envelope_is_packed_anew(packed: bytes) -> None:
    packet = wire.packet_of(msgpack.unpackb(packed), packed, b"")
    assert packet == Packet(ENVELOPE, b"")
    assert wire.pack_envelope(packet) == ENVELOPE_BYTES


class TestBatch:
    """Several frame sets in one ZeroMQ message."""

    BEAT = (b"\x01", b"\x09", b"\x81\xa8activity\xa6thinks", b"")
    BYE = (b"\x01", b"\x0c", b"\x80", b"body")

    def test_golden_bytes(self) -> None:
        inner = (
            b"\x96\xc4\x01\x09\xc4\x11\x81\xa8activity\xa6thinks\xc4\x00\xc4\x01\x0c\xc4\x01\x80\xc4\x04body"
        )
        golden = [b"\x01", b"\x0d", b"\x80", inner]
        assert wire.pack_batch([self.BEAT, self.BYE]) == golden
        assert wire.unpack_batch(golden) == [list(self.BEAT), list(self.BYE)]

    def test_what_is_no_batch_stays_as_it_is(self) -> None:
        for frames in ([*self.BEAT], [], [b"\x01"], [b"\x02", b"\x0d", b"\x80", b"\x90"], [b"\x0d"] * 5):
            assert wire.unpack_batch(frames) == [frames]

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xc1", b"\x80", b"\x92\xc4\x01\x09\xc4\x00", b"\x93\x09\xc4\x00\xc4\x00", b"\x90\x90"],
    )
    def test_a_broken_batch_is_refused_whole(self, body: bytes) -> None:
        with pytest.raises(FrameError):
            wire.unpack_batch([b"\x01", b"\x0d", b"\x80", body])

    def test_a_batch_in_a_batch_is_refused(self) -> None:
        with pytest.raises(FrameError, match="in a batch"):
            wire.unpack_batch(wire.pack_batch([wire.pack_batch([self.BYE])]))

    def test_a_batch_is_bounded(self) -> None:
        most = [self.BYE] * wire.MAX_BATCH
        assert len(wire.unpack_batch(wire.pack_batch(most))) == wire.MAX_BATCH
        with pytest.raises(TooLarge):
            wire.unpack_batch(wire.pack_batch([*most, self.BYE]))
        with pytest.raises(TooLarge):
            wire.unpack_batch(wire.pack_batch(most), max_bytes=100)

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=60), max_size=40), st.integers(1, 500))
    def test_nothing_is_lost_and_nothing_changes_its_order(self, bodies: list[bytes], most: int) -> None:
        frame_sets = [wire.build(Kind.NACK, {"n": n}, body) for n, body in enumerate(bodies)]
        sent = wire.in_batches(frame_sets, most)
        assert [one for frames in sent for one in wire.unpack_batch(frames)] == frame_sets
        assert all(len(frames[3]) <= most for frames in sent if frames[1] == b"\x0d")

    def test_what_is_large_goes_by_itself_and_in_its_turn(self) -> None:
        small, large = self.BEAT, (b"\x01", b"\x03", b"\x80", bytes(wire.ALONE_BYTES))
        sent = wire.in_batches([list(one) for one in (small, small, large, small, large, small, small)])
        assert [len(wire.unpack_batch(frames)) for frames in sent] == [2, 1, 1, 1, 2]
        assert sent[1] == sent[3] == list(large)
        assert sent[2] == list(small)

    @settings(deadline=None)
    @given(st.binary(max_size=80))
    def test_any_bytes_are_a_batch_or_an_error(self, body: bytes) -> None:
        try:
            frame_sets = wire.unpack_batch([b"\x01", b"\x0d", b"\x80", body])
        except GuildbusError:
            return
        assert all(len(frames) == 4 and frames[0] == b"\x01" for frames in frame_sets)


@pytest.mark.parametrize(
    ("frames", "error", "where"),
    [
        ([], FrameError, "frames"),
        ([b"\x01", b"\x03", b"\x80"], FrameError, "frames"),
        ([b"\x01", b"\x03", b"\x80", b"", b""], FrameError, "frames"),
        ([b"\x02", b"\x03", b"\x80", b""], FrameError, "frame 0"),
        ([b"", b"\x03", b"\x80", b""], FrameError, "frame 0"),
        ([b"\x01", b"\x00", b"\x80", b""], FrameError, "frame 1"),
        ([b"\x01", b"\x0e", b"\x80", b""], FrameError, "frame 1"),
        ([b"\x01", b"\x03\x03", b"\x80", b""], FrameError, "frame 1"),
        ([b"\x01", b"\x03", b"", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x90", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x81\xa1a", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x80\x80", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x81\x01\x01", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x81\xc4\x01a\x01", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x81\xa1\xff\x01", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x81\xa1a" + b"\x91" * 2000 + b"\x01", b""], FrameError, "frame 2"),
        ([b"\x01", b"\x03", b"\x80" + b"\x00" * wire.MAX_HEADER_BYTES, b""], TooLarge, "frame 2"),
        ([b"\x01", b"\x03", b"\x80", b"\x00" * 101], TooLarge, "frame 3"),
    ],
)
def test_what_is_no_frame_is_refused_at_its_place(
    frames: list[bytes], error: type[GuildbusError], where: str
) -> None:
    with pytest.raises(error) as caught:
        wire.parse(frames, max_bytes=100)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "data",
    [b"\xc1", b"\x80", b"\x91\xc4\x00", b"\x92\x01\x02", b"\x92\xa1a\xc4\x00", b"\x92\xc4\x01\x80\xc4\x00"],
)
def test_what_are_no_emits_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        wire.unpack_emits(data)


def test_an_oversized_header_inside_an_ack_is_refused() -> None:
    header = msgpack.packb(ENVELOPE.to_header() | {"tracestate": "x" * wire.MAX_HEADER_BYTES})
    with pytest.raises(TooLarge):
        wire.unpack_emits(msgpack.packb([header, b""]))


class TestCheckPacket:
    """A sender hears at once what its receiver would refuse."""

    def test_a_good_packet_passes(self) -> None:
        wire.publication(Packet(ENVELOPE, b"x" * 100), max_bytes=100)

    @pytest.mark.parametrize(
        ("attributes", "body", "error"),
        [
            ({"subject": ""}, b"", FrameError),
            ({"subject": "x" * 1025}, b"", FrameError),
            ({"subject": "\ud800"}, b"", FrameError),
            ({"priority": 10}, b"", FrameError),
            ({"seq": 2**70}, b"", FrameError),
            ({}, b"x" * 101, TooLarge),
            (
                dict.fromkeys(
                    ("subject", "source", "to", "tracestate", "causationid", "dataschema"), "字" * 1024
                ),
                b"",
                TooLarge,
            ),
        ],
    )
    def test_a_bad_one_does_not(
        self, attributes: dict[str, object], body: bytes, error: type[GuildbusError]
    ) -> None:
        fields = {"id": ID, "source": "s", "type": "x.v1", "subject": "r", "time": TIME} | attributes
        with pytest.raises(error):
            wire.publication(Packet(Envelope(**fields), body), max_bytes=100)  # type: ignore[arg-type]

    def test_emits_are_checked_one_by_one_and_in_sum(self) -> None:
        with pytest.raises(FrameError):
            wire.pack_emits([Packet(Envelope(id="", source="s", type="t", subject="r", time=TIME), b"")])
        with pytest.raises(TooLarge, match="2 emits"):
            wire.pack_emits([Packet(ENVELOPE, b"x" * 900)] * 2, max_bytes=1000)


def never_crashes(frames: list[bytes]) -> None:
    try:
        frame = wire.parse(frames)
        Envelope.from_header(frame.header)
        wire.unpack_emits(frame.body)
    except GuildbusError:
        return


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_random_frames_never_crash(frames: list[bytes]) -> None:
    never_crashes(frames)


@settings(deadline=None)
@given(
    st.sampled_from(list(Kind)),
    st.one_of(st.just(ENVELOPE_BYTES), st.binary(max_size=80)),
    st.one_of(st.just(wire.pack_emits([Packet(ENVELOPE, b"\x80")] * 2)), st.binary(max_size=80)),
    st.data(),
)
def test_mutated_frames_never_crash(kind: Kind, header: bytes, body: bytes, data: st.DataObject) -> None:
    frames = [bytearray(part) for part in (b"\x01", bytes([kind]), header, body)]
    for _ in range(data.draw(st.integers(1, 4))):
        part = data.draw(st.sampled_from(frames[2:]))
        if part:
            part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    never_crashes([bytes(part) for part in frames])
