"""`guildbus journal salvage`, and `guildbus runs prune`: what people do to the journal themselves."""

import time
from pathlib import Path
from typing import Annotated

import typer

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.looking import JsonOption
from guildbus.launch.cli.state import config_of
from guildbus.protocols.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="The file that holds every message.")


@app.command("salvage")
def salvage(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Make a fresh journal of what can be read of a damaged one, which is kept beside it."""
    from guildbus.bus.salvage import salvage as salvage_file

    found = salvage_file(_journal(ctx), time.time())
    if as_json:
        print_json({"kept": found.kept, "lost": found.lost, "aside": str(found.aside)})
        return
    kept = ", ".join(f"{count} {table}" for table, count in found.kept.items() if count)
    out().print(f"kept: {kept}", markup=False)
    for line in found.lost or ["nothing is lost"]:
        out().print(line, markup=False)
    out().print(f"the damaged journal is {found.aside}", markup=False)


def prune(
    ctx: typer.Context,
    older_than: Annotated[
        float | None, typer.Option(help="Days since its last event; `[limits] keep_days` without it.", min=0)
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only this run: its name, or a part of it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Remove runs that are over from the journal. Their ids stay known, so nothing comes twice."""
    from guildbus.bus.retention import prune as prune_file
    from guildbus.bus.tail import JournalReader
    from guildbus.launch.run_log import find_run

    path = _journal(ctx)
    if not path.is_file():
        removed = {}
    else:
        keep_days = config_of(ctx).limits.keep_days
        days = older_than if older_than is not None else 0.0 if run is not None else keep_days
        name = None
        if run is not None:
            reader = JournalReader(path)
            try:
                name = find_run(reader, run)
            finally:
                reader.close()
        removed = prune_file(path, time.time(), days * 86_400, keep_days * 86_400, run=name)
        if name is not None and not removed:
            raise UsageError(
                "still open, or not old enough",
                where=f"run {name}",
                remedy=f"`guildbus cancel {name}` ends it",
            )
    if as_json:
        print_json([{"run_id": name, "messages": count} for name, count in removed.items()])
        return
    for name, count in removed.items():
        out().print(f"{name}: {count} messages removed", markup=False)
    if not removed:
        out().print("nothing to remove")


def _journal(ctx: typer.Context) -> Path:
    from guildbus.launch.swarm import SwarmPaths

    return SwarmPaths(config_of(ctx).state_dir).journal
