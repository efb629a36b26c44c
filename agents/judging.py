"""The judgement of a tree: build, vet, test, what the spec states, and whether the suite would notice.

`Judge` lays a tree into a fresh workspace, runs judge_script.py once in the sandbox, and reads the
verdict from what the toolchain printed. A green means: it builds, vets, every test that was asked
for ran and passed, every stated example holds, and no exported function can be emptied without a
test failing. Read verdicts.py next: it is the pure half.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from guildbus.agents.golang.law_probe import LAW_PREFIX, write_laws
from guildbus.agents.golang.probe import PREFIX, write_probe
from guildbus.agents.golang.stubs import stub_function, stubbable
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judge_script import OVERLAYS, TREE, go_test, overlay, read_phases, write_script
from guildbus.agents.laws import trials_of
from guildbus.agents.oracle.examining import cases_of, examine
from guildbus.agents.oracle.go_driver import EXAMINE_FILE, EXAMINE_TEST, read_examination, write_examination
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.sandbox import Command, Sandbox
from guildbus.agents.verdicts import (
    Judgement,
    Run,
    implementation_files,
    reach_verdict,
    test_files,
    tree_hash,
)
from guildbus.protocols.errors import SandboxError, UsageError
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import Plan
from guildbus.protocols.messages.oracle import WitnessTable

Tables = Mapping[str, Sequence[WitnessTable]]
"""Folder -> what the witnesses settled of its package."""
NO_TABLES: Tables = MappingProxyType({})


@dataclass(frozen=True)
class Timing:
    """Wall clocks in seconds: one test binary, one stubbed one, and everything together."""

    test_s: float = 10.0
    stub_s: float = 5.0
    all_s: float = 120.0


class Judge:
    """Judges trees with one toolchain in one sandbox. Holds no state between trees."""

    def __init__(self, toolchain: Toolchain, sandbox: Sandbox, timing: Timing = Timing()) -> None:
        self._toolchain = toolchain
        self._sandbox = sandbox
        self._timing = timing
        self._stdlib: frozenset[str] | None = None

    async def judge(self, tree: Mapping[str, str], plan: Plan, tables: Tables = NO_TABLES) -> Judgement:
        """Judge a tree (path -> content) of any stage of the plan; go.mod is the plan's.

        `tables` is what witnesses settled, a folder each: the tree's code is held to it. The tree's code
        runs only inside the sandbox. Raises SandboxError if that cannot start.
        """
        tree = {**tree, "go.mod": plan.go_mod}
        files = {f"{TREE}/{path}": content for path, content in tree.items()}
        marker = f"==guildbus:{tree_hash(tree)}"
        examples = self._probes(tree, plan, tables, marker, files)
        stubs = self._stubs(tree, plan, files)
        script = write_script(
            marker,
            test=go_test(timeout_s=self._timing.test_s),
            examples=examples,
            stubs=[line for _, line in stubs],
        )
        with tempfile.TemporaryDirectory(prefix="guildbus-judge-") as workspace:
            _write(Path(workspace), files)
            run = await self._run(script, marker, Path(workspace), TREE)
        outcome = run.phase("examples").text
        examined = tuple(
            one
            for folder, marks in _marks(tables, tree, marker)
            for one in examine(tables[folder], read_examination(marks, outcome))
        )
        return reach_verdict(run, plan, tree, tuple(name for name, _ in stubs), examined)

    async def score(self, folder: Path) -> Judgement:
        """Score any Go tree as it lies on disk, without a plan: 0 to 3, and what is wrong with it.

        The test point needs a test that ran. The folder is only read.
        """
        marker = f"==guildbus:{time.time_ns()}"
        script = write_script(marker, test=go_test(timeout_s=self._timing.all_s / 2))
        return reach_verdict(await self._run(script, marker, folder, "."), None, {})

    async def _run(self, script: str, marker: str, job: Path, cwd: str) -> Run:
        started_at = time.time()
        done = await self._sandbox.run(
            Command(("sh", "-c", script), job, cwd=cwd, wall_s=self._timing.all_s, output_bytes=32_000_000)
        )
        span = Span(kind="toolchain", started_at=started_at, wall_s=done.wall_s)
        phases = read_phases(marker, done.stdout)
        stopped = done.stopped
        if not phases and not stopped:
            raise SandboxError(
                f"the judge's script did not run: {done.stderr.strip()[-400:]}",
                where=self._sandbox.name,
                remedy="run `guildbus doctor`",
            )
        return Run(phases, span, stopped)

    def _probes(
        self, tree: Mapping[str, str], plan: Plan, tables: Tables, marker: str, files: dict[str, str]
    ) -> str:
        """Lay stated values, laws and settled cases into `files`; the command line, '' if there are none."""
        replace: dict[str, str] = {}
        marks = dict(_marks(tables, tree, marker))
        folders: list[str] = []
        trials = trials_of(plan)
        stating = [*(one.folder for one in plan.examples), *(one.folder for one in trials)]
        for folder in dict.fromkeys([*stating, *marks]):
            package = next(
                (t.package for t in plan.tasks if t.path in implementation_files(tree, folder)), None
            )
            if package is None:
                continue
            folders.append(folder)
            sources = self._example_sources(plan, folder, package)
            own = [(number, trial) for number, trial in enumerate(trials) if trial.folder == folder]
            sources |= write_laws(package, own, self._packages())
            if folder in marks:
                code = {path: tree[path] for path in implementation_files(tree, folder)}
                api, cases = read_api(plan.api.get(folder, ())), cases_of(tables[folder])
                sources[EXAMINE_FILE] = write_examination(package, api, code, cases, marks[folder])
            for name, source in sources.items():
                target = f"examples/{len(folders)}/{name}"
                files[f"{OVERLAYS}/{target}"] = source
                replace[_join(folder, name)] = target
            replace |= dict.fromkeys(test_files(tree, folder), "")
        if not folders:
            return ""
        files[f"{OVERLAYS}/examples.json"] = overlay(replace)
        options = (
            "-overlay",
            f"../{OVERLAYS}/examples.json",
            "-run",
            f"^({PREFIX}|{LAW_PREFIX}|{EXAMINE_TEST}$)",
        )
        packages = [f"./{folder}" for folder in folders]
        return go_test(timeout_s=self._timing.test_s, packages=packages, options=options)

    def _example_sources(self, plan: Plan, folder: str, package: str) -> dict[str, str]:
        numbered = [(n, example) for n, example in enumerate(plan.examples) if example.folder == folder]
        if not numbered:
            return {}
        return dict(write_probe(package, numbered, self._packages()).files)

    def _packages(self) -> frozenset[str]:
        """The standard library's."""
        if self._stdlib is None:
            self._stdlib = self._toolchain.stdlib()
        return self._stdlib

    def _stubs(self, tree: Mapping[str, str], plan: Plan, files: dict[str, str]) -> list[tuple[str, str]]:
        """Lay the emptied variants into `files`; (function, command line) for each.

        A package is tried once all of its planned test files are there.
        """
        found: list[tuple[str, str]] = []
        for folder in dict.fromkeys(task.folder for task in plan.tasks):
            planned = [t.path for t in plan.tasks if t.folder == folder and t.path.endswith("_test.go")]
            if not planned or not all(path in tree for path in planned):
                continue
            for name, path, source in _emptied(tree, plan, folder):
                number = len(found)
                files[f"{OVERLAYS}/stub{number}.go"] = source
                files[f"{OVERLAYS}/stub{number}.json"] = overlay({path: f"stub{number}.go"})
                line = go_test(
                    timeout_s=self._timing.stub_s,
                    packages=[f"./{folder}"],
                    options=("-failfast", "-overlay", f"../{OVERLAYS}/stub{number}.json"),
                )
                found.append((name, line))
        return found


def _marks(tables: Tables, tree: Mapping[str, str], marker: str) -> list[tuple[str, str]]:
    """(folder, marker of its outcomes) for each folder of the tree that has settled cases."""
    return [
        (folder, f"{marker}:{number}")
        for number, folder in enumerate(tables)
        if implementation_files(tree, folder)
    ]


def _emptied(tree: Mapping[str, str], plan: Plan, folder: str) -> list[tuple[str, str, str]]:
    """(function, path, stubbed source) for the functions that the spec states, else the exported ones."""
    paths = implementation_files(tree, folder)
    stated = [signature.name for signature in plan.api.get(folder, ()) if signature.text.startswith("func")]
    out = []
    for path in paths:
        for name in stated or stubbable(tree[path]):
            try:
                out.append((name, path, stub_function(tree[path], name)))
            except KeyError:
                continue
    return out


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _write(workspace: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise UsageError("a path that leaves the tree", where=name)
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", errors="replace")
