"""One flipped bit in a page of the journal, and then a broker and agents that have to live with it.

Two journals are made once: one whose pages are all in the database file, one whose newest are still in the
write-ahead log. Both hold finished and open messages. Each trial copies one, turns one bit over, and starts
a broker. It may refuse, if it says where and what to do. If it starts, then every open message must end:
with its result, or as a dead letter. No agent may be given a body that is not as it was made, and no reader
a message whose checksum is wrong.
"""

import asyncio
import shutil
import signal
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from guildbus.bus.tail import JournalReader
from guildbus.launch.bench.faults import reader
from guildbus.launch.bench.faults.arena import PATIENCE_S, Arena, WorkerSpec, arena
from guildbus.launch.bench.faults.children import Child
from guildbus.launch.bench.faults.pieces import SUBJECT
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols.errors import BusError, GuildbusError, InfrastructureError

FINISHED: Final = 16
OPEN: Final = 8
PAGE_BYTES: Final = 4096
AT_ONCE: Final = 2
REFUSED: Final = 3


async def run(trial: Trial) -> Outcome:
    """`count` flips: two of three in the database file, one of three in the log."""
    outcome = Outcome()
    file, log = (
        await _journal(trial, "f", whole=True),
        await _journal(trial, "l", whole=False),
    )
    tally: dict[str, int] = {}
    async with arena(trial, within="t") as scene:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            base, suffix = (log, "-wal") if number % 3 == 2 else (file, "")
            async with turns:
                try:
                    found = await _flip(scene, base, suffix, number, Random(trial.chance.random()), outcome)
                except (GuildbusError, OSError) as error:
                    outcome.wrong.append(f"trial {number} could not be run to its end: {error!r}: {error}")
                    found = "unfinished"
            tally[found] = tally.get(found, 0) + 1

        await asyncio.gather(*(one(number) for number in range(trial.count)))
    outcome.faults = trial.count
    outcome.notes.append(", ".join(f"{times} {how}" for how, times in sorted(tally.items())))
    return outcome


async def _journal(trial: Trial, within: str, *, whole: bool) -> Path:
    """A journal with finished and open messages; `whole`: closed in good order, so that it has no log."""
    async with arena(replace(trial, planted=""), within=within) as scene:
        broker = await scene.start_broker()
        await scene.open(1, task_s=0.0)
        for _ in range(FINISHED):
            scene.customer.submit()
        await scene.settle()
        for hired in scene.workers:
            await hired.child.kill()
        for _ in range(OPEN):
            scene.customer.submit()
        await scene.customer.answered()
        # What stands last in a log and is damaged cannot be told from what was never finished: let that be
        # no message, but the customer's leave.
        await scene.customer.close()
        await asyncio.sleep(0.1)
        if whole:
            broker.signal(signal.SIGTERM)
            await broker.ends(PATIENCE_S)
        else:
            await scene.kill_broker()
        return scene.journal


async def _flip(scene: Arena, base: Path, suffix: str, number: int, chance: Random, outcome: Outcome) -> str:
    """One trial, in a folder of its own; how it went, in a word."""
    folder = scene.folder / f"{base.parent.name}{number}"
    folder.mkdir(mode=0o700)
    for path in base.parent.glob("journal.db*"):
        if not path.name.endswith((".lock", "-shm")):
            shutil.copy(path, folder / path.name)
    where = _turn_over(folder / f"journal.db{suffix}", number, chance)
    place = Arena(folder, scene.nursery, scene.limits, scene.planted)
    try:
        found = await _live_with_it(place, outcome, where)
    finally:
        for child in [hired.child for hired in place.workers] + ([place.broker] if place.broker else []):
            await child.kill()
        place.board.close()
    if not outcome.wrong:
        shutil.rmtree(folder)
    return found


def _turn_over(path: Path, number: int, chance: Random) -> str:
    data = bytearray(path.read_bytes())
    page = number % (len(data) // PAGE_BYTES)
    at, bit = page * PAGE_BYTES + chance.randrange(PAGE_BYTES), chance.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"{path.parent.name}/{path.name} byte {at} bit {bit}"


async def _live_with_it(place: Arena, outcome: Outcome, where: str) -> str:
    broker = await place.launch_broker()
    told = await _first_word(broker)
    if "ready" not in told:
        if not await broker.ends(PATIENCE_S) or broker.ended.result() != REFUSED or "refused" not in told:
            outcome.wrong.append(f"the broker died without a word: {where}: {told}")
        return "refused to start"
    for role in ("cut", "weld"):
        await place.hire(WorkerSpec(role, role, place.next_slot(), 0.0, credit=4))
    settled = await place.settle(PATIENCE_S)
    for hired in place.workers:
        await hired.child.kill()
    broker.signal(signal.SIGTERM)
    if not await broker.ends(PATIENCE_S):
        await broker.kill()
    given = place.total("damaged")
    if given:
        outcome.let_in += given
        outcome.wrong.append(f"{given} damaged bodies were delivered: {where}")
    reading = await place.nursery.fork("flips:read", {"journal": str(place.journal)}, log="reader.log")
    return _weigh(await reading.hear(), settled, outcome, where)


async def _first_word(broker: Child) -> dict[str, Any]:
    try:
        return await broker.hear()
    except InfrastructureError as error:
        await broker.kill()
        return {"silent": str(error)}


def _weigh(told: dict[str, Any], settled: bool, outcome: Outcome, where: str) -> str:
    """What the judge and our own reader say of a journal that a broker has worked on."""
    if "unreadable" in told:
        outcome.wrong.append(
            f"a broker works on a file that SQLite calls broken: {where}: {told['unreadable']}"
        )
        return "unreadable"
    verdict = reader.Verdict(**told["verdict"])
    outcome.messages += verdict.messages
    outcome.lost += verdict.lost
    outcome.double += verdict.double
    outcome.let_in += verdict.let_in
    outcome.hangs += verdict.unfinished or not settled
    blamed = [one for one in verdict.examples if not one.startswith("damaged")]
    outcome.wrong += [f"{one}: {where}" for one in blamed]
    if (verdict.damaged > verdict.torn and not told["noticed"]) or (verdict.torn and not told["reported"]):
        outcome.let_in += 1
        outcome.wrong.append(f"our own reader shows a damaged message as good: {where}")
    return "died as damaged" if verdict.dead else "found by readers" if verdict.damaged else "harmless"


def read(say: Say, *, journal: str) -> None:
    """The child's target: what the judge says of a journal, and whether our own reader notices damage."""
    claim = {"confirmed": [], "sources": ["customer", "cut*", "weld*", "broker"], "results": {}}
    try:
        verdict = reader.judge(*reader.read(journal), claim)
    except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
        say({"unreadable": repr(error)})
        return
    noticed = False
    ours = JournalReader(Path(journal))
    try:
        ours.history(SUBJECT)
    except BusError:
        noticed = True
    reported = bool(ours.damage())
    ours.close()
    say({"verdict": asdict(verdict), "noticed": noticed, "reported": reported})
