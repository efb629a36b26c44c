"""What the oracle is tried on: specs with code that is known to be right, and some that is known to be wrong.

The specs that ship bring the implementations that prove their hidden suites; an outside problem brings its
canonical solution. Neither is ever shown to a model: references are written from the spec alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from guildbus.launch.bench.eval.problems import Problem, problem_spec
from guildbus.launch.bench.eval.suites import SPECS
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.specfile import load_spec
from guildbus.protocols.errors import UsageError
from guildbus.protocols.spec import Spec

KNOWN: Final = Path("tests") / "data" / "acceptance"
"""Implementations by spec: `right_*.go` and `wrong_*.go`, as the hidden suites judge them."""


@dataclass(frozen=True)
class Matter:
    """A spec of one package, a right implementation of it, and wrong ones by name."""

    name: str
    spec: Spec
    right: str
    wrong: Mapping[str, str] = field(default_factory=dict)


def shipped_matters(names: Sequence[str], root: Path) -> list[Matter]:
    """The specs of these names, all with known implementations if there are none. UsageError for another."""
    known = {
        folder.name: folder for folder in sorted((root / KNOWN).glob("*")) if any(folder.glob("right_*.go"))
    }
    if not known:
        raise UsageError(
            "there are no known implementations here",
            where=str(root / KNOWN),
            remedy="run it in the repository's folder",
        )
    for name in names:
        if name not in known:
            raise UsageError(
                f"nothing is known of {name!r}{did_you_mean(name, tuple(known))}", where="--specs"
            )
    return [_shipped(known[name], root) for name in names or tuple(known)]


def _shipped(folder: Path, root: Path) -> Matter:
    right = sorted(folder.glob("right_*.go"))[0]
    return Matter(
        name=folder.name,
        spec=load_spec(root / SPECS / f"{folder.name}.yaml"),
        right=right.read_text(encoding="utf-8"),
        wrong={path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("wrong_*.go"))},
    )


class _Solved(Problem):
    """A problem with its solution, which only a bench may read."""

    canonical: str


def problem_matters(path: Path, take: int | None) -> list[Matter]:
    """The first `take` problems that stand alone and state their API. UsageError names a bad line."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise UsageError(f"the problems cannot be read: {error.strerror}", where=str(path)) from error
    found: list[Matter] = []
    for number, line in enumerate(lines, 1):
        try:
            problem = _Solved.model_validate_json(line)
            spec = problem_spec(problem)
        except ValidationError as error:
            raise UsageError(f"this line is no problem: {error}", where=f"{path}:{number}") from error
        if spec.api and not problem.given_files:
            found.append(Matter(problem.id, spec, problem.canonical))
    return found[:take]
