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
    """Every line of the roster: what it takes, hears of and says, its class, and where that was found."""
    from guildbus.agents.contracts import Member, check
    from guildbus.agents.roster import class_for, found_in
    from guildbus.launch.membership import UNDERTAKER, message_names

    rows: list[dict[str, Any]] = []
    config = config_of(ctx)
    players = [Member(agent.name, class_for(agent.role, agent.entry)) for agent in config.agents]
    check(players, UNDERTAKER)
    message_names(config)
    for agent, member in zip(config.agents, players, strict=True):
        found = member.player
        subscribes = sorted(body.wire_type() for body in found.subscribes)
        rows.append(
            {
                "name": agent.name,
                "role": agent.role,
                "replicas": agent.replicas,
                "takes": sorted(set(found.handlers) - set(subscribes)),
                "subscribes": subscribes,
                "emits": sorted(body.wire_type() for body in found.emits),
                "class": f"{found.__module__}:{found.__qualname__}",
                "found": found_in(agent.role, agent.entry),
            }
        )
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


@protocols.command("export")
def export(
    ctx: typer.Context,
    target: Annotated[Path | None, typer.Option("--out", help="A file; standard output if left out.")] = None,
) -> None:
    """JSON Schema and AsyncAPI 3 of all messages, those of installed packages too, from the models."""
    from guildbus.launch.membership import swarm_registry
    from guildbus.protocols.export import asyncapi_text

    text = asyncapi_text(swarm_registry(config_of(ctx)))
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
