"""The power goes while the journal is written: only what was synced is there for certain.

The broker runs on a file layer that keeps unsynced writes in memory. At a random write or sync, of the log
or of the database, a random part of them reaches the disk, the last one torn, and the process is gone.
Everything that was confirmed must be there for the next broker. Agents and customer are other machines:
they stay.
"""

import os
import signal
from pathlib import Path
from random import Random
from typing import Any

from guildbus.bus.broker import Broker
from guildbus.bus.journal import Journal
from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.arena import arena
from guildbus.launch.bench.faults.hosting import serve
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.under_sqlite import FaultVFS
from guildbus.launch.bench.faults.zygote import Say


class PowerCut:
    """Armed by SIGUSR1; strikes at the n-th step of the file layer after it."""

    def __init__(self, say: Say, chance: Random, steps: int) -> None:
        self._say = say
        self._chance = chance
        self._steps = steps
        self._armed = False
        self.vfs = FaultVFS("power-cut", self.step, lossy=True)

    def arm(self, *_: object) -> None:
        """From now on it counts."""
        self._armed = True

    def step(self, _name: str, _what: str) -> None:
        """The file layer is about to do something, or has done it."""
        if not self._armed:
            return
        self._steps -= 1
        if self._steps == 0:
            self._say({"dropped": sum(file.lose(self._chance) for file in self.vfs.files)})
            os.kill(os.getpid(), signal.SIGKILL)


def host(say: Say, *, endpoint: str, journal: str, limits: dict[str, Any], seed: str, steps: int) -> None:
    """The child's target: the broker on a machine that will lose its power."""
    cut = PowerCut(say, Random(seed), steps)
    signal.signal(signal.SIGUSR1, cut.arm)
    serve(say, lambda: Broker(endpoint, Journal(Path(journal), vfs=cut.vfs.name), Limits(**limits)))


async def run(trial: Trial) -> Outcome:
    """`count` power cuts; the last journal is read by a broker on a healthy machine."""
    outcome = Outcome()
    dropped = 0
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open()
        async with scene.fed():
            for _ in range(trial.count):
                died = await scene.kill_broker()
                seed, steps = f"{trial.chance.random()}", trial.chance.randint(1, 60)
                doomed = await scene.start_broker("power_cut:host", seed=seed, steps=steps)
                if not await scene.works_again(died, outcome):
                    break
                doomed.signal(signal.SIGUSR1)
                if not await doomed.ends(scene.patience_s):
                    outcome.hangs += 1
                    break
                dropped += (await doomed.hear())["dropped"]
                outcome.faults += 1
            died = await scene.kill_broker()
            await scene.start_broker()
            await scene.works_again(died, outcome)
        await scene.judge(outcome)
    outcome.notes.append(f"{dropped:,} writes never reached the disk")
    if outcome.faults > 20 and not dropped:
        outcome.wrong.append("no write was ever dropped: the cuts prove nothing")
    return outcome
