"""The figures: a table for people, JSON for scripts, and the generated part of docs/faults.md."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from guildbus.launch.bench import between_marks
from guildbus.launch.bench.faults.scenario import Result
from guildbus.launch.cli.console import out

BEGIN: Final = "<!-- figures: written by `guildbus bench faults --out` -->"
END: Final = "<!-- end of figures -->"
COLUMNS: Final = (
    "scenario",
    "faults",
    "messages",
    "lost",
    "double",
    "hangs",
    "let in",
    "worst recovery",
    "took",
)


def cells(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    found = result.outcome
    if result.skipped:
        return (result.scenario.title, f"skipped: {result.skipped}", *("-" for _ in COLUMNS[2:]))
    recovery = "-" if found.worst_recovery_s is None else f"{found.worst_recovery_s:.2f} s"
    counts = (found.faults, found.messages, found.lost, found.double, found.hangs, found.let_in)
    return (result.scenario.title, *(f"{count:,}" for count in counts), recovery, f"{result.wall_s:.0f} s")


def print_table(results: Sequence[Result]) -> None:
    """The table, what each scenario has to add, and what was wrong."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "scenario" else "right")
    for result in results:
        table.add_row(*cells(result), style="" if result.ok else "red")
    console = out()
    console.print(table)
    for result in results:
        for note in result.outcome.notes:
            console.print(f"{result.scenario.name}: {note}")
        for wrong in result.outcome.wrong:
            console.print(f"[red]{result.scenario.name}: {wrong}[/red]")


def as_json(result: Result) -> dict[str, Any]:
    """The same for scripts."""
    found = result.outcome
    return {
        "scenario": result.scenario.name,
        "ok": result.ok,
        "skipped": result.skipped,
        "faults": found.faults,
        "messages": found.messages,
        "lost": found.lost,
        "double": found.double,
        "hangs": found.hangs,
        "let_in": found.let_in,
        "worst_recovery_s": found.worst_recovery_s,
        "wall_s": round(result.wall_s, 1),
        "notes": found.notes,
        "wrong": found.wrong,
    }


def write_section(path: Path, results: Sequence[Result]) -> None:
    """Put the rows between the markers (OutputError without); rows of scenarios that were not run stay."""
    former = between_marks.read(path, BEGIN, END)
    between_marks.write(path, BEGIN, END, section(former, results).strip())


def section(former: str, results: Sequence[Result]) -> str:
    """The generated Markdown: the machine, one table row a scenario, and their notes."""
    from guildbus.launch.bench.faults.runner import SCENARIOS

    rows = {line.split("|")[1].strip(): line for line in former.splitlines() if line.startswith("| ")}
    notes = {line[2:].partition(":")[0]: line for line in former.splitlines() if line.startswith("- ")}
    for result in results:
        rows[result.scenario.title] = "| " + " | ".join(cells(result)) + " |"
        notes.pop(result.scenario.title, None)
        if result.outcome.notes:
            notes[result.scenario.title] = f"- {result.scenario.title}: {'; '.join(result.outcome.notes)}"
    head = [f"On {os.cpu_count()} cores, broker, agents and bench together.", ""]
    head += ["| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    titles = [scenario.title for scenario in SCENARIOS]
    table = [rows[title] for title in titles if title in rows]
    told = [notes[title] for title in titles if title in notes]
    return "\n".join([*head, *table, "", *told]) + "\n"
