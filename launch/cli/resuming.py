"""`guildbus resume` and `guildbus cancel`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.outcome import JsonOption, UnsafeOption, conclude, open_view, run_to_end
from guildbus.launch.cli.state import config_of

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
    from guildbus.launch.api import Swarm
    from guildbus.launch.attending import named_run
    from guildbus.launch.swarm import process_names

    config = config_of(ctx)
    name = named_run(config, run)
    view = open_view(f"resuming {name}", process_names(config), as_json=as_json)
    swarm = Swarm(config, unsafe_no_sandbox=unsafe_no_sandbox, view=view)
    work = swarm.resume(name, out=out_dir, started_at=started_at)
    conclude(run_to_end(work, view, [name]), as_json=as_json)


def cancel(
    ctx: typer.Context,
    run: RunArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept in the run.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop a run now: its model requests and processes end, and it is closed as red:cancelled."""
    from guildbus.launch.api import Swarm

    view = open_view("", (), as_json=True)
    swarm = Swarm(config_of(ctx), view=view)
    name = swarm.named(run)
    finished = run_to_end(swarm.cancel(name, reason=reason), view, [])
    if as_json:
        print_json({"run_id": name, "status": finished.status, "diagnosis": finished.diagnosis})
    elif finished.status == CANCELLED:
        out().print(f"{name}: cancelled")
    else:
        out().print(f"{name}: it had ended before: {finished.status}")
