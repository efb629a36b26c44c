"""Sharpening a suite: settled cases run on the mutants that it lets live, and become its rows. The edge.

The tree's own tests are laid aside. In their place stands the examination's driver (`go_driver.py`) with all
settled cases of a package; what it prints on a mutant and not on the code is read here. What is made of that
is decided in `sharpening.py`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guildbus.agents.golang.syntax import declarations, package_name, parse
from guildbus.agents.oracle.examining import cases_of, settled_cases
from guildbus.agents.oracle.go_driver import EXAMINE_FILE, read_printed, write_examination
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.running import new_marker
from guildbus.agents.oracle.sharpening import Candidate, candidates, chosen, said_of, sharpened
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.agents.planning import is_test
from guildbus.agents.sandbox import Sandbox
from guildbus.agents.teeth.mutants import Mutant
from guildbus.agents.teeth.shown import found_again
from guildbus.agents.teeth.telling import ToldApart, told_apart
from guildbus.agents.verdicts import implementation_files, test_files
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import WitnessTable


@dataclass(frozen=True)
class Bench:
    """One package whose suite can grow: its Go files by path, which test grows, and what is settled of it."""

    folder: str
    test: str
    api: Api
    code: Mapping[str, str]
    tests: Mapping[str, str]
    tables: Sequence[WitnessTable]

    @property
    def names(self) -> frozenset[str]:
        """All that the package declares."""
        sources = (*self.code.values(), *self.tests.values())
        return frozenset(one.name for source in sources for one in declarations(parse(source)))

    @property
    def sentinels(self) -> frozenset[str]:
        """The error variables that the code declares."""
        found = (one for source in self.code.values() for one in declarations(parse(source)))
        return frozenset(one.name for one in found if one.kind == "var" and one.name.startswith("Err"))

    def driver(self, mark: str) -> str:
        """The test that prints what the code gives on each case."""
        package = package_name(parse(next(iter(self.code.values()))))
        return write_examination(package, self.api, self.code, cases_of(self.tables), mark)

    def candidates(self, seen: Mapping[int, Mapping[int, Json]]) -> list[Candidate]:
        """The cases that tell mutants, from what each mutant gave otherwise."""
        return candidates(settled_cases(self.tables), seen, self.api, self.sentinels)


def benches(record: OracleRecord, tree: Mapping[str, str]) -> list[Bench]:
    """The packages with settled cases, and a test file inside the package: the first one grows."""
    found = []
    for folder in dict.fromkeys(task.folder for task in record.plan.tasks):
        latest = record.latest(folder)
        code = {path: tree[path] for path in implementation_files(tree, folder)}
        tests = {path: tree[path] for path in test_files(tree, folder)}
        inside = [path for path in tests if not package_name(parse(tests[path])).endswith("_test")]
        if latest is not None and code and inside and settled_cases(latest.tables):
            api = read_api(record.plan.api.get(folder, ()))
            found.append(Bench(folder, inside[0], api, code, tests, latest.tables))
    return found


async def sharpen(
    sandbox: Sandbox, request: FinishRequested, record: OracleRecord, *, seconds: float
) -> FinishProposed:
    """The proposal: the package's test files with new rows, or nothing and why.

    It takes a few seconds more than `seconds` at most; what that cuts short is marked, since another machine
    might have come further. SandboxError if the sandbox cannot start.
    """
    found = benches(record, request.tree)
    survivors = request.reached.teeth.survivors if request.reached.teeth is not None else ()
    mutants = found_again(survivors, request.tree)
    if not (found and mutants):
        return request.propose(note="there is no surviving mutant, or nothing is settled in its package")
    started_at, start = time.time(), time.monotonic()
    mark = new_marker()
    marks = [f"{mark}:{number}" for number in range(len(found))]
    told = await told_apart(sandbox, _probed(request.tree, found, marks), mutants, mark, seconds=seconds)
    span = Span(kind="toolchain", started_at=started_at, wall_s=time.monotonic() - start)
    files: dict[str, str] = {}
    kept: list[Candidate] = []
    for bench, own in zip(found, marks, strict=True):
        rows = chosen(bench.candidates(_seen(told, mutants, own)))
        kept += rows
        files[bench.test] = (
            sharpened(bench.tests[bench.test], bench.names, rows, bench.api, bench.sentinels)
            if rows
            else bench.tests[bench.test]
        )
    note = told.why or said_of(kept, len(mutants), told.skipped)
    return request.propose(files, note=note, spans=[span], cut_short=told.skipped > 0)


def _probed(tree: Mapping[str, str], found: Sequence[Bench], marks: Sequence[str]) -> dict[str, str]:
    """The tree with the drivers in place of its tests."""
    probed = {path: text for path, text in tree.items() if not is_test(path)}
    for bench, mark in zip(found, marks, strict=True):
        probed[f"{bench.folder}/{EXAMINE_FILE}".lstrip("/")] = bench.driver(mark)
    return probed


def _seen(told: ToldApart, mutants: Sequence[Mutant], mark: str) -> dict[int, dict[int, Json]]:
    """What each mutant, by its number, gave otherwise in one package: case number -> outcome."""
    read = {number: read_printed(mark, told.differs.get(one, "")) for number, one in enumerate(mutants)}
    return {number: outcomes for number, outcomes in read.items() if outcomes}
