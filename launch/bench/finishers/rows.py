"""What is known of one build with one finisher, or none: a row. It is kept at once: `../row_file.py`."""

from collections.abc import Mapping
from typing import Any, Final

from guildbus.launch.bench.row_file import KeptRow

BASELINE: Final = "none"
"""The arm without a finisher."""


class Row(KeptRow):
    """One build. Times in seconds, tokens of prompts and answers together.

    `arm` is the finisher's role; `right` says whether the hidden tests pass, None where none judge it;
    `teeth` is the mutation score of the result, `teeth_before` that of the package which the finisher was
    given; `seconds` is what the finisher took with its judgement; `why` says why its edit was not kept.
    """

    spec: str
    seed: int
    arm: str
    run_id: str
    status: str
    green: bool
    score: int
    right: bool | None
    teeth: float | None
    teeth_before: float | None = None
    wall_s: float
    seconds: float = 0.0
    kept: bool = False
    why: str = ""
    note: str = ""
    calls: int = 0
    tokens: int = 0

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it this build and no other."""
        return (self.spec, self.seed, self.arm)

    @property
    def failed(self) -> bool:
        """Whether it says nothing of the guild's work: what the build stands on broke."""
        return self.status.startswith("red:infra")


def row_of(spec: str, seed: int, arm: str, report: Mapping[str, Any], right: bool | None) -> Row:
    """The row of a build, from the report that `build --json` ends with."""
    finishers = report.get("finishers") or [{}]
    one = finishers[0]
    return Row(
        spec=spec,
        seed=seed,
        arm=arm,
        run_id=report["run_id"],
        status=report["status"],
        green=report["green"],
        score=report["score"]["total"],
        right=right,
        teeth=(report.get("teeth") or {}).get("score"),
        teeth_before=one.get("before", {}).get("teeth"),
        wall_s=report["wall_s"],
        seconds=one.get("seconds", 0.0),
        kept=one.get("kept", False),
        why=one.get("why", ""),
        note=one.get("note", ""),
        calls=one.get("calls", 0),
        tokens=one.get("tokens", 0),
    )
