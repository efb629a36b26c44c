"""Which models of a fleet are asked first: those that answered lately. Pure, the clock is passed in.

A model that could not answer rests: 5 seconds, then 10, 20 and at most 60. Meanwhile its callers go to the
next of their fleet at once, instead of waiting for each failure anew. When the rest is over the next call
asks it again, and one good answer makes it well. Nothing is refused for it: where all rest, all are tried in
order.

This is one process's own knowledge, and only saves time: after a crash it starts well.
"""

from dataclasses import dataclass
from typing import Final

FIRST_REST_S: Final = 5.0
LONGEST_REST_S: Final = 60.0


@dataclass(slots=True)
class _Trouble:
    failures: int
    until: float


class FleetHealth:
    """Of each model, by its place in the fleet, whether it rests. Times are those of one monotonic clock."""

    def __init__(self) -> None:
        self._troubles: dict[int, _Trouble] = {}

    def resting(self, place: int, now: float) -> bool:
        """Whether it failed a short while ago."""
        trouble = self._troubles.get(place)
        return trouble is not None and now < trouble.until

    def failed(self, place: int, now: float) -> None:
        """It could not answer. Calls that ran side by side and failed together count once."""
        if self.resting(place, now):
            return
        failures = self._troubles[place].failures + 1 if place in self._troubles else 1
        rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2 ** (failures - 1))
        self._troubles[place] = _Trouble(failures, now + rest_s)

    def answered(self, place: int) -> None:
        """It is well."""
        self._troubles.pop(place, None)
