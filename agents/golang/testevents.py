"""`go test -json` events as data: which tests ran, how they ended, and what failed where. Pure.

An assertion's message is prose, so its usual shapes are read with regular expressions in
`prose.py`; what they do not fit stays whole in `output`. A panic, a time-out or a
deadlock stops the whole test binary: it is reported for the test that was running, with the first
line of the tree on its stack. Read `guildbus.agents.judging` next.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from guildbus.agents.golang.prose import as_written, read_assertion
from guildbus.protocols.messages.verification import TestFailure

MAX_OUTPUT_CHARS = 2_000
MAX_FAILURES = 40

_ASSERTED = re.compile(r"^\s+(?P<file>[\w./-]+\.go):(?P<line>\d+): (?P<message>.*)$", re.DOTALL)
_FRAME = re.compile(r"^\s(?P<path>/?\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")
_RUNNING_FOR = re.compile(r" \([0-9.hmsµ]+\)$")
_CRASH = re.compile(r"^(?:panic: |fatal error: )(?P<message>.*)$")


@dataclass(frozen=True)
class TestReport:
    """What a `go test -json` run did. Tests are (package, name) pairs, subtests `TestA/row`.

    `aborted` packages stopped before all of their tests had run; `unbuilt` never started.
    `build_output` is the compiler's text for them.
    """

    __test__ = False

    passed: frozenset[tuple[str, str]] = frozenset()
    failed: frozenset[tuple[str, str]] = frozenset()
    skipped: frozenset[tuple[str, str]] = frozenset()
    unfinished: frozenset[tuple[str, str]] = frozenset()
    aborted: frozenset[str] = frozenset()
    unbuilt: frozenset[str] = frozenset()
    failed_packages: frozenset[str] = frozenset()
    failures: tuple[TestFailure, ...] = ()
    build_output: str = ""

    @property
    def seen(self) -> frozenset[tuple[str, str]]:
        """All that started."""
        return self.passed | self.failed | self.skipped | self.unfinished

    @property
    def leaves(self) -> frozenset[tuple[str, str]]:
        """The tests without subtests: the rows of a table that names them, else the tests."""
        parents = {(package, name.rsplit("/", 1)[0]) for package, name in self.seen if "/" in name}
        return self.seen - parents

    def really_ran(self, package: str, name: str) -> bool:
        """It ran, and not only as a skip: a test whose every subtest is skipped did not."""
        mine = [
            leaf
            for leaf in self.leaves
            if leaf[0] == package and (leaf[1] == name or leaf[1].startswith(f"{name}/"))
        ]
        return any(leaf not in self.skipped for leaf in mine)

    def tests_of(self, package: str) -> frozenset[str]:
        """The top-level tests of a package that really ran."""
        names = {name.split("/", 1)[0] for seen, name in self.seen if seen == package}
        return frozenset(name for name in names if self.really_ran(package, name))


@dataclass
class _Reading:
    """What one pass over the events gathers."""

    state: dict[tuple[str, str], str] = field(default_factory=dict)
    output: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    failed_packages: set[str] = field(default_factory=set)
    unbuilt: set[str] = field(default_factory=set)
    build_output: list[str] = field(default_factory=list)
    typed: bool = False

    def take(self, event: dict[str, Any]) -> None:
        action, package = str(event.get("Action", "")), str(event.get("Package", ""))
        key = (package, str(event.get("Test", "")))
        if action == "build-output":
            self.build_output.append(str(event.get("Output", "")))
        elif action == "output":
            kind = str(event.get("OutputType", ""))
            self.typed = self.typed or bool(kind)
            self.output.setdefault(key, []).append((kind, str(event.get("Output", ""))))
        elif key[1]:
            self.state[key] = action
        elif action == "fail":
            self.failed_packages.add(package)
            if event.get("FailedBuild"):
                self.unbuilt.add(package)


def parse_test_events(text: str, root: str) -> TestReport:
    """Read the stdout of `go test -json`. Lines that are no events are taken as compiler text.

    `root` is the module's folder as the tests saw it.
    """
    reading = _Reading()
    for event in _events(text):
        reading.take(event)
    by_state: dict[str, set[tuple[str, str]]] = {}
    for key, state in reading.state.items():
        by_state.setdefault(state if state in ("pass", "fail", "skip") else "unfinished", set()).add(key)
    crashes = {key: crash for key, lines in reading.output.items() if (crash := _crash(key, lines, root))}
    failures = [failure for key in reading.output for failure in _failures(key, reading, by_state, crashes)]
    return TestReport(
        passed=frozenset(by_state.get("pass", ())),
        failed=frozenset(by_state.get("fail", ())),
        skipped=frozenset(by_state.get("skip", ())),
        unfinished=frozenset(by_state.get("unfinished", ())),
        aborted=frozenset(package for package, _ in crashes)
        | frozenset(package for package, _ in by_state.get("unfinished", ())),
        unbuilt=frozenset(reading.unbuilt),
        failed_packages=frozenset(reading.failed_packages),
        failures=tuple(failures[:MAX_FAILURES]),
        build_output="".join(reading.build_output),
    )


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        yield event if isinstance(event, dict) else {"Action": "build-output", "Output": f"{line}\n"}


def _failures(
    key: tuple[str, str],
    reading: _Reading,
    by_state: dict[str, set[tuple[str, str]]],
    crashes: dict[tuple[str, str], TestFailure],
) -> Iterator[TestFailure]:
    package, test = key
    failed = key in by_state.get("fail", ()) or key in by_state.get("unfinished", ())
    if crash := crashes.get(key):
        yield from _assertions(key, reading) if failed else ()
        yield crash
    elif failed:
        said = list(_assertions(key, reading))
        below = any(
            other[0] == package and other[1].startswith(f"{test}/") for other in by_state.get("fail", ())
        )
        if said or not below:
            yield from said or [_whole(key, reading.output[key])]
    elif not test and package in reading.failed_packages - reading.unbuilt:
        mine = [other for other in (*by_state.get("fail", ()), *crashes) if other[0] == package]
        if not mine:
            yield _whole(key, reading.output[key])


def _assertions(key: tuple[str, str], reading: _Reading) -> Iterator[TestFailure]:
    """One failure for each failing call. Without the types of Go 1.25 a log line looks like one."""
    block: list[str] = []
    for kind, line in (*reading.output[key], ("frame", "")):
        starts = kind == "error" or (not reading.typed and _ASSERTED.match(line) is not None)
        continues = kind == "error-continue" or (not reading.typed and line.startswith("        "))
        if block and not continues:
            yield _asserted(key, block)
            block = []
        if starts:
            block = [line]
        elif block:
            block.append(line)


def _asserted(key: tuple[str, str], block: Iterable[str]) -> TestFailure:
    text = "".join(block).rstrip("\n")
    match = _ASSERTED.match(text)
    if match is None:
        return _failure(key, text.strip())
    said = "\n".join(line.strip() for line in match["message"].splitlines())
    message = as_written(said, key[0].rpartition("/")[2])
    read = read_assertion(message)
    return _failure(key, message, match["file"], int(match["line"]), read.call, read.got, read.want)


def _whole(key: tuple[str, str], lines: Iterable[tuple[str, str]]) -> TestFailure:
    said = "".join(
        line for kind, line in lines if kind != "frame" and not line.startswith(("=== ", "FAIL\t"))
    )
    return _failure(key, said.strip() or "it failed and said nothing")


def _crash(key: tuple[str, str], lines: list[tuple[str, str]], root: str) -> TestFailure | None:
    """A panic, a time-out, a deadlock: the message, and the first line of the tree on the stack."""
    texts = [line.rstrip("\n") for _, line in lines]
    start = next((number for number, line in enumerate(texts) if _CRASH.match(line)), None)
    if start is None or not (match := _CRASH.match(texts[start])):
        return None
    file, number = "", 0
    for line in texts[start:]:
        if (frame := _FRAME.match(line)) and frame["path"].startswith(f"{root}/"):
            file, number = frame["path"].removeprefix(f"{root}/"), int(frame["line"])
            break
    message = match["message"].split(" [recovered", 1)[0]
    kept = [f"panic: {message}" if "timed out" not in message else message]
    # How long a test had been running differs from run to run, and two findings are compared as text.
    kept += [_RUNNING_FOR.sub("", text) for text in texts[start + 1 :] if text.startswith("\t\t")]
    return _failure(key, "\n".join(text.strip() for text in kept), file, number)


def _failure(
    key: tuple[str, str],
    output: str,
    file: str = "",
    line: int = 0,
    call: str = "",
    got: str = "",
    want: str = "",
) -> TestFailure:
    return TestFailure(
        package=key[0],
        test=key[1],
        file=file,
        line=line,
        call=call,
        got=got,
        want=want,
        output=output[:MAX_OUTPUT_CHARS],
    )
