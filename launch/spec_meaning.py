"""What only the whole spec shows: files that cannot be one package, entries that cannot be read.

Pure. `specfile.py` names the line of each fault, `asked.py` the entry where the spec comes from no file.
What the entries mean is read by `agents/planning.py`, so that a signature that cannot be parsed is reported
before a swarm is started.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guildbus.agents.planning import GO_MOD, is_test, package_conflict, plan
from guildbus.protocols.errors import SpecError
from guildbus.protocols.spec import Spec


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with entry `number` (from 0) of the spec's `files`, `api`, `examples` or `properties`."""

    key: str
    number: int
    what: str


def faults(spec: Spec) -> list[Fault]:
    """All faults. The entries are only tried if the files are in order."""
    found = list(_of_files(spec))
    if found or not _plan_fails(spec):
        return found
    for key in ("api", "examples", "properties"):
        for number in range(len(getattr(spec, key))):
            found += _of_entry(spec, key, number, found)
    return found


def _of_files(spec: Spec) -> Iterator[Fault]:
    paths = [file.path for file in spec.files]
    if not any(path != GO_MOD and not is_test(path) for path in paths):
        yield Fault("files", 0, "'files' has no Go file but tests: there is nothing to test")
    for number in _nested(paths):
        yield Fault("files", number, f"{paths[number]!r} is a file and a folder at once")
    conflict = package_conflict(spec)
    if conflict is not None:
        what = f"{conflict.path!r} states another package than the files beside it"
        yield Fault("files", paths.index(conflict.path), what)


def _of_entry(spec: Spec, key: str, number: int, found: Sequence[Fault]) -> Iterator[Fault]:
    """An entry of one of these lists, tried with all sound ones before it, so that it alone is blamed."""
    bad = {(fault.key, fault.number) for fault in found}
    *before, entry = getattr(spec, key)[: number + 1]
    sound = [earlier for place, earlier in enumerate(before) if (key, place) not in bad]
    trial = {"api": spec.api, "examples": (), "properties": ()} | {key: (*sound, entry)}
    if key != "api":
        trial["api"] = tuple(one for place, one in enumerate(spec.api) if ("api", place) not in bad)
    try:
        plan(spec.model_copy(update=trial))
    except SpecError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        yield Fault(key, number, f"{error.what}{remedy}")


def _plan_fails(spec: Spec) -> bool:
    try:
        plan(spec)
    except SpecError:
        return True
    return False


def _nested(paths: Sequence[str]) -> Iterator[int]:
    """Places of paths that are also a folder of another path, such as `a.go` and `a.go/b.go`."""
    folders = {
        "/".join(path.casefold().split("/")[:depth])
        for path in paths
        for depth in range(1, path.count("/") + 1)
    }
    for number, path in enumerate(paths):
        if path.casefold() in folders:
            yield number
