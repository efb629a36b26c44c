"""Outside problem sets as tasks: one JSON object a line, with a statement and hidden tests.

A problem becomes a spec of two files, an implementation whose purpose is the statement and a test file, with
the stated signatures as its `api`. Its hidden tests stay in this process until they judge. Pure but for
reading the file.
"""

from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from guildbus.agents.stated import parse_signature
from guildbus.launch.bench.eval.jobs import Hidden, Task
from guildbus.protocols.errors import UsageError
from guildbus.protocols.spec import Spec, SpecFile

GO_VERSION: Final = "1.26"


class Problem(BaseModel):
    """What is used of a row; other keys, such as a right solution, are not even kept.

    A solver may see `statement` and `api`; `hidden_tests` are files by path, as are `given_files`, on which a
    solution may rely.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    package: str
    statement: str
    api: str
    impl_path: str
    hidden_tests: dict[str, str] = Field(min_length=1)
    given_files: dict[str, str] = {}


def problem_tasks(path: Path, take: int | None) -> list[Task]:
    """The first `take` problems of a file, all if None. UsageError names a line that is no problem."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"the problems cannot be read: {error.strerror}", where=str(path)) from error
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()][:take]
    return [_task(f"{path}:{number}", path, line) for number, line in rows]


def problem_spec(problem: Problem) -> Spec:
    """The spec of a problem: what a solver may see, and nothing else of the row."""
    package = problem.package
    implementation = problem.impl_path
    return Spec(
        name=package,
        language="go",
        go_module=f"bench/{package}",
        description=(
            f"A Go package, and its tests. It uses the standard library only. "
            f"All files use package {package}. The module is for go {GO_VERSION}."
        ),
        files=(
            SpecFile(path=implementation, purpose=f"package {package}. {problem.statement.strip()}"),
            SpecFile(
                path=implementation.removesuffix(".go") + "_test.go",
                purpose=f"package {package}. Table-driven tests of every function that is asked for.",
            ),
        ),
        api=stated_api(problem.api),
    )


def stated_api(text: str) -> tuple[str, ...]:
    """The declarations of a problem, which blank lines part, without the comments above them.

    () if one of them can be no entry of `api`, such as a name that is not exported: a spec's `api` is
    complete or not there. They are in the statement all the same.
    """
    entries = []
    for block in text.split("\n\n"):
        entry = "\n".join(line for line in block.strip().splitlines() if not line.startswith("//"))
        if not entry:
            continue
        try:
            parse_signature(entry)
        except ValueError:
            return ()
        entries.append(entry)
    return tuple(entries)


def problem_hidden(problem: Problem) -> Hidden:
    """What judges it: its hidden tests in a fresh module, beside the files that it was given."""
    return Hidden(
        tests=problem.hidden_tests,
        given=problem.given_files,
        go_mod=f"module bench/{problem.package}\n\ngo {GO_VERSION}\n",
    )


def _task(where: str, path: Path, line: str) -> Task:
    try:
        problem = Problem.model_validate_json(line)
        spec = problem_spec(problem)
    except ValueError as error:
        raise UsageError(f"this line is no problem: {error}", where=where) from error
    text = yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    group = path.name.partition(".")[0]
    return Task("problems", group, problem.id, text, problem_hidden(problem))
