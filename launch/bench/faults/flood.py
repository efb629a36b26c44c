"""A million malformed frame sets against a real broker, while honest agents work.

Three attackers at once: two that never said HELLO, and one that joined as a guest and abuses its session,
with true ids of messages that the others have in hand, read from the journal. Beside them, bytes that are no
ZeroMQ at all. What they send may leave no trace in the journal, and the honest go on.
"""

import asyncio
import contextlib
import socket
import sqlite3
import time
from random import Random
from typing import Any, Final

import zmq

from guildbus.launch.bench.faults.arena import PATIENCE_S, Arena, arena
from guildbus.launch.bench.faults.hostile import GUEST, INSIDER, OUTSIDER, Frames, Target
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols import wire
from guildbus.protocols.wire import Kind

TARGETS_EVERY: Final = 200
RAW_EVERY: Final = 2000
OVERSIZED_EVERY: Final = 20_000
OVERSIZED_BYTES: Final = wire.DEFAULT_MAX_BYTES + wire.MAX_HEADER_BYTES + 1
WAIT_MS: Final = 10_000
HELD: Final = (
    "SELECT m.id, p.attempt FROM progress p JOIN messages m ON m.seq = p.seq"
    " WHERE p.state = 0 AND p.holder != '' ORDER BY p.seq DESC LIMIT 8"
)


def attack(say: Say, *, endpoint: str, journal: str, count: int, seed: str, insider: bool) -> None:
    """The child's target: send `count` frame sets, and tell how many were answered."""
    Attacker(endpoint, journal, Random(seed), insider=insider).run(say, count)


class Attacker:
    """One hostile socket."""

    def __init__(self, endpoint: str, journal: str, chance: Random, *, insider: bool) -> None:
        self._endpoint = endpoint
        self._journal = journal
        self._chance = chance
        self._insider = insider
        self._targets: list[Target] = [("nobody", 1)]
        self._answers = 0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.connect(endpoint)

    def run(self, say: Say, count: int) -> None:
        """Join if it may, attack, listen to the end."""
        self._join()
        makers = INSIDER if self._insider else OUTSIDER
        for number in range(count):
            if number % TARGETS_EVERY == 0:
                self._look()
            if not self._insider and number % RAW_EVERY == 0:
                self._raw()
            if not self._insider and number % OVERSIZED_EVERY == OVERSIZED_EVERY - 1:
                self._send(wire.build(Kind.PUBLISH, {}, b"\0" * OVERSIZED_BYTES))
                continue
            maker = self._chance.choice(makers)
            frames = maker(self._chance, self._chance.choice(self._targets))
            if not self._send(frames):
                say({"stuck": number})
                return
        self._listen(1000)
        say({"sent": count, "answers": self._answers})
        self._socket.close()

    def _join(self) -> None:
        if self._insider:
            hello = {"agent": GUEST, "role": GUEST, "incarnation": "1", "credit": 100}
            self._socket.send_multipart(wire.build(Kind.HELLO, hello), zmq.NOBLOCK)

    def _send(self, frames: Frames) -> bool:
        """False if the broker takes nothing for a long time."""
        end = time.monotonic() + WAIT_MS / 1000
        while time.monotonic() < end:
            self._listen(0)
            if self._socket.poll(100, zmq.POLLOUT):
                self._socket.send_multipart(frames, zmq.NOBLOCK)
                return True
        return False

    def _listen(self, wait_ms: int) -> None:
        """Take the refusals. A guest answers none of them, and beats no heart; shown out, it comes again."""
        while self._socket.poll(wait_ms):
            frames = self._socket.recv_multipart(zmq.NOBLOCK)
            self._answers += 1
            if b"protocol.no_session" in frames[2] and self._socket.poll(0, zmq.POLLOUT):
                self._join()

    def _look(self) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True)) as db:
            self._targets = [(held[0], held[1]) for held in db.execute(HELD)] or self._targets

    def _raw(self) -> None:
        """Bytes that are no ZeroMQ, on a connection of their own."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(1)
            raw.connect(self._endpoint.removeprefix("ipc://"))
            raw.sendall(self._chance.randbytes(self._chance.randrange(1, 5000)))


async def run(trial: Trial) -> Outcome:
    """`count` frame sets from three attackers."""
    outcome = Outcome()
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open()
        async with scene.fed():
            watching = asyncio.create_task(_watch(scene, outcome))
            told = await asyncio.gather(*(_attacker(scene, trial, number) for number in range(3)))
            watching.cancel()
        for one in told:
            outcome.faults += one.get("sent", 0)
            if "stuck" in one:
                outcome.hangs += 1
                outcome.wrong.append(f"the broker took nothing any more after {one['stuck']} frame sets")
        alive = scene.broker is not None and scene.broker.alive
        await scene.judge(outcome)
    outcome.notes.append(f"{sum(one.get('answers', 0) for one in told):,} of the frame sets were answered")
    outcome.notes.append("the recovery is the longest that an honest publication waited for its confirmation")
    if not alive:
        outcome.wrong.append("the broker died")
    return outcome


async def _attacker(scene: Arena, trial: Trial, number: int) -> dict[str, Any]:
    """The last gets what a division by three leaves over."""
    share = trial.count // 3 + (trial.count % 3 if number == 2 else 0)
    plan = {"endpoint": scene.endpoint, "journal": str(scene.journal), "count": share}
    plan |= {"seed": f"{trial.chance.random()}", "insider": number == 0}
    child = await scene.nursery.fork("flood:attack", plan, log="attack.log")
    return await child.hear(3600)


async def _watch(scene: Arena, outcome: Outcome) -> None:
    """The longest that the honest waited; until cancelled."""
    while True:
        moment = time.monotonic()
        waited = await scene.customer.heard_since(moment, PATIENCE_S)
        if waited is None:
            outcome.hangs += 1
            outcome.wrong.append("the honest were shut out")
            return
        outcome.recovered(waited)
