"""From what the toolchain printed to a judgement. Pure; `judging.py` does the running.

The test point needs every planned test of the files at hand to have really run: a suite that is
empty, skipped, or that vanished proves nothing. Exit codes are not believed alone either, since a
TestMain can exit 0 over failing tests. Read selection.py next.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from guildbus.agents.golang.diagnostics import matched_nothing, parse_tool_output, unique
from guildbus.agents.golang.law_probe import read_laws
from guildbus.agents.golang.probe import read_probe
from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.golang.testevents import TestReport, parse_test_events
from guildbus.agents.judge_script import Phase
from guildbus.agents.laws import trials_of
from guildbus.agents.oracle.examining import convicted
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.build import FileTask, Plan
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.messages.verification import (
    BrokenExample,
    Diagnostic,
    Examination,
    Fix,
    Score,
    TestFailure,
)


@dataclass(frozen=True)
class Judgement:
    """All that is known of one tree; the fields are those of `VerificationFinished`.

    `tests_passed` of `tests_total` count rows (subtests) where a test names them, missing tests
    included in the total. `mended` are the files that fixers changed before this judgement held, as the
    gates passed them, and `fixes` says how.
    """

    score: Score
    green: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    failures: tuple[TestFailure, ...] = ()
    missing_tests: tuple[str, ...] = ()
    unnoticed: tuple[str, ...] = ()
    broken_examples: tuple[BrokenExample, ...] = ()
    examined: tuple[Examination, ...] = ()
    tests_passed: int = 0
    tests_total: int = 0
    spans: tuple[Span, ...] = ()
    fixes: tuple[Fix, ...] = ()
    mended: Mapping[str, GatedCandidate] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of the judge's script. `stopped` says why it was killed, '' if it was not."""

    phases: Mapping[str, Phase]
    span: Span
    stopped: str = ""
    nothing: Phase = field(default=Phase(1, ""))

    def phase(self, name: str) -> Phase:
        """A phase, or one that failed without a word if it was not reached."""
        return self.phases.get(name, self.nothing)


def tree_hash(tree: Mapping[str, str]) -> str:
    """SHA-256 over the sorted paths and contents of a tree."""
    digest = hashlib.sha256()
    for path in sorted(tree):
        for text in (path, tree[path]):
            data = text.encode("utf-8", "replace")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def implementation_files(tree: Mapping[str, str], folder: str) -> list[str]:
    """The tree's Go files of one folder that are no tests."""
    return [path for path in _go_files(tree, folder) if not path.endswith("_test.go")]


def test_files(tree: Mapping[str, str], folder: str) -> list[str]:
    """The tree's test files of one folder."""
    return [path for path in _go_files(tree, folder) if path.endswith("_test.go")]


def reach_verdict(
    run: Run,
    plan: Plan | None,
    tree: Mapping[str, str],
    stubbed: tuple[str, ...] = (),
    examined: tuple[Examination, ...] = (),
) -> Judgement:
    """The judgement that a run's output supports. `stubbed` names the functions of stub0, stub1, ...

    Without a plan the tree is complete, no test has a name that must exist, and one must have run.
    """
    root = run.phase("root").text.strip() or "/"
    build, vet, test = run.phase("build"), run.phase("vet"), run.phase("test")
    report = parse_test_events(test.text, root)
    builds = build.code == 0 and not matched_nothing(build.text)
    vets = builds and vet.code == 0
    missing = _missing(plan, tree, report) if builds else ()
    tests = builds and test.code == 0 and _all_passed(report) and not missing
    broken = _broken(run, plan, tree, root) if builds else ()
    reached = vets and tests and not broken
    convicts = builds and convicted(examined)
    unnoticed = _unnoticed(run, stubbed, root) if reached else ()
    score = Score(build=builds, vet=vets, test=tests)
    return Judgement(
        score=score,
        green=builds
        and vets
        and not broken
        and not unnoticed
        and not convicts
        and (tests or not _must_test(plan, tree)),
        diagnostics=_diagnostics(build, vet, report, root, builds),
        failures=_failures(run, plan, report),
        missing_tests=missing,
        unnoticed=unnoticed,
        broken_examples=broken,
        examined=examined if builds else (),
        tests_passed=len(report.leaves & report.passed),
        tests_total=len(report.leaves) + len(missing),
        spans=(run.span,),
    )


