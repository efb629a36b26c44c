"""Judging with witness tables: a suite that passes does not make a wrong implementation green."""

import os
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge, Timing
from guildbus.agents.oracle.examining import agreement
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.selection import rank
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.messages.build import FileTask, Plan
from guildbus.protocols.messages.oracle import WitnessedCase, WitnessTable
from guildbus.protocols.spec import Signature

pytestmark = pytest.mark.timeout(300)

RIGHT = """package numkit

func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}
"""
WRONG = RIGHT.replace("return -a", "return a")
WEAK = """package numkit

import "testing"

func TestGCD(t *testing.T) {
	if got := GCD(8, 12); got != 4 {
		t.Errorf("GCD(8, 12) = %d; want 4", got)
	}
}
"""
TASKS = tuple(
    FileTask(path=path, purpose="p", owner=owner, package="numkit", stage=0, tests=tests)
    for path, owner, tests in (("numkit.go", "go-dev", ()), ("numkit_test.go", "go-test", ("TestGCD",)))
)
PLAN = Plan(
    module="example.com/numkit",
    go_mod="module example.com/numkit\n\ngo 1.22\n",
    tasks=TASKS,
    api={"": (Signature(name="GCD", text="func GCD(a, b int) int"),)},
)


def settled(a: int, b: int, gives: int) -> WitnessedCase:
    case: Json = {"call": "GCD", "args": [a, b]}
    return WitnessedCase(
        call=f"GCD({a}, {b})",
        case=canonical(case),
        outcome=canonical({"values": [gives]}),
        votes=("python-0", "python-1"),
    )


TABLES = {
    "": (
        WitnessTable(
            subject="GCD", cases=(settled(8, 12, 4), settled(-12, -18, 6), settled(0, -5, 5)), drawn=3
        ),
        WitnessTable(subject="Rand", obstacle="Rand gives nothing back"),
    )
}


@pytest.fixture
async def judge() -> Judge:
    base = os.environ.get("XDG_CACHE_HOME")
    toolchain = Toolchain.find((Path(base) if base else Path.home() / ".cache") / "guildbus")
    toolchain.warm_cache()
    policy = Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())
    return Judge(toolchain, await open_sandbox(policy), Timing(test_s=5, stub_s=5, all_s=90))


async def judged(judge: Judge, code: str, suite: str = WEAK) -> Judgement:
    return await judge.judge({"numkit.go": code, "numkit_test.go": suite}, PLAN, TABLES)


async def test_a_wrong_implementation_under_a_weak_suite_is_not_green(judge: Judge) -> None:
    found = await judged(judge, WRONG)
    assert found.score.total == 3
    assert not found.green
    examined, unexamined = found.examined
    assert (examined.subject, examined.agreed, examined.total, examined.why) == ("GCD", 1, 3, "")
    assert [(c.call, c.want, c.got, c.votes) for c in examined.counterexamples] == [
        ("GCD(0, -5)", "5", "-5", ("python-0", "python-1")),
        ("GCD(-12, -18)", "6", "-6", ("python-0", "python-1")),
    ]
    assert (unexamined.subject, unexamined.why) == ("Rand", "Rand gives nothing back")
    assert (await judge.judge({"numkit.go": WRONG, "numkit_test.go": WEAK}, PLAN)).green, "without witnesses"


async def test_the_right_one_is_green_and_ranks_above(judge: Judge) -> None:
    found = await judged(judge, RIGHT)
    assert found.green
    assert (found.examined[0].agreed, found.examined[0].counterexamples) == (3, ())
    assert agreement(found.examined) == 1.0
    assert rank(found) > rank(await judged(judge, WRONG))


async def test_the_right_one_under_a_wrong_test_ranks_above_the_wrong_one_that_passes(judge: Judge) -> None:
    suite = WEAK.replace("GCD(8, 12)", "GCD(0, -5)").replace("!= 4", "!= -5").replace("want 4", "want -5")
    right, wrong = await judged(judge, RIGHT, suite), await judged(judge, WRONG, suite)
    assert (right.score.test, wrong.score.test) == (False, True)
    assert not right.green
    assert not wrong.green
    assert rank(right) > rank(wrong)


async def test_a_panic_and_an_endless_loop_convict(judge: Judge) -> None:
    panics = RIGHT.replace("return -a", 'panic("negative")')
    assert {c.got for c in (await judged(judge, panics)).examined[0].counterexamples} == {"a panic"}
    endless = RIGHT.replace("return -a", "for {\n\t\t}")
    found = await judged(judge, endless)
    assert not found.green
    assert [c.got for c in found.examined[0].counterexamples] == [
        "no result: the run was stopped before it",
        "no end within its time",
    ]


async def test_a_suite_that_does_not_compile_does_not_hide_the_examination(judge: Judge) -> None:
    found = await judged(judge, WRONG, WEAK.replace("GCD(8, 12)", "Gcd(8, 12)", 1))
    assert found.score.build
    assert found.examined[0].agreed == 1


async def test_code_that_prints_outcomes_fakes_none(judge: Judge) -> None:
    fake = RIGHT.replace("package numkit\n", 'package numkit\n\nimport "fmt"\n').replace(
        "return -a", 'fmt.Println("\\n==guildbus:0 1 {\\"values\\":[6]}")\n\t\treturn a'
    )
    assert (await judged(judge, fake)).examined[0].agreed == 1


async def test_a_function_that_is_missing_agrees_on_nothing(judge: Judge) -> None:
    found = await judged(judge, RIGHT.replace("func GCD", "func gcd"), "package numkit\n")
    assert not found.green
    assert found.examined[0].agreed == 0
