"""The commands put together. Whatever goes wrong ends in one line with a remedy and an exit code."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from guildbus import __version__
from guildbus.launch.cli import (
    agents,
    bench,
    build,
    dead,
    guild,
    journal,
    keys,
    logs,
    looking,
    models,
    replay,
    resuming,
    swarm,
    top,
    trace,
    ui,
)
from guildbus.launch.cli.console import INTERRUPTED, exit_code, print_error
from guildbus.launch.cli.state import Settings
from guildbus.protocols.errors import GuildbusError


class Commands(TyperGroup):
    """All commands. Typer would end an interrupted one without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C that it does not answer itself is said, whichever command it was."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="guildbus",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Independent agents write Go over a message bus; the toolchain and evidence decide.",
)
app.command("build")(build.build)
app.command("resume")(resuming.resume)
app.command("cancel")(resuming.cancel)
app.command("replay")(replay.replay)
app.command("plan")(build.plan)
app.command("score")(build.score)
app.command("up")(swarm.up)
app.command("down")(swarm.down)
app.command("status")(swarm.status)
app.command("top")(top.top)
app.add_typer(looking.app, name="runs")
app.command("trace")(trace.trace)
app.command("logs")(logs.logs)
app.command("ui")(ui.ui)
app.command("doctor")(guild.doctor)
app.add_typer(dead.app, name="dead")
looking.app.command("prune")(journal.prune)
app.add_typer(journal.app, name="journal")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(bench.app, name="bench")
app.add_typer(agents.app, name="agents")
app.add_typer(guild.protocols, name="protocols")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"guildbus {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="The guild.toml to use.", envvar="GUILDBUS_CONFIG")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = Settings(config)


def main() -> None:
    """The `guildbus` command."""
    try:
        app()
    except GuildbusError as error:
        print_error(error, as_json="--json" in sys.argv)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(INTERRUPTED)
