"""The supervisor: carries out what the restart policy decides, with real processes and real time.

One task takes events (a child is ready, has ended, time has passed, stop) from a queue,
feeds them to `guildbus.launch.supervision.step` and does what it says. Every change of a
child's phase goes to `on_event`, for the log and the live view. Signals are the caller's.

    async with Supervisor(specs) as supervisor:
        ...
        await supervisor.wait()
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from guildbus.launch.forking import Nursery, can_fork
from guildbus.launch.process import ChildProcess, ChildSpec, Lifeline, cap_log, log_tail
from guildbus.launch.supervision import (
    ALIVE,
    Child,
    Event,
    Exited,
    GiveUp,
    Phase,
    Ready,
    RestartPolicy,
    Start,
    Stop,
    StopAsked,
    Tick,
    due_at,
    step,
    swarm_of,
)
from guildbus.protocols.errors import InfrastructureError

LOG_LIMIT_BYTES = 4 * 2**20
ROUND_INTERVAL_S = 1.0
CANNOT_START = 127


@dataclass(frozen=True)
class ChildStatus:
    """A child as the user sees it.

    `since` is when the phase began, in seconds since the epoch. `ready` is the value of the
    child's ready line, None until then. `reason` says why it ended last, if it did.
    """

    name: str
    phase: Phase
    pid: int | None
    since: float
    restarts: int = 0
    ready: object = None
    reason: str = ""


class Supervisor:
    """Starts, watches, restarts and stops a swarm of child processes."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        policy: RestartPolicy | None = None,
        grace_s: float = 2.0,
        traces: Mapping[Path, Sequence[Path]] | None = None,
        on_event: Callable[[ChildStatus], None] = lambda status: None,
    ) -> None:
        """`grace_s` lies between SIGTERM and SIGKILL, `traces` are the warden's to remove.

        ValueError if two specs share a name.
        """
        self._traces = traces
        self._specs = {spec.name: spec for spec in specs}
        self._swarm = swarm_of([spec.terms for spec in specs], policy or RestartPolicy())
        self._grace_s = grace_s
        self._on_event = on_event
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._running: dict[str, ChildProcess] = {}
        self._answers: dict[str, object] = {}
        self._statuses = {spec.name: self._status(self._swarm.children[spec.name]) for spec in specs}
        self._tasks: set[asyncio.Task[None]] = set()
        self._run: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._failure: InfrastructureError | None = None
        self._nursery: Nursery | None = None
        self.warden_pid: int | None = None

    async def start(self) -> None:
        """Start all; return when every critical child is ready.

        Raises InfrastructureError with the last lines of the log if one cannot be started.
        However it ends otherwise (also by cancellation), nothing is left running.
        """
        if self._run is not None:
            raise RuntimeError("a supervisor can be started once")
        self._run = asyncio.create_task(self._supervise(), name="supervisor")
        try:
            await self._settled.wait()
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not self._swarm.ready:
            await self.wait()
            raise InfrastructureError("the swarm was stopped while it started")

    async def stop(self) -> None:
        """Stop all, the last stage first; return when nothing is left. Safe to call again."""
        if self._run is None:
            return
        self._events.put_nowait(StopAsked())
        await asyncio.wait([self._run])

    async def wait(self) -> None:
        """Return when the swarm has been stopped; InfrastructureError if a critical child was given up."""
        if self._run is not None:
            await asyncio.shield(self._run)
        if self._failure is not None:
            raise self._failure

    def statuses(self) -> list[ChildStatus]:
        """All children as they are now, in the order of the specs."""
        return list(self._statuses.values())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _supervise(self) -> None:
        lifeline = self._open_lifeline()
        self.warden_pid = lifeline.warden_pid
        preload = [module for spec in self._specs.values() for module in spec.preload]
        if preload and can_fork():
            self._nursery = Nursery(preload, lifeline.environment(), lifeline.read_end)
        try:
            await self._apply(Tick(), lifeline)
            while not self._swarm.over:
                await self._apply(await self._next_event(), lifeline)
                lifeline.keep_warden()
                self.warden_pid = lifeline.warden_pid
        finally:
            for child in self._running.values():
                child.kill()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._grace_s)
            if self._nursery is not None:
                self._nursery.close()
            lifeline.close()
            self._settled.set()

    def _open_lifeline(self) -> Lifeline:
        """The first thing that can fail: whoever waits for the start must hear of it."""
        try:
            return Lifeline(self._grace_s, self._traces)
        except OSError as error:
            self._settled.set()
            raise InfrastructureError(
                f"no process can be started ({error})",
                where="warden",
                remedy="look for the limits on processes and open files: `ulimit -a`",
            ) from error

    async def _next_event(self) -> Event:
        due = due_at(self._swarm)
        rest_s = ROUND_INTERVAL_S if due is None else min(ROUND_INTERVAL_S, due - time.monotonic())
        try:
            async with asyncio.timeout(max(0.0, rest_s)):
                return await self._events.get()
        except TimeoutError:
            for spec in self._specs.values():
                cap_log(spec.log_path, LOG_LIMIT_BYTES)
            return Tick()

    async def _apply(self, event: Event, lifeline: Lifeline) -> None:
        self._swarm, actions = step(self._swarm, event, time.monotonic())
        for action in actions:
            match action:
                case Start(name):
                    await self._start(self._specs[name], lifeline)
                case Stop(name):
                    if name in self._running:
                        self._spawn(self._running[name].stop(self._grace_s))
                case GiveUp(name, reason):
                    self._give_up(self._specs[name], reason)
        if isinstance(event, Ready | Exited):  # the cause is told before its consequences
            self._tell(event.name)
        for name in self._swarm.children:
            self._tell(name)
        if self._swarm.ready or self._swarm.over:
            self._settled.set()

    async def _start(self, spec: ChildSpec, lifeline: Lifeline) -> None:
        self._answers.pop(spec.name, None)
        try:
            child = await ChildProcess.start(spec, lifeline, self._nursery)
        except OSError as error:
            why = f"cannot be started ({error})"
            self._events.put_nowait(Exited(spec.name, CANNOT_START, why))
            return
        self._running[spec.name] = child
        if spec.ready == "none":
            self._events.put_nowait(Ready(spec.name))
        self._spawn(self._tend(child))

    async def _tend(self, child: ChildProcess) -> None:
        name = child.spec.name

        def on_ready(value: object) -> None:
            self._answers[name] = value
            self._events.put_nowait(Ready(name))

        code = await child.tend(on_ready)
        del self._running[name]
        self._events.put_nowait(Exited(name, code))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _give_up(self, spec: ChildSpec, reason: str) -> None:
        if self._failure is not None or not spec.critical:
            return
        tail = log_tail(spec.log_path)
        what = f"{spec.name} {reason}" + (f"; its last lines:\n{tail}\n" if tail else "")
        self._failure = InfrastructureError(what, where=str(spec.log_path), remedy="its log is named above")

    def _status(self, child: Child) -> ChildStatus:
        name = child.terms.name
        running = self._running.get(name)
        reason = child.reason
        if child.phase is Phase.FAILED:
            reason += f" (log: {self._specs[name].log_path})"
        return ChildStatus(
            name=name,
            phase=child.phase,
            pid=running.pid if running and child.phase in ALIVE else None,
            since=time.time(),
            restarts=child.restarts,
            ready=self._answers.get(name) if child.phase is Phase.READY else None,
            reason=reason,
        )

    def _tell(self, name: str) -> None:
        status, known = self._status(self._swarm.children[name]), self._statuses[name]
        if status != replace(known, since=status.since):
            self._statuses[name] = status
            self._on_event(status)
