"""`guildbus logs`: what the processes of a swarm have logged."""

import sys
from typing import Annotated

import typer

from guildbus.launch.cli.console import out
from guildbus.launch.cli.state import config_of

STYLES = {"warning": "yellow", "error": "red", "critical": "red"}


def logs(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Agents, `broker`, `swarm`; all without.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then every new line.")] = False,
    count: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many at first; 0 for all.")] = 50,
    run: Annotated[str, typer.Option(help="Only about this run (a part of its name).")] = "",
    message: Annotated[str, typer.Option(help="Only about this message (a part of its id).")] = "",
    level: Annotated[str, typer.Option(help="At least info, warning, error or critical.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The lines as they were written.")] = False,
) -> None:
    """The newest lines that the processes have logged, in the order of their times."""
    from guildbus.launch import log_view
    from guildbus.launch.printable import printable
    from guildbus.launch.swarm import SwarmPaths
    from guildbus.protocols.errors import UsageError

    if level and level not in log_view.LEVELS:
        raise UsageError(f"no such level: {level}", where="--level", remedy=", ".join(log_view.LEVELS))
    folder = SwarmPaths(config_of(ctx).state_dir).logs
    asked = log_view.Asked(run, message, level)
    files = log_view.log_files(folder, names or ())
    if not files and not follow:
        there = ", ".join(path.stem for path in log_view.log_files(folder))
        raise UsageError(
            f"no log of {', '.join(names or ['any process'])}",
            where=str(folder),
            remedy=f"there are {there}" if there else "`guildbus build` or `guildbus up` starts processes",
        )
    console = out()

    def show(entry: log_view.Entry) -> None:
        if as_json:
            sys.stdout.write(entry.text + "\n")
            sys.stdout.flush()
        else:
            console.print(printable(log_view.shown(entry)), markup=False, style=STYLES.get(entry.level, ""))

    ends = log_view.ends_of(files)
    for entry in log_view.recent(ends, count, asked):
        show(entry)
    if follow:
        for entry in log_view.follow(lambda: log_view.log_files(folder, names or ()), ends, asked):
            show(entry)
