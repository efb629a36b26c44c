"""Which file a red verification accuses, and on what evidence. Pure; from findings, never from guesses.

A complaint of the compiler names its file. A value that the spec states and the implementation does
not give convicts the implementation. A failing assertion accuses the pair, test and implementation: it
names an input, got and want, and takes no side. A test that is missing, or that does not notice an
emptied function, is its own fault. The author of a test is told what disagrees, but never what the
implementation answered: an expected value is worked out from the spec, not copied.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.draft import Evidence
from guildbus.protocols.messages.verification import Diagnostic, TestFailure, VerificationFinished

MAX_EVIDENCE = 6


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file that may be at fault, with what its author should hear."""

    path: str
    evidence: tuple[Evidence, ...]


def suspects(state: RunState, found: VerificationFinished) -> tuple[Suspect, ...]:
    """The accused, most likely first. Empty only if the verification names nothing of ours."""
    paths = [task.path for task in state.plan.tasks if task.stage <= found.stage]
    if found.diagnostics and not (found.score.build and found.score.vet):
        return _complained_of(paths, found.diagnostics)
    accused: list[Suspect] = []
    if found.broken_examples:
        folders = {e.folder for e in state.plan.examples if e.call in {b.call for b in found.broken_examples}}
        evidence = tuple(
            Evidence(
                kind="example",
                where=b.call,
                text=f"The spec says {b.call} = {b.want}; the code gives {b.got}.",
            )
            for b in found.broken_examples
        )
        accused += [
            Suspect(p, evidence[:MAX_EVIDENCE]) for p in paths if not is_test(p) and folder_of(p) in folders
        ]
    if found.failures:
        accused += _pair(paths, found.failures)
    accused += _blind_tests(state, paths, found)
    return _merged(accused)


def _complained_of(paths: list[str], diagnostics: Iterable[Diagnostic]) -> tuple[Suspect, ...]:
    """The files that the compiler names: implementations first, since their errors hide the tests'."""
    by_file: dict[str, list[Evidence]] = {}
    for d in diagnostics:
        text = f"{d.file}:{d.line}: {d.message}"
        by_file.setdefault(d.file, []).append(
            Evidence(kind="diagnostic", where=f"{d.file}:{d.line}", text=text)
        )
    named = sorted(
        (path for path in by_file if path in paths), key=lambda path: (is_test(path), paths.index(path))
    )
    if not named:
        everything = tuple(e for evidence in by_file.values() for e in evidence)
        return tuple(Suspect(path, everything[:MAX_EVIDENCE]) for path in paths)
    return tuple(Suspect(path, tuple(by_file[path][:MAX_EVIDENCE])) for path in named)


def _pair(paths: list[str], failures: Iterable[TestFailure]) -> list[Suspect]:
    """Both sides of each failing assertion; a panic inside an implementation puts that first."""
    tests: dict[str, list[Evidence]] = {}
    code: dict[str, list[Evidence]] = {}
    crashed: set[str] = set()
    for failure in failures:
        file = failure.file if failure.file in paths else _test_file(paths, failure)
        if file and not is_test(file):
            crashed.add(file)
        folder = folder_of(file) if file else ""
        test_file = file if file and is_test(file) else _test_file(paths, failure)
        if test_file:
            tests.setdefault(test_file, []).append(_for_tester(failure))
        for path in paths:
            if not is_test(path) and folder_of(path) == folder:
                code.setdefault(path, []).append(_for_developer(failure))
    accused = [Suspect(path, tuple(evidence[:MAX_EVIDENCE])) for path, evidence in tests.items()]
    accused += [Suspect(path, tuple(evidence[:MAX_EVIDENCE])) for path, evidence in code.items()]
    return sorted(accused, key=lambda suspect: suspect.path not in crashed)


def _test_file(paths: list[str], failure: TestFailure) -> str:
    candidates = [path for path in paths if is_test(path)]
    same = [path for path in candidates if failure.package.endswith(folder_of(path) or failure.package)]
    return next(iter(same or candidates), "")


def _for_developer(failure: TestFailure) -> Evidence:
    if failure.call and failure.want:
        text = f"{failure.test}: {failure.call} gives {failure.got}, and the test expects {failure.want}."
    else:
        text = f"{failure.test} fails: {failure.output.strip()[:300]}"
    return Evidence(kind="test", where=failure.test, text=text)


def _for_tester(failure: TestFailure) -> Evidence:
    if failure.call and failure.want:
        text = f"{failure.test}: the expected value {failure.want} of {failure.call} is in doubt."
    elif failure.want:
        text = f"{failure.test}: the expected value {failure.want} is in doubt (line {failure.line})."
    else:
        text = f"{failure.test}: a case at line {failure.line} is in doubt."
    return Evidence(kind="test", where=failure.test, text=text)


def _blind_tests(state: RunState, paths: list[str], found: VerificationFinished) -> list[Suspect]:
    accused: list[Suspect] = []
    for task in state.plan.tasks:
        if task.path not in paths or not is_test(task.path):
            continue
        evidence = [
            Evidence(
                kind="missing", where=name, text=f"The test function {name} is asked for and did not run."
            )
            for name in found.missing_tests
            if name in task.tests or not task.tests
        ]
        stated = {signature.name for signature in state.plan.api.get(task.folder, ())}
        evidence += [
            Evidence(
                kind="stub", where=name, text=f"No test fails when {name} always returns its zero value."
            )
            for name in found.unnoticed
            if name in stated or not stated
        ]
        if evidence:
            accused.append(Suspect(task.path, tuple(evidence[:MAX_EVIDENCE])))
    return accused


def _merged(accused: Iterable[Suspect]) -> tuple[Suspect, ...]:
    merged: dict[str, tuple[Evidence, ...]] = {}
    for suspect in accused:
        merged[suspect.path] = merged.get(suspect.path, ()) + suspect.evidence
    return tuple(Suspect(path, evidence[:MAX_EVIDENCE]) for path, evidence in merged.items())
