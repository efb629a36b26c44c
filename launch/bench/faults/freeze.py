"""SIGSTOP an agent past its lease, then SIGCONT: the zombie goes on as if nothing had happened.

It is stopped while it works, so its answer is still to come. By the time it wakes, somebody else has its
message, or has settled it. Its ACK carries the old attempt's number, the fencing token, and is refused.
"""

import asyncio
import signal
import time
from collections.abc import Callable

from guildbus.launch.bench.faults.arena import PATIENCE_S, Arena, Hired, arena
from guildbus.launch.bench.faults.board import Doing
from guildbus.launch.bench.faults.scenario import Outcome, Trial

TAKEN_BACK = "SELECT COUNT(*) FROM attempts WHERE event = 'failed'"


async def run(trial: Trial) -> Outcome:
    """`count` zombies, one after the other."""
    outcome = Outcome()
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open(task_s=0.05)
        async with scene.fed():
            while outcome.faults < trial.count:
                if not await _freeze(scene, trial.chance.choice(scene.workers), outcome):
                    break
        verdict = await scene.judge(outcome)
        fenced = scene.total("fenced")
    outcome.recovered(verdict.longest_s)
    outcome.notes.append(f"{fenced} late answers were refused")
    if fenced < outcome.faults:
        outcome.let_in += outcome.faults - fenced
        outcome.wrong.append(f"{outcome.faults - fenced} late answers were not refused")
    return outcome


async def _freeze(scene: Arena, victim: Hired, outcome: Outcome) -> bool:
    """Stop, wait until the broker gave the message up, go on, and wait until the zombie heard of it."""
    if not await scene.catch(victim, Doing.WORKING):
        outcome.hangs += 1
        return False
    victim.child.signal(signal.SIGSTOP)
    await asyncio.sleep(0.005)
    before = scene.slot(victim)
    if before.doing != Doing.WORKING:  # it had just finished: that is no zombie
        victim.child.signal(signal.SIGCONT)
        return True
    taken_back = scene.count(TAKEN_BACK)
    if not await _until(lambda: scene.count(TAKEN_BACK) > taken_back):
        outcome.hangs += 1
        outcome.wrong.append("a lease never ran out")
        return False
    victim.child.signal(signal.SIGCONT)
    outcome.faults += 1
    if not await _until(
        lambda: scene.slot(victim).fenced + scene.slot(victim).handled > before.fenced + before.handled
    ):
        outcome.hangs += 1
        outcome.wrong.append("a zombie's answer was never answered")
        return False
    return True


async def _until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.005)
    return True
