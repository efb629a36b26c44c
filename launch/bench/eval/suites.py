"""The specs that ship as tasks, each with the hidden suite that lies beside it in the repository.

A suite is a folder named after the spec, in `bench/acceptance` of the repository whose `specs` has the spec:
`acceptance_test.go` judges the implementation, `empty.go` takes its place, `tests.txt` names the tests that
the spec asks for. A spec without one is built and not judged.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from guildbus.launch.bench.eval.jobs import Hidden, Task
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.specfile import load_spec
from guildbus.protocols.errors import UsageError

SPECS: Final = Path("specs")
SUITES: Final = Path("bench") / "acceptance"


def shipped(names: Sequence[str], root: Path) -> list[Task]:
    """The specs of these names, all of `root`'s if there are none; a name with a '/' or '.yaml' is a file's.

    Raises UsageError for a name that is no spec, SpecError for a wrong spec.
    """
    known = {path.stem: path for path in sorted((root / SPECS).glob("*.yaml"))}
    if not names and not known:
        raise UsageError(
            "there are no specs here", where=str(root / SPECS), remedy="run it in the repository's folder"
        )
    tasks = []
    for name in names or tuple(known):
        path = Path(name) if "/" in name or name.endswith(".yaml") else known.get(name)
        if path is None or not path.is_file():
            raise UsageError(f"there is no spec {name!r}{did_you_mean(name, tuple(known))}", where=str(SPECS))
        spec = load_spec(path)
        tasks.append(
            Task(
                "specs", spec.name, spec.name, path, suite(spec.name, path.absolute().parent.parent / SUITES)
            )
        )
    return tasks


def suite(name: str, suites: Path) -> Hidden | None:
    """The hidden suite of a spec."""
    folder = suites / name
    if not (folder / "acceptance_test.go").is_file():
        return None
    return Hidden(
        tests={"acceptance_test.go": (folder / "acceptance_test.go").read_text(encoding="utf-8")},
        emptied={f"{name}.go": (folder / "empty.go").read_text(encoding="utf-8")},
        named=frozenset((folder / "tests.txt").read_text(encoding="utf-8").split()),
    )
