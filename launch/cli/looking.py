"""`guildbus runs` and `guildbus trace`."""

from typing import Annotated

import typer
from rich.table import Table

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import config_of

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]

app = typer.Typer(help="All runs, the newest first; `prune` removes old ones.")


@app.callback(invoke_without_command=True)
def runs(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """All runs, the newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from guildbus.bus.tail import JournalReader
    from guildbus.launch.report import run_summary
    from guildbus.launch.run_log import read_run
    from guildbus.launch.swarm import SwarmPaths, read_record, serves
    from guildbus.protocols.messages.build import BuildRequested
    from guildbus.protocols.registry import standard_registry

    config = config_of(ctx)
    path = SwarmPaths(config.state_dir).journal
    record = read_record(config)
    summaries = []
    if path.is_file():
        reader = JournalReader(path)
        for run in reader.subjects_of(BuildRequested.wire_type()):
            log = read_run(reader, run, standard_registry())
            running = record is not None and serves(record, run, log.lines[0].at)
            summaries.append(run_summary(log, running=running))
        reader.close()
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
    interrupted = [one["run_id"] for one in summaries if one["status"] == "interrupted"]
    if interrupted:
        out().print(f"guildbus resume {interrupted[0]} goes on with the newest that was interrupted")


def trace(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run's name, a part of it, or `last`.")] = "last",
    contexts: Annotated[bool, typer.Option("--contexts", help="What each model call's prompt held.")] = False,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Every message of a run as a causal tree, with times, tokens and verdicts."""
    from guildbus.bus.tail import JournalReader
    from guildbus.launch import tracing
    from guildbus.launch.run_log import find_run, read_run
    from guildbus.launch.swarm import SwarmPaths
    from guildbus.protocols.errors import UsageError
    from guildbus.protocols.registry import standard_registry

    if form not in ("text", "json"):
        raise UsageError(f"unknown format {form!r}", where="--format", remedy="text or json")
    reader = JournalReader(SwarmPaths(config_of(ctx).state_dir).journal)
    log = read_run(reader, find_run(reader, run), standard_registry())
    reader.close()
    if form == "json":
        print_json(tracing.as_json(log))
        return
    console = out()
    console.print(f"run {log.run}: {len(log.lines)} messages", markup=False)
    for line in tracing.contexts(log) if contexts else tracing.render_tree(log):
        console.print(line, markup=False)
