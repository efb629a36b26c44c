"""`guildbus build`, `plan`, `score`."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from guildbus.launch.cli.console import GREEN, RED, out, print_json
from guildbus.launch.cli.outcome import JsonOption, UnsafeOption, conclude, open_view, run_to_end
from guildbus.launch.cli.state import config_of
from guildbus.launch.cli.teeth import print_teeth

SpecArgument = Annotated[Path, typer.Argument(help="A YAML spec.", show_default=False)]


def build(
    ctx: typer.Context,
    spec: SpecArgument,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Where the package goes; out/<name> by default.")
    ] = None,
    candidates: Annotated[int | None, typer.Option(min=1, max=16, help="Drafts to choose from.")] = None,
    max_rounds: Annotated[int | None, typer.Option(min=1, max=50, help="Repairs before it stops.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The first sampling seed.")] = 1,
    max_seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds that it may take; then it ends red:deadline.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens that its model calls may cost, prompts and answers.")
    ] = None,
    teeth: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Below this mutation score the suite gets more rows; 0 for never."),
    ] = None,
    finishers: Annotated[
        str | None,
        typer.Option(help="Roles that improve a green package, with commas; '' for none of guild.toml's."),
    ] = None,
    as_json: JsonOption = False,
    unsafe_no_sandbox: UnsafeOption = False,
) -> None:
    """Turn a spec into a Go package that builds, vets and tests green, or say why not."""
    started_at = time.time()
    from guildbus.launch.api import Swarm
    from guildbus.launch.config import with_finishers
    from guildbus.launch.specfile import load_spec
    from guildbus.launch.swarm import process_names

    loaded = load_spec(spec)
    config = config_of(ctx)
    if finishers is not None:
        config = with_finishers(config, [name.strip() for name in finishers.split(",") if name.strip()])
    view = open_view(f"building {loaded.name}", process_names(config), as_json=as_json)
    published: list[str] = []
    work = Swarm(config, unsafe_no_sandbox=unsafe_no_sandbox, view=view).build(
        loaded,
        out=out_dir,
        candidates=candidates,
        max_rounds=max_rounds,
        seed=seed,
        max_seconds=max_seconds,
        max_tokens=max_tokens,
        teeth=teeth,
        on_published=published.append,
        started_at=started_at,
    )
    conclude(run_to_end(work, view, published), as_json=as_json)


def plan(ctx: typer.Context, spec: SpecArgument, as_json: JsonOption = False) -> None:
    """A dry run: file tasks, owners, order, contracts."""
    from guildbus.agents.planning import plan as make_plan
    from guildbus.launch.specfile import load_spec

    found = make_plan(load_spec(spec))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console = out()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("stage", "file", "owner", "package", "tests"):
        table.add_column(column)
    for task in found.tasks:
        table.add_row(str(task.stage), task.path, task.owner, task.package, ", ".join(task.tests))
    console.print(table)
    for folder, signatures in found.api.items():
        console.print(f"\nstated in {folder or '.'}:")
        for signature in signatures:
            console.print(f"  {signature.text}", markup=False)
    if found.examples:
        console.print("\nstated values:")
        for example in found.examples:
            console.print(f"  {example.call} = {example.want}", markup=False)


def score(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A Go module.", show_default=False)],
    teeth: Annotated[
        bool, typer.Option("--teeth", help="At 3/3, the mutation score too, and the mutants that survive.")
    ] = False,
    as_json: JsonOption = False,
    unsafe_no_sandbox: UnsafeOption = False,
) -> None:
    """Build, vet and test any Go tree in the sandbox: 0 to 3, and its teeth."""
    from guildbus.launch.scoring import TEETH_SECONDS, score_folder

    config = config_of(ctx)
    seconds = TEETH_SECONDS if teeth else 0
    work = score_folder(config, folder.absolute(), unsafe=unsafe_no_sandbox, teeth_seconds=seconds)
    report = asyncio.run(work)
    if as_json:
        print_json(report)
    else:
        console = out()
        console.print(f"score_backend {report['score']['total']}/3")
        for stage in ("build", "vet", "test"):
            console.print(f"  go {stage}: {'pass' if report['score'][stage] else 'fail'}")
        for finding in report["findings"]:
            console.print(f"  {finding}", markup=False)
        if report.get("teeth"):
            print_teeth(console, report["teeth"])
    sys.stdout.flush()
    raise typer.Exit(GREEN if report["score"]["total"] == 3 else RED)
