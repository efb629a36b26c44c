"""What a scenario is, and what it reports. `runner.py` has the list of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from guildbus.protocols.errors import InfrastructureError


class NotHere(InfrastructureError):
    """This machine does not permit a scenario: no network namespaces, no apsw. It is skipped, and said so."""

    code = "bench.not_here"


@dataclass(slots=True)
class Outcome:
    """What one scenario found. The four counts must be 0.

    `faults` is how many faults struck, `messages` how many work messages the journal had in the end;
    `worst_recovery_s` is the longest time from a fault, or from its end, until the work went on.
    `wrong` says in words what else was not as promised.
    """

    faults: int = 0
    messages: int = 0
    lost: int = 0
    double: int = 0
    hangs: int = 0
    let_in: int = 0
    worst_recovery_s: float | None = None
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def recovered(self, seconds: float) -> None:
        """One fault was got over in this time."""
        self.worst_recovery_s = max(self.worst_recovery_s or 0.0, seconds)

    def add(self, other: "Outcome") -> None:
        """Take the figures of a part."""
        self.faults += other.faults
        self.messages += other.messages
        self.lost += other.lost
        self.double += other.double
        self.hangs += other.hangs
        self.let_in += other.let_in
        if other.worst_recovery_s is not None:
            self.recovered(other.worst_recovery_s)
        self.notes += other.notes
        self.wrong += other.wrong


@dataclass(frozen=True, slots=True)
class Trial:
    """What a scenario is given: how many faults, where to work, its own chance; `planted` names a fault of
    the broker's own (`planted.py`), which the scenario should find.
    """

    count: int
    folder: Path
    chance: Random
    planted: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`count` faults in a full run, at least `least` in a scaled one."""

    name: str
    title: str
    count: int
    least: int
    run: Callable[[Trial], Awaitable[Outcome]]

    def scaled(self, scale: float) -> int:
        """How many faults at this scale, 0 to 1."""
        return max(self.least, round(self.count * scale))


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario that was run, or the reason why it could not be."""

    scenario: Scenario
    outcome: Outcome
    wall_s: float
    skipped: str = ""

    @property
    def ok(self) -> bool:
        """All zeros, and nothing else wrong. One that was skipped has proved nothing, and broken nothing."""
        found = self.outcome
        return not (found.lost or found.double or found.hangs or found.let_in or found.wrong)
