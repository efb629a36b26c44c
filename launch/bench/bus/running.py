"""The whole run. All arms of one number of agents stand side by side; a repeat asks each of them in turn.

So whatever else this machine does falls on all arms alike, and a ratio is taken between neighbours in time.
"""

import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from guildbus.launch.bench.bus.arms import ARMS, Arm
from guildbus.launch.bench.bus.load import Load, Measured
from guildbus.launch.bench.bus.process import Child
from guildbus.launch.bench.bus.sides import BenchError
from guildbus.launch.process import Lifeline

START_S: Final = 120.0
ANSWER_S: Final = 120.0
FILL_S: Final = 600.0
WARM_UP_S: Final = 0.1
CALM: Final = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `window` is what is in flight for throughput; a round trip has one."""

    sizes_bytes: tuple[int, ...] = (256, 4096, 65536)
    agents: tuple[int, ...] = (1, 4, 16)
    window: int = 64
    seconds: float = 0.25
    repeats: int = 4
    depths: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    depth_seconds: float = 0.5


QUICK: Final = Plan(
    sizes_bytes=(256,), agents=(2,), seconds=0.1, repeats=1, depths=(100, 1000), depth_seconds=0.1
)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One place of the table."""

    arm: str
    agents: int
    size_bytes: int
    window: int


@dataclass(slots=True)
class Deep:
    """One length of queue: microseconds a message, repeat by repeat, to fill it, and the broker's memory."""

    us: list[float] = field(default_factory=list)
    fill_us: float = 0.0
    rss_mb: float = 0.0


@dataclass(slots=True)
class Results:
    """All repeats of all cells, in the order in which they were measured."""

    plan: Plan
    cells: dict[Cell, list[Measured]] = field(default_factory=dict)
    depths: dict[int, Deep] = field(default_factory=dict)
    asked: dict[tuple[str, int], int] = field(default_factory=dict)
    answered: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a run keeps its files: `folder` on the disk that is measured, `sockets` with a short path."""

    folder: Path
    sockets: Path
    lifeline: Lifeline


def run(plan: Plan, arms: Sequence[Arm], disk: Path, tell: Callable[[str], None]) -> Results:
    """Measure. Journals and streams are written below `disk` and removed. Raises BenchError."""
    results = Results(plan)
    with _site(disk) as site:
        for agents in plan.agents:
            _compare(plan, arms, agents, site, results, tell)
        if plan.depths:
            _dive(plan, site, results, tell)
    return results


@contextmanager
def _site(disk: Path) -> Iterator[Site]:
    disk.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=disk) as folder,
        tempfile.TemporaryDirectory(prefix="gb-") as sockets,
    ):
        lifeline = Lifeline(1.0)
        try:
            yield Site(Path(folder), Path(sockets), lifeline)
        finally:
            lifeline.close()


def _compare(
    plan: Plan, arms: Sequence[Arm], agents: int, site: Site, results: Results, tell: Callable[[str], None]
) -> None:
    tell(f"{agents} agents a side: starting {len(arms)} arms")
    with ExitStack() as stack:
        sides = {arm.key: _start(arm, agents, site, stack) for arm in arms}
        for arm in arms:
            for size in plan.sizes_bytes:
                _ask(sides[arm.key][0], arm, agents, Load(size, plan.window, WARM_UP_S), results)
        for repeat in range(plan.repeats):
            tell(f"{agents} agents a side: repeat {repeat + 1} of {plan.repeats}")
            for size in plan.sizes_bytes:
                for window in (CALM, plan.window):
                    for arm in arms:
                        measured = _ask(
                            sides[arm.key][0], arm, agents, Load(size, window, plan.seconds), results
                        )
                        cell = Cell(arm.key, agents, size, window)
                        results.cells.setdefault(cell, []).append(measured)
        for arm in arms:
            results.answered[arm.key, agents] = sides[arm.key][1].ask(ANSWER_S)["answered"]


def _ask(asker: Child, arm: Arm, agents: int, load: Load, results: Results) -> Measured:
    answer = asker.ask(ANSWER_S, size_bytes=load.size_bytes, window=load.window, seconds=load.seconds)
    measured = Measured(**answer)
    results.asked[arm.key, agents] = results.asked.get((arm.key, agents), 0) + measured.count
    return measured


def _start(arm: Arm, agents: int, site: Site, stack: ExitStack) -> tuple[Child, Child]:
    """Server, answerers, askers, in this order; they end when the stack does."""
    folder = site.folder / f"{arm.key}-{agents}"
    folder.mkdir()
    address = _address(arm, site, folder.name)
    settings = {"arm": arm.key, "address": address, "agents": agents, "folder": str(folder)}
    server = Child(site.lifeline, folder / "server.log", "server", kind=arm.server, **settings)
    stack.callback(server.end)
    if arm.over_tcp:
        _wait_listening(address, server)
    sides = []
    for part in ("answerer", "asker"):
        side = Child(site.lifeline, folder / f"{part}.log", part, kind=arm.clients, **settings)
        stack.callback(side.end)
        side.answer(START_S)
        sides.append(side)
    return sides[1], sides[0]


def _address(arm: Arm, site: Site, name: str) -> str:
    if not arm.over_tcp:
        return f"ipc://{site.sockets / name}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _wait_listening(address: str, server: Child) -> None:
    host, _, port = address.rpartition(":")
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise BenchError(f"nobody listens at {address}", where=server.name)


def _dive(plan: Plan, site: Site, results: Results, tell: Callable[[str], None]) -> None:
    """A broker for each length, so that the lengths too are measured in turn."""
    arm = next(arm for arm in ARMS if arm.key == "thin-durable")
    with ExitStack() as stack:
        divers: dict[int, Child] = {}
        for depth in plan.depths:
            tell(f"filling a queue with {depth:,} messages")
            folder = site.folder / f"deep-{depth}"
            folder.mkdir()
            settings = {"arm": arm.key, "address": _address(arm, site, folder.name), "folder": str(folder)}
            server = Child(site.lifeline, folder / "server.log", "server", kind=arm.server, **settings)
            stack.callback(server.end)
            diver = Child(site.lifeline, folder / "deep.log", "deep", kind=arm.clients, **settings)
            stack.callback(diver.end)
            diver.answer(START_S)
            deep = results.depths[depth] = Deep()
            filled = diver.ask(FILL_S, fill=depth)
            deep.fill_us = filled["seconds"] / filled["count"] * 1e6
            deep.rss_mb = psutil.Process(server.pid).memory_info().rss / 2**20
            diver.ask(ANSWER_S, turn_s=WARM_UP_S)
            divers[depth] = diver
        for repeat in range(plan.repeats):
            tell(f"long queues: repeat {repeat + 1} of {plan.repeats}")
            for depth, diver in divers.items():
                turn = diver.ask(ANSWER_S, turn_s=plan.depth_seconds)
                results.depths[depth].us.append(turn["seconds"] / turn["count"] * 1e6)
