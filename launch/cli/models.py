"""`guildbus models list`, `pull`, `serve`, `bench`."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from guildbus.launch.cli.console import GREEN, INFRASTRUCTURE, out, print_json
from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.launch.bench.models import Measured

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


@app.command("bench")
def bench(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models of guild.toml; those that agents use if left out."),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Measure 1 to N calls at once.")] = 2,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="Rounds of each.")] = 3,
    prompt_words: Annotated[int, typer.Option(min=20, max=100_000, help="Words of a prompt.")] = 300,
    max_tokens: Annotated[int, typer.Option(min=2, max=131_072, help="Tokens of an answer.")] = 128,
    as_json: JsonOption = False,
) -> None:
    """Time to the first token and tokens a second of each model. Exit code 3 if one does not answer."""
    import asyncio

    from guildbus.launch.bench.models import Workload, asking_for, distinct, measure
    from guildbus.launch.bench.models import as_json as to_json
    from guildbus.launch.serving import served

    config = asking_for(config_of(ctx), names or ())
    work = Workload(parallel, repeat, prompt_words, max_tokens)
    say = (lambda text: None) if as_json else out().print

    async def run() -> "list[Measured]":
        async with served(config, say) as models:
            await models.up()
            return [await measure(entry, work, say) for entry in distinct(models.fleets.values())]

    found = asyncio.run(run())
    if as_json:
        print_json(to_json(found))
    else:
        _show(found)
    raise typer.Exit(INFRASTRUCTURE if any(one.failure for one in found) else GREEN)


def _show(found: "list[Measured]") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "at once", "first token s", "prompt tokens/s", "answer tokens/s", "all tokens/s"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for one in found:
        name = f"{one.name} ({one.adapter.partition(':')[0]})" if one.adapter else one.name
        for level in one.levels:
            spreads = (level.first_s, level.prompt_tokens_s, level.answer_tokens_s, level.total_tokens_s)
            figures = (f"{s.median:.4g} ({s.low:.4g} - {s.high:.4g})" for s in spreads)
            table.add_row(name, str(level.parallel), *figures)
    out().print(table)
    for one in found:
        if one.failure:
            out().print(f"{one.name}: {one.failure}", style="red")
