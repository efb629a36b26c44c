"""All scenarios in order. `report.py` shows what they found."""

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from guildbus.launch.bench.faults import (
    bad_disk,
    flips,
    flood,
    frames,
    freeze,
    kill_agents,
    kill_brokers,
    partition,
    power_cut,
    stalled,
)
from guildbus.launch.bench.faults.scenario import NotHere, Outcome, Result, Scenario, Trial
from guildbus.protocols.errors import GuildbusError, UsageError

SCENARIOS: Final = (
    Scenario("agents", "SIGKILL an agent in the middle of its task", 500, 10, kill_agents.run),
    Scenario("broker-steps", "SIGKILL the broker at each step of a turn", 200, 8, kill_brokers.at_each_step),
    Scenario("broker", "SIGKILL the broker at random", 300, 6, kill_brokers.at_random),
    Scenario("zombies", "SIGSTOP an agent past its lease, then SIGCONT", 100, 3, freeze.run),
    Scenario("frames", "Frames duplicated and reordered, a world a seed", 100_000, 300, frames.run),
    Scenario("malformed", "Malformed frame sets while others work", 1_000_000, 6_000, flood.run),
    Scenario("disk", "A disk that is full or fails, and recovers", 50, 3, bad_disk.run),
    Scenario("bits", "One flipped bit in a page of the journal", 1_000, 12, flips.run),
    Scenario("power", "Writes that were not synced are dropped", 100, 4, power_cut.run),
    Scenario("stalled", "A stalled consumer with a long queue", 1_000_000, 2_000, stalled.run),
    Scenario("partition", "A partition of 1 to 60 s between TCP clients and broker", 20, 2, partition.run),
)

SHORT_RUN_S: Final = 240.0
FULL_RUN_S: Final = 3600.0
"""A scenario that takes longer hangs, and is ended."""


def chosen(names: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios of these names, all when none is named. UsageError for one that is not there."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"no scenario {unknown[0]!r}", where="--only", remedy=f"one of {', '.join(known)}")
    return tuple(known[name] for name in names) or SCENARIOS


async def run_all(
    scenarios: Sequence[Scenario], scale: float, seed: int, *, planted: str = "", quiet: bool = False
) -> list[Result]:
    """Run one after the other, each in a folder of its own that is removed when all was well."""
    results: list[Result] = []
    for scenario in scenarios:
        if not quiet:
            sys.stderr.write(f"{scenario.title} x{scenario.scaled(scale):,} ... ")
            sys.stderr.flush()
        result = await run_one(scenario, scale, seed, planted)
        results.append(result)
        if not quiet:
            word = "skipped: " + result.skipped if result.skipped else "ok" if result.ok else "NOT OK"
            sys.stderr.write(f"{word} ({result.wall_s:.0f} s)\n")
    return results


async def run_one(scenario: Scenario, scale: float, seed: int, planted: str = "") -> Result:
    """One scenario. That the bench itself failed is a finding too: it must not pass for zeros."""
    folder = Path(tempfile.mkdtemp(prefix="gb-"))
    trial = Trial(scenario.scaled(scale), folder, random.Random(f"{scenario.name} {seed}"), planted)
    start = time.monotonic()
    skipped = ""
    try:
        async with asyncio.timeout(SHORT_RUN_S + FULL_RUN_S * trial.count / scenario.count):
            outcome = await scenario.run(trial)
    except NotHere as error:
        outcome, skipped = Outcome(), error.what
    except (GuildbusError, OSError, TimeoutError) as error:
        outcome = Outcome(
            wrong=[f"the scenario could not be run to its end: {error!r}: {error}; see {folder}"]
        )
    result = Result(scenario, outcome, time.monotonic() - start, skipped)
    if result.ok:
        _remove(folder)
    else:
        outcome.wrong.append(f"what it left is in {folder}")
    return result


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        with contextlib.suppress(FileNotFoundError):
            path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
