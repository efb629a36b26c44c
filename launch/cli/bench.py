"""`faults` breaks the bus, `bus` and `lifecycle` say what it costs, `eval` builds and judges from outside,
`oracle` tries the oracle on planted mistakes, `observers` says what looking on costs a build, `finishers`
what each finisher does to the same builds."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from guildbus.launch.cli.console import GREEN, INFRASTRUCTURE, RED, print_json
from guildbus.launch.cli.state import asked_config, config_of
from guildbus.protocols.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Measure the bus, and break it on purpose.")


@app.command("faults")
def faults(
    only: Annotated[list[str] | None, typer.Option(help="One scenario; may be given again.")] = None,
    scale: Annotated[float, typer.Option(min=0.0, max=1.0, help="This part of the full counts.")] = 1.0,
    seed: Annotated[int, typer.Option(help="What is random follows from it.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the rows into this Markdown file.")] = None,
    planted: Annotated[str, typer.Option(hidden=True, help="Break a promise of the broker first.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Kill, freeze, cut off and corrupt; then judge the journal. Exit code 1 unless all is zero."""
    from guildbus.launch.bench.faults import report, runner

    chosen = runner.chosen(only or [])
    results = asyncio.run(runner.run_all(chosen, scale, seed, planted=planted, quiet=as_json))
    if as_json:
        print_json([report.as_json(result) for result in results])
    else:
        report.print_table(results)
    if out is not None:
        report.write_section(out, results)
    raise typer.Exit(GREEN if all(result.ok for result in results) else RED)


