"""`guildbus resume` and `guildbus cancel`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.outcome import JsonOption, UnsafeOption, conclude, open_view, run_to_end
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.launch.config import GuildConfig

RunArgument = Annotated[
    str, typer.Argument(help="A run's name, a part of it, or `last`.", show_default=False)
]
CANCELLED = "red:cancelled"


def resume(
    ctx: typer.Context,
    run: RunArgument = "last",
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Where the package goes; where its build was asked to.")
    ] = None,
    as_json: JsonOption = False,
    unsafe_no_sandbox: UnsafeOption = False,
) -> None:
    """Go on with a run that was interrupted, whatever died; no completed model call is paid again."""
    started_at = time.time()
    from guildbus.launch.building import resume as run_resume
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.swarm import replica_names

    config = config_of(ctx)
    name = named_run(config, run)
    names = tuple(name for agent in config.agents for name in replica_names(agent))
    view = open_view(f"resuming {name}", names, as_json=as_json)
    work = run_resume(
        config,
        name,
        view,
        swarm_registry(config),
        folder=out_dir,
        unsafe=unsafe_no_sandbox,
        started_at=started_at,
    )
    result = run_to_end(work, view, [name])
    conclude(result.report, result.folder, as_json=as_json)


def cancel(
    ctx: typer.Context,
    run: RunArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept in the run.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop a run now: its model requests and processes end, and it is closed as red:cancelled."""
    from guildbus.launch.cancelling import cancel as run_cancel
    from guildbus.launch.membership import swarm_registry

    config = config_of(ctx)
    name = named_run(config, run)
    view = open_view(f"cancelling {name}", (), as_json=True)
    finished = run_to_end(run_cancel(config, name, reason, view, swarm_registry(config)), view, [])
    if as_json:
        print_json({"run_id": name, "status": finished.status, "diagnosis": finished.diagnosis})
    elif finished.status == CANCELLED:
        out().print(f"{name}: cancelled")
    else:
        out().print(f"{name}: it had ended before: {finished.status}")


def named_run(config: "GuildConfig", run: str) -> str:
    """The run that is meant. UsageError if there is none, or more than one."""
    from guildbus.bus.tail import JournalReader
    from guildbus.launch.run_log import find_run
    from guildbus.launch.swarm import SwarmPaths

    reader = JournalReader(SwarmPaths(config.state_dir).journal)
    try:
        return find_run(reader, run)
    finally:
        reader.close()
