"""What runs out, and when: leases, redelivery delays, deadlines.

One heap for all of them. A timer is never cancelled: it names the attempt that it was set for, and
whoever is called checks whether that is still how things stand. `keep` drops those that mean nothing now.
"""

import heapq
from collections.abc import Callable
from typing import Literal, NamedTuple

TimerKind = Literal["lease", "delay", "deadline"]


class Timer(NamedTuple):
    """At `due` (seconds since the epoch), look at message `seq` as it stood at `attempt`."""

    due: float
    seq: int
    kind: TimerKind
    attempt: int


class Timers:
    """A heap of timers."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, kind: TimerKind, due: float, seq: int, attempt: int) -> None:
        """Remember to look at a message."""
        heapq.heappush(self._heap, Timer(due, seq, kind, attempt))

    def due(self, now: float) -> list[Timer]:
        """Take out all that are due."""
        ripe: list[Timer] = []
        while self._heap and self._heap[0].due <= now:
            ripe.append(heapq.heappop(self._heap))
        return ripe

    def next_due(self) -> float | None:
        """When the next one is due; None if there is none."""
        return self._heap[0].due if self._heap else None

    def keep(self, meant: Callable[[Timer], bool]) -> None:
        """Drop the timers that no longer mean anything."""
        self._heap = [timer for timer in self._heap if meant(timer)]
        heapq.heapify(self._heap)
