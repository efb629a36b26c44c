"""The frames of one ZeroMQ message: `[version, kind, header, body]`.

`header` is a msgpack map: for PUBLISH and DELIVER the envelope, for the other kinds the fields listed in
docs/protocol.md. `body` is opaque, but for ACK, where it is a msgpack array of byte strings
`[header, body, header, body, ...]`: the messages that the acknowledgement publishes. A BATCH carries several
frame sets in one ZeroMQ message, in the same manner.
"""

from collections.abc import Sequence
from dataclasses import field
from enum import IntEnum
from typing import Any, Final

import msgpack

from guildbus.protocols.envelope import Envelope, check_header
from guildbus.protocols.errors import FrameError, TooLarge
from guildbus.protocols.values import value

VERSION: Final = b"\x01"
MAX_HEADER_BYTES: Final = 16 * 1024
MAX_DELIVERY_BYTES: Final = 32
"""What `attempt` and `seq` add to an envelope at most."""
DEFAULT_MAX_BYTES: Final = 8 * 1024 * 1024
MAX_BATCH: Final = 1024
BATCH_BYTES: Final = 256 * 1024
ALONE_BYTES: Final = 16 * 1024
"""A frame set of this size goes by itself: to copy it into a BATCH and out of it costs more."""
_BATCH_OVERHEAD: Final = 16


class Kind(IntEnum):
    """What a frame set is for. One byte on the wire."""

    HELLO = 1
    WELCOME = 2
    PUBLISH = 3
    ACCEPTED = 4
    DELIVER = 5
    ACK = 6
    NACK = 7
    RENEW = 8
    HEARTBEAT = 9
    CREDIT = 10
    ERROR = 11
    BYE = 12
    BATCH = 13


_KINDS: Final = {bytes([kind]): kind for kind in Kind}
_KIND_BYTES: Final = {kind: bytes([kind]) for kind in Kind}
_BATCH: Final = _KIND_BYTES[Kind.BATCH]
_DELIVER: Final = _KIND_BYTES[Kind.DELIVER]
_NO_FIELDS: Final = b"\x80"
_MAPS: Final = (*(bytes((0x80 | count,)) for count in range(16)), b"\xde\x00\x10", b"\xde\x00\x11")


@value
class Frame:
    """One parsed frame set. `packed` is the header as it came."""

    kind: Kind
    header: dict[str, Any]
    body: bytes = b""
    packed: bytes = field(default=b"", compare=False, repr=False)


@value
class Packet:
    """A message ready to travel: its envelope and its encoded body.

    `packed` is the envelope as it came off the wire, if it did and has no `attempt` and no `seq`: what passes
    through the broker unchanged is packed once, by its sender.
    """

    envelope: Envelope
    body: bytes
    packed: bytes = field(default=b"", compare=False, repr=False)


def build(kind: Kind, header: dict[str, Any], body: bytes = b"") -> list[bytes]:
    """The four frames."""
    return [VERSION, _KIND_BYTES[kind], msgpack.packb(header, use_bin_type=True), body]


def frames_of(frame: Frame) -> list[bytes]:
    """The four frames again."""
    header = frame.packed or msgpack.packb(frame.header, use_bin_type=True)
    return [VERSION, _KIND_BYTES[frame.kind], header, frame.body]


