"""The tables of what finishers do, as Markdown, from the rows. Pure."""

import statistics
from collections.abc import Iterable, Sequence

from guildbus.launch.bench.eval.tables import table
from guildbus.launch.bench.finishers.rows import BASELINE, Row

_ARMS = (
    "finisher",
    "builds",
    "3/3",
    "right",
    "kept",
    "made right",
    "made wrong",
    "teeth, median",
    "seconds added",
)
_BUILDS = ("build", "finisher", "score", "right", "teeth", "seconds added", "tokens", "kept")


def line(row: Row) -> str:
    """One build in one line, as it comes."""
    parts = [row.spec, f"seed {row.seed}", f"finisher {row.arm}", row.status, f"{row.score}/3"]
    parts += [f"right {_yes(row.right)}", f"teeth {_number(row.teeth)}"]
    if row.arm != BASELINE:
        parts += [f"{row.seconds:.1f} s", _became(row)]
    return "  ".join(parts)


def tables(rows: Sequence[Row]) -> str:
    """A row for each arm over the builds that were green without finishers, then a row a build."""
    base = {(row.spec, row.seed): row for row in rows if row.arm == BASELINE}
    fair = [row for row in rows if (one := base.get((row.spec, row.seed))) is not None and one.green]
    arms = dict.fromkeys(row.arm for row in fair)
    summary = [_arm(arm, [row for row in fair if row.arm == arm], base) for arm in arms]
    ordered = sorted(rows, key=lambda row: (row.spec, row.seed))
    left_out = sum(not row.green for row in base.values())
    told = f"{len(base) - left_out} of {len(base)} builds were green and are compared."
    return "\n\n".join([told, table(_ARMS, summary), table(_BUILDS, map(_build, ordered))])


def spoilt(rows: Sequence[Row]) -> list[Row]:
    """The builds that were right without a finisher and are wrong with it."""
    right = {(row.spec, row.seed) for row in rows if row.arm == BASELINE and row.right}
    return [row for row in rows if (row.spec, row.seed) in right and row.right is False]


def _arm(arm: str, some: Sequence[Row], base: dict[tuple[str, int], Row]) -> list[str]:
    was = [(base[row.spec, row.seed].right, row.right) for row in some]
    idle = arm == BASELINE
    return [
        arm,
        str(len(some)),
        str(sum(row.score == 3 for row in some)),
        str(sum(row.right is True for row in some)),
        "-" if idle else str(sum(row.kept for row in some)),
        "-" if idle else str(sum(before is False and after is True for before, after in was)),
        "-" if idle else str(sum(before is True and after is False for before, after in was)),
        _median((row.teeth for row in some if row.teeth is not None), 2),
        "-" if idle else _median((row.seconds for row in some), 1),
    ]


def _build(row: Row) -> list[str]:
    idle = row.arm == BASELINE
    return [
        f"{row.spec}, seed {row.seed}",
        row.arm,
        f"{row.score}/3",
        _yes(row.right),
        _number(row.teeth),
        "-" if idle else f"{row.seconds:.1f}",
        "-" if idle else str(row.tokens),
        "-" if idle else _became(row).replace("|", "\\|"),
    ]


def _became(row: Row) -> str:
    if row.kept:
        return f"kept: {_short(row.note)}" if row.note else "kept"
    why = row.note if row.why == "nothing was proposed" and row.note else row.why
    return f"not kept: {_short(why)}" if why else "not asked"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else f"{text[:117]}..."


def _yes(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _median(values: Iterable[float], digits: int) -> str:
    found = list(values)
    return f"{statistics.median(found):.{digits}f}" if found else "-"
