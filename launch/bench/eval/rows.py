"""What is known of one build and of its judging: a row, kept as a line of JSON as soon as it is there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from guildbus.launch.bench.eval.jobs import Kind, Task
from guildbus.protocols.errors import UsageError


class Row(BaseModel):
    """One build. Times in seconds, tokens of prompts and answers together.

    `status` is the build's own (`green` is examined, `green:unexamined` is not); `right` says whether the
    hidden tests pass, `honest` whether a green's named tests fail on the emptied implementation: None where
    nothing asks. `score` is the build's own of 3, `teeth` the mutation score, None if the build has none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

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


def append(path: Path, row: Row) -> None:
    """Add a row to the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(row.model_dump_json() + "\n")


def read(path: Path) -> list[Row]:
    """The rows of a file, the newest of each build, without failed ones; [] if there is no file.

    A last line that was cut off is no row. Raises UsageError for any other line that is none.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(Row.model_validate_json(line))
        except ValidationError as error:
            if number < len(lines):
                raise UsageError("this line is no row of an evaluation", where=f"{path}:{number}") from error
    return newest(row for row in rows if not row.failed)


def newest(rows: Iterable[Row]) -> list[Row]:
    """One row a build, the last one, in the order in which the builds came first."""
    return list({row.key: row for row in rows}.values())
