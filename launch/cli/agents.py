"""`guildbus agents list`, `new`, `check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from guildbus.launch.cli.console import GREEN, RED, out, print_json
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.launch.conformance.findings import Report

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
app = typer.Typer(no_args_is_help=True, help="The roster, and agents of your own.")


@app.command("list")
def list_agents(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """What each agent takes, hears of and says, its class, and where that was found.

    With 0 processes: installed, and not in the roster.
    """
    from guildbus.launch.agent_lookup import listed

    rows = listed(config_of(ctx))
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    kinds = ("takes", "subscribes", "emits")
    for column in ("agent", "role", "processes", *kinds, "class", "found"):
        table.add_column(column, overflow="fold")
    for row in rows:
        told = ("\n".join(kind.rpartition(".v")[0] for kind in row[what]) for what in kinds)
        table.add_row(row["name"], row["role"], str(row["replicas"]), *told, row["class"], row["found"])
    out().print(table)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Its role, such as security-review.")],
    target: Annotated[
        Path | None, typer.Option("--dir", help="A folder that is not there yet; ./NAME if left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a package with a working agent, its test and a README."""
    from guildbus.launch.scaffold import new_package

    folder = target or Path(name)
    files = [str(path) for path in new_package(name, folder)]
    if as_json:
        print_json({"name": name, "dir": str(folder), "files": files})
        return
    for file in files:
        out().print(f"written: {file}", markup=False)
    out().print(f"next: pip install -e {folder} && pytest {folder}", markup=False)


@app.command("check")
def check(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(help="module:Class, or a role; all that are not built in if left out.")
    ] = "",
    history: Annotated[
        list[Path] | None,
        typer.Option(help="A run to try it with (trace RUN --format json); may be given again."),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(help="The recorded schema; guildbus-schema.json beside the module if left out."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record the schema as it is now, unless that breaks the old one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Hold agents to what the bus expects of them. Exit code 1 if one fails. Docs: docs/conformance.md."""
    from guildbus.launch.agent_lookup import classes_of
    from guildbus.launch.conformance.kit import check as checked
    from guildbus.launch.conformance.recording import record_schema
    from guildbus.launch.conformance.subject import recorded_subject

    found = classes_of(target, config_of(ctx))
    if record:
        for one in found:
            written = record_schema(one, schema)
            if not as_json and written is not None:
                out().print(f"recorded: {written}", markup=False)
    reports = [checked(recorded_subject(one, history or [], schema)) for one in found]
    ok = all(report.ok for report in reports)
    if as_json:
        print_json({"ok": ok, "agents": [report.as_json() for report in reports]})
    else:
        _print(reports)
    raise typer.Exit(GREEN if ok else RED)


def _print(reports: "list[Report]") -> None:
    if not reports:
        out().print("no agent to check: all agents of the roster are built in")
    marks = {"passed": "[green]ok  [/]", "failed": "[red]FAIL[/]", "untried": "[dim]--  [/]"}
    for report in reports:
        out().print(report.agent, style="bold", markup=False)
        for result in report.results:
            out().print(f"{marks[result.status]} {result.check}", end="")
            out().print(f": not tried, {result.why}" if result.why else "", markup=False)
            for finding in result.findings:
                out().print(f"       {finding.where}: {finding.what}", markup=False)
                out().print(f"       try: {finding.remedy}", markup=False)
