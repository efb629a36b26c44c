"""One build: from a spec to files on disk. Uses the swarm that runs, or starts one of its own.

    check the output folder -> find or start model and swarm -> publish `build.requested`
    -> follow the run's messages until `build.finished` -> write the files -> report

The report is made from the run's messages by `report.py`; what a person sees meanwhile is in `live.py`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guildbus.agents.runtime import wrap
from guildbus.bus.client import ZmqBus
from guildbus.bus.tail import JournalReader
from guildbus.launch.config import GuildConfig
from guildbus.launch.following import follow_run, visitor
from guildbus.launch.live import View
from guildbus.launch.output import check_folder, write_tree
from guildbus.launch.readiness import check_sandbox, warm_toolchain
from guildbus.launch.report import Wall, build_report
from guildbus.launch.run_log import RunLog, read_run
from guildbus.launch.serving import served
from guildbus.launch.swarm import RunningSwarm, SwarmPaths, read_record
from guildbus.protocols import ids
from guildbus.protocols.errors import BusError
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import BuildFinished, BuildOptions, BuildRequested
from guildbus.protocols.registry import Registry
from guildbus.protocols.spec import Spec

HEALTH_POLL_S = 0.5
SWARM_SILENT_S = 20.0


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A finished build: its run's messages, its report, and where its files are."""

    log: RunLog
    report: dict[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a build stands on."""

    swarm: RunningSwarm | None
    model_start: Span | None


async def build(
    config: GuildConfig,
    spec: Spec,
    options: BuildOptions,
    folder: Path,
    view: View,
    registry: Registry,
    *,
    unsafe: bool = False,
    started_at: float | None = None,
) -> BuildResult:
    """Build a spec into `folder`. Raises InfrastructureError or UsageError; a red result is no error."""
    started_at = time.time() if started_at is None else started_at
    check_folder(folder)
    async with _ground(config, view, unsafe=unsafe) as ground:
        run = await _run(config, spec, options, view, registry, ground)
        reader = JournalReader(SwarmPaths(config.state_dir).journal)
        try:
            log = read_run(reader, run, registry)
        finally:
            reader.close()
        finished = log.of(BuildFinished)[-1]
        if finished.files:
            write_tree(folder, finished.files)
        ended_at = time.time()
        view.phase("stopping")
    report = build_report(log, Wall(started_at, ended_at, ground.model_start))
    return BuildResult(log, report, folder)


@contextlib.asynccontextmanager
async def _ground(config: GuildConfig, view: View, *, unsafe: bool) -> AsyncIterator[_Ground]:
    """The swarm that runs, or one for this build alone, gone when the build is."""
    if read_record(config) is not None:
        view.phase("using the swarm that is up")
        yield _Ground(None, None)
        return
    await check_sandbox(config, unsafe=unsafe)
    await warm_toolchain(config, view.phase)
    async with served(config, view.phase) as models:
        swarm = RunningSwarm(config, models, owner="build", unsafe=unsafe)
        try:
            # The swarm needs no model to start: both at once.
            _, span = await asyncio.gather(swarm.start(), models.ready())
            yield _Ground(swarm, span)
        finally:
            await swarm.stop()


async def _run(
    config: GuildConfig,
    spec: Spec,
    options: BuildOptions,
    view: View,
    registry: Registry,
    ground: _Ground,
) -> str:
    """Publish the request and follow the run to its end; its id."""
    run = ids.new_run_id(spec.name)
    bus = visitor(config.endpoint)
    await bus.open()
    watchers: list[asyncio.Task[None]] = [asyncio.create_task(_watch_health(bus, view))]
    if ground.swarm is not None:
        watchers.append(asyncio.create_task(ground.swarm.wait()))
    following = asyncio.create_task(_follow(config, run, view, registry))
    try:
        request = BuildRequested(spec=spec, options=options)
        await bus.publish(wrap(request, source=bus.instance, subject=run, now=time.time()))
        done, _ = await asyncio.wait({following, *watchers}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if following not in done:
            raise BusError("the swarm was stopped before the run ended", where=f"run {run}")
        return run
    finally:
        for task in (following, *watchers):
            task.cancel()
        await asyncio.gather(following, *watchers, return_exceptions=True)
        await bus.close()


async def _follow(config: GuildConfig, run: str, view: View, registry: Registry) -> None:
    async for line in follow_run(SwarmPaths(config.state_dir).journal, run, registry):
        view.line(line)
        if isinstance(line.message, BuildFinished):
            return


async def _watch_health(bus: ZmqBus, view: View) -> None:
    """Show what the agents do; raise BusError when the broker has been silent for too long."""
    heard = time.monotonic()
    while True:
        try:
            view.health(await bus.health(timeout_s=2.0))
            heard = time.monotonic()
        except TimeoutError:
            if time.monotonic() - heard > SWARM_SILENT_S:
                raise BusError(
                    f"no sign of life for {SWARM_SILENT_S:.0f} s",
                    where="broker",
                    remedy="see `guildbus status`",
                ) from None
        await asyncio.sleep(HEALTH_POLL_S)
