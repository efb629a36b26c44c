"""One consumer stalls, and a million messages pile up behind it. Nobody else may feel it.

A raw publisher pours them in, as fast as they are confirmed. The broker's memory and the others' waiting
times are measured at a hundredth of the pile and at all of it. Then the stalled one dies, and others take
the whole pile away, in order.
"""

import json
import time
from pathlib import Path
from typing import Final

import msgpack
import psutil
import zmq

from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.arena import Arena, WorkerSpec, arena
from guildbus.launch.bench.faults.children import Child
from guildbus.launch.bench.faults.pieces import SUBJECT, body_of
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols import ids, wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Kind

LIMITS: Final = Limits(
    lease_s=3600.0,
    heartbeat_s=1.0,
    silent_s=600.0,
    unclaimed_s=3600.0,
    max_attempts=100,
    queue_bound=10_000_000,
)
ROLE: Final = "slow"
POURER: Final = "pourer"
WINDOW: Final = 2000
STRIDE: Final = 200
CREDIT: Final = 400
"""Below ZeroMQ's high-water mark of 1,000: more than that the broker cannot put on the way to one peer."""
SAMPLES: Final = 1000
ROUNDS: Final = 5
"""Whatever else the machine does makes a round slower, and never faster: the quietest one counts."""
FLAT_BYTES: Final = 32 << 20
"""How much the broker's memory may grow between the two measurements."""
SLOWER: Final = 2.0
JUDGED_FROM: Final = 100_000
"""Below this pile the two measurements are too near to each other to say anything."""
SILENCE_S: Final = 1200.0
BODY_BYTES: Final = 256


