"""What is known of one build and of its judging: a row. It is kept at once: `../row_file.py`."""

from collections.abc import Mapping
from typing import Any

from guildbus.launch.bench.eval.jobs import Kind, Task
from guildbus.launch.bench.row_file import KeptRow


class Row(KeptRow):
    """One build. Times in seconds, tokens of prompts and answers together.

    `status` is the build's own (`green` is examined, `green:unexamined` is not); `right` says whether the
    hidden tests pass, `honest` whether a green's named tests fail on the emptied implementation: None where
    nothing asks. `score` is the build's own of 3, `teeth` the mutation score, None if the build has none.
    """

    kind: Kind
    group: str
    name: str
    seed: int
    run_id: str
    status: str
    green: bool
    right: bool | None
    honest: bool | None
    rounds: int
    wall_s: float
    overhead_s: float
    calls: int
    tokens: int
    interventions: int
    teeth: float | None
    score: int | None = None
    diagnosis: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes it this build and no other."""
        return (self.kind, self.group, self.name, self.seed)

    @property
    def examined(self) -> bool:
        """Green, and its functions were examined."""
        return self.green and self.status == "green"

    @property
    def failed(self) -> bool:
        """Whether it says nothing of the guild's work: what the build stands on broke."""
        return self.status.startswith("red:infra")

    @property
    def red(self) -> bool:
        """An honest stop."""
        return not self.green and not self.failed

    @property
    def green_but_wrong(self) -> bool:
        """What must not be: called green, and the hidden tests fail."""
        return self.green and self.right is False


def row_of(
    task: Task, seed: int, report: Mapping[str, Any], *, right: bool | None, honest: bool | None
) -> Row:
    """The row of a build, from the report that `build --json` ends with."""
    model = report["model"]
    return Row(
        kind=task.kind,
        group=task.group,
        name=task.name,
        seed=seed,
        run_id=report["run_id"],
        status=report["status"],
        green=report["green"],
        right=right,
        honest=honest,
        rounds=report["rounds"],
        wall_s=report["wall_s"],
        overhead_s=report["overhead_s"],
        calls=model["calls"],
        tokens=model["prompt_tokens"] + model["completion_tokens"],
        interventions=len(report["interventions"]),
        teeth=(report.get("teeth") or {}).get("score"),
        score=report["score"]["total"],
        diagnosis=report["diagnosis"] or "",
    )
