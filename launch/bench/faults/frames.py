"""Duplicated and reordered frames, by seeds: draw the moves, play them, and shrink what breaks.

Plain random numbers instead of hypothesis: a hundred thousand worlds are wanted, and a seed is all that is
needed to see one again. `python -P -m guildbus.launch.bench.faults.frames SEED` replays one, and prints the
least moves that break it.
"""

import asyncio
import itertools
import random
import sys
from collections.abc import Callable
from typing import Final

from guildbus.launch.bench.faults.children import Child, Nursery
from guildbus.launch.bench.faults.conversation import MOVES, Move, World
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say

PARTS: Final = 2
LENGTH: Final = 90
SILENCE_S: Final = 1800.0
_NAMES: Final = tuple(MOVES)
_WEIGHTS: Final = tuple(itertools.accumulate(MOVES.values()))


def moves_of(seed: int) -> list[Move]:
    """The moves of a world."""
    chance = random.Random(seed)
    names = chance.choices(_NAMES, cum_weights=_WEIGHTS, k=chance.randrange(10, LENGTH))
    return [(name, chance.randrange(3), chance.randrange(10_000)) for name in names]


def shrunk(moves: list[Move], fails: Callable[[list[Move]], bool]) -> list[Move]:
    """A shorter list that still fails: leave out ever smaller pieces, as long as it helps."""
    size = max(1, len(moves) // 2)
    while True:
        for at in range(0, len(moves), size):
            fewer = moves[:at] + moves[at + size :]
            if fails(fewer):
                moves = fewer
                break
        else:
            if size == 1:
                return moves
            size //= 2


def search(say: Say, *, first: int, last: int) -> None:
    """The child's target: play the seeds `first` to `last`; tell what broke, and in the end the count."""
    messages = 0
    for seed in range(first, last):
        world = World()
        broken = world.play(moves_of(seed))
        messages += len(world.stored)
        if broken:
            say({"seed": seed, "broken": broken[:5]})
    say({"messages": messages})


async def run(trial: Trial) -> Outcome:
    """`count` seeds, in two processes."""
    outcome = Outcome()
    start = trial.chance.randrange(1 << 40)
    bounds = [start + trial.count * part // PARTS for part in range(PARTS + 1)]
    async with Nursery(trial.folder) as nursery:
        searching = [
            await nursery.fork("frames:search", {"first": first, "last": last}, log="search.log")
            for first, last in itertools.pairwise(bounds)
        ]
        await asyncio.gather(*(_hear(child, outcome) for child in searching))
    outcome.faults = trial.count
    outcome.notes.append(f"a fault is a world of up to {LENGTH} moves; the first seed was {start}")
    return outcome


async def _hear(child: Child, outcome: Outcome) -> None:
    while True:
        told = await child.hear(SILENCE_S)
        if "messages" in told:
            outcome.messages += told["messages"]
            return
        kinds = {one.partition(":")[0] for one in told["broken"]}
        outcome.lost += "lost" in kinds
        outcome.double += "double" in kinds
        outcome.hangs += "hang" in kinds
        outcome.wrong.append(f"seed {told['seed']}: {told['broken']}")


def main() -> None:
    """Replay one seed."""
    moves = moves_of(int(sys.argv[1]))
    broken = World().play(moves)
    for line in broken or ["nothing is broken"]:
        sys.stdout.write(line + "\n")
    if broken:
        for move in shrunk(moves, lambda fewer: bool(World().play(fewer))):
            sys.stdout.write(f"    {move}\n")


if __name__ == "__main__":
    main()
