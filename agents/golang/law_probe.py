"""Go tests that try the laws of a spec on drawn values: one file for each law, read back by name. Pure.

The first values for which a law is false, or its evaluation panics, are what is reported. The files exist
only in the sandbox, in the package under test. What a law is says `guildbus.agents.laws`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guildbus.agents.golang.probe import imports_of
from guildbus.agents.golang.testevents import TestReport
from guildbus.protocols.messages.verification import BrokenExample

LAW_PREFIX = "TestGuildbusLaw"
SUPPORT_FILE = "guildbus_laws_test.go"
_MARK = re.compile(r"guildbus-law (\d+) (.*)", re.DOTALL)

_SUPPORT = """package %s

import "testing"

func guildbusLaw(t *testing.T, number int, holds func() bool) {
	if t.Failed() {
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			t.Errorf("guildbus-law %%d panic: %%v", number, reason)
		}
	}()
	if !holds() {
		t.Errorf("guildbus-law %%d false", number)
	}
}
"""

_LAW = """package %(package)s

import (
	"testing"
%(imports)s)

func %(test)s(t *testing.T) {
	law := func(%(parameters)s) bool { return %(text)s }
%(tries)s}
"""


@dataclass(frozen=True)
class Instance:
    """A law with values in place of its parameters: the values alone, and the whole as people read it."""

    values: tuple[str, ...]
    shown: str


@dataclass(frozen=True)
class Trial:
    """A law of a package as Go text, its parameters with their types, and the values that it is tried on."""

    text: str
    folder: str
    parameters: tuple[tuple[str, str], ...]
    instances: tuple[Instance, ...]


def write_laws(package: str, trials: Sequence[tuple[int, Trial]], stdlib: frozenset[str]) -> dict[str, str]:
    """Test files (beside the package's sources) for numbered laws of one package."""
    if not trials:
        return {}
    files = {SUPPORT_FILE: _SUPPORT % package}
    for number, trial in trials:
        files[_file_of(number)] = _LAW % {
            "package": package,
            "imports": "".join(f'\t"{path}"\n' for path in imports_of(f"var _ = {trial.text}", stdlib)),
            "test": f"{LAW_PREFIX}{number}",
            "parameters": ", ".join(map(" ".join, trial.parameters)),
            "text": trial.text,
            "tries": "".join(
                f"\tguildbusLaw(t, {place}, func() bool {{ return law({', '.join(one.values)}) }})\n"
                for place, one in enumerate(trial.instances)
            ),
        }
    return files


def read_laws(report: TestReport, trials: Sequence[Trial], *, all_told: bool) -> tuple[BrokenExample, ...]:
    """The laws that the tree breaks, in the spec's order, with the first values that show it.

    A law that Go cannot compile is broken. With `all_told` nothing else in the package's probes explains why
    a law was not evaluated: then it is broken too, as unproved is not kept.
    """
    found: dict[int, tuple[str, str]] = {}
    for failure in report.failures:
        name = failure.test.removeprefix(LAW_PREFIX)
        said = _MARK.search(failure.output)
        if name.isdigit() and int(name) < len(trials):
            trial = trials[int(name)]
            shown = trial.instances[int(said.group(1))].shown if said else trial.text
            found.setdefault(int(name), (shown, said.group(2).strip() if said else failure.output))
    for number, trial in enumerate(trials):
        for line in report.build_output.splitlines():
            if f"{_file_of(number)}:" in line:
                found.setdefault(number, (trial.text, f"does not compile: {line.split(': ', 1)[-1]}"))
    proved = {int(name.removeprefix(LAW_PREFIX)) for _, name in report.passed if name.startswith(LAW_PREFIX)}
    if not found and all_told:
        unproved = sorted(set(range(len(trials))) - proved)
        found = {number: (trials[number].text, "could not be evaluated") for number in unproved}
    return tuple(
        BrokenExample(call=shown, want="true", got=got, folder=trials[number].folder)
        for number, (shown, got) in sorted(found.items())
    )


def _file_of(number: int) -> str:
    return f"guildbus_law_{number}_test.go"
