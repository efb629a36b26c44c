"""Which file a red verification accuses, and on what evidence. Pure; from findings, never from guesses.

A complaint of the compiler names its file. A value that the spec states and the implementation does
not give convicts the implementation. A failing assertion accuses the pair, test and implementation: it
names an input, got and want, and takes no side. A test that is missing, or that does not notice an
emptied function, is its own fault. The author of a test is told what disagrees, but never what the
implementation answered: an expected value is worked out from the spec, not copied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.laws import called_in
from guildbus.agents.planning import folder_of, is_test
from guildbus.agents.run_state import RunState
from guildbus.protocols.messages.draft import Evidence
from guildbus.protocols.messages.verification import (
    BrokenExample,
    Diagnostic,
    Examination,
    TestFailure,
    VerificationFinished,
)

MAX_EVIDENCE = 6
MAX_COUNTEREXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file that may be at fault, with what its author should hear.

    `blind` is what an author hears who may not know what the code answered: go-test, whatever it writes.
    """

    path: str
    evidence: tuple[Evidence, ...]
    blind: tuple[Evidence, ...]

    @property
    def witnessed(self) -> bool:
        """Whether witnesses speak against it, beside whatever else is known."""
        return any(evidence.kind == "witness" for evidence in self.evidence)


def suspects(state: RunState, found: VerificationFinished) -> tuple[Suspect, ...]:
    """The accused, most likely first. Empty only if the verification names nothing of ours.

    What vet complains of still builds and runs, so code may be convicted beside it; its failing assertions
    have to wait.
    """
    paths = [task.path for task in state.plan.tasks if task.stage <= found.stage]
    if found.diagnostics and not found.score.build:
        return _complained_of(paths, found.diagnostics)
    accused = _convicted(state, paths, found.broken_examples) + _examined(state, paths, found.examined)
    if found.diagnostics and not found.score.vet:
        return _merged([*_complained_of(paths, found.diagnostics), *accused])
    if found.failures:
        accused += _pair(state, paths, found)
    accused += _blind_tests(state, paths, found)
    if not accused and found.diagnostics:
        return _complained_of(paths, found.diagnostics)
    return _merged(accused)


def _convicted(state: RunState, paths: list[str], broken: Iterable[BrokenExample]) -> list[Suspect]:
    """The implementations that do not give a value that the spec states."""
    accused: list[Suspect] = []
    for b in broken:
        says = f"The spec says {b.call} = {b.want}"
        told = Evidence(kind="example", where=b.call, text=f"{says}; the code gives {b.got}.")
        blind = Evidence(kind="example", where=b.call, text=f"{says}.")
        accused += [
            Suspect(path, (told,), (blind,))
            for path in paths
            if not is_test(path) and folder_of(path) == b.folder
        ]
    return accused


def folder_of_subject(state: RunState, subject: str) -> str:
    """The folder whose stated API an examined function or type belongs to."""
    for folder, signatures in state.plan.api.items():
        if any(s.name == subject or s.name.startswith(f"{subject}.") for s in signatures):
            return folder
    return ""


def _examined(state: RunState, paths: list[str], examined: Iterable[Examination]) -> list[Suspect]:
    """The implementations that do not give what the witnesses settled."""
    accused: list[Suspect] = []
    for one in examined:
        folder = folder_of_subject(state, one.subject)
        code = [path for path in paths if not is_test(path) and folder_of(path) == folder]
        tree = state.tree()
        homes = [path for path in code if path in tree and _declares(tree[path].content, one.subject)] or code
        for found in one.counterexamples[:MAX_COUNTEREXAMPLES]:
            says = f"{found.call} must give {found.want}"
            told = Evidence(kind="witness", where=one.subject, text=f"{says}; the code gives {found.got}.")
            blind = Evidence(kind="witness", where=one.subject, text=f"{says}.")
            accused += [Suspect(path, (told,), (blind,)) for path in homes]
    return accused


def _declares(source: str, subject: str) -> bool:
    return any(found.name == subject for found in declarations(parse(source)))


def _only(names: Sequence[str]) -> list[str]:
    """The one name; none where there are several, of which any may be at fault."""
    return list(names) if len(names) == 1 else []


