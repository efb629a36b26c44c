"""A disk that is full or fails under the broker's journal, and is well again after a while.

While it lasts the broker may confirm nothing, must live and answer, and says that its journal is read-only.
When it is over the work goes on by itself, without a restart and without a loss. The spells are ENOSPC and
EIO on write, and EIO on sync: after the last one nobody can know what reached the disk.
"""

import asyncio
import mmap
import os
import time
from pathlib import Path
from typing import Any, Final

import apsw

from guildbus.bus.broker import Broker
from guildbus.bus.journal import Journal
from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.arena import PATIENCE_S, Arena, arena
from guildbus.launch.bench.faults.hosting import serve
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.under_sqlite import FaultVFS
from guildbus.launch.bench.faults.zygote import Say

SPELLS: Final = ("fine", "full disk", "error on write", "error on sync")
GRACE_S: Final = 0.05
"""A commit that was under way when a spell began may still be confirmed."""


class Weather:
    """One byte in a file that bench and broker map: which spell there is, as an index into SPELLS."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(handle, 1)
            self._byte = mmap.mmap(handle, 1)
        finally:
            os.close(handle)

    def set(self, spell: str) -> None:
        """From now on."""
        self._byte[0] = SPELLS.index(spell)

    def strike(self, name: str, what: str) -> None:
        """What the file layer asks before each step. Raises what SQLite takes for a disk's error."""
        spell = SPELLS[self._byte[0]]
        if spell == "full disk" and what == "write":
            raise apsw.FullError(f"no space for {name}")
        if spell == "error on write" and what == "write":
            raise apsw.IOError(f"cannot write {name}")
        if spell == "error on sync" and what == "before the sync":
            raise apsw.IOError(f"cannot sync {name}")


def host(say: Say, *, endpoint: str, journal: str, limits: dict[str, Any], weather: str) -> None:
    """The child's target: the broker on a disk that obeys the weather."""
    vfs = FaultVFS("weather", Weather(Path(weather)).strike)
    serve(say, lambda: Broker(endpoint, Journal(Path(journal), vfs=vfs.name), Limits(**limits)))


async def run(trial: Trial) -> Outcome:
    """`count` spells, each up to a second, over one broker."""
    outcome = Outcome()
    async with arena(trial) as scene:
        weather = Weather(trial.folder / "weather")
        broker = await scene.start_broker("bad_disk:host", weather=str(trial.folder / "weather"))
        await scene.open()
        async with scene.fed():
            for number in range(trial.count):
                if await scene.customer.heard_since(time.monotonic(), PATIENCE_S) is None:
                    break
                spell = SPELLS[1 + number % 3]
                weather.set(spell)
                outcome.faults += 1
                await _endure(scene, spell, trial.chance.uniform(0.2, 1.0), outcome)
                weather.set("fine")
                if not broker.alive:
                    break
                recovery = await scene.customer.heard_since(time.monotonic(), PATIENCE_S)
                if recovery is None:
                    outcome.hangs += 1
                    outcome.wrong.append(f"nothing was confirmed any more after: {spell}")
                    break
                outcome.recovered(recovery)
        if not broker.alive:
            outcome.wrong.append(f"the broker died of a bad disk: {broker.ended.result()}")
        await scene.judge(outcome)
    return outcome


async def _endure(scene: Arena, spell: str, seconds: float, outcome: Outcome) -> None:
    """In the middle of a spell: nothing is confirmed, and the broker says why."""
    await asyncio.sleep(GRACE_S)
    before = len(scene.customer.confirmed)
    await asyncio.sleep(seconds)
    try:
        journal = (await scene.customer.health()).get("journal", {})
    except TimeoutError:
        outcome.hangs += 1
        outcome.wrong.append(f"no heartbeat was answered: {spell}")
        return
    if journal.get("state") != "read-only":
        outcome.wrong.append(f"the health report does not say read-only: {spell}: {journal}")
    if len(scene.customer.confirmed) != before:
        outcome.let_in += len(scene.customer.confirmed) - before
        outcome.wrong.append(f"something was confirmed: {spell}")
