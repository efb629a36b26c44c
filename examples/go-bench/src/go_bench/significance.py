"""Is the new one faster? The Mann-Whitney U test on repeated runs, one-sided. Pure.

Times of a benchmark are not normally distributed (a busy machine only ever makes them longer), so ranks
are compared and not means. With ALPHA 0.01 and RUNS 12 a side, one of a hundred equally fast implementations
would pass; a gain of less than LEAST_GAIN is not worth other code even if it is real.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

ALPHA = 0.01
RUNS = 12
"""Runs of each implementation."""
LEAST_GAIN = 0.05
"""The part of the median time that has to be saved."""


@dataclass(frozen=True)
class Comparison:
    """Median times in nanoseconds, and the probability of such ranks if the new one were not faster."""

    old_ns: float
    new_ns: float
    p: float
    runs: int

    @property
    def faster(self) -> bool:
        """Significantly, and by enough."""
        return self.p < ALPHA and self.new_ns <= self.old_ns * (1 - LEAST_GAIN)

    def __str__(self) -> str:
        verdict = "faster" if self.faster else "not faster"
        times = (
            f"median {self.old_ns:.4g} ns before, {self.new_ns:.4g} ns after, {self.runs} runs each in turn"
        )
        terms = f"alpha {ALPHA}, least gain {LEAST_GAIN:.0%}"
        return f"{verdict}: {times}, p = {self.p:.2g} by Mann-Whitney ({terms})"


def compare(old: Sequence[float], new: Sequence[float]) -> Comparison:
    """Two samples of times. ValueError if one is empty."""
    if not old or not new:
        raise ValueError("a sample without a time")
    return Comparison(
        statistics.median(old), statistics.median(new), p_smaller(new, old), min(len(old), len(new))
    )


def p_smaller(x: Sequence[float], y: Sequence[float]) -> float:
    """The one-sided p-value of the Mann-Whitney U test that `x` is stochastically smaller than `y`.

    Exact where no two values are equal, else by the normal approximation with corrections for ties and
    continuity (Mann and Whitney 1947; Lehmann, Nonparametrics, 1975).
    """
    u = sum((a > b) + 0.5 * (a == b) for a in x for b in y)
    n, m = len(x), len(y)
    values = [*x, *y]
    if len(set(values)) == len(values):
        return sum(_ways(n, m, k) for k in range(int(u) + 1)) / math.comb(n + m, n)
    ties = sum(t**3 - t for t in (values.count(value) for value in set(values)))
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    return statistics.NormalDist().cdf((u - n * m / 2 + 0.5) / math.sqrt(variance))


@cache
def _ways(n: int, m: int, u: int) -> int:
    """In how many orders of n x's and m y's exactly u pairs have the x behind the y."""
    if u < 0:
        return 0
    if n == 0 or m == 0:
        return int(u == 0)
    return _ways(n - 1, m, u - m) + _ways(n, m - 1, u)
