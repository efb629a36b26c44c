"""Run tasks x seeds, one after the other, with one model server kept up; judge each result; keep each row.

Every build gets a state folder that is new with this evaluation: no completion comes from an earlier one.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guildbus.launch.bench import row_file
from guildbus.launch.bench.eval import judging, report, rows, tables
from guildbus.launch.bench.eval.jobs import Kind, Task
from guildbus.launch.bench.eval.rows import Row
from guildbus.launch.bench.plain_build import build, environment
from guildbus.launch.config import GuildConfig
from guildbus.launch.serving import served
from guildbus.protocols.errors import UsageError

_TABLES: Final[dict[Kind, Callable[[Sequence[Row]], str]]] = {
    "specs": tables.spec_tables,
    "problems": tables.problem_tables,
}


@dataclass(frozen=True)
class Evaluation:
    """What to run. `asked` is the configuration file named by the user; `out` takes the tables."""

    kind: Kind
    tasks: Sequence[Task]
    seeds: Sequence[int]
    out: Path | None = None
    resume: bool = False
    asked: Path | None = None


async def evaluate(config: GuildConfig, plan: Evaluation, say: Callable[[str], None]) -> list[Row]:
    """All rows, those of an earlier part included. Each is said, and kept, as soon as it is there."""
    done = started(plan)
    todo = [
        (task, seed)
        for task in plan.tasks
        for seed in plan.seeds
        if (task.kind, task.group, task.name, seed) not in {row.key for row in done}
    ]
    if not todo:
        keep(plan, done)
        return done
    with tempfile.TemporaryDirectory(prefix="guildbus-eval-") as name:
        await _all(config.model_copy(update={"state_dir": Path(name, "s")}), plan, todo, done, say)
    return done


async def _all(
    config: GuildConfig,
    plan: Evaluation,
    todo: Sequence[tuple[Task, int]],
    done: list[Row],
    say: Callable[[str], None],
) -> None:
    folder = config.state_dir.with_name("build")
    async with served(config, say) as models:
        await models.ready()
        for task, seed in todo:
            row = await one(config, plan, task, seed, folder)
            done.append(row)
            say(tables.line(row))
            if plan.out is not None:
                row_file.append(report.rows_file(plan.out, plan.kind), row)
            keep(plan, done)


def started(plan: Evaluation) -> list[Row]:
    """The rows that are there already. Raises UsageError rather than to write over them."""
    if plan.out is None:
        if plan.resume:
            raise UsageError(
                "without a file there is nothing to resume", where="--resume", remedy="give --out"
            )
        return []
    report.prepare(plan.out, plan.kind)
    file = report.rows_file(plan.out, plan.kind)
    if file.exists() and not plan.resume:
        raise UsageError(
            "rows of an earlier evaluation are there",
            where=str(file),
            remedy="go on with it by --resume, or remove that file",
        )
    return row_file.read(file, Row)


async def one(config: GuildConfig, plan: Evaluation, task: Task, seed: int, folder: Path) -> Row:
    """Build a task with a seed and judge the result; `folder` is gone afterwards."""
    package = folder / "package"
    found = await build(task.spec_file(folder), seed, package, environment(config, plan.asked))
    right: bool | None = None
    honest: bool | None = None
    hidden = task.hidden if not found["status"].startswith("red:infra") else None
    if hidden is not None:
        right = await judging.passes(config, package, hidden, folder / "hidden")
        if found["green"] and hidden.named:
            honest = await judging.notices(config, package, hidden, folder / "emptied")
    if found["green"] and found.get("teeth") is None:
        found["teeth"] = await judging.teeth(config, package)
    shutil.rmtree(folder, ignore_errors=True)
    return rows.row_of(task, seed, found, right=right, honest=honest)


def keep(plan: Evaluation, done: Sequence[Row]) -> None:
    """Write the tables of what is there."""
    if plan.out is not None and done:
        report.write(plan.out, plan.kind, text(plan.kind, done))


def text(kind: Kind, done: Sequence[Row]) -> str:
    """The tables."""
    return _TABLES[kind](done)
