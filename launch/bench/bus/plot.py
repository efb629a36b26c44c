"""The picture: round trip and throughput by agents at the smallest size, and cost by length of queue."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from guildbus.launch.bench.bus.arms import ARMS
from guildbus.launch.bench.bus.figures import Figure, spread
from guildbus.launch.bench.bus.load import Spread
from guildbus.launch.bench.bus.running import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: Final = ("#888888", "#7fb3d5", "#1f4e79", "#a9cf8f", "#2e7d32", "#e0a030", "#b5651d", "#b03a2e")


def draw(results: Results, path: Path) -> None:
    """Write a PNG. Raises ImportError without matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(16, 5), layout="constrained")
    _bars(left, results, "p50", "round trip p50, us (less is better)")
    _bars(middle, results, "throughput", "round trips a second (more is better)")
    _depth(right, results)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _bars(axes: "Axes", results: Results, figure: Figure, title: str) -> None:
    size = results.plan.sizes_bytes[0]
    width = 0.8 / len(ARMS)
    for place, arm in enumerate(ARMS):
        found = [spread(results, arm.key, agents, size, figure) for agents in results.plan.agents]
        shown = [(at, one) for at, one in enumerate(found) if one is not None]
        axes.bar(
            [at + (place - (len(ARMS) - 1) / 2) * width for at, _ in shown],
            [one.median for _, one in shown],
            width,
            yerr=[
                [one.median - one.least for _, one in shown],
                [one.most - one.median for _, one in shown],
            ],
            error_kw={"lw": 0.8},
            color=COLOURS[place],
            label=arm.label,
        )
    axes.set_yscale("log")
    axes.set_title(f"{title}, {size} B")
    axes.set_xticks(range(len(results.plan.agents)), [f"{count} agents" for count in results.plan.agents])
    axes.spines[["top", "right"]].set_visible(False)


def _depth(axes: "Axes", results: Results) -> None:
    depths = sorted(results.depths)
    spreads = [Spread.of(results.depths[depth].us) for depth in depths]
    axes.plot(depths, [one.median for one in spreads], marker="o", color=COLOURS[2])
    axes.fill_between(
        depths,
        [one.least for one in spreads],
        [one.most for one in spreads],
        color=COLOURS[1],
        alpha=0.4,
    )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title("guildbus, durable: us a message by messages waiting")
    axes.spines[["top", "right"]].set_visible(False)
