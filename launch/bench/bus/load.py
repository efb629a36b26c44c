"""What is asked of an arm and what comes back: plain data, and the arithmetic over repeats."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Load:
    """`window` requests of `size_bytes` in flight from every asking agent, for `seconds`."""

    size_bytes: int
    window: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """`count` round trips in `seconds`; the quantiles are of the time from a request to its answer."""

    count: int
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def per_s(self) -> float:
        """Round trips a second."""
        return self.count / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """For one JSON line."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Spread:
    """Several repeats of one figure: their median, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """At least one value."""
        return cls(statistics.median(values), min(values), max(values))


def body_of(number: int, size_bytes: int) -> bytes:
    """A body that says which one it is: eight bytes of number, the rest filled up."""
    return number.to_bytes(NUMBER_BYTES, "big").ljust(size_bytes, b"x")


def number_of(body: bytes) -> int:
    """What `body_of` put in."""
    return int.from_bytes(body[:NUMBER_BYTES], "big")


def summary(count: int, seconds: float, latencies_s: list[float]) -> Measured:
    """Sort the latencies and keep two quantiles."""
    latencies_s.sort()
    last = len(latencies_s) - 1
    p50, p99 = (latencies_s[round(last * part)] * 1e6 for part in (0.5, 0.99))
    return Measured(count, seconds, p50, p99)
