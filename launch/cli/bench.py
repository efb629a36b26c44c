"""`guildbus bench faults`: break the bus on purpose, and count what it lost."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from guildbus.launch.cli.console import GREEN, RED, print_json

app = typer.Typer(no_args_is_help=True, help="Measure the bus, and break it on purpose.")


@app.command("faults")
def faults(
    only: Annotated[list[str] | None, typer.Option(help="One scenario; may be given again.")] = None,
    scale: Annotated[float, typer.Option(min=0.0, max=1.0, help="This part of the full counts.")] = 1.0,
    seed: Annotated[int, typer.Option(help="What is random follows from it.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the rows into this Markdown file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Kill, freeze, cut off and corrupt; then judge the journal. Exit code 1 unless all is zero."""
    from guildbus.launch.bench.faults import report, runner

    chosen = runner.chosen(only or [])
    results = asyncio.run(runner.run_all(chosen, scale, seed, quiet=as_json))
    if as_json:
        print_json([report.as_json(result) for result in results])
    else:
        report.print_table(results)
    if out is not None:
        report.write_section(out, results)
    raise typer.Exit(GREEN if all(result.ok for result in results) else RED)
