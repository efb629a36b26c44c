"""One broker, its agents and a customer in a folder of their own, and the judge's word at the end.

The customer (`customer.py`) lives in the bench's own process; everything else is a child that may be killed.
Every wait has an end: what does not come in time is a hang, and is counted.
"""

import asyncio
import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from guildbus.bus.state import Limits
from guildbus.launch.bench.faults import reader
from guildbus.launch.bench.faults.board import Board, Doing, Slot
from guildbus.launch.bench.faults.children import Child, Nursery
from guildbus.launch.bench.faults.customer import CUSTOMER, Customer
from guildbus.launch.bench.faults.reader import OPEN, Verdict
from guildbus.launch.bench.faults.scenario import Outcome, Trial
from guildbus.protocols.errors import InfrastructureError

SHORT: Final = Limits(lease_s=0.5, heartbeat_s=0.1, silent_s=2.0, unclaimed_s=600.0, max_attempts=10_000)
"""Short leases, so that a thousand of them run out in minutes; attempts without end, so that nothing dies."""
PATIENCE_S: Final = 30.0
SHORT_PATIENCE_S: Final = 5.0
"""With a fault that was planted, when the end is known."""
IN_FLIGHT: Final = 16
OPEN_MESSAGES: Final = f"SELECT COUNT(*) FROM progress WHERE state = {OPEN}"


@dataclass(slots=True)
class WorkerSpec:
    """Who a worker is, so that another can be put in its place."""

    name: str
    role: str
    number: int
    task_s: float = 0.02
    credit: int = 1
    namespace: str = ""
    keys: str = ""


@dataclass(slots=True)
class Hired:
    """A worker's process now."""

    spec: WorkerSpec
    child: Child


