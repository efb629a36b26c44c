"""Clients that mean harm, for `fault/test_hostile_clients.py`: a process that attacks until it is killed.

    python -P tests/hostile_clients.py ENDPOINT JOURNAL KIND [KIND ...]

Each kind is one thread with sockets of its own and no guildbus client: raw frames, as anybody could send
them. What it may read off the journal file it uses: true ids of messages that others have in hand.
"""

import contextlib
import itertools
import os
import random
import socket as stdlib_socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import zmq

from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Kind

Frames = list[bytes]
ENDPOINT, JOURNAL = "", ""
MAX_BYTES = 64 * 1024
"""What the broker under attack was started with."""


def frames(kind: int, header: Any, body: bytes = b"", version: bytes = b"\x01") -> Frames:
    return [version, bytes([kind]), msgpack.packb(header), body]


def envelope(kind: str, source: str, run: str = "honest", to: str | None = "worker") -> dict[str, Any]:
    made = Envelope(
        id=f"evil-{os.urandom(8).hex()}",
        source=source,
        type=kind,
        subject=run,
        time=format_time(time.time()),
        to=to,
    )
    return made.to_header()


def hello(agent: str, role: str, incarnation: str = "1", credit: int = 0) -> Frames:
    return frames(Kind.HELLO, {"agent": agent, "role": role, "incarnation": incarnation, "credit": credit})


def held() -> list[tuple[str, int]]:
    """(id, attempt) of what the honest have, or have had, in hand."""
    with contextlib.closing(sqlite3.connect(f"file:{JOURNAL}?mode=ro", uri=True)) as db:
        found = db.execute("SELECT id FROM messages ORDER BY seq DESC LIMIT 20").fetchall()
    return [(row[0], 1) for row in found] or [("nobody", 1)]


def pester(
    make: Callable[[], Iterator[Frames]], greeting: Frames | None = None, pause_s: float = 0.0
) -> None:
    """Send for ever, on a new connection whenever the old one is of no use any more; read what comes."""
    while True:
        with zmq.Context.instance().socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.SNDTIMEO, 2000)
            dealer.connect(ENDPOINT)
            if greeting is not None:
                dealer.send_multipart(greeting)
            with contextlib.suppress(zmq.Again):
                for found in itertools.islice(make(), 2000):
                    dealer.send_multipart(found)
                    while dealer.poll(0):
                        dealer.recv_multipart()
                    time.sleep(pause_s)


def version() -> None:
    pester(lambda: itertools.repeat(frames(Kind.HEARTBEAT, {}, version=b"\x02")))


def noise() -> None:
    def make() -> Iterator[Frames]:
        while True:
            yield [random.randbytes(random.randrange(50)) for _ in range(random.randrange(1, 9))]

    pester(make)


def parts() -> None:
    pester(lambda: itertools.repeat([b"\x01"] * 20_000), pause_s=0.5)


def oversized() -> None:
    def make() -> Iterator[Frames]:
        while True:
            yield frames(Kind.PUBLISH, envelope("work.v1", "evil/1"), b"x" * (MAX_BYTES + 1))
            yield frames(Kind.PUBLISH, envelope("work.v1", "evil/1"), b"x" * (MAX_BYTES * 10))

    pester(make, pause_s=0.02)


def forged() -> None:
    """Answers to what others have in hand, from a session of its own: wrong tokens, wrong holder."""

    def make() -> Iterator[Frames]:
        for message_id, attempt in itertools.chain.from_iterable(held() for _ in itertools.count()):
            for token in (attempt, attempt + 1, 2**40):
                answer = {"id": message_id, "attempt": token, "credit": 1000}
                yield frames(Kind.ACK, answer)
                yield frames(Kind.NACK, answer | {"code": "x.y", "reason": "z", "fatal": True})
                yield frames(Kind.RENEW, answer)

    pester(make, hello("guest", "guest", credit=10), pause_s=0.001)


def replayed() -> None:
    """Takes one message that is its to take, and acknowledges it again and again, each time with an emit."""
    with zmq.Context.instance().socket(zmq.DEALER) as dealer:
        dealer.connect(ENDPOINT)
        dealer.send_multipart(hello("parrot", "parrot", credit=1))
        while True:
            _, kind, header, _ = dealer.recv_multipart()
            if kind[0] == Kind.DELIVER:
                break
        given = msgpack.unpackb(header)
        while True:
            emit = envelope("word.v1", "parrot/1", run=given["subject"], to=None)
            body = msgpack.packb([msgpack.packb(emit), b"\x80"])
            dealer.send_multipart(
                frames(Kind.ACK, {"id": given["id"], "attempt": given["attempt"], "credit": 1}, body)
            )
            dealer.recv_multipart()


def wrong_role() -> None:
    """Publishes what its role may not, under others' names, to the honest worker's queue."""

    def make() -> Iterator[Frames]:
        while True:
            yield frames(Kind.PUBLISH, envelope("work.v1", "guest2/1"))
            yield frames(Kind.PUBLISH, envelope("work.v1", "boss/1"))
            yield frames(Kind.PUBLISH, envelope("message.died.v1", "broker/1", to="boss"))

    pester(make, hello("guest2", "guest"))


def many_names() -> None:
    """One connection that would be everybody."""

    def make() -> Iterator[Frames]:
        for number in itertools.count():
            yield hello(f"many-{number}", "worker", credit=0)

    pester(make, hello(f"many-{os.getpid()}", "guest"))


def flood() -> None:
    """Nothing wrong with any frame: there are only too many."""
    asked = itertools.cycle([frames(Kind.HEARTBEAT, {"health": True}), frames(Kind.HEARTBEAT, {})])
    pester(lambda: asked, hello("flood", "guest"))


def silent() -> None:
    """Connections that never say a word, more than there is room for."""
    kept: list[stdlib_socket.socket] = []
    while True:
        found = stdlib_socket.socket(stdlib_socket.AF_UNIX)
        with contextlib.suppress(OSError):
            found.settimeout(1)
            found.connect(ENDPOINT.removeprefix("ipc://"))
            kept.append(found)
        if len(kept) > 200:
            kept.pop(0).close()
        time.sleep(0.005)


KINDS = {
    attack.__name__: attack
    for attack in (
        version, noise, parts, oversized, forged, replayed, wrong_role, many_names, flood, silent,
    )
}  # fmt: skip


def main() -> None:
    global ENDPOINT, JOURNAL

    def fail(about: threading.ExceptHookArgs) -> None:
        """An attack that ended attacks nobody: the test must not pass for it."""
        sys.stderr.write(f"{about.thread}: {about.exc_value!r}\n")
        os._exit(1)

    threading.excepthook = fail
    ENDPOINT, JOURNAL, *kinds = sys.argv[1:]
    for kind in kinds:
        threading.Thread(target=KINDS[kind], name=kind, daemon=True).start()
    time.sleep(600)


if __name__ == "__main__":
    main()