async def run(trial: Trial) -> Outcome:
    """A pile of `count` messages."""
    outcome = Outcome(faults=1)
    async with arena(trial, LIMITS) as scene:
        scene.sources += [POURER]
        broker = await scene.start_broker()
        stalled = await scene.hire(WorkerSpec(ROLE, ROLE, scene.next_slot(), task_s=36_000.0))
        await stalled.child.hear()
        await scene.open(1, task_s=0.0)
        few, many = trial.count // 100, trial.count
        await _pour(scene, trial.folder / "few.json", few)
        samples = min(SAMPLES, max(100, many // 20))
        before = await _measure(scene, broker, samples)
        start = time.monotonic()
        await _pour(scene, trial.folder / "many.json", many - few)
        rate = (many - few) / (time.monotonic() - start)
        after = await _measure(scene, broker, samples)
        await stalled.child.kill()
        drained = await _drain(scene, many, outcome)
        for name in ("few.json", "many.json"):
            scene.customer.confirmed |= dict.fromkeys(json.loads((trial.folder / name).read_text()), 0.0)
        scene.results[ROLE] = 0
        await scene.judge(outcome)
    outcome.notes += [
        f"memory of the broker: {before[0] >> 20} MiB at {few:,} queued, {after[0] >> 20} MiB at {many:,}",
        f"p99 of a confirmation to others: {before[1] * 1000:.1f} ms, then {after[1] * 1000:.1f} ms",
        f"poured at {rate:,.0f} messages/s, taken away at {drained:,.0f}",
    ]
    if many >= JUDGED_FROM and after[0] - before[0] > FLAT_BYTES:
        outcome.wrong.append("the broker's memory is not flat")
    if many >= JUDGED_FROM and after[1] > SLOWER * before[1]:
        outcome.wrong.append(f"the others wait more than {SLOWER:g} times as long")
    return outcome


async def _measure(scene: Arena, broker: Child, samples: int) -> tuple[int, float]:
    """The broker's memory (resident bytes), and how long the honest wait (p99 of the quietest round)."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        waited: list[float] = []
        for _ in range(samples):
            start = time.monotonic()
            await scene.customer.order()
            waited.append(time.monotonic() - start)
        rounds.append(sorted(waited)[samples * 99 // 100])
    return psutil.Process(broker.pid).memory_info().rss, min(rounds)


async def _pour(scene: Arena, path: Path, count: int) -> None:
    plan = {"endpoint": scene.endpoint, "count": count, "path": str(path)}
    child = await scene.nursery.fork("stalled:pour", plan, log="pour.log")
    await child.hear(SILENCE_S)
    await child.ended


async def _drain(scene: Arena, count: int, outcome: Outcome) -> float:
    start = time.monotonic()
    plan = {"endpoint": scene.endpoint, "count": count}
    child = await scene.nursery.fork("stalled:drain", plan, log="drain.log")
    told = await child.hear(SILENCE_S)
    if told["disordered"]:
        outcome.wrong.append(f"{told['disordered']} messages came before an older one")
    return count / (time.monotonic() - start)


class Raw:
    """A raw client: the protocol in batches, without the client's care, for the sake of speed."""

    def __init__(self, endpoint: str, name: str, role: str, credit: int) -> None:
        self._dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._dealer.setsockopt(zmq.LINGER, 5000)
        self._dealer.connect(endpoint)
        self._early: list[list[bytes]] = []
        hello = {"agent": name, "role": role, "incarnation": ids.new_message_id(), "credit": credit}
        self.send([wire.build(Kind.HELLO, hello | {"batch": True})])
        # Deliveries may come in one message with the WELCOME.
        self._early = self.receive()

    def send(self, frame_sets: list[list[bytes]]) -> None:
        """All in as few messages as will do."""
        for frames in wire.in_batches(frame_sets):
            self._dealer.send_multipart(frames)

    def receive(self) -> list[list[bytes]]:
        """The next frame sets."""
        if self._early:
            early, self._early = self._early, []
            return early
        return wire.unpack_batch(self._dealer.recv_multipart())

    def close(self) -> None:
        """Wait until all is on its way."""
        self._dealer.close()
        zmq.Context.instance().term()


def pour(say: Say, *, endpoint: str, count: int, path: str) -> None:
    """The child's target: publish `count` messages to the slow role, at most WINDOW of them unconfirmed."""
    client = Raw(endpoint, POURER, POURER, 0)
    confirmed: list[str] = []
    sent = 0
    while len(confirmed) < count:
        room = min(count - sent, WINDOW - (sent - len(confirmed)))
        if room >= min(STRIDE, count - sent):
            client.send([_publication() for _ in range(room)])
            sent += room
        for _, kind, header, _ in client.receive():
            if kind[0] == Kind.ACCEPTED:
                confirmed.append(msgpack.unpackb(header)["id"])
    Path(path).write_text(json.dumps(confirmed), encoding="utf-8")
    client.send([wire.build(Kind.BYE, {})])
    client.close()
    say({"poured": count})


def _publication() -> list[bytes]:
    message_id = ids.new_message_id()
    envelope = Envelope(
        id=message_id, source=f"{POURER}/1", type="piece.v1", subject=SUBJECT,
        time=format_time(time.time()), to=ROLE,
    )  # fmt: skip
    return wire.build(Kind.PUBLISH, envelope.to_header(), body_of(BODY_BYTES, message_id.encode()))


def drain(say: Say, *, endpoint: str, count: int) -> None:
    """The child's target: replace the stalled one, take `count` messages away, and look at their order."""
    client = Raw(endpoint, ROLE, ROLE, CREDIT)
    accepted, highest, disordered = 0, 0, 0
    while accepted < count:
        answers: list[list[bytes]] = []
        for _, kind, packed, _ in client.receive():
            accepted += kind[0] == Kind.ACCEPTED
            if kind[0] != Kind.DELIVER:
                continue
            header = msgpack.unpackb(packed)
            # What the stalled one had in hand comes again, perhaps after younger ones.
            if header["attempt"] == 1:
                disordered += header["seq"] < highest
                highest = max(highest, header["seq"])
            answer = {"id": header["id"], "attempt": header["attempt"], "credit": 1}
            answers.append(wire.build(Kind.ACK, answer))
        client.send(answers)
    client.close()
    say({"drained": count, "disordered": disordered})
