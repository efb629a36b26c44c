"""The tables, in Markdown: for the terminal and for the part of docs/performance.md between two marks."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from guildbus.launch.bench.bus.arms import ARMS
from guildbus.launch.bench.bus.figures import (
    RATIOS,
    TARGETS,
    Comparison,
    Figure,
    Target,
    depth_target,
    places,
    ratio,
    spread,
    target,
)
from guildbus.launch.bench.bus.load import Spread
from guildbus.launch.bench.bus.running import Results

BEGIN: Final = "<!-- guildbus bench bus: from here -->"
END: Final = "<!-- guildbus bench bus: to here -->"
_NAMES: Final[dict[Figure, str]] = {
    "p50": "round trip p50",
    "p99": "round trip p99",
    "throughput": "throughput",
}


def tables(results: Results, picture: str | None = None) -> str:
    """All of it, the ratios first."""
    parts = ["### What the bus set itself", _targets(results)]
    if picture is not None:
        parts.append(f"![Round trip, throughput and cost by length of queue]({picture})")
    parts += ["### Ratios", _ratios(results), "### Absolute figures", _machine(results)]
    parts += [_absolutes(results, figure) for figure in ("p50", "p99", "throughput")]
    if results.depths:
        parts += ["### Cost of a message by length of its queue", _depths(results)]
    return "\n\n".join(parts)


def draw_beside(path: Path, results: Results) -> str | None:
    """The picture's name, in the folder of the report; None without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        return None
    from guildbus.launch.bench.bus.plot import draw

    picture = path.with_name(f"{path.stem}-bus.png")
    draw(results, picture)
    return picture.name


def reached(results: Results) -> list[Target]:
    """Every target that could be measured."""
    found = [target(results, comparison, _text(comparison)) for comparison in TARGETS]
    return [one for one in (*found, depth_target(results)) if one is not None]


def _text(comparison: Comparison) -> str:
    labels = {arm.key: arm.label for arm in ARMS}
    return f"{_NAMES[comparison.figure]}: {labels[comparison.ours]} / {labels[comparison.theirs]}"


def _targets(results: Results) -> str:
    rows = [
        (one.text, one.bar, one.typical, one.worst, "yes" if one.reached else "**no**")
        for one in reached(results)
    ]
    return _table(("ratio", "bar", "median of all places", "worst place", "reached everywhere"), rows)


def _ratios(results: Results) -> str:
    rows = []
    for comparison in RATIOS:
        found = [ratio(results, comparison, *place) for place in places(results)]
        if any(one is not None for one in found):
            rows.append((_text(comparison), *(_times(one) for one in found)))
    return _table(("ratio", *_columns(results)), rows)


def _machine(results: Results) -> str:
    plan = results.plan
    return (
        f"{os.cpu_count()} cores, {plan.repeats} interleaved repeats of {plan.seconds:g} s; the median, and "
        f"in brackets the least and the most. A round trip is measured with 1 request in flight an agent, "
        f"throughput with {plan.window}. Ratios are taken repeat by repeat."
    )


def _absolutes(results: Results, figure: Figure) -> str:
    name = {"p50": "round trip p50, us", "p99": "round trip p99, us", "throughput": "round trips a second"}
    rows = []
    for arm in ARMS:
        found = [spread(results, arm.key, *place, figure) for place in places(results)]
        if any(one is not None for one in found):
            rows.append((arm.label, *(_whole(one) for one in found)))
    return _table((name[figure], *_columns(results)), rows)


def _depths(results: Results) -> str:
    shortest = Spread.of(results.depths[min(results.depths)].us).median
    rows = []
    for depth, deep in sorted(results.depths.items()):
        us = Spread.of(deep.us)
        cost = f"{us.median:.1f} ({us.least:.1f}-{us.most:.1f})"
        ratio_text = f"{us.median / shortest:.2f}x"
        rows.append((f"{depth:,}", cost, ratio_text, f"{deep.fill_us:.1f}", f"{deep.rss_mb:.0f}"))
    head = (
        "messages waiting",
        "us a message",
        "of the shortest",
        "us to publish one",
        "broker, MB",
    )
    return _table(head, rows)


def _columns(results: Results) -> list[str]:
    return [f"{agents} ag. {_size(size)}" for agents, size in places(results)]


def _size(size_bytes: int) -> str:
    return f"{size_bytes} B" if size_bytes < 1024 else f"{size_bytes // 1024} KiB"


def _times(value: Spread | None) -> str:
    return "-" if value is None else f"{value.median:.2f} ({value.least:.2f}-{value.most:.2f})"


def _whole(value: Spread | None) -> str:
    return "-" if value is None else f"{value.median:,.0f} ({value.least:,.0f}-{value.most:,.0f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
