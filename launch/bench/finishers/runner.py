"""Run specs x seeds x arms, with one model server and one store of completions; judge and keep each row."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guildbus.launch.bench import between_marks, row_file
from guildbus.launch.bench.eval import judging
from guildbus.launch.bench.eval.jobs import Task
from guildbus.launch.bench.finishers import rows
from guildbus.launch.bench.finishers.rows import BASELINE, Row
from guildbus.launch.bench.finishers.tables import line, tables
from guildbus.launch.bench.plain_build import build, environment
from guildbus.launch.config import GuildConfig, with_finishers
from guildbus.launch.membership import checked_members
from guildbus.launch.serving import served
from guildbus.protocols.errors import InfrastructureError, UsageError

SHIPPED: Final = ("go-review", "go-doc", "go-bench")
"""The finishers in examples/."""
MARKS: Final = ("<!-- guildbus bench finishers: from here -->", "<!-- guildbus bench finishers: to here -->")


@dataclass(frozen=True)
class Plan:
    """What to run. `asked` is the configuration file named by the user; `out` takes the tables."""

    tasks: Sequence[Task]
    seeds: Sequence[int]
    arms: Sequence[str] = SHIPPED
    out: Path | None = None
    resume: bool = False
    asked: Path | None = None

    @property
    def rows_file(self) -> Path | None:
        """The rows, beside the tables: `examples.finishers.jsonl` for `examples.md`."""
        return None if self.out is None else self.out.with_name(f"{self.out.stem}.finishers.jsonl")


async def run(config: GuildConfig, plan: Plan, say: Callable[[str], None]) -> list[Row]:
    """All rows, those of an earlier part included. Each is said, and kept, as soon as it is there.

    Raises ConfigError for a finisher that is not installed, before anything is built.
    """
    checked_members(with_finishers(config, plan.arms))
    done = _started(plan)
    known = {row.key for row in done}
    wanted = [
        (task, seed, arm) for task in plan.tasks for seed in plan.seeds for arm in (BASELINE, *plan.arms)
    ]
    todo = [job for job in wanted if (job[0].name, job[1], job[2]) not in known]
    if todo:
        with tempfile.TemporaryDirectory(prefix="guildbus-finishers-") as name:
            own = config.model_copy(update={"state_dir": Path(name, "s")})
            async with served(own, say) as models:
                await models.ready()
                for task, seed, arm in todo:
                    row = await _one(own, plan, done, task, seed, arm)
                    if row is None:
                        continue
                    done.append(row)
                    say(line(row))
                    _keep(plan, done, row)
    _keep(plan, done, None)
    return done


async def _one(
    config: GuildConfig, plan: Plan, done: Sequence[Row], task: Task, seed: int, arm: str
) -> Row | None:
    """Build and judge; None for a finisher of a package that is not green without one: it is never asked."""
    base = next((row for row in done if row.key == (task.name, seed, BASELINE)), None)
    if arm != BASELINE and base is not None and not base.green:
        return None
    folder = config.state_dir.with_name("build")
    package = folder / "package"
    words = ("--finishers", "" if arm == BASELINE else arm)
    try:
        report = await build(task.spec_file(folder), seed, package, environment(config, plan.asked), words)
        right = None
        if task.hidden is not None and not report["status"].startswith("red:infra"):
            right = await judging.passes(config, package, task.hidden, folder / "hidden")
        return rows.row_of(task.name, seed, arm, report, right)
    except InfrastructureError as error:
        # One build that broke is a row without a result; the others are still worth having.
        return Row(
            spec=task.name,
            seed=seed,
            arm=arm,
            run_id="",
            status=f"red:{error.code}",
            green=False,
            score=0,
            right=None,
            teeth=None,
            wall_s=0.0,
            why=str(error),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(plan: Plan) -> list[Row]:
    """The rows that are there already. Raises UsageError rather than to write over them."""
    if plan.out is None or plan.rows_file is None:
        if plan.resume:
            raise UsageError(
                "without a file there is nothing to resume", where="--resume", remedy="give --out"
            )
        return []
    between_marks.prepare(plan.out, "# Finishers", *MARKS)
    if plan.rows_file.exists() and not plan.resume:
        raise UsageError(
            "rows of an earlier run are there",
            where=str(plan.rows_file),
            remedy="go on with it by --resume, or remove that file",
        )
    return row_file.read(plan.rows_file, Row)


def _keep(plan: Plan, done: Sequence[Row], row: Row | None) -> None:
    """Add the row to the file, and write the tables of what is there."""
    if plan.out is None or plan.rows_file is None or not done:
        return
    if row is not None:
        row_file.append(plan.rows_file, row)
    between_marks.write(plan.out, *MARKS, tables(done))
