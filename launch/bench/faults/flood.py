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
from guildbus.launch.bench.faults.hostile import GUEST, INSIDER, OUTSIDER, Target
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols import wire
from guildbus.protocols.wire import Kind

QUICK_SETS: Final = 80
STUBBORN_SETS: Final = 300
STUBBORN: Final = 0.05
"""The share of connections that are used until they are ended."""
RAW: Final = 0.02
OVERSIZED: Final = 0.005
READ: Final = 0.8
"""So much of the flood the broker must have read and refused: what it never read proves nothing."""
OVERSIZED_BYTES: Final = wire.DEFAULT_MAX_BYTES + wire.MAX_HEADER_BYTES + 1
WAIT_MS: Final = 10_000
HELD: Final = (
    "SELECT m.id, p.attempt FROM progress p JOIN messages m ON m.seq = p.seq"
    " WHERE p.state = 0 AND p.holder != '' ORDER BY p.seq DESC LIMIT 8"
)
QUIET_MS: Final = 200


def attack(say: Say, *, endpoint: str, journal: str, count: int, seed: str, insider: bool) -> None:
    """The child's target: send `count` frame sets."""
    Attacker(endpoint, journal, Random(seed), insider=insider).run(say, count)


class Attacker:
    """One hostile process. It knows how much a connection is borne, and mostly takes a new one in time."""

    def __init__(self, endpoint: str, journal: str, chance: Random, *, insider: bool) -> None:
        self._endpoint = endpoint
        self._journal = journal
        self._chance = chance
        self._insider = insider
        self._targets: list[Target] = [("nobody", 1)]

    def run(self, say: Say, count: int) -> None:
        """Attack on one connection after the other."""
        sent = 0
        while sent < count:
            self._look()
            most = STUBBORN_SETS if self._chance.random() < STUBBORN else QUICK_SETS
            burst = min(most, count - sent)
            with contextlib.closing(self._connected()) as dealer:
                if not self._attack(dealer, burst):
                    say({"stuck": sent})
                    return
                sent += burst
                if self._chance.random() < OVERSIZED:
                    dealer.send_multipart(wire.build(Kind.PUBLISH, {}, b"\0" * OVERSIZED_BYTES))
            if self._chance.random() < RAW:
                self._raw()
        zmq.Context.instance().term()
        say({"sent": sent})

    def _connected(self) -> zmq.Socket[bytes]:
        dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, WAIT_MS)
        dealer.connect(self._endpoint)
        if self._insider:
            hello = {"agent": GUEST, "role": GUEST, "incarnation": "1", "credit": 100}
            dealer.send_multipart(wire.build(Kind.HELLO, hello))
        return dealer

    def _attack(self, dealer: zmq.Socket[bytes], burst: int) -> bool:
        """Send, and listen to what is said of it; False if the broker takes nothing for a long time."""
        makers = INSIDER if self._insider else OUTSIDER
        for _ in range(burst):
            if not dealer.poll(WAIT_MS, zmq.POLLOUT):
                return False
            frames = self._chance.choice(makers)(self._chance, self._chance.choice(self._targets))
            dealer.send_multipart(frames, zmq.NOBLOCK)
        answers = 0
        # Whoever was shown out hears nothing more, and batches have more answers than one.
        while answers < burst and dealer.poll(QUIET_MS):
            dealer.recv_multipart(zmq.NOBLOCK)
            answers += 1
        return True

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
        refused = (await scene.customer.health())["refused"]
        alive = scene.broker is not None and scene.broker.alive
        await scene.judge(outcome)
    counted = sum(refused.values())
    outcome.notes.append(f"the broker counted {counted:,} refusals")
    if counted < READ * outcome.faults:
        outcome.wrong.append("the broker has not read the flood")
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
