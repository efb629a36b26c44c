"""Frame sets that no honest client sends, drawn at random. Pure; `flood.py` sends them.

An *outsider* never said HELLO: whatever it sends must be refused, also when a flipped bit left it valid.
An *insider* has a session of its own: each of its frame sets is wrong by construction, or well-formed and not
its right (an answer to a message that somebody else has in hand).
"""

import time
from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgpack

from guildbus.protocols import ids, wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Kind, Packet

Frames = list[bytes]
Target = tuple[str, int]
"""(message id, attempt) of a message that somebody else has in hand."""
GUEST: Final = "guest"
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**60,
    1.5,
    "",
    "x" * 2000,
    "a/b",
    b"\xff",
    [],
    [[]],
    {},
    {"a": 1},
)
WRONG_EMITS: Final[tuple[Any, ...]] = ([b"\x80"], [b"\x80", b"\x80"], ["a", "b"], [1, 2], {"a": b""})
ANSWERS: Final = (Kind.ACK, Kind.NACK, Kind.RENEW)


def envelope(chance: Random) -> Envelope:
    """A valid one, in the guest's name, to a queue where the honest would take it."""
    return Envelope(
        id=f"evil-{chance.getrandbits(64):x}",
        source=f"{GUEST}/1",
        type="piece.v1",
        subject="bench",
        time=format_time(time.time()),
        to=chance.choice(("cut", "weld")),
    )


def valid(chance: Random, target: Target) -> Frames:
    """Well-formed, of any kind that a client sends but HELLO."""
    body = chance.randbytes(chance.choice((0, 1, 64)))
    answer = {"id": target[0], "attempt": target[1], "credit": 1}
    emits = wire.pack_emits([Packet(envelope(chance), body)])
    return chance.choice(
        (
            lambda: wire.build(Kind.PUBLISH, envelope(chance).to_header(), body),
            lambda: wire.build(Kind.ACK, answer, emits),
            lambda: wire.build(Kind.NACK, answer | {"code": "x.y", "reason": "z", "fatal": True}),
            lambda: wire.build(Kind.RENEW, answer),
            lambda: wire.build(Kind.CREDIT, {"amount": 9}),
            lambda: wire.build(Kind.HEARTBEAT, {"health": True}),
            lambda: wire.build(Kind.BYE, {}),
        )
    )()


def noise(chance: Random, _: Target) -> Frames:
    """Random bytes in a random number of frames."""
    return [chance.randbytes(chance.randrange(40)) for _ in range(chance.randrange(1, 9))]


def flipped(chance: Random, target: Target) -> Frames:
    """A valid frame set with one to four bits turned over."""
    frames = valid(chance, target)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(4)
        if frames[at]:
            data = bytearray(frames[at])
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            frames[at] = bytes(data)
    return frames


def miscounted(chance: Random, target: Target) -> Frames:
    """A frame too few, or some too many."""
    frames = valid(chance, target)
    if chance.random() < 0.5:
        del frames[chance.randrange(4)]
        return frames
    return frames + [chance.randbytes(3) for _ in range(chance.randrange(1, 4))]


def bad_hello(chance: Random, _: Target) -> Frames:
    """A HELLO with a field that is missing or odd."""
    header: dict[str, Any] = {
        "agent": "evil",
        "role": "cut",
        "incarnation": ids.new_message_id(),
        "credit": 9,
    }
    name = chance.choice(("agent", "role", "incarnation"))
    if chance.random() < 0.3:
        del header[name]
    elif chance.random() < 0.5:
        header[name] = chance.choice([odd for odd in ODD if odd != "a/b"])
    else:
        header["credit"] = chance.choice((-1, "many", 2**40, True, [1]))
    return [wire.VERSION, bytes([Kind.HELLO]), _packed(header), b""]


