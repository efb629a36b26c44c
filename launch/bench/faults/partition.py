"""The network between clients and broker is cut for 1 to 60 seconds, and comes back.

Each machine has a customer and an agent that reach the broker over TCP with CURVE; two more agents are
where the broker is. All machines are cut off side by side, each for its own time. What they held goes to
others; what they could not send they keep; and what they finish meanwhile is refused, because somebody else
did it.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from guildbus.bus.broker import Broker
from guildbus.bus.journal import Journal
from guildbus.bus.keys import Keyring
from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.arena import Arena, WorkerSpec, arena
from guildbus.launch.bench.faults.children import Child
from guildbus.launch.bench.faults.customer import Customer, keys_of
from guildbus.launch.bench.faults.hosting import serve
from guildbus.launch.bench.faults.namespaces import Network
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say

LIMITS: Final = Limits(lease_s=2.0, heartbeat_s=0.5, silent_s=5.0, unclaimed_s=600.0, max_attempts=10_000)
PORT: Final = 5571
SHORTEST_S: Final = 1.0
LONGEST_S: Final = 60.0
FULL: Final = 20
"""So many machines make the longest cut; fewer make shorter ones, for a short run."""
BEFORE_S: Final = 2.0
RECOVERY_S: Final = 30.0
ORDER_EVERY_S: Final = 0.5
TASK_S: Final = 0.1
QUICK_S: Final = 0.005


def lengths(count: int) -> list[float]:
    """How long each of `count` machines is cut off: evenly spread by ratio, from 1 s up to 60 s."""
    longest = LONGEST_S if count >= FULL else SHORTEST_S * 2
    return [SHORTEST_S * (longest / SHORTEST_S) ** (number / max(1, count - 1)) for number in range(count)]


def host(say: Say, *, endpoint: str, journal: str, limits: dict[str, Any], ring: str) -> None:
    """The child's target: the broker on TCP, with its list of keys."""
    serve(say, lambda: Broker(endpoint, Journal(Path(journal)), Limits(**limits), keys=Path(ring)))


def order(say: Say, *, endpoint: str, name: str, ring: str, seconds: float) -> None:
    """The child's target: a customer that orders for a while; tells what was confirmed and when."""
    asyncio.run(_order(say, Customer(endpoint, name, keys_of(ring, name)), seconds))


async def _order(say: Say, customer: Customer, seconds: float) -> None:
    await customer.open()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        customer.submit()
        await asyncio.sleep(ORDER_EVERY_S)
    try:
        async with asyncio.timeout(RECOVERY_S):
            await customer.answered()
    except TimeoutError:
        say({"stuck": customer.asking})
    for one in customer.confirmed.items():
        say({"confirmed": one})
    say({"done": True})
    await customer.close()


async def run(trial: Trial) -> Outcome:
    """`count` machines, each cut off once."""
    outcome = Outcome()
    cuts = lengths(trial.count)
    with Network(trial.count + 1) as network:
        async with arena(trial, LIMITS) as scene:
            customers = await _populate(scene, network, max(cuts), trial.count)
            await asyncio.sleep(BEFORE_S)
            ends = await asyncio.gather(
                *(_cut(network, number + 2, seconds) for number, seconds in enumerate(cuts))
            )
            for customer, end in zip(customers, ends, strict=True):
                await _hear(scene, customer, end, outcome)
            outcome.faults = len(cuts)
            await scene.judge(outcome)
            late = scene.total("fenced")
    outcome.notes.append(f"cut off for {min(cuts):.0f} to {max(cuts):.0f} s")
    outcome.notes.append(f"{late} late answers were refused")
    return outcome


async def _populate(scene: Arena, network: Network, longest: float, count: int) -> list[Child]:
    """The broker on machine 1 with two agents; a customer and an agent on each of the others."""
    ring = Keyring(scene.folder / "keys")
    scene.endpoint = f"tcp://{network.address(1)}:{PORT}"
    scene.sources = ["customer-*", "cut-*", "weld-*"]
    specs = [WorkerSpec(f"{role}-1", role, scene.next_slot(), QUICK_S) for role in ("cut", "weld")]
    specs += [WorkerSpec(f"cut-{n}", "cut", scene.next_slot(), TASK_S) for n in range(2, count + 2)]
    for spec in specs:
        ring.new(spec.name, (spec.role,), (spec.name,))
        spec.keys, spec.namespace = str(ring.folder), network.namespace(int(spec.name.rpartition("-")[2]))
    names = [f"customer-{number}" for number in range(2, count + 2)]
    for name in names:
        ring.new(name, (name,), (name,))
    await scene.start_broker("partition:host", namespace=network.namespace(1), ring=str(ring.folder))
    for spec in specs:
        await scene.hire(spec)
    for hired in scene.workers:
        await hired.child.hear()
    plan = {"endpoint": scene.endpoint, "ring": str(ring.folder), "seconds": BEFORE_S + longest + 2.0}
    return [
        await scene.nursery.fork(
            "partition:order", plan | {"name": name}, log="orders.log", namespace=network.namespace(number)
        )
        for number, name in enumerate(names, 2)
    ]


async def _cut(network: Network, number: int, seconds: float) -> float:
    """Pull the cable, wait, plug it in; the moment (monotonic) when that was done."""
    await asyncio.to_thread(network.pull, number)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(network.plug, number)
    return time.monotonic()


async def _hear(scene: Arena, customer: Child, end: float, outcome: Outcome) -> None:
    """Collect what a customer was promised, and when it was promised something again."""
    times: list[float] = []
    while "done" not in (told := await customer.hear(LONGEST_S + 2 * RECOVERY_S)):
        if "stuck" in told:
            outcome.hangs += told["stuck"]
            outcome.wrong.append(f"{told['stuck']} publications were never answered after a partition")
            continue
        message_id, moment = told["confirmed"]
        scene.customer.confirmed[message_id] = moment
        times.append(moment)
    after = [moment - end for moment in times if moment > end]
    if not after:
        outcome.hangs += 1
        outcome.wrong.append("a customer was never promised anything again")
        return
    outcome.recovered(min(after))
