"""Judgements of real trees by the real toolchain in the real sandbox: what is green, and what is not."""

import os
import time
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge, Timing
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import BubblewrapSandbox, UnsandboxedRunner, open_sandbox
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.errors import SandboxError, UsageError
from guildbus.protocols.messages.build import FileTask, Plan
from guildbus.protocols.messages.verification import Score
from guildbus.protocols.spec import Example, Signature

pytestmark = pytest.mark.timeout(600)

GOOD = """package numkit

// GCD is the greatest common divisor of the absolute values.
func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

// Clamp puts x into [lo, hi].
func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	return min(max(x, lo), hi)
}
"""

SUITE = """package numkit

import "testing"

func TestGCD(t *testing.T) {
	for _, tc := range []struct{ a, b, want int }{{8, 15, 1}, {12, 18, 6}, {0, 5, 5}, {-12, 18, 6}} {
		if got := GCD(tc.a, tc.b); got != tc.want {
			t.Errorf("GCD(%d, %d) = %d; want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestClamp(t *testing.T) {
	rows := []struct{ x, lo, hi, want int }{{1, 2, 3, 2}, {2, 1, 3, 2}, {9, 1, 3, 3}, {7, 10, 0, 7}}
	for _, tc := range rows {
		if got := Clamp(tc.x, tc.lo, tc.hi); got != tc.want {
			t.Errorf("Clamp(%d, %d, %d) = %d; want %d", tc.x, tc.lo, tc.hi, got, tc.want)
		}
	}
}
"""


def task(path: str, *tests: str, stage: int = 0, folder: str = "", package: str = "numkit") -> FileTask:
    owner = "go-test" if path.endswith("_test.go") else "go-dev"
    return FileTask(
        path=path, purpose="p", owner=owner, package=package, folder=folder, stage=stage, tests=tests
    )


PLAN = Plan(
    module="example.com/numkit",
    go_mod="module example.com/numkit\n\ngo 1.22\n",
    tasks=(task("numkit.go"), task("numkit_test.go", "TestGCD", "TestClamp")),
    api={
        "": (
            Signature(name="GCD", text="func GCD(a, b int) int"),
            Signature(name="Clamp", text="func Clamp(x, lo, hi int) int"),
        )
    },
    examples=(
        Example(function="GCD", call="GCD(8, 15)", want="1"),
        Example(function="GCD", call="GCD(0, -5)", want="5"),
        Example(function="Clamp", call="Clamp(7, 10, 0)", want="7"),
    ),
)


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    base = os.environ.get("XDG_CACHE_HOME")
    found = Toolchain.find((Path(base) if base else Path.home() / ".cache") / "guildbus")
    found.warm_cache()
    return found


@pytest.fixture
async def judge(toolchain: Toolchain) -> Judge:
    policy = Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())
    return Judge(toolchain, await open_sandbox(policy), Timing(test_s=3, stub_s=2, all_s=60))


async def judged(
    judge: Judge, implementation: str = GOOD, suite: str = SUITE, plan: Plan = PLAN
) -> Judgement:
    return await judge.judge({"numkit.go": implementation, "numkit_test.go": suite}, plan)


async def test_a_right_tree_is_green_and_its_time_is_reported(judge: Judge) -> None:
    before = time.time()
    found = await judged(judge)
    assert found.green
    assert found.score == Score(build=True, vet=True, test=True)
    assert (found.tests_passed, found.tests_total) == (2, 2)
    assert (found.failures, found.missing_tests, found.unnoticed, found.broken_examples) == ((), (), (), ())
    [span] = found.spans
    assert span.kind == "toolchain"
    assert span.started_at >= before - 1
    assert 0 < span.wall_s < 60


async def test_a_wrong_function_is_red_with_the_example_and_the_assertion(judge: Judge) -> None:
    found = await judged(
        judge, GOOD.replace("return -a", "return a"), SUITE.replace("{0, 5, 5}", "{0, -5, 5}")
    )
    assert not found.green
    assert found.score.total == 2
    [failure] = found.failures
    assert (failure.test, failure.file, failure.line) == ("TestGCD", "numkit_test.go", 8)
    assert (failure.call, failure.got, failure.want) == ("GCD(0, -5)", "-5", "5")
    assert [(b.call, b.want, b.got) for b in found.broken_examples] == [("GCD(0, -5)", "5", "-5")]


async def test_a_suite_that_never_asks_does_not_hide_a_broken_example(judge: Judge) -> None:
    found = await judged(
        judge, GOOD.replace("return -a", "return a"), SUITE.replace("{-12, 18, 6}", "{4, 2, 2}")
    )
    assert found.score.total == 3
    assert not found.green
    assert [b.call for b in found.broken_examples] == ["GCD(0, -5)"]


async def test_a_suite_that_does_not_notice_an_emptied_function(judge: Judge) -> None:
    suite = SUITE.replace(
        'got != tc.want {\n\t\t\tt.Errorf("Clamp', 'got != Clamp(tc.x, tc.lo, tc.hi) {\n\t\t\tt.Errorf("Clamp'
    )
    found = await judged(judge, suite=suite)
    assert found.score.total == 3
    assert found.unnoticed == ("Clamp",)
    assert not found.green


async def test_a_compile_error_of_the_implementation_stops_there(judge: Judge) -> None:
    found = await judged(judge, GOOD.replace("return x", 'return "x"'))
    assert found.score == Score()
    assert [(d.tool, d.file, d.line) for d in found.diagnostics] == [("build", "numkit.go", 17)]
    assert found.missing_tests == ()


async def test_a_compile_error_of_the_suite_keeps_the_build_and_the_examples(judge: Judge) -> None:
    found = await judged(judge, GOOD.replace("return -a", "return a"), SUITE.replace("GCD(tc.a", "GCDx(tc.a"))
    assert found.score == Score(build=True)
    assert {d.file for d in found.diagnostics} == {"numkit_test.go"}
    assert [d.message for d in found.diagnostics] == ["undefined: GCDx"]
    assert [b.call for b in found.broken_examples] == ["GCD(0, -5)"]
    assert found.missing_tests == ()


async def test_vet_and_test_are_judged_apart(judge: Judge) -> None:
    found = await judged(judge, suite=SUITE.replace('"GCD(%d, %d) = %d', '"GCD(%s, %d) = %d'))
    assert found.score == Score(build=True, vet=False, test=True)
    assert [(d.tool, d.line) for d in found.diagnostics] == [("vet", 8)]
    assert not found.green


@pytest.mark.parametrize(
    ("suite", "missing"),
    [
        ("package numkit\n", ("TestGCD", "TestClamp")),
        (SUITE.replace("TestClamp", "TestOther"), ("TestClamp",)),
        (SUITE.replace("TestClamp(t *testing.T) {", "TestClamp(t *testing.T) {\n\tt.Skip()"), ("TestClamp",)),
    ],
)
async def test_a_test_that_vanished_or_was_skipped_is_missing(
    judge: Judge, suite: str, missing: tuple[str, ...]
) -> None:
    found = await judged(judge, suite=suite)
    assert found.missing_tests == missing
    assert found.score == Score(build=True, vet=True, test=False)
    assert not found.green


async def test_where_no_name_is_asked_for_one_test_of_the_file_must_run(judge: Judge) -> None:
    plan = PLAN.model_copy(update={"tasks": (task("numkit.go"), task("numkit_test.go"))})
    assert (await judged(judge, suite="package numkit\n", plan=plan)).missing_tests == ("numkit_test.go",)
    assert (await judged(judge, plan=plan)).green


async def test_an_exit_code_alone_is_not_believed(judge: Judge) -> None:
    lying = SUITE.replace('import "testing"', 'import (\n\t"os"\n\t"testing"\n)').replace(
        "{8, 15, 1}", "{8, 15, 2}"
    )
    found = await judged(judge, suite=lying + "\nfunc TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(0)\n}\n")
    assert not found.score.test
    assert [failure.call for failure in found.failures] == ["GCD(8, 15)"]


async def test_an_infinite_loop_is_a_failing_test(judge: Judge) -> None:
    found = await judged(judge, GOOD.replace("a, b = b, a%b", "a, b = a, b"))
    assert not found.score.test
    assert [(f.test, "timed out" in f.output) for f in found.failures] == [("TestGCD", True)]
    assert "timed out" in found.broken_examples[0].got


async def test_a_panic_names_its_place(judge: Judge) -> None:
    found = await judged(
        judge, GOOD.replace("if lo > hi {\n\t\treturn x", 'if lo > hi {\n\t\tpanic("inverted")')
    )
    [failure] = found.failures
    assert (failure.test, failure.file, failure.line) == ("TestClamp", "numkit.go", 17)
    assert failure.output == "panic: inverted"
    assert [(b.call, b.got) for b in found.broken_examples] == [("Clamp(7, 10, 0)", "panic: inverted")]
    assert found.missing_tests == ()


async def test_endless_output_hides_no_verdict(judge: Judge) -> None:
    noisy = SUITE.replace(
        "TestClamp(t *testing.T) {", "TestClamp(t *testing.T) {\n\tfor {\n\t\tprintln(1)\n\t}"
    )
    found = await judged(judge, suite=noisy)
    assert (found.score.build, found.score.test, found.green) == (True, False, False)
    assert not found.broken_examples


async def test_an_early_stage_may_hold_no_tests_and_a_whole_tree_may_not(judge: Judge) -> None:
    staged = PLAN.model_copy(
        update={"tasks": (task("numkit.go"), task("numkit_test.go", "TestGCD", "TestClamp", stage=1))}
    )
    early = await judge.judge({"numkit.go": GOOD}, staged)
    assert early.green
    assert early.score == Score(build=True, vet=True, test=False)
    broken = await judge.judge({"numkit.go": GOOD.replace("return -a", "return a")}, staged)
    assert not broken.green
    untested = await judge.judge({"numkit.go": GOOD}, PLAN.model_copy(update={"tasks": (task("numkit.go"),)}))
    assert not untested.green
    assert untested.score.total == 2


async def test_two_packages_each_need_their_tests(judge: Judge) -> None:
    plan = Plan(
        module="example.com/m",
        go_mod="module example.com/m\n\ngo 1.22\n",
        tasks=(
            task("numkit/numkit.go", folder="numkit"),
            task("numkit/numkit_test.go", "TestGCD", "TestClamp", folder="numkit"),
            task("use/use.go", folder="use", package="use", stage=1),
            task("use/use_test.go", folder="use", package="use", stage=1),
        ),
        examples=(Example(function="Half", call="Half(6, 9)", want="1.5, nil", folder="use"),),
    )
    use = (
        'package use\n\nimport (\n\t"errors"\n\n\t"example.com/m/numkit"\n)\n\n'
        'var ErrZero = errors.New("zero")\n\n'
        "func Half(a, b int) (float64, error) {\n\tif a == 0 {\n\t\treturn 0, ErrZero\n\t}\n"
        "\treturn float64(numkit.GCD(a, b)) / 2, nil\n}\n"
    )
    suite = (
        'package use_test\n\nimport (\n\t"testing"\n\n\t"example.com/m/use"\n)\n\n'
        "func TestHalf(t *testing.T) {\n"
        "\tif got, _ := use.Half(6, 9); got != 1.5 {\n\t\tt.Error(got)\n\t}\n}\n"
    )
    tree = {"numkit/numkit.go": GOOD, "numkit/numkit_test.go": SUITE}
    first = await judge.judge(tree, plan)
    assert first.green, first
    assert first.score.total == 3
    tree |= {"use/use.go": use, "use/use_test.go": suite}
    assert (await judge.judge(tree, plan)).green
    tree["use/use_test.go"] = "package use\n"
    assert (await judge.judge(tree, plan)).missing_tests == ("use/use_test.go",)
    tree["use/use.go"] = use.replace("/ 2", "/ 3")
    assert [b.got for b in (await judge.judge(tree, plan)).broken_examples] == ["1, nil"]


