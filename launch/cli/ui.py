"""`guildbus ui`: the live web view."""

import asyncio
import sys
from typing import Annotated

import typer

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import asked_config, config_of


def ui(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port. [8321]")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """See everything in a browser: runs, messages, files, evidence, the swarm. On this machine only."""
    from guildbus.launch.membership import swarm_registry
    from guildbus.launch.ui.serving import serve, take_place

    config = config_of(ctx)
    place = take_place(port)

    def ready() -> None:
        if as_json:
            print_json({"url": place.url, "port": place.port})
        else:
            out().print(f"{place.url}\nCtrl-C ends it; builds that were started in it go on", markup=False)
        sys.stdout.flush()
        if browse:
            import webbrowser

            webbrowser.open(place.url)

    asked = asked_config(ctx)
    work = serve(
        config,
        swarm_registry(config),
        place,
        asked=asked.absolute() if asked is not None else None,
        on_ready=ready,
    )
    living = asyncio.run(work)
    if living and not as_json:
        out().print(f"still building: {', '.join(living)}; `guildbus runs` shows them", markup=False)
