"""One build: from a spec to files on disk; a resumed one from where its run is to the same end.

    check the output folder -> attend the run (attending.py): swarm, request, messages until `build.finished`
    -> write the files -> stop the swarm -> report

The report is made from the run's messages by `report.py`; what a person sees meanwhile is in `live.py`.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from guildbus.launch.attending import Attendance, attended, read_log
from guildbus.launch.config import GuildConfig, with_finishers
from guildbus.launch.ground import Need, Stand
from guildbus.launch.live import View
from guildbus.launch.output import check_folder, write_tree
from guildbus.launch.report import Wall, build_report, end_of
from guildbus.launch.results import BuildReport
from guildbus.launch.run_log import RunLog
from guildbus.launch.telemetry import observed_run, telemetry_settings
from guildbus.protocols import ids
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.build import BuildFinished, BuildOptions, BuildRequested
from guildbus.protocols.registry import Registry
from guildbus.protocols.spec import Spec


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
    on_published: Callable[[str], object] = lambda run: None,
    stand: Stand | None = None,
) -> BuildReport:
    """Build a spec into `folder`. Raises InfrastructureError or UsageError; a red result is no error.

    `on_published` is given the run's name when its request is durable. `stand` as of `Attendance`.
    """
    started_at = time.time() if started_at is None else started_at
    check_folder(folder)
    run = ids.new_run_id(spec.name)
    attendance = Attendance(
        Need(run, "build", unsafe=unsafe),
        view,
        registry,
        opening=_request(spec, options, folder),
        deadline=None if options.max_seconds is None else started_at + options.max_seconds,
        on_published=lambda: on_published(run),
        stand=stand,
    )
    return await finish(config, attendance, folder, started_at)


async def resume(
    config: GuildConfig,
    run: str,
    view: View,
    registry: Registry,
    *,
    folder: Path | None = None,
    unsafe: bool = False,
    started_at: float | None = None,
    stand: Stand | None = None,
) -> BuildReport:
    """See a run to its end, and write its files where its build was asked to, or into `folder`.

    A run that has ended only gets its files written; its report has its own times then.
    """
    started_at = time.time() if started_at is None else started_at
    log = read_log(config, run, registry)
    folder = folder or _asked_folder(log)
    check_folder(folder)
    for line in log.lines:
        view.past(line)
    if end_of(log) is not None:
        _write(log, folder)
        return _report(log, Wall(log.lines[0].at, log.lines[-1].at), folder)
    view.phase(f"resuming {run}: {len(log.lines)} messages so far")
    config = _with_its_finishers(config, log)
    need = Need(run, "resume", requested_at=log.lines[0].at, unsafe=unsafe)
    attendance = Attendance(need, view, registry, seen=log.lines[-1].seq, stand=stand)
    return await finish(config, attendance, folder, started_at)


async def finish(config: GuildConfig, attendance: Attendance, folder: Path, started_at: float) -> BuildReport:
    """See the run to its end; write its files before anything else can go wrong."""
    settings = telemetry_settings(config.telemetry, os.environ)
    with observed_run(settings, attendance.run, started_at) as attendance.observer:
        async with attended(config, attendance) as preparations:
            log = read_log(config, attendance.run, attendance.registry)
            _write(log, folder)
            wall = Wall(started_at, time.time(), preparations)
            if attendance.observer is not None:
                attendance.observer.ended(log.of(BuildFinished)[-1])
    return _report(log, wall, folder)


def _report(log: RunLog, wall: Wall, folder: Path) -> BuildReport:
    return BuildReport.model_validate({**build_report(log, wall), "folder": folder})


def _request(spec: Spec, options: BuildOptions, folder: Path) -> BuildRequested:
    """With the folder's full name: a resume may be called from anywhere."""
    return BuildRequested(spec=spec, options=options, out=str(folder.absolute()))


def _with_its_finishers(config: GuildConfig, log: RunLog) -> GuildConfig:
    """A run names its finishers itself: those of its command line are not in the configuration."""
    requested = next(iter(log.of(BuildRequested)), None)
    asked = requested.options.finishers if requested is not None else ()
    return with_finishers(config, asked) if asked else config


def _asked_folder(log: RunLog) -> Path:
    requested = next(iter(log.of(BuildRequested)), None)
    if requested is None or not requested.out:
        raise UsageError(
            "the journal does not say where its files belong",
            where=f"run {log.run}",
            remedy="name a folder with --out",
        )
    return Path(requested.out)


def _write(log: RunLog, folder: Path) -> None:
    files = log.of(BuildFinished)[-1].files
    if files:
        write_tree(folder, files)