@app.command("lifecycle")
def lifecycle(
    ctx: typer.Context,
    count: Annotated[int, typer.Option(min=1, help="Starts and ends; every second end is a SIGKILL.")] = 100,
    idle_s: Annotated[float, typer.Option(min=0.5, help="Seconds to watch the swarm at rest.")] = 20.0,
    seed: Annotated[int, typer.Option(help="What is random follows from it.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Start swarms, let them idle, end or kill them, and look for what is left. Exit code 1 for a miss."""
    from guildbus.launch.bench.lifecycle import as_json as to_json
    from guildbus.launch.bench.lifecycle import lines, measure

    say = (lambda text: None) if as_json else typer.echo
    found = measure(count, idle_s, config_of(ctx).cache_dir, seed, say)
    if as_json:
        print_json(to_json(found))
    else:
        for line in lines(found):
            typer.echo(line)
    raise typer.Exit(RED if found.misses else GREEN)


@app.command("observers")
def observers(
    ctx: typer.Context,
    spec: Annotated[Path, typer.Argument(help="What is built.")] = Path("specs/numkit.yaml"),
    seeds: Annotated[str, typer.Option(help="Such as 1-5 or 1,4,7; a pair of builds each.")] = "1-5",
    out: Annotated[Path | None, typer.Option(help="Write the table into this Markdown file.")] = None,
) -> None:
    """Build with and without the web view, `trace -f` and telemetry. Exit code 1 if that costs over 3 %."""
    from guildbus.launch.bench import between_marks
    from guildbus.launch.bench.eval.seeds import read_seeds
    from guildbus.launch.bench.observers import MARKS, TARGET, Pair, lines, measure, median_ratio

    def keep(pairs: list[Pair]) -> None:
        if out is not None:
            between_marks.write(out, *MARKS, "\n".join(lines(pairs)))

    if out is not None:
        between_marks.prepare(out, "# What looking on costs", *MARKS)
    wanted = list(read_seeds(seeds))
    pairs = asyncio.run(measure(config_of(ctx), spec.absolute(), wanted, asked_config(ctx), typer.echo, keep))
    typer.echo("\n".join(lines(pairs)))
    median = median_ratio(pairs)
    raise typer.Exit(GREEN if median is not None and median <= TARGET else RED)


@app.command("bus")
def bus(
    ctx: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="A few seconds: does every arm run?")] = False,
    only: Annotated[list[str] | None, typer.Option(help="One arm; may be given again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the tables into this Markdown file.")] = None,
) -> None:
    """The bus beside a bare forwarder, NATS, JetStream and AutoGen. Exit code 1 if a target is missed."""
    from guildbus.launch.bench import between_marks
    from guildbus.launch.bench.bus import report
    from guildbus.launch.bench.bus.arms import REMEDY, chosen, missing
    from guildbus.launch.bench.bus.running import QUICK, Plan, run

    arms = chosen(only or [])
    for arm in arms:
        if lacks := missing(arm):
            typer.echo(f"left out: {arm.label}, for want of {', '.join(lacks)} ({REMEDY})")
    here = [arm for arm in arms if not missing(arm)]
    results = run(QUICK if quick else Plan(), here, config_of(ctx).state_dir, typer.echo)
    if out is not None:
        text = report.tables(results, report.draw_beside(out, results))
        between_marks.write(out, report.BEGIN, report.END, text)
    typer.echo(report.tables(results))
    raise typer.Exit(GREEN if all(target.reached for target in report.reached(results)) else RED)


@app.command("oracle")
def oracle(
    ctx: typer.Context,
    specs: Annotated[str, typer.Option(help="Names, with commas; all with known code by default.")] = "",
    problems: Annotated[
        list[Path] | None, typer.Option(help="A JSON-lines file of problems too; may be given again.")
    ] = None,
    take: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many problems of a file.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first sampling seed of the references.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the tables into this Markdown file.")] = None,
) -> None:
    """Wrong rows in right tests, wrong code, and right code, before real references.

    Exit code 1 if a bug was blessed: a right row edited, one corrected wrongly, wrong code called right.
    """
    from guildbus.launch.bench.oracle.matters import problem_matters, shipped_matters
    from guildbus.launch.bench.oracle.report import sound, tables
    from guildbus.launch.bench.oracle.runner import run

    if take is not None and not problems:
        raise UsageError("there are no problems to take from", where="--take", remedy="give --problems")
    names = [name.strip() for name in specs.split(",") if name.strip()]
    matters = shipped_matters(names, Path()) if names or not problems else []
    matters += [matter for path in problems or () for matter in problem_matters(path, take)]
    found = asyncio.run(run(config_of(ctx), matters, seed, out, typer.echo))
    typer.echo("\n" + tables(found))
    raise typer.Exit(GREEN if sound(found) else RED)


@app.command("eval")
def evaluate(
    ctx: typer.Context,
    specs: Annotated[str, typer.Option(help="Names or files, with commas; all of specs/ by default.")] = "",
    seeds: Annotated[
        str, typer.Option(help="Such as 1-5 or 1,4,7; 1-5 by default, 1 for problems.", show_default=False)
    ] = "",
    problems: Annotated[
        list[Path] | None, typer.Option(help="A JSON-lines file of problems instead; may be given again.")
    ] = None,
    take: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many problems of a file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the tables into this Markdown file, the rows beside it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on: leave out what has a row there.")] = False,
) -> None:
    """Build specs x seeds and judge each result by hidden tests.

    Exit code 1 if a green is wrong, 3 if a build broke for want of what it stands on.
    """
    from guildbus.launch.bench.eval.problems import problem_tasks
    from guildbus.launch.bench.eval.runner import Evaluation, text
    from guildbus.launch.bench.eval.runner import evaluate as run
    from guildbus.launch.bench.eval.seeds import read_seeds
    from guildbus.launch.bench.eval.suites import shipped

    if problems and specs:
        raise UsageError("both cannot be built at once", where="--specs and --problems")
    if take is not None and not problems:
        raise UsageError("there are no problems to take from", where="--take", remedy="give --problems")
    names = [name.strip() for name in specs.split(",") if name.strip()]
    tasks = (
        [task for path in problems for task in problem_tasks(path, take)]
        if problems
        else shipped(names, Path())
    )
    plan = Evaluation(
        kind="problems" if problems else "specs",
        tasks=tasks,
        seeds=read_seeds(seeds or ("1" if problems else "1-5")),
        out=out,
        resume=resume,
        asked=asked_config(ctx),
    )
    rows = asyncio.run(run(config_of(ctx), plan, typer.echo))
    typer.echo("\n" + text(plan.kind, rows))
    if any(row.green_but_wrong for row in rows):
        raise typer.Exit(RED)
    raise typer.Exit(INFRASTRUCTURE if any(row.failed for row in rows) else GREEN)


@app.command("finishers")
def finishers(
    ctx: typer.Context,
    specs: Annotated[str, typer.Option(help="Names or files, with commas.")] = "numkit",
    seeds: Annotated[str, typer.Option(help="Such as 1-10 or 1,4,7.")] = "1-10",
    only: Annotated[list[str] | None, typer.Option(help="One finisher; may be given again.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the tables into this Markdown file, the rows beside it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on: leave out what has a row there.")] = False,
) -> None:
    """Each seed without finishers, and with go-review, go-doc and go-bench alone; hidden tests judge all.

    Exit code 1 if a finisher made something wrong that was right, 3 if a build broke.
    """
    from guildbus.launch.bench.eval.seeds import read_seeds
    from guildbus.launch.bench.eval.suites import shipped
    from guildbus.launch.bench.finishers.runner import SHIPPED, Plan, run
    from guildbus.launch.bench.finishers.tables import spoilt, tables

    names = [name.strip() for name in specs.split(",") if name.strip()]
    plan = Plan(
        tasks=shipped(names, Path()),
        seeds=read_seeds(seeds),
        arms=tuple(only or SHIPPED),
        out=out,
        resume=resume,
        asked=asked_config(ctx),
    )
    rows = asyncio.run(run(config_of(ctx), plan, typer.echo))
    typer.echo("\n" + tables(rows))
    if spoilt(rows):
        raise typer.Exit(RED)
    raise typer.Exit(INFRASTRUCTURE if any(row.failed for row in rows) else GREEN)
