"""One consumer stalls, and a million messages pile up behind it. Nobody else may feel it.

A raw publisher pours them in, as fast as they are confirmed. The broker's memory and the others' waiting
times are measured at a hundredth of the pile and at all of it. Then the stalled one dies, and others take
the whole pile away, in order.
"""

import json
import time
from pathlib import Path
from typing import Any, Final

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
CREDIT: Final = 400
"""Below ZeroMQ's high-water mark of 1,000: more than that the broker cannot put on the way to one peer."""
SAMPLES: Final = 1000
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
    """The broker's memory (resident bytes), and the 99th percentile of an honest confirmation in seconds."""
    waited: list[float] = []
    for _ in range(samples):
        start = time.monotonic()
        await scene.customer.order()
        waited.append(time.monotonic() - start)
    waited.sort()
    return psutil.Process(broker.pid).memory_info().rss, waited[len(waited) * 99 // 100]


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


def _joined(endpoint: str, name: str, role: str, credit: int) -> zmq.Socket[bytes]:
    """A raw client: the protocol without the client's care, for the sake of speed."""
    dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    dealer.setsockopt(zmq.SNDHWM, 0)
    dealer.setsockopt(zmq.RCVHWM, 0)
    dealer.connect(endpoint)
    hello: dict[str, Any] = {"agent": name, "role": role, "incarnation": ids.new_message_id()}
    dealer.send_multipart(wire.build(Kind.HELLO, hello | {"credit": credit}))
    _, kind, *_ = dealer.recv_multipart()
    assert kind[0] == Kind.WELCOME
    return dealer


def pour(say: Say, *, endpoint: str, count: int, path: str) -> None:
    """The child's target: publish `count` messages to the slow role, at most WINDOW of them unconfirmed."""
    dealer = _joined(endpoint, POURER, POURER, 0)
    confirmed: list[str] = []
    sent = 0
    while len(confirmed) < count:
        while sent < count and sent - len(confirmed) < WINDOW:
            message_id = ids.new_message_id()
            envelope = Envelope(
                id=message_id, source=f"{POURER}/1", type="piece.v1", subject=SUBJECT,
                time=format_time(time.time()), to=ROLE,
            )  # fmt: skip
            body = body_of(BODY_BYTES, message_id.encode())
            dealer.send_multipart(wire.build(Kind.PUBLISH, envelope.to_header(), body))
            sent += 1
        _, kind, header, _ = dealer.recv_multipart()
        if kind[0] == Kind.ACCEPTED:
            confirmed.append(msgpack.unpackb(header)["id"])
    Path(path).write_text(json.dumps(confirmed), encoding="utf-8")
    dealer.send_multipart(wire.build(Kind.BYE, {}))
    dealer.close(1000)
    zmq.Context.instance().term()
    say({"poured": count})


def drain(say: Say, *, endpoint: str, count: int) -> None:
    """The child's target: replace the stalled one, take `count` messages away, and look at their order."""
    dealer = _joined(endpoint, ROLE, ROLE, CREDIT)
    accepted, highest, disordered = 0, 0, 0
    while accepted < count:
        _, kind, packed, _ = dealer.recv_multipart()
        accepted += kind[0] == Kind.ACCEPTED
        if kind[0] != Kind.DELIVER:
            continue
        header = msgpack.unpackb(packed)
        # What the stalled one had in hand comes again, perhaps after younger ones.
        if header["attempt"] == 1:
            disordered += header["seq"] < highest
            highest = max(highest, header["seq"])
        answer = {"id": header["id"], "attempt": header["attempt"], "credit": 1}
        dealer.send_multipart(wire.build(Kind.ACK, answer))
    dealer.close(5000)
    zmq.Context.instance().term()
    say({"drained": count, "disordered": disordered})