def _go_files(tree: Mapping[str, str], folder: str) -> list[str]:
    return [
        path for path in tree if path.endswith(".go") and str(PurePosixPath(path).parent) == (folder or ".")
    ]


def _test_tasks(plan: Plan) -> list[FileTask]:
    return [task for task in plan.tasks if task.path.endswith("_test.go")]


def _must_test(plan: Plan | None, tree: Mapping[str, str]) -> bool:
    """A tree of an early stage may lawfully hold no tests; a whole one may not."""
    if plan is None:
        return True
    written = [task.path for task in plan.tasks if task.owner != "planner"]
    return any(task.path in tree for task in _test_tasks(plan)) or all(path in tree for path in written)


def _all_passed(report: TestReport) -> bool:
    bad = report.failed or report.unfinished or report.aborted or report.unbuilt or report.failed_packages
    return not bad and bool(report.passed)


def _missing(plan: Plan | None, tree: Mapping[str, str], report: TestReport) -> tuple[str, ...]:
    """The tests that were asked for and did not run: names, or a file's path where none has a name.

    Nothing is missing of a package that did not build or broke off: that has its own evidence.
    """
    if plan is None:
        return () if report.seen or report.unbuilt else ("any test",)
    missing: list[str] = []
    for task in _test_tasks(plan):
        package = f"{plan.module}/{task.folder}" if task.folder else plan.module
        if task.path not in tree or package in report.unbuilt | report.aborted:
            continue
        if task.tests:
            missing += [name for name in task.tests if not report.really_ran(package, name)]
        else:
            declared = {found.name for found in declarations(parse(tree[task.path])) if found.kind == "func"}
            if not declared & report.tests_of(package):
                missing.append(task.path)
    return tuple(missing)


def _broken(run: Run, plan: Plan | None, tree: Mapping[str, str], root: str) -> tuple[BrokenExample, ...]:
    """Only the examples and laws of packages that are part of the tree can be broken."""
    if plan is None:
        return ()
    trials = trials_of(plan)
    stating = {*(one.folder for one in plan.examples), *(one.folder for one in trials)}
    folders = {folder for folder in stating if implementation_files(tree, folder)}
    if not folders:
        return ()
    report = parse_test_events(run.phase("examples").text, root)
    examples = read_probe(report, plan.examples)
    laws = read_laws(report, trials, all_told=not examples)
    return tuple(broken for broken in (*examples, *laws) if broken.folder in folders)


def _unnoticed(run: Run, stubbed: tuple[str, ...], root: str) -> tuple[str, ...]:
    """The emptied functions over which every test still passed. One that no longer builds says nothing."""
    names = []
    for number, name in enumerate(stubbed):
        phase = run.phase(f"stub{number}")
        report = parse_test_events(phase.text, root)
        if phase.code == 0 and _all_passed(report):
            names.append(name)
    return tuple(names)


def _diagnostics(
    build: Phase, vet: Phase, report: TestReport, root: str, builds: bool
) -> tuple[Diagnostic, ...]:
    if not builds:
        found = parse_tool_output("build", build.text, root)
        return found or (Diagnostic(tool="build", file="", message="go build failed and said nothing"),)
    vetted = parse_tool_output("vet", vet.text, root) if vet.code != 0 else ()
    return unique((*vetted, *parse_tool_output("test", report.build_output, root)))


def _failures(run: Run, plan: Plan | None, report: TestReport) -> tuple[TestFailure, ...]:
    if not run.stopped:
        return report.failures
    return (*report.failures, TestFailure(package=plan.module if plan else "", test="", output=run.stopped))
