"""`guildbus models list`, `pull`, `serve`."""

import time
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from guildbus.launch.cli.console import out, print_json
from guildbus.launch.cli.state import config_of

app = typer.Typer(no_args_is_help=True, help="The models: which there are, fetching them, serving them.")
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


@app.command("list")
def list_models(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """The models of the roster, and the files that guildbus knows."""
    from guildbus.launch.model_catalogue import CATALOGUE
    from guildbus.launch.model_files import is_ready, model_path
    from guildbus.launch.serving import serving_plan

    config = config_of(ctx)
    uses = [
        {"agent": agent, "model": b.entry.model, "entry": b.entry.name, "at": b.entry.base_url or b.server}
        for agent, bound in serving_plan(config).bindings.items()
        for b in bound
    ]
    files: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "size_bytes": entry.size_bytes,
            "licence": entry.licence,
            "there": is_ready(entry, config.cache_dir),
            "path": str(model_path(entry, config.cache_dir)),
        }
        for entry in CATALOGUE
    ]
    if as_json:
        print_json({"roster": uses, "files": files})
        return
    console = out()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "model", "served by"):
        table.add_column(column)
    for use in uses:
        table.add_row(use["agent"], use["model"], use["at"])
    console.print(table)
    for file in files:
        there = "there" if file["there"] else "not fetched"
        console.print(f"{file['name']}  {file['size_bytes'] / 1e9:.2f} GB  {file['licence']}  {there}")


@app.command("pull")
def pull(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of `models list`; the default model if left out.")] = "",
    verify: Annotated[bool, typer.Option(help="Hash a file that is there already.")] = False,
) -> None:
    """Fetch a model file and check its hash; at once if it is there."""
    from guildbus.launch.model_catalogue import DEFAULT_MODEL, find_model
    from guildbus.launch.model_files import is_ready
    from guildbus.launch.model_files import pull as pull_file

    config = config_of(ctx)
    entry = find_model(name) if name else DEFAULT_MODEL
    console = out()
    if is_ready(entry, config.cache_dir) and not verify:
        console.print(f"{entry.name} is there")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(entry.name, total=entry.size_bytes)
        path = pull_file(
            entry,
            config.cache_dir,
            lambda done, total, phase: bar.update(task, completed=done, total=total, description=phase),
            verify=verify,
        )
    console.print(f"{entry.name} is there, its SHA-256 checked: {path}")


@app.command("serve")
def serve(ctx: typer.Context) -> None:
    """Serve the roster's managed models until interrupted; builds use what runs."""
    import asyncio

    from guildbus.launch.serving import served

    config = config_of(ctx)

    async def run() -> None:
        async with served(config, lambda text: out().print(text)) as models:
            await models.ready()
            for name, url in models.urls.items():
                print(f"{name}: {url}/v1", flush=True)  # noqa: T201 - read by scripts as it comes
            await asyncio.Event().wait()

    started = time.monotonic()
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        out().print(f"stopped after {time.monotonic() - started:.0f} s")