def bad_envelope(chance: Random, _: Target) -> Frames:
    """A PUBLISH whose envelope has one attribute odd, missing, unknown, or the broker's to set."""
    header = envelope(chance).to_header()
    match chance.randrange(4):
        case 0:
            del header[chance.choice(("specversion", "id", "source", "type", "subject", "time"))]
        case 1:
            header[chance.choice(("evil", "TO", "x" * 300))] = 1
        case 2:
            header[chance.choice(("attempt", "seq"))] = chance.randrange(1, 9)
        case _:
            name = chance.choice(("id", "type", "time", "to", "deadline", "priority", "hops"))
            # Text is right for some of these, and 0 and 2**60 are counts.
            header[name] = chance.choice((None, True, -1, 1.5, "", b"\xff", [], {"a": 1}))
    return [wire.VERSION, bytes([Kind.PUBLISH]), _packed(header), b"\x80"]


def bad_header(chance: Random, target: Target) -> Frames:
    """A header that is cut, has bytes after it, is no map of texts, or is over its limit."""
    frames = valid(chance, target)
    header = frames[2]
    frames[2] = chance.choice(
        (
            header[: chance.randrange(len(header))],
            header + b"\x00",
            _packed([1, 2, 3]),
            _packed({1: 2}),
            _packed({"x": b"\0" * (wire.MAX_HEADER_BYTES + 1)}),
            b"\xc1",
            b"\x91" * 2000,
        )
    )
    return frames


def wrong_version_or_kind(chance: Random, target: Target) -> Frames:
    """Another version, an unknown kind, or a kind that only the broker sends."""
    frames = valid(chance, target)
    if chance.random() < 0.5:
        frames[0] = chance.choice((b"", b"\x00", b"\x02", b"\x01\x01", b"GET / HTTP/1.1"))
    else:
        kinds = (b"", b"\x00", b"\x0e", b"\xff", b"\x03\x03", *(bytes([k]) for k in (2, 4, 5, 11)))
        frames[1] = chance.choice(kinds)
    return frames


def bad_emits(chance: Random, target: Target) -> Frames:
    """An ACK of somebody else's message, its emits odd in number, of the wrong type, or no msgpack."""
    emits = chance.choice(WRONG_EMITS)
    body = chance.choice((_packed(emits), b"\xc1", chance.randbytes(20), _packed(emits)[:-1]))
    return wire.build(Kind.ACK, {"id": target[0], "attempt": target[1], "credit": 1}, body)


def forged(chance: Random, target: Target) -> Frames:
    """A well-formed answer to a message that somebody else has in hand, or that nobody has."""
    message_id, attempt = target if chance.random() < 0.8 else (ids.new_message_id(), 1)
    answer: dict[str, Any] = {"id": message_id, "attempt": attempt, "credit": 5}
    match chance.choice(ANSWERS):
        case Kind.ACK:
            body = wire.pack_emits([Packet(envelope(chance), b"\x80")])
            return wire.build(Kind.ACK, answer, body)
        case Kind.NACK:
            return wire.build(Kind.NACK, answer | {"code": "x.y", "reason": "z", "fatal": True})
        case _:
            return wire.build(Kind.RENEW, answer)


def batched(chance: Random, target: Target) -> Frames:
    """Several of the others in one BATCH (which has one version for all), or a BATCH that is none."""
    frame_sets = [chance.choice(SINGLE)(chance, target) for _ in range(chance.randrange(2, 20))]
    batch = wire.pack_batch(frame_sets)
    match chance.randrange(4):
        case 0:
            batch[3] = batch[3][: chance.randrange(len(batch[3]))]
        case 1:
            batch[3] = _packed([*msgpack.unpackb(batch[3]), b"\x03"])
        case 2:
            batch = wire.pack_batch([batch, batch])
    return batch


Maker = Callable[[Random, Target], Frames]
SINGLE: Final[tuple[Maker, ...]] = (
    bad_envelope, bad_header, bad_emits, forged,
)  # fmt: skip
OUTSIDER: Final[tuple[Maker, ...]] = (
    noise, flipped, flipped, miscounted, valid, bad_hello, bad_header, wrong_version_or_kind, batched,
)  # fmt: skip
INSIDER: Final[tuple[Maker, ...]] = (
    noise, miscounted, bad_envelope, bad_envelope, bad_header, wrong_version_or_kind, batched, bad_emits,
    forged, forged,
)  # fmt: skip


def _packed(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed
