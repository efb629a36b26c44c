"""Mutation scores of real modules, by the real toolchain in the real sandbox: the fate of every mutant."""

from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.sandbox import Sandbox
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import UnsandboxedRunner, open_sandbox
from guildbus.agents.teeth.in_build import measured_teeth
from guildbus.agents.teeth.measuring import Measured, measure
from guildbus.agents.teeth.shown import as_teeth
from guildbus.protocols.messages.verification import Teeth

pytestmark = pytest.mark.timeout(600)

MODULE = "module example.com/kit\n\ngo 1.22\n"
KIT = """package kit

import "example.com/kit/inner"

const limit = 2

var marks = []string{"a", "b"}

// Steps counts down.
func Steps(n int) int {
	k := 0
	for n > 0 {
		n--
		k++
	}
	return k
}

func Abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}

func Idle(n int) int {
	n = n + 0
	return inner.Double(n)
}

func Mark(i int) string {
	return marks[i%limit] + "!"
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(_ string, xs ...T) {
	s.items = append(s.items, xs...)
}

func (s Stack[T]) Top() (top T, ok bool) {
	if len(s.items) == 0 {
		return
	}
	return s.items[len(s.items)-1], true
}

func Safe(f func()) (failed bool) {
	defer caught(&failed)
	f()
	return false
}

func caught(failed *bool) {
	if recover() != nil {
		*failed = true
	}
}
"""
INNER = """package inner

func Double(n int) int { return n * 2 }
"""
STRONG = """package kit

import "testing"

func TestKit(t *testing.T) {
	var s Stack[int]
	_, empty := s.Top()
	s.Push("x", 7, 9)
	top, full := s.Top()
	var one Stack[int]
	one.Push("y", 5)
	last, single := one.Top()
	got := []any{Steps(4), Abs(-3), Abs(4), Idle(3), Mark(0), Mark(1), Mark(2)}
	want := []any{4, 3, 4, 6, "a!", "b!", "a!", false, 9, true, 5, true}
	got = append(got, empty, top, full, last, single)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %v; want %v", i, got[i], want[i])
		}
	}
	ran := false
	if Safe(func() { ran = true }) || !ran || !Safe(func() { panic("x") }) {
		t.Error("Safe")
	}
}
"""
WEAK = """package kit

import "testing"

func TestSteps(t *testing.T) {
	if Steps(1) == 0 {
		t.Error("no step")
	}
}
"""


@pytest.fixture
async def sandbox(go_cache: Path) -> Sandbox:
    return await open_sandbox(Toolchain.find(go_cache).policy())


def module(suite: str, **files: str) -> dict[str, str]:
    return {"go.mod": MODULE, "kit.go": KIT, "inner/inner.go": INNER, "kit_test.go": suite, **files}


def fates(found: Measured) -> dict[str, str]:
    """`Abs < -> <=`: its fate."""
    text = {path: source.encode() for path, source in found.sources.items()}
    return {
        f"{m.function} {text[m.file][m.start : m.end].decode()} -> {m.replacement}": fate
        for m, fate in found.fates
    }


async def test_a_strong_suite_lets_only_equivalent_mutants_live(sandbox: Sandbox) -> None:
    found = await measure(sandbox, module(STRONG), seconds=400)
    by_fate: dict[str, set[str]] = {}
    for name, fate in fates(found).items():
        by_fate.setdefault(fate, set()).add(name)
    assert found.why == ""
    assert by_fate["survived"] == {"Abs < -> <=", "Abs 0 -> 1"}
    assert by_fate["timeout"] == {"Steps n-- -> ", "Steps -- -> ++"}
    assert by_fate["equivalent"] == {"Idle n = n + 0 -> ", "Idle + -> -"}
    assert by_fate["uncompiled"] == {"Mark + -> -"}
    assert by_fate["killed"] >= {
        "limit 2 -> 3",
        'marks "b" -> ""',
        "Double n * 2 -> 0",
        "Stack.Push s.items = append(s.items, xs...) -> ",
        "Stack.Top s.items[len(s.items)-1] -> *new(T)",
        "Safe defer caught(&failed) -> ",
        "caught != -> ==",
    }
    assert "skipped" not in by_fate
    killed = found.count("killed", "timeout")
    assert found.score == killed / (killed + 2)


async def test_a_weak_suite_has_a_low_score_and_shows_what_it_misses(sandbox: Sandbox) -> None:
    found = await measure(sandbox, module(WEAK), seconds=400, cap=24)
    teeth = as_teeth(found)
    assert (teeth.total, teeth.cap, teeth.found > 24) == (24, 24, True)
    assert teeth.killed + teeth.survived + teeth.equivalent + teeth.not_compiled == 24
    assert teeth.score is not None
    assert 0 < teeth.score < 0.4
    assert {name.split()[0] for name, fate in fates(found).items() if fate == "equivalent"} <= {"Idle"}
    assert {m.function for m in found.survivors} >= {"Abs", "Mark", "Double", "Stack.Top", "Safe"}
    double = next(one for one in teeth.survivors if one.function == "Double")
    assert (double.file, double.line) == ("inner/inner.go", 3)
    assert double.diff.startswith("--- a/inner/inner.go\n+++ b/inner/inner.go\n@@")


async def test_a_suite_that_fails_has_no_score_and_a_reason(sandbox: Sandbox) -> None:
    failing = WEAK.replace("== 0", "!= 0")
    found = await measure(sandbox, module(failing), seconds=400, cap=3)
    assert found.score is None
    assert "does not pass" in found.why
    assert "no step" in found.why


async def test_in_a_build_nothing_is_raised_and_the_reason_is_said() -> None:
    without_go = UnsandboxedRunner(Policy())
    broken = await measured_teeth(without_go, module(WEAK), 30, None)
    assert broken.score is None
    assert "go list failed" in broken.why
    late = await measured_teeth(without_go, module(WEAK), 30, 12.0)
    assert late == Teeth(why="there was no time to measure: 3 s are the least")
    stray = await measured_teeth(without_go, {"../x.go": "", **module(WEAK)}, 30, None)
    assert stray.why.startswith("not measured: ../x.go: a path")