class Arena:
    """Use through `arena(...)`."""

    def __init__(self, folder: Path, nursery: Nursery, limits: Limits, planted: str = "") -> None:
        self.folder = folder
        self.limits = limits
        self.planted = planted
        self.patience_s = SHORT_PATIENCE_S if planted else PATIENCE_S
        self.nursery = nursery
        self.endpoint = f"ipc://{folder}/b.sock"
        self.journal = folder / "journal.db"
        self.board = Board(folder / "board")
        self.workers: list[Hired] = []
        self.sources = [CUSTOMER, "cut-*", "weld-*"]
        self.results: dict[str, int] = {}
        self.broker: Child | None = None
        self.customer = Customer(self.endpoint)
        self._slots = 0

    # -- processes -----------------------------------------------------------------------------

    async def start_broker(self, target: str = "hosting:run", *, namespace: str = "", **plan: Any) -> Child:
        """Start a broker on the journal, and wait until it listens. InfrastructureError if it refuses to."""
        broker = await self.launch_broker(target, namespace=namespace, **plan)
        told = await broker.hear()
        if "ready" not in told:
            raise InfrastructureError("the broker refused to start", where=str(told.get("refused")))
        return broker

    async def launch_broker(self, target: str = "hosting:run", *, namespace: str = "", **plan: Any) -> Child:
        """Start a broker on the journal, and do not wait."""
        plan = {"endpoint": self.endpoint, "journal": str(self.journal), "limits": asdict(self.limits)} | plan
        self.broker = await self.nursery.fork(
            target, plan, log="broker.log", namespace=namespace, planted=self.planted
        )
        return self.broker

    async def kill_broker(self) -> float:
        """SIGKILL the broker, if it is still there; the moment (monotonic) of its end."""
        if self.broker is None:
            return time.monotonic()
        await self.broker.kill()
        return self.broker.ended_at

    async def open(self, each: int = 2, *, task_s: float = 0.02) -> None:
        """The customer, and `each` agents a stage; all of them there."""
        await self.customer.open()
        await self.crew(each, task_s=task_s)

    async def hire(self, spec: WorkerSpec) -> Hired:
        """Start one worker; it need not be ready yet."""
        plan = {
            "endpoint": self.endpoint,
            "name": spec.name,
            "role": spec.role,
            "board": str(self.folder / "board"),
            "number": spec.number,
            "task_s": spec.task_s,
            "credit": spec.credit,
            "ring": spec.keys,
        }
        child = await self.nursery.fork("workload:run", plan, log="workers.log", namespace=spec.namespace)
        hired = Hired(spec, child)
        self.workers.append(hired)
        return hired

    async def crew(self, each: int, *, task_s: float = 0.02) -> None:
        """`each` workers for each stage."""
        hired = [
            await self.hire(WorkerSpec(f"{role}-{number}", role, self.next_slot(), task_s))
            for role in ("cut", "weld")
            for number in range(each)
        ]
        for one in hired:
            await one.child.hear()

    async def replace(self, hired: Hired, name: str = "") -> Hired:
        """Put a new process in the place of one that ended, perhaps under a new name."""
        self.workers.remove(hired)
        if name:
            hired.spec.name = name
        return await self.hire(hired.spec)

    def next_slot(self) -> int:
        """A free line on the board."""
        self._slots += 1
        return self._slots - 1

    def slot(self, hired: Hired) -> Slot:
        """What a worker is doing."""
        return self.board.read(hired.spec.number)

    async def catch(self, hired: Hired, doing: Doing, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until a worker's own process is in this part of its loop; False if it never is."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            slot = self.slot(hired)
            if slot.pid == hired.child.pid and slot.doing == doing:
                return True
            await asyncio.sleep(0.001)
        return False

    def total(self, count: str) -> int:
        """One of the board's counts (`handled`, `fenced`, ...), summed over all workers ever."""
        return sum(getattr(self.board.read(number), count) for number in range(self._slots))

    async def feed(self, backlog: int) -> None:
        """Keep the agents in work until cancelled: about `backlog` pieces that nobody has cut yet.

        A few come in any case: pieces that were lost stay uncut for ever, and the broker must be heard of.
        """
        due = time.monotonic()
        while True:
            if time.monotonic() > due and self.customer.asking < IN_FLIGHT:
                self.customer.submit()
                due = time.monotonic() + 0.2
            cut = sum(self.slot(hired).handled for hired in self.workers if hired.spec.role == "cut")
            waiting = len(self.customer.confirmed) - cut
            while waiting < backlog and self.customer.asking < IN_FLIGHT:
                self.customer.submit()
                waiting += 1
            await asyncio.sleep(0.005)

    @contextlib.asynccontextmanager
    async def fed(self, backlog: int = 24) -> AsyncIterator[None]:
        """Work keeps coming inside."""
        feeding = asyncio.create_task(self.feed(backlog))
        try:
            yield
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding

    async def works_again(self, died: float, outcome: Outcome) -> bool:
        """Whether something is confirmed again since the broker's death; if not, that is a hang."""
        waited = await self.customer.heard_since(died, self.patience_s)
        if waited is None:
            outcome.hangs += 1
            outcome.wrong.append("a broker that was started again confirmed nothing")
            return False
        outcome.recovered(waited)
        return True

    # -- the end -------------------------------------------------------------------------------

    def count(self, query: str) -> int:
        """One number from the journal, read from outside; -1 while it cannot be read."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as db:
                (found,) = db.execute(query).fetchone()
        except sqlite3.OperationalError:
            return -1
        return int(found)

    async def settle(self, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until every publication is answered and no message is open; False if that does not come."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.customer.asking == 0 and self.count(OPEN_MESSAGES) == 0:
                return True
            await asyncio.sleep(0.02)
        return False

    async def judge(self, outcome: Outcome) -> Verdict:
        """Let everything end, stop, and have the journal read; the figures go into `outcome`."""
        await self.settle(self.patience_s)
        stuck = self.customer.asking
        await self.customer.close()
        for hired in self.workers:
            await hired.child.kill()
        await self.kill_broker()
        verdict = await self.verdict()
        outcome.messages += verdict.messages
        outcome.lost += verdict.lost
        outcome.double += verdict.double
        outcome.hangs += verdict.unfinished + stuck
        outcome.let_in += verdict.let_in + verdict.damaged + self.total("damaged")
        outcome.wrong += verdict.examples
        if stuck:
            outcome.wrong.append(f"{stuck} publications were never answered")
        return verdict

    async def verdict(self) -> Verdict:
        """What the judge says, in a process of its own that knows nothing of guildbus."""
        claim = {"confirmed": list(self.customer.confirmed), "sources": self.sources, "results": self.results}
        path = self.folder / "claim.json"
        path.write_text(json.dumps(claim), encoding="utf-8")
        judging = await asyncio.create_subprocess_exec(
            sys.executable, "-I", reader.__file__, str(self.journal), str(path),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, error = await judging.communicate()
        if judging.returncode != 0:
            raise InfrastructureError("the judge could not read the journal", where=error.decode()[-500:])
        return Verdict(**json.loads(said))


@contextlib.asynccontextmanager
async def arena(trial: Trial, limits: Limits = SHORT, *, within: str = "") -> AsyncIterator[Arena]:
    """An empty arena in the trial's folder, or one `within` it; at the end nothing of it runs any more."""
    folder = _made(trial.folder / within)
    async with Nursery(folder) as nursery:
        made = Arena(folder, nursery, limits, trial.planted)
        try:
            yield made
        finally:
            await made.customer.close()
            made.board.close()


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
