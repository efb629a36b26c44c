"""What the results say: ratios between neighbours, and whether the bus reaches what it set itself. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from guildbus.launch.bench.bus.load import Measured, Spread
from guildbus.launch.bench.bus.running import CALM, Cell, Results

Figure = Literal["p50", "p99", "throughput"]
_OF: Final[dict[Figure, Callable[[Measured], float]]] = {
    "p50": lambda measured: measured.p50_us,
    "p99": lambda measured: measured.p99_us,
    "throughput": lambda measured: measured.per_s,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`figure` of arm `ours` over that of arm `theirs`; good is at most (or at least) `bar`."""

    ours: str
    theirs: str
    figure: Figure
    bar: float

    @property
    def less_is_good(self) -> bool:
        """Times shall be short, throughput high."""
        return self.figure != "throughput"

    def good(self, ratio: float) -> bool:
        """Whether a ratio reaches the bar."""
        return ratio <= self.bar if self.less_is_good else ratio >= self.bar


@dataclass(frozen=True, slots=True)
class Target:
    """What the bus set itself, and what was measured: the worst cell, and all of them."""

    text: str
    bar: str
    worst: str
    typical: str
    reached: bool


RATIOS: Final = (
    Comparison("thin-forgetful", "forwarder", "p50", 1.5),
    Comparison("thin-forgetful", "forwarder", "throughput", 0.6),
    Comparison("durable", "jetstream", "throughput", 2.0),
    Comparison("forgetful", "autogen", "p50", 1.0),
    Comparison("forgetful", "autogen", "p99", 1.0),
    Comparison("forgetful", "autogen", "throughput", 1.0),
    Comparison("durable", "autogen", "p50", 1.0),
    Comparison("durable", "autogen", "p99", 1.0),
    Comparison("durable", "autogen", "throughput", 1.0),
    Comparison("durable", "jetstream", "p50", 1.0),
    Comparison("forgetful", "nats", "p50", 1.0),
    Comparison("forgetful", "nats", "throughput", 1.0),
)
TARGETS: Final = RATIOS[:9]
DEPTH_BAR: Final = 1.3


def spread(results: Results, arm: str, agents: int, size_bytes: int, figure: Figure) -> Spread | None:
    """One figure of one place of the table; None if the arm was not measured."""
    repeats = _repeats(results, arm, agents, size_bytes, figure)
    return Spread.of([_OF[figure](measured) for measured in repeats]) if repeats else None


def ratio(results: Results, comparison: Comparison, agents: int, size_bytes: int) -> Spread | None:
    """Repeat by repeat, so that both sides had the same machine; None if one was not measured."""
    pair = [
        _repeats(results, arm, agents, size_bytes, comparison.figure)
        for arm in (comparison.ours, comparison.theirs)
    ]
    of = _OF[comparison.figure]
    values = [of(ours) / of(theirs) for ours, theirs in zip(*pair, strict=False)]
    return Spread.of(values) if values else None


def places(results: Results) -> list[tuple[int, int]]:
    """(agents, size in bytes), in the order of the tables."""
    return [(agents, size) for agents in results.plan.agents for size in results.plan.sizes_bytes]


def target(results: Results, comparison: Comparison, text: str) -> Target | None:
    """Reached is what the median ratio reaches in every place."""
    found = [ratio(results, comparison, *place) for place in places(results)]
    medians = sorted(one.median for one in found if one is not None)
    if not medians:
        return None
    worst = medians[-1] if comparison.less_is_good else medians[0]
    bar = f"{'at most' if comparison.less_is_good else 'at least'} {comparison.bar:g}x"
    typical = f"{medians[len(medians) // 2]:.2f}x"
    return Target(text, bar, f"{worst:.2f}x", typical, all(map(comparison.good, medians)))


def depth_target(results: Results) -> Target | None:
    """The dearest length of queue over the cheapest."""
    medians = sorted(Spread.of(deep.us).median for deep in results.depths.values())
    if len(medians) < 2:
        return None
    worst = medians[-1] / medians[0]
    text = "cost of a message, longest queue to shortest"
    return Target(text, f"at most {DEPTH_BAR:g}x", f"{worst:.2f}x", f"{worst:.2f}x", worst <= DEPTH_BAR)


def _repeats(results: Results, arm: str, agents: int, size_bytes: int, figure: Figure) -> list[Measured]:
    window = results.plan.window if figure == "throughput" else CALM
    return results.cells.get(Cell(arm, agents, size_bytes, window), [])