def pack_batch(frame_sets: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Several frame sets as one."""
    flat = [frame for _, *frames in frame_sets for frame in frames]
    return [VERSION, _BATCH, _NO_FIELDS, msgpack.packb(flat, use_bin_type=True)]


def in_batches(frame_sets: list[list[bytes]], size_bytes: int = BATCH_BYTES) -> list[list[bytes]]:
    """The same in as few frame sets as have at most `size_bytes`; what is large or alone stays as it is."""
    if len(frame_sets) < 2:
        return frame_sets
    groups: list[list[list[bytes]]] = []
    room = 0
    for frames in frame_sets:
        size = len(frames[2]) + len(frames[3]) + _BATCH_OVERHEAD
        if size > room or size >= ALONE_BYTES or len(groups[-1]) == MAX_BATCH:
            groups.append([])
            room = size_bytes
        groups[-1].append(frames)
        room -= size if size < ALONE_BYTES else size_bytes
    return [pack_batch(group) if len(group) > 1 else group[0] for group in groups]


def unpack_batch(frames: list[bytes], max_bytes: int = DEFAULT_MAX_BYTES) -> list[list[bytes]]:
    """The frame sets in one ZeroMQ message: those of a BATCH, or the one that it is. Each is still unchecked.

    Raises FrameError for a BATCH that is none, holds another, or holds more than MAX_BATCH; TooLarge.
    """
    if len(frames) != 4 or frames[1] != _BATCH or frames[0] != VERSION:
        return [frames]
    flat = _byte_strings(parse(frames, max_bytes).body, 3, "batch")
    if len(flat) > 3 * MAX_BATCH:
        raise TooLarge(f"a batch of {len(flat) // 3} frame sets, at most {MAX_BATCH}", where="frame 3")
    if _BATCH in flat[::3]:
        raise FrameError("a batch in a batch", where="frame 3")
    return [[VERSION, *flat[at : at + 3]] for at in range(0, len(flat), 3)]


def parse(frames: Sequence[bytes], max_bytes: int = DEFAULT_MAX_BYTES) -> Frame:
    """Check and split the frames of one message.

    Raises FrameError for a wrong count, version, kind or header; TooLarge over `max_bytes`.
    """
    if len(frames) != 4:
        raise FrameError(f"{len(frames)} frames instead of 4", where="frames")
    version, kind_byte, header_bytes, body = frames
    if version != VERSION:
        raise FrameError(f"protocol version {bytes(version[:4]).hex() or 'empty'}, not 01", where="frame 0")
    kind = _KINDS.get(kind_byte)
    if kind is None:
        raise FrameError(f"unknown kind {bytes(kind_byte[:4]).hex() or 'empty'}", where="frame 1")
    _check_sizes(kind, header_bytes, body, max_bytes)
    return Frame(kind, _unpack_header(header_bytes), body, header_bytes)


def _check_sizes(kind: Kind, header_bytes: bytes, body: bytes, max_bytes: int) -> None:
    most = MAX_HEADER_BYTES + (MAX_DELIVERY_BYTES if kind is Kind.DELIVER else 0)
    if len(header_bytes) > most:
        raise TooLarge(f"header of {len(header_bytes)} bytes, at most {most}", where="frame 2")
    if len(body) > max_bytes:
        raise TooLarge(
            f"body of {len(body)} bytes, at most {max_bytes}",
            where="frame 3",
            remedy="send less, or raise max_bytes",
        )


def packet_of(header: dict[str, Any], packed: bytes, body: bytes) -> Packet:
    """The message that an unpacked envelope and its bytes stand for. Raises FrameError.

    Bytes that name an attribute twice, or have an unusual form of map, are not passed on.
    """
    envelope = Envelope.from_header(header)
    plain = packed.startswith(_MAPS[len(header)]) and "attempt" not in header and "seq" not in header
    return Packet(envelope, body, packed if plain else b"")


def pack_envelope(packet: Packet) -> bytes:
    """The header of a PUBLISH of this message."""
    packed: bytes = packet.packed or msgpack.packb(packet.envelope.to_header(), use_bin_type=True)
    return packed


def build_delivery(packed: bytes, body: bytes, attempt: int, seq: int) -> list[bytes]:
    """The four frames of a DELIVER: `attempt` and `seq` are put behind those of a packed envelope."""
    # Without these two an envelope has 15 attributes at most: a map whose head is one byte.
    header = b"%b%b\xa7attempt%b\xa3seq%b" % (
        _MAPS[(packed[0] & 0x0F) + 2],
        packed[1:],
        msgpack.packb(attempt),
        msgpack.packb(seq),
    )
    return [VERSION, _DELIVER, header, body]


def publication(packet: Packet, max_bytes: int = DEFAULT_MAX_BYTES) -> Frame:
    """The PUBLISH of a message, after its receiver's checks: FrameError or TooLarge, as that would say."""
    header = packet.envelope.to_header()
    check_header(header)
    try:
        packed = msgpack.packb(header, use_bin_type=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"not packable: {error}"[:200], where="envelope") from None
    _check_sizes(Kind.PUBLISH, packed, packet.body, max_bytes)
    return Frame(Kind.PUBLISH, header, packet.body, packed)


def pack_emits(packets: Sequence[Packet], max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """The body of an ACK; empty for no packets. Raises what `check_packet` does, also for their sum."""
    if not packets:
        return b""
    flat: list[bytes] = []
    for packet in packets:
        published = publication(packet, max_bytes)
        flat += (published.packed, published.body)
    data: bytes = msgpack.packb(flat, use_bin_type=True)
    if len(data) > max_bytes:
        raise TooLarge(f"{len(packets)} emits of {len(data)} bytes, at most {max_bytes}", where="frame 3")
    return data


def unpack_emits(data: bytes) -> tuple[Packet, ...]:
    """The messages in the body of an ACK; an empty body holds none. Raises FrameError."""
    if not data:
        return ()
    flat = _byte_strings(data, 2, "emits")
    for packed in flat[::2]:
        if len(packed) > MAX_HEADER_BYTES:
            raise TooLarge(f"header of {len(packed)} bytes, at most {MAX_HEADER_BYTES}", where="header")
    return tuple(
        packet_of(_unpack_header(packed), packed, body)
        for packed, body in zip(flat[::2], flat[1::2], strict=True)
    )


def _byte_strings(data: bytes, times: int, what: str) -> list[bytes]:
    try:
        flat = msgpack.unpackb(data, raw=False)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"{what} are not msgpack: {error}"[:200], where="frame 3") from None
    if type(flat) is not list or len(flat) % times or not set(map(type, flat)) <= {bytes}:
        raise FrameError(f"{what} are not an array of {times}n byte strings", where="frame 3")
    return flat


def _unpack_header(data: bytes) -> dict[str, Any]:
    try:
        header = msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"header is not msgpack: {error}"[:200], where="frame 2") from None
    if type(header) is not dict or not set(map(type, header)) <= {str}:
        raise FrameError("header is not a map with text keys", where="frame 2")
    return header
