"""What a run stands on: the swarm that is up and serves it, or one of its own, gone when the run is.

One swarm a state folder: whoever starts one holds a lock for as long as it lives, which the kernel takes
back however the holder dies. A swarm that a build started for itself works for that build's run and for runs
that were requested while it was up; abandoned runs that its broker found in the journal stay parked. So a
follower either is served, or waits until the place is free and starts a swarm of its own.

A program that has many runs keeps one ground for them all: `lasting_ground`.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.launch.config import GuildConfig
from guildbus.launch.live import View
from guildbus.launch.places import make_private
from guildbus.launch.readiness import check_sandbox, warm_toolchain
from guildbus.launch.serving import Served, served
from guildbus.launch.swarm import Owner, RunningSwarm, SwarmPaths, place_lock, read_record, serves
from guildbus.protocols.errors import BusError
from guildbus.protocols.messages.base import Span

POLL_S: Final = 0.1
VACATED_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Need:
    """Who needs a swarm, and for which run. `requested_at` (seconds since the epoch) is None before it is."""

    run: str
    owner: Owner
    requested_at: float | None = None
    unsafe: bool = False
    crew: frozenset[str] | None = None
    """The roles that are enough, where the whole roster is not needed: they need no model and no sandbox."""
    for_all: bool = False
    """Whether a swarm that is started for it works for all runs, and not for this one alone."""


@dataclass(frozen=True, slots=True)
class Ground:
    """`swarm` is ours, or None where the swarm of another process (`pid`) serves the run."""

    swarm: RunningSwarm | None
    pid: int
    preparations: tuple[Span, ...] = ()


Stand = Callable[[Need, View], contextlib.AbstractAsyncContextManager[Ground]]
"""How a run gets its ground: `ground` for this configuration, or what `lasting_ground` gives."""


@contextlib.asynccontextmanager
async def ground(config: GuildConfig, need: Need, view: View) -> AsyncIterator[Ground]:
    """A swarm that serves the run. Raises InfrastructureError if none can be started."""
    make_private(config.state_dir)
    make_private(config.runtime_dir)
    found = await _served_or_free(config, need, view)
    if isinstance(found, Ground):
        view.phase("using the swarm that is up")
        yield found
        return
    try:
        async with _own(config, need, view) as own:
            yield own
            view.phase("stopping")
    finally:
        unlock_file(place_lock(config), found)


@contextlib.asynccontextmanager
async def lasting_ground(config: GuildConfig, view: View, *, unsafe: bool = False) -> AsyncIterator[Stand]:
    """One ground for all runs of a program: the swarm that is up, or its own until this is left.

    Where the swarm of another process goes, the first run that needs one starts the program's own. A run that
    still needs one when this is left gets a BusError.
    """
    own: Ground | None = None
    left = False

    def check(need: Need) -> None:
        if left:
            raise BusError(
                "the swarm was left before the run ended",
                where=f"run {need.run}",
                remedy="await what you ask of it inside `async with`",
            )

    async with contextlib.AsyncExitStack() as kept:

        @contextlib.asynccontextmanager
        async def stand(need: Need, view: View) -> AsyncIterator[Ground]:
            nonlocal own
            check(need)
            async with contextlib.AsyncExitStack() as visit:
                found = own
                if found is None:
                    wanted = replace(need, owner="program", unsafe=unsafe, crew=None, for_all=True)
                    found = await visit.enter_async_context(ground(config, wanted, view))
                    check(need)
                if own is None and found.swarm is not None:
                    own = replace(found, preparations=())  # they delay this run alone
                    kept.push_async_exit(visit.pop_all())
                yield found

        async with stand(Need("", "program"), view):
            pass
        try:
            yield stand
        finally:
            left = True


@contextlib.asynccontextmanager
async def _own(config: GuildConfig, need: Need, view: View) -> AsyncIterator[Ground]:
    preparations: list[Span] = []
    async with contextlib.AsyncExitStack() as stack:
        if need.crew is None:
            await check_sandbox(config, unsafe=need.unsafe)
            preparations.append(await _warmed(config, view))
            models = await stack.enter_async_context(served(config, view.phase))
        else:
            models = Served({}, {}, _no_model, _nothing)
        only_run = None if need.for_all else need.run
        swarm = RunningSwarm(
            config, models, owner=need.owner, unsafe=need.unsafe, only_run=only_run, crew=need.crew
        )
        try:
            # The swarm needs no model to start: both at once.
            _, started = await asyncio.gather(swarm.start(), models.ready())
            yield Ground(swarm, os.getpid(), (*preparations, started))
        finally:
            await swarm.stop()


async def _warmed(config: GuildConfig, view: View) -> Span:
    started_at, start = time.time(), time.monotonic()
    await warm_toolchain(config, view.phase)
    return Span(kind="toolchain", started_at=started_at, wall_s=time.monotonic() - start)


async def _no_model() -> Span:
    return Span(kind="model-start", started_at=time.time(), wall_s=0.0)


async def _nothing() -> None:
    """There is no server to wait for."""


async def _served_or_free(config: GuildConfig, need: Need, view: View) -> Ground | int:
    """The swarm that serves the run, or the lock of the place where one may be started."""
    told = ""
    while True:
        record = read_record(config)
        if record is not None and serves(record, need.run, need.requested_at):
            return Ground(None, record["pid"])
        if record is None and (lock := try_lock(place_lock(config))) is not None:
            try:
                await vacated(config)
            except BaseException:
                unlock_file(place_lock(config), lock)
                raise
            return lock
        why = _why_not(record)
        if why != told:
            view.phase(why)
            told = why
        await asyncio.sleep(POLL_S)


def _why_not(record: dict[str, Any] | None) -> str:
    if record is None:
        return "waiting: another swarm is starting or stopping here"
    return f"waiting: the swarm of pid {record['pid']} works for {record['only_run']} until that ends"


async def vacated(config: GuildConfig) -> None:
    """Wait until the broker of a swarm that was killed is gone, too; its own error tells if it stays."""
    socket = Path(config.endpoint.removeprefix("ipc://"))
    journal = SwarmPaths(config.state_dir).journal
    for path in (journal, socket):
        lock = lock_of(path)
        for _ in range(round(VACATED_S / POLL_S)):
            if _is_free(lock):
                break
            await asyncio.sleep(POLL_S)


def _is_free(path: Path) -> bool:
    if not path.exists():
        return True
    lock = try_lock(path)
    if lock is not None:
        unlock_file(path, lock)
    return lock is not None


def try_lock(path: Path, wait_s: float = 0.0) -> int | None:
    """An exclusive lock, for `unlock_file`; it ends with this process. None if another process has it."""
    try:
        return lock_file(path, str(path), wait_s)
    except BusError:
        return None
