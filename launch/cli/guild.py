"""`guildbus protocols export`, `doctor`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from guildbus.launch.cli.console import GREEN, INFRASTRUCTURE, out, print_json
from guildbus.launch.cli.state import config_of

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
protocols = typer.Typer(no_args_is_help=True, help="The messages, for other implementations.")


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
