"""The tables of an evaluation, as Markdown, from its rows. Pure."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from guildbus.launch.bench.eval.rows import Row

_BUILD: Final[tuple[tuple[str, Callable[[Row], str]], ...]] = (
    ("spec", lambda row: row.name),
    ("seed", lambda row: str(row.seed)),
    ("status", lambda row: row.status),
    ("score", lambda row: "-" if row.score is None else f"{row.score}/3"),
    ("right", lambda row: _yes(row.right)),
    ("honest", lambda row: _yes(row.honest)),
    ("seconds", lambda row: f"{row.wall_s:.1f}"),
    ("guild's own", lambda row: f"{100 * row.overhead_s / row.wall_s:.1f} %" if row.wall_s else "-"),
    ("tokens", lambda row: f"{row.tokens}"),
    ("rounds", lambda row: str(row.rounds)),
    ("interventions", lambda row: str(row.interventions)),
    ("teeth", lambda row: _number(row.teeth)),
)
_COUNTS: Final[tuple[tuple[str, Callable[[Row], bool]], ...]] = (
    ("green", lambda row: row.examined),
    ("green:unexamined", lambda row: row.green and not row.examined),
    ("red", lambda row: row.red),
    ("right", lambda row: row.green and row.right is True),
    ("green but wrong", lambda row: row.green_but_wrong),
    ("honest", lambda row: row.green and row.honest is True),
)
_SOLVED: Final[tuple[tuple[str, Callable[[Row], bool]], ...]] = (
    ("solved", lambda row: row.right is True),
    ("green", lambda row: row.examined),
    ("green:unexamined", lambda row: row.green and not row.examined),
    ("green and right", lambda row: row.green and row.right is True),
    ("green but wrong", lambda row: row.green_but_wrong),
    ("red", lambda row: row.red),
    ("red but right", lambda row: row.red and row.right is True),
)


def line(row: Row) -> str:
    """One build in one line, as it comes."""
    cells = [f"{head} {cell(row)}" for head, cell in _BUILD[3:] if cell(row) != "-"]
    return "  ".join([row.name, f"seed {row.seed}", row.status, *cells])


def spec_tables(rows: Sequence[Row]) -> str:
    """A summary row a spec and one for all of them, then a row a build."""
    head = ("spec", "builds", *(name for name, _ in _COUNTS), *_means_head(rows))
    summary = [_summary(group, some, _COUNTS, rows) for group, some in _groups(rows)]
    if len(summary) > 1:
        summary.append(_summary("all", rows, _COUNTS, rows))
    shown = [column for column in _BUILD if column[0] != "teeth" or _has_teeth(rows)]
    builds = [[cell(row) for _, cell in shown] for _, some in _groups(rows) for row in some]
    return "\n\n".join([table(head, summary), table([name for name, _ in shown], builds)])


def problem_tables(rows: Sequence[Row]) -> str:
    """A summary row a set, and the names of the greens that are wrong."""
    head = ("set", "problems", *(name for name, _ in _SOLVED), *_means_head(rows))
    parts = [table(head, [_summary(group, some, _SOLVED, rows) for group, some in _groups(rows)])]
    wrong = [f"{row.name} (seed {row.seed})" for row in rows if row.green_but_wrong]
    if wrong:
        parts.append(f"Green but wrong: {', '.join(wrong)}.")
    return "\n\n".join(parts)


def _summary(
    group: str,
    some: Sequence[Row],
    counts: Sequence[tuple[str, Callable[[Row], bool]]],
    rows: Sequence[Row],
) -> list[str]:
    done = [row for row in some if not row.failed]
    cells = [group, str(len(done)), *(str(sum(map(holds, done))) for _, holds in counts)]
    cells += [
        _median(row.wall_s for row in done),
        _median((row.tokens for row in done), 0),
        _median(row.rounds for row in done),
        str(sum(row.interventions for row in done)),
    ]
    if _has_teeth(rows):
        cells.append(_median((row.teeth for row in done if row.teeth is not None), 2))
    if any(row.failed for row in rows):
        cells.append(str(len(some) - len(done)))
    return cells


def _means_head(rows: Sequence[Row]) -> list[str]:
    head = ["seconds", "tokens", "rounds", "interventions"]
    if _has_teeth(rows):
        head.append("teeth")
    if any(row.failed for row in rows):
        head.append("failed to run")
    return head


def _groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each group, by seed and then as they came; groups as they came."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    return [(group, sorted(some, key=lambda row: row.seed)) for group, some in found.items()]


def _has_teeth(rows: Sequence[Row]) -> bool:
    return any(row.teeth is not None for row in rows)


def _yes(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _median(values: Iterable[float], digits: int = 1) -> str:
    found = list(values)
    return f"{statistics.median(found):.{digits}f}" if found else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