def accused_functions(path: str, source: str, found: VerificationFinished) -> tuple[str, ...]:
    """The functions of a file that all complaints of it are about, in order; () if one is about none.

    Of code these are what the compiler names, what panics, and what does not give a stated value; of a test,
    what fails.
    """
    declared = [one for one in declarations(parse(source)) if one.kind in ("func", "method")]
    spans = {one.name: (one.node.start_point.row + 1, one.node.end_point.row + 1) for one in declared}
    lines = [d.line for d in found.diagnostics if d.file == path]
    homes: list[list[str]] = []
    if is_test(path) and not lines:
        homes = [[failure.test.partition("/")[0]] for failure in found.failures if failure.file == path]
    elif not lines:
        lines = [failure.line for failure in found.failures if failure.file == path]
        homes = [_only(called_in(broken.call)) for broken in found.broken_examples]
    homes += [[name for name, (first, last) in spans.items() if first <= line <= last] for line in lines]
    names = {one.name for one in declared}
    if not all(home and names.issuperset(home) for home in homes):
        return ()
    return tuple(dict.fromkeys(name for home in homes for name in home))


def cleared(found: VerificationFinished) -> frozenset[str]:
    """The functions and types that were examined, and gave all that the witnesses settled."""
    return frozenset(one.subject for one in found.examined if one.total and one.agreed == one.total)


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
        everything = tuple(e for evidence in by_file.values() for e in evidence)[:MAX_EVIDENCE]
        return tuple(Suspect(path, everything, everything) for path in paths)
    shown = {path: tuple(by_file[path][:MAX_EVIDENCE]) for path in named}
    return tuple(Suspect(path, shown[path], shown[path]) for path in named)


def _pair(state: RunState, paths: list[str], found: VerificationFinished) -> list[Suspect]:
    """Both sides of each failing assertion; a panic inside an implementation puts that first.

    An implementation that examination has cleared is not accused: it is never bent to fit a wrong test.
    """
    tests: list[Suspect] = []
    code: list[Suspect] = []
    crashed: set[str] = set()
    for failure in found.failures:
        if failure.file in paths and not is_test(failure.file):
            crashed.add(failure.file)
        blind = (_for_tester(failure),)
        tests += [Suspect(path, blind, blind) for path in _test_files(state, paths, failure)]
        if _is_cleared(state, found, failure) and failure.file not in crashed:
            continue
        code += [Suspect(path, (_for_developer(failure),), blind) for path in _tested(state, paths, failure)]
    return sorted((*tests, *code), key=lambda suspect: suspect.path not in crashed)


def _is_cleared(state: RunState, found: VerificationFinished, failure: TestFailure) -> bool:
    """Whether what a failing assertion calls was examined, and gave all that is settled.

    Of a method its type was examined. Where the call is not known, everything must have been.
    """
    innocent = cleared(found)
    name = failure.call.partition("(")[0].rpartition(".")[2]
    if not name:
        return bool(innocent) and all(one.subject in innocent for one in found.examined)
    stated = [one.name for signatures in state.plan.api.values() for one in signatures]
    owners = {one.partition(".")[0] for one in stated if "." in one and one.rpartition(".")[2] == name}
    return name in innocent or (bool(owners) and owners <= innocent)


def _test_files(state: RunState, paths: list[str], failure: TestFailure) -> list[str]:
    """The file that a failure names; else those of its package asked for its test; else all of them."""
    if failure.file in paths and is_test(failure.file):
        return [failure.file]
    tests = [path for path in paths if is_test(path)]
    near = [path for path in tests if folder_of(path) == _folder(state, failure)] or tests
    name = failure.test.partition("/")[0]
    return [path for path in near if name in state.plan.task(path).tests] or near


def _tested(state: RunState, paths: list[str], failure: TestFailure) -> list[str]:
    """The implementations of the failure's package; all of them if it holds only tests."""
    code = [path for path in paths if not is_test(path)]
    return [path for path in code if folder_of(path) == _folder(state, failure)] or code


def _folder(state: RunState, failure: TestFailure) -> str:
    return failure.package.removeprefix(state.plan.module).strip("/")


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
            if name in task.tests
        ]
        if task.path in found.missing_tests:
            text = f"No test function of {task.path} ran."
            evidence.append(Evidence(kind="missing", where=task.path, text=text))
        stated = {signature.name for signature in state.plan.api.get(task.folder, ())}
        evidence += [
            Evidence(
                kind="stub", where=name, text=f"No test fails when {name} always returns its zero value."
            )
            for name in found.unnoticed
            if name in stated or not stated
        ]
        if evidence:
            accused.append(Suspect(task.path, tuple(evidence), tuple(evidence)))
    return accused


def _merged(accused: Iterable[Suspect]) -> tuple[Suspect, ...]:
    """One suspect a file, in the order in which they were first named."""
    merged: dict[str, Suspect] = {}
    for suspect in accused:
        known = merged.setdefault(suspect.path, Suspect(suspect.path, (), ()))
        merged[suspect.path] = Suspect(
            suspect.path,
            (*known.evidence, *suspect.evidence)[:MAX_EVIDENCE],
            (*known.blind, *suspect.blind)[:MAX_EVIDENCE],
        )
    return tuple(merged.values())
