"""How a mutation score looks on a terminal: what became of the mutants, and a diff of each that survived."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COUNTS = (
    ("killed", "killed"),
    ("survived", "survived"),
    ("equivalent", "equivalent, left out"),
    ("not_compiled", "not compiled, left out"),
    ("skipped", "not run, for want of time"),
)
_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def print_teeth(console: Console, teeth: Mapping[str, Any]) -> None:
    """Print the `teeth` of a report: the score, a table of fates, then the survivors."""
    console.print()
    console.print(f"[bold]teeth[/] {teeth_text(teeth)}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("mutants")
    table.add_column("number", justify="right")
    for key, label in _COUNTS:
        if teeth[key] or key in ("killed", "survived"):
            aside = f" ({teeth['timed_out']} by not ending)" if key == "killed" and teeth["timed_out"] else ""
            table.add_row(f"{label}{aside}", str(teeth[key]))
    table.add_row("total", str(teeth["total"]))
    console.print(table)
    if teeth["found"] > teeth["total"]:
        console.print(f"a sample, even over functions: {teeth['total']} of {teeth['found']} mutants")
    for one in teeth["survivors"]:
        console.print()
        console.print(f"[bold]{one['file']}:{one['line']}[/]  {one['function']}  {one['operator']}")
        for line in one["diff"].splitlines()[2:]:
            console.print(Text(f"  {line}", style=_COLOURS.get(line[:1], "")))


def teeth_text(teeth: Mapping[str, Any]) -> str:
    """`0.71 (17 of 24 mutants killed)`, or why there is no score."""
    if teeth["score"] is None:
        return f"none: {teeth['why']}"
    judged = teeth["killed"] + teeth["survived"]
    return f"{teeth['score']:.2f} ({teeth['killed']} of {judged} mutants killed)"
