"""A run that goes on from a message of another: its beginning is published, and the rest happens anew.

The guild does not know the difference: the copies are the run's history, and what is open among them is work.
`branch.py` decides what they are.
"""

import time
from collections.abc import Callable
from pathlib import Path

from guildbus.launch.attending import Attendance
from guildbus.launch.building import finish
from guildbus.launch.config import GuildConfig, with_finishers
from guildbus.launch.ground import Need
from guildbus.launch.live import View
from guildbus.launch.output import check_folder
from guildbus.launch.replay.branch import Branch, Changes, copies
from guildbus.launch.results import BuildReport
from guildbus.launch.swarm import read_record
from guildbus.protocols.errors import UsageError
from guildbus.protocols.registry import Registry


async def fork(
    changes: Changes,
    branch: Branch,
    folder: Path,
    view: View,
    registry: Registry,
    *,
    unsafe: bool = False,
    started_at: float | None = None,
    on_published: Callable[[str], None] = lambda run: None,
) -> BuildReport:
    """See the fork to its end, and write its files into `folder`. Raises what `build` raises."""
    started_at = time.time() if started_at is None else started_at
    config = changes.config
    if branch.options.finishers:
        config = with_finishers(config, branch.options.finishers)
    check_folder(folder)
    _own_models(config, changes)
    attendance = Attendance(
        Need(branch.run, "replay", unsafe=unsafe),
        view,
        registry,
        copies=copies(branch, out=_full_name(folder), source="cli", now=started_at),
        on_published=lambda: on_published(branch.run),
    )
    return await finish(config, attendance, folder, started_at)


def _full_name(folder: Path) -> str:
    """A resume may be called from anywhere."""
    return str(folder.absolute())


def _own_models(config: GuildConfig, changes: Changes) -> None:
    """A swarm that is up has the models and temperatures that it was started with."""
    if changes.agents and read_record(config) is not None:
        raise UsageError(
            "a swarm is up, and goes on with the models that it was started with",
            where="--set " + " ".join(changes.texts),
            remedy="`guildbus down` first; the fork starts a swarm of its own",
        )
