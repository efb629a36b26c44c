"""The gates with the real gofmt, and emptied functions under the real compiler."""

import os
import subprocess
from pathlib import Path

import pytest

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.formatting import gofmt_of
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.golang.stubs import stub_function, stubbable
from guildbus.agents.golang.syntax import SyntaxFault
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.spec import Signature

RAW = sorted((Path(__file__).parents[1] / "data" / "drafts" / "raw").glob("*.txt"))

SHAPES = """package shapes

import "errors"

var ErrEmpty = errors.New("empty")

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Pop() (T, error) {
	var zero T
	if len(s.items) == 0 {
		return zero, ErrEmpty
	}
	last := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return last, nil
}

func Split(n int) (high, low int, err error) {
	if n < 0 {
		return 0, 0, errors.New("negative")
	}
	return n / 10, n % 10, nil
}

func Map[T, U any](xs []T, f func(T) U) []U {
	var out []U
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}

func Adder() func(int) int { return func(n int) int { return n + 1 } }

func Pair() (map[string]int, struct{ X, Y int }) { return nil, struct{ X, Y int }{1, 2} }
"""


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    return Toolchain.find(tmp_path_factory.mktemp("go"))


def context(toolchain: Toolchain, path: str, package: str, api: tuple[Signature, ...] = ()) -> GateContext:
    task = FileTask(path=path, purpose="as stated", owner="go-test", package=package, stage=0)
    return GateContext(
        task=task,
        stdlib=toolchain.stdlib(),
        formatter=gofmt_of(toolchain),
        module=f"example.com/{package}",
        api=api,
    )


def test_gofmt_is_applied_and_names_the_line_of_a_syntax_error(toolchain: Toolchain) -> None:
    assert gofmt_of(toolchain)("package p\nfunc F( ){ }\n") == "package p\n\nfunc F() {}\n"
    fault = gofmt_of(toolchain)("package p\n\nfunc F() {\n\tx := \n}\n")
    assert isinstance(fault, SyntaxFault)
    assert fault.line in (4, 5)


def test_a_cut_draft_is_said_to_end_too_early(toolchain: Toolchain) -> None:
    result = run_gates("package p\n\nfunc F() int {\n\treturn 1\n", context(toolchain, "p.go", "p"))
    assert "ends too early" in result.verdicts[0].reason


def test_leniencies_of_the_tree_are_refused_by_gofmt(toolchain: Toolchain) -> None:
    result = run_gates(
        "package p\n\nfunc F() {\n\tfor x := range 3; {\n\t}\n}\n", context(toolchain, "p.go", "p")
    )
    assert not is_accepted(result)


@pytest.mark.parametrize("path", RAW, ids=lambda path: path.stem)
def test_real_drafts_come_to_rest_in_gofmts_form(path: Path, toolchain: Toolchain) -> None:
    package = path.name.split("_")[0]
    file = f"{package}_test.go" if "_test_" in path.name else f"{package}.go"
    text = path.read_text("utf-8")
    source = text.split("```")[1].removeprefix("go\n") if "```" in text else text
    given = context(toolchain, file, package)
    once = run_gates(source, given)
    twice = run_gates(once.content, given)
    assert twice.content == once.content
    if is_accepted(once):
        assert gofmt_of(toolchain)(once.content) == once.content
        assert {each.outcome for each in twice.verdicts} == {"passed"}


@pytest.mark.slow
def test_every_emptied_function_still_compiles(toolchain: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/stubs\n\ngo 1.22\n")
    names = stubbable(SHAPES)
    assert names == ("Stack.Pop", "Split", "Map", "Adder", "Pair")
    for name in names:
        folder = tmp_path / name.replace(".", "").lower()
        folder.mkdir()
        (folder / "shapes.go").write_text(stub_function(SHAPES, name))
    environment = {**toolchain.environment(), "GOCACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [toolchain.go, "build", "./..."],
        cwd=tmp_path,
        env={**environment, "TMPDIR": os.environ.get("TMPDIR", "/tmp")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
