"""`guildbus agents list`, `protocols export`, `doctor`."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from guildbus.launch.cli.console import GREEN, INFRASTRUCTURE, out, print_json
from guildbus.launch.cli.state import config_of

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
agents = typer.Typer(no_args_is_help=True, help="The roster.")
protocols = typer.Typer(no_args_is_help=True, help="The messages, for other implementations.")


@agents.command("list")
def list_agents(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Every line of the roster: what it takes, and its models."""
    from guildbus.agents.roster import class_for

    rows: list[dict[str, Any]] = []
    for agent in config_of(ctx).agents:
        found = class_for(agent.role, agent.entry)
        rows.append(
            {
                "name": agent.name,
                "role": agent.role,
                "replicas": agent.replicas,
                "takes": sorted(found.handlers),
                "class": f"{found.__module__}:{found.__qualname__}",
            }
        )
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "role", "processes", "takes", "class"):
        table.add_column(column)
    for row in rows:
        table.add_row(row["name"], row["role"], str(row["replicas"]), ", ".join(row["takes"]), row["class"])
    out().print(table)


@protocols.command("export")
def export(
    target: Annotated[Path | None, typer.Option("--out", help="A file; standard output if left out.")] = None,
) -> None:
    """JSON Schema and AsyncAPI 3 of all messages, generated from the models."""
    from guildbus.protocols.export import asyncapi_text
    from guildbus.protocols.registry import standard_registry

    text = asyncapi_text(standard_registry())
    if target is None:
        typer.echo(text, nl=False)
    else:
        target.write_text(text, encoding="utf-8")
        out().print(f"written to {target}")


def doctor(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Check everything that a build stands on, and say what to do about what is missing."""
    from guildbus.launch.doctor import examine

    findings = asyncio.run(examine(config_of(ctx)))
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]ok  [/]" if finding.ok else "[red]FAIL[/]"
            out().print(f"{mark} {finding.name}: {finding.detail}")
            if finding.remedy:
                out().print(f"       try: {finding.remedy}", markup=False)
    raise typer.Exit(GREEN if all(finding.ok for finding in findings) else INFRASTRUCTURE)
