"""`guildbus runs`."""

from typing import Annotated

import typer
from rich.table import Table

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import config_of

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
SHOWN = 50

app = typer.Typer(help="All runs, the newest first; `prune` removes old ones.")


@app.callback(invoke_without_command=True)
def runs(
    ctx: typer.Context,
    as_json: JsonOption = False,
    limit: Annotated[
        int | None, typer.Option(min=0, help="How many, 0 for all; 50, and with --json all, unless said.")
    ] = None,
) -> None:
    """The runs, the newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from guildbus.launch.run_list import count_runs, read_runs

    config = config_of(ctx)
    count = (0 if as_json else SHOWN) if limit is None else limit
    summaries = read_runs(config, count or None)
    more = count_runs(config) - len(summaries) if count else 0
    if as_json:
        print_json(summaries)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "spec", "status", "score", "rounds", "tokens", "seconds", "started"):
        table.add_column(column)
    for one in summaries:
        table.add_row(
            one["run_id"],
            one["spec"],
            one["status"],
            f"{one['score']}/3",
            str(one["rounds"]),
            str(one["tokens"]),
            f"{one['wall_s']:.1f}",
            one["started_at"][:19].replace("T", " "),
        )
    out().print(table if summaries else "no runs yet: `guildbus build SPEC` makes one")
    if more:
        out().print(f"{more} older runs: `guildbus runs --limit 0` shows all")
    interrupted = [one["run_id"] for one in summaries if one["status"] == "interrupted"]
    if interrupted:
        out().print(f"guildbus resume {interrupted[0]} goes on with the newest that was interrupted")
