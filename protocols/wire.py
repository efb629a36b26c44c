"""The frames of one ZeroMQ message: `[version, kind, header, body]`.

`header` is a msgpack map: for PUBLISH and DELIVER the envelope, for the other kinds the fields listed in
docs/protocol.md. `body` is opaque, but for ACK, where it is a msgpack array of byte strings
`[header, body, header, body, ...]`: the messages that the acknowledgement publishes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import msgpack

from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import FrameError, TooLarge

VERSION: Final = b"\x01"
MAX_HEADER_BYTES: Final = 16 * 1024
DEFAULT_MAX_BYTES: Final = 8 * 1024 * 1024


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


_KINDS: Final = {bytes([kind]): kind for kind in Kind}
_KIND_BYTES: Final = {kind: bytes([kind]) for kind in Kind}


@dataclass(frozen=True, slots=True)
class Frame:
    """One parsed frame set."""

    kind: Kind
    header: dict[str, Any]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Packet:
    """A message ready to travel: its envelope and its encoded body."""

    envelope: Envelope
    body: bytes


def build(kind: Kind, header: dict[str, Any], body: bytes = b"") -> list[bytes]:
    """The four frames."""
    return [VERSION, _KIND_BYTES[kind], msgpack.packb(header, use_bin_type=True), body]


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
    if len(header_bytes) > MAX_HEADER_BYTES:
        raise TooLarge(f"header of {len(header_bytes)} bytes, at most {MAX_HEADER_BYTES}", where="frame 2")
    if len(body) > max_bytes:
        raise TooLarge(
            f"body of {len(body)} bytes, at most {max_bytes}",
            where="frame 3",
            remedy="send less, or raise max_bytes",
        )
    return Frame(kind, _unpack_header(header_bytes), body)


def check_packet(packet: Packet, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
    """What a peer checks before it sends a message: FrameError or TooLarge, as its receiver would say."""
    try:
        frames = build(Kind.PUBLISH, packet.envelope.to_header(), packet.body)
    except (ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"not packable: {error}"[:200], where="envelope") from None
    Envelope.from_header(parse(frames, max_bytes).header)


def pack_emits(packets: Sequence[Packet], max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """The body of an ACK; empty for no packets. Raises what `check_packet` does, also for their sum."""
    if not packets:
        return b""
    flat: list[bytes] = []
    for packet in packets:
        check_packet(packet, max_bytes)
        flat += (msgpack.packb(packet.envelope.to_header(), use_bin_type=True), packet.body)
    data: bytes = msgpack.packb(flat, use_bin_type=True)
    if len(data) > max_bytes:
        raise TooLarge(f"{len(packets)} emits of {len(data)} bytes, at most {max_bytes}", where="frame 3")
    return data


def unpack_emits(data: bytes) -> tuple[Packet, ...]:
    """The messages in the body of an ACK; an empty body holds none. Raises FrameError."""
    if not data:
        return ()
    try:
        flat = msgpack.unpackb(data, raw=False)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"emits are not msgpack: {error}"[:200], where="frame 3") from None
    if type(flat) is not list or len(flat) % 2 or not all(type(item) is bytes for item in flat):
        raise FrameError("emits are not an even array of byte strings", where="frame 3")
    return tuple(
        Packet(Envelope.from_header(_unpack_header(flat[at])), flat[at + 1]) for at in range(0, len(flat), 2)
    )


def _unpack_header(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_HEADER_BYTES:
        raise TooLarge(f"header of {len(data)} bytes, at most {MAX_HEADER_BYTES}", where="header")
    try:
        header = msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"header is not msgpack: {error}"[:200], where="frame 2") from None
    if type(header) is not dict or not all(type(key) is str for key in header):
        raise FrameError("header is not a map with text keys", where="frame 2")
    return header
