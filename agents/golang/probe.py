"""Go tests that evaluate what the spec states: one file for each example, read back by name. Pure.

`want` is converted by Go itself: both values pass through one generic function, so an untyped
constant takes the type of the call's result. Values are compared deeply; errors also by errors.Is,
floats to a relative 1e-9, and an empty slice or map equals a nil one. The files exist only in the
sandbox, in the package under test. Read `guildbus.agents.judge_script` next.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from guildbus.agents.golang.syntax import find, parse, text_of
from guildbus.agents.golang.testevents import TestReport
from guildbus.protocols.messages.verification import BrokenExample
from guildbus.protocols.spec import Example

PREFIX = "TestGuildbusExample"
SUPPORT_FILE = "guildbus_examples_test.go"
_MARK = "guildbus-got "

_SUPPORT = """package %s

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func guildbusCheck1[A any](a A) func(*testing.T, A) {
	return func(t *testing.T, wa A) { guildbusCompare(t, []any{a}, []any{wa}) }
}

func guildbusCheck2[A, B any](a A, b B) func(*testing.T, A, B) {
	return func(t *testing.T, wa A, wb B) { guildbusCompare(t, []any{a, b}, []any{wa, wb}) }
}

func guildbusCheck3[A, B, C any](a A, b B, c C) func(*testing.T, A, B, C) {
	return func(t *testing.T, wa A, wb B, wc C) { guildbusCompare(t, []any{a, b, c}, []any{wa, wb, wc}) }
}

func guildbusCompare(t *testing.T, got, want []any) {
	shown, same := []string{}, true
	for i := range got {
		same = same && guildbusEqual(got[i], want[i])
		if got[i] == nil {
			shown = append(shown, "nil")
		} else if err, ok := got[i].(error); ok {
			shown = append(shown, fmt.Sprintf("error(%%q)", err.Error()))
		} else {
			shown = append(shown, fmt.Sprintf("%%#v", got[i]))
		}
	}
	if !same {
		guildbusSay(t, strings.Join(shown, ", "))
	}
}

func guildbusEqual(got, want any) bool {
	if reflect.DeepEqual(got, want) {
		return true
	}
	g, gotError := got.(error)
	w, wantError := want.(error)
	if gotError && wantError {
		return errors.Is(g, w)
	}
	x, y := reflect.ValueOf(got), reflect.ValueOf(want)
	if !x.IsValid() || !y.IsValid() || x.Type() != y.Type() {
		return false
	}
	switch x.Kind() {
	case reflect.Float32, reflect.Float64:
		a, b := x.Float(), y.Float()
		if math.IsInf(a, 0) || math.IsInf(b, 0) || math.IsNaN(a) || math.IsNaN(b) {
			return math.IsNaN(a) && math.IsNaN(b)
		}
		return math.Abs(a-b) <= 1e-9*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
	case reflect.Slice, reflect.Map:
		return x.Len() == 0 && y.Len() == 0
	}
	return false
}

func guildbusCaught(t *testing.T) {
	if reason := recover(); reason != nil {
		guildbusSay(t, fmt.Sprintf("panic: %%v", reason))
	}
}

func guildbusSay(t *testing.T, got string) {
	text, _ := json.Marshal(got)
	t.Errorf("guildbus-got %%s", text)
}
"""

_EXAMPLE = """package %(package)s

import (
	"testing"
%(imports)s)

func %(test)s(t *testing.T) {
	defer guildbusCaught(t)
	guildbusCheck%(values)d(%(call)s)(t, %(want)s)
}
"""


@dataclass(frozen=True)
class Probe:
    """The probe of one package: file names (beside its sources) to Go source."""

    files: dict[str, str]


def write_probe(package: str, examples: Sequence[tuple[int, Example]], stdlib: frozenset[str]) -> Probe:
    """Test files for numbered examples of one package. `stdlib` resolves qualifiers like `math.Pi`."""
    files = {SUPPORT_FILE: _SUPPORT % package}
    for number, example in examples:
        files[_file_of(number)] = _EXAMPLE % {
            "package": package,
            "imports": "".join(f'\t"{path}"\n' for path in _imports(example, stdlib)),
            "test": f"{PREFIX}{number}",
            "values": min(max(_count(example.want), 1), 3),
            "call": example.call,
            "want": example.want,
        }
    return Probe(files)


def read_probe(report: TestReport, examples: Sequence[Example]) -> tuple[BrokenExample, ...]:
    """The examples that the tree does not keep, in the spec's order.

    An example that Go cannot compile is broken, and hides the others until it is mended. Where
    nothing at all can be told apart, all of them count as broken: unproved is not kept.
    """
    got: dict[int, str] = {}
    for failure in report.failures:
        name = failure.test.removeprefix(PREFIX)
        if name.isdigit():
            got.setdefault(int(name), _got(failure.output))
    for number in range(len(examples)):
        for line in report.build_output.splitlines():
            if f"{_file_of(number)}:" in line:
                got.setdefault(number, f"does not compile: {line.split(': ', 1)[-1]}")
    proved = {int(name.removeprefix(PREFIX)) for _, name in report.passed if name.startswith(PREFIX)}
    if not got:
        unproved = set(range(len(examples))) - proved
        got = dict.fromkeys(unproved, "could not be evaluated")
    return tuple(
        BrokenExample(call=example.call, want=example.want, got=got[number], folder=example.folder)
        for number, example in enumerate(examples)
        if number in got
    )


def _got(output: str) -> str:
    if output.startswith(_MARK):
        try:
            return str(json.loads(output.removeprefix(_MARK)))
        except ValueError:
            return output.removeprefix(_MARK)
    return output


def _file_of(number: int) -> str:
    return f"guildbus_example_{number}_test.go"


def _count(want: str) -> int:
    """How many values `want` lists: `0, ErrEmpty` are two."""
    for arguments in find(parse(f"package p\n\nvar _ = f({want})\n").root, "argument_list"):
        return sum(child.type != "comment" for child in arguments.named_children)
    return 1


def _imports(example: Example, stdlib: frozenset[str]) -> tuple[str, ...]:
    """The standard packages that an example's expressions name: the shortest path for each."""
    return imports_of(f"var _ = f(({example.call}), {example.want})", stdlib)


def imports_of(declaration: str, stdlib: frozenset[str]) -> tuple[str, ...]:
    """The standard packages that a declaration names, without `testing`: the shortest path for each."""
    paths = set()
    root = parse(f"package p\n\n{declaration}\n").root
    for node in (*find(root, "selector_expression"), *find(root, "qualified_type")):
        operand = node.named_children[0]
        if operand.type not in ("identifier", "package_identifier"):
            continue
        fitting = [path for path in stdlib if path.rsplit("/", 1)[-1] == text_of(operand)]
        usable = [path for path in fitting if not path.startswith(("internal/", "vendor/"))]
        if usable:
            paths.add(min(usable, key=lambda path: (path.count("/"), "crypto" in path, path)))
    return tuple(sorted(paths - {"testing"}))