@pytest.mark.parametrize(
    ("call", "want"),
    [
        ('Reverse("é")', '"é"'),
        ("Values()", "[]int{1, 2}"),
        ("Empty()", "[]int{}"),
        ("Third()", "1.0 / 3"),
        ("Fail()", "ErrX"),
        ("Pair()", "math.MaxInt, nil"),
        ("Now().Year()", "time.Unix(0, 0).UTC().Year()"),
        ("Letter()", "'x'"),
    ],
)
async def test_examples_of_every_kind_are_compared_as_go_would(judge: Judge, call: str, want: str) -> None:
    source = """package kinds

import (
	"errors"
	"fmt"
	"math"
	"time"
)

var ErrX = errors.New("x")

func Reverse(s string) string { return s }
func Values() []int           { return []int{1, 2} }
func Empty() []int            { return nil }
func Third() float64          { return 0.1 / 0.3 }
func Fail() error             { return fmt.Errorf("more: %w", ErrX) }
func Pair() (int, error)      { return math.MaxInt, nil }
func Now() time.Time          { return time.Unix(5, 0).UTC() }
func Letter() rune            { return 'x' }
"""
    plan = Plan(
        module="kinds",
        go_mod="module kinds\n\ngo 1.22\n",
        tasks=(task("kinds.go", package="kinds"), task("kinds_test.go", stage=1, package="kinds")),
        examples=(Example(function="F", call=call, want=want), Example(function="F", call=call, want="Nope")),
    )
    kept = await judge.judge({"kinds.go": source}, plan.model_copy(update={"examples": plan.examples[:1]}))
    assert kept.green, kept.broken_examples
    uncompiled = await judge.judge({"kinds.go": source}, plan)
    [broken] = uncompiled.broken_examples
    assert broken.want == "Nope"
    assert broken.got.startswith("does not compile: ")


async def test_a_path_that_leaves_the_tree_is_refused(judge: Judge) -> None:
    with pytest.raises(UsageError, match="leaves the tree"):
        await judge.judge({"../x.go": GOOD}, PLAN)


async def test_without_a_sandbox_the_judgement_is_the_same(toolchain: Toolchain) -> None:
    policy = Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())
    found = await judged(Judge(toolchain, UnsandboxedRunner(policy)), GOOD.replace("return x", "return hi"))
    assert [(f.call, f.got, f.want) for f in found.failures] == [("Clamp(7, 10, 0)", "0", "7")]


async def test_a_broken_sandbox_is_no_verdict_on_the_code(toolchain: Toolchain, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: gone' >&2\nexit 1\n")
    broken.chmod(0o755)
    policy = Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())
    with pytest.raises(SandboxError, match="bwrap: gone"):
        await judged(Judge(toolchain, BubblewrapSandbox(policy, bwrap=broken)))


async def test_a_run_that_is_stopped_says_so(toolchain: Toolchain) -> None:
    policy = Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())
    slow = Judge(toolchain, BubblewrapSandbox(policy), Timing(test_s=60, all_s=4))
    found = await judged(slow, GOOD.replace("a, b = b, a%b", "a, b = a, b"))
    assert not found.green
    assert "stopped after 4 s" in found.failures[-1].output


async def test_any_tree_can_be_scored_where_it_lies(judge: Judge, tmp_path: Path) -> None:
    assert (await judge.score(tmp_path)).score == Score()
    (tmp_path / "go.mod").write_text("module m\n\ngo 1.22\n")
    assert (await judge.score(tmp_path)).score == Score()
    (tmp_path / "numkit.go").write_text(GOOD)
    untested = await judge.score(tmp_path)
    assert (untested.score.total, untested.missing_tests) == (2, ("any test",))
    (tmp_path / "numkit_test.go").write_text(SUITE)
    assert (await judge.score(tmp_path)).score.total == 3
    assert names_in(tmp_path) == ["go.mod", "numkit.go", "numkit_test.go"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
