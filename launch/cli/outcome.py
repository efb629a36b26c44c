"""What the commands that see a run to its end share: the view, Ctrl-C, the result and its exit code."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.table import Table

from guildbus.launch.cli.console import GREEN, INFRASTRUCTURE, INTERRUPTED, RED, out, print_json
from guildbus.launch.cli.teeth import teeth_text

if TYPE_CHECKING:
    from guildbus.launch.results import BuildReport

ResultT = TypeVar("ResultT")
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
UnsafeOption = Annotated[
    bool, typer.Option("--unsafe-no-sandbox", help="Run generated code without a sandbox. Don't.")
]


def run_to_end(work: Coroutine[Any, Any, ResultT], view: Any, published: list[str]) -> ResultT:
    """Run to the end, or until Ctrl-C; then say how to go on with the run, if it is in the journal."""
    from guildbus.launch.interrupting import run_until_interrupted

    try:
        return run_until_interrupted(work)
    except KeyboardInterrupt:
        view.close()
        hint = f": guildbus resume {published[0]} goes on" if published else ""
        sys.stderr.write(f"interrupted{hint}\n")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        view.close()


def conclude(result: "BuildReport", *, as_json: bool) -> None:
    report = result.model_dump(mode="json")
    if as_json:
        print_json(report)
    else:
        _print_result(report, result.folder)
    raise typer.Exit(_exit_code(report))


def open_view(title: str, roles: tuple[str, ...], *, as_json: bool) -> Any:
    from guildbus.launch.live import PlainView, SilentView, TerminalView

    if as_json:
        return SilentView()
    console = out()
    if console.is_terminal:
        return TerminalView(console, title, roles)
    return PlainView(lambda text: print(text, flush=True))  # noqa: T201 - the plain view's output is this


def _exit_code(report: dict[str, Any]) -> int:
    if report["green"]:
        return GREEN
    return INFRASTRUCTURE if report["status"].startswith("red:infra") else RED


def _print_result(report: dict[str, Any], folder: Path) -> None:
    console = out()
    score = report["score"]
    stages = Table(box=None, pad_edge=False, header_style="bold")
    stages.add_column("stage")
    stages.add_column("result")
    for stage in ("build", "vet", "test"):
        stages.add_row(f"go {stage}", "[green]pass[/]" if score[stage] else "[red]fail[/]")
    files = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("file", "author", "sha256"):
        files.add_column(column)
    for file in report["files"]:
        files.add_row(file["path"], file["author"], file["sha256"][:12])
    model = report["model"]
    console.print()
    console.print(files)
    console.print()
    console.print(stages)
    console.print()
    colour = "green" if report["green"] else "red"
    console.print(f"score_backend {score['total']}/3   [{colour}]{report['status']}[/]")
    console.print(
        f"{report['wall_s']:.1f} s in {report['rounds']} round{'s' * (report['rounds'] != 1)}: "
        f"model {model['calls']} calls, {model['prompt_tokens']} + {model['completion_tokens']} tokens; "
        f"toolchain {report['toolchain_s']:.1f} s; the guild itself {report['overhead_s']:.1f} s"
    )
    if report["teeth"]:
        console.print(f"teeth {teeth_text(report['teeth'])}")
    for one in report["finishers"]:
        what = "kept" if one["kept"] else f"not kept: {one['why']}"
        console.print(f"{one['role']}: {what}, {one['seconds']:.1f} s", markup=False)
    if report["diagnosis"]:
        console.print(report["diagnosis"], markup=False)
    if report["files"]:
        console.print(f"package: {_from_here(folder)}")
    console.print(f"trace:   guildbus trace {report['run_id']}")


def _from_here(folder: Path) -> Path:
    """The short name of a folder below the current one."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
