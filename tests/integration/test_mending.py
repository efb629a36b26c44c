"""Whole trees whose mistakes the real toolchain names: mended by fixers, gated again, judged again."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.formatting import gofmt_of
from guildbus.agents.golang.asserted import asserted
from guildbus.agents.golang.syntax import parse
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge
from guildbus.agents.mending import judge_and_mend
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.selection import Contender, JudgementMemo, select
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.messages.build import FileTask, Plan
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.spec import Signature

pytestmark = pytest.mark.timeout(600)

DRAFTS = Path(__file__).parents[1] / "data" / "drafts"

CODE = """package numkit

import "math"

func GCD(a, b int) int {
	steps := 0
	for b != 0 {
		a, b = b, a%b
	}
	result = a
	if result < 0 {
		return -result
	} else if result >= 0 {
		return result
	}
}

func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	return math.Min(math.Max(x, lo), hi)
}

func Mean(xs []int) float64 {
	sum := 0.0
	for i, x := range xs {
		sum += x
	}
	return sum / len(xs)
}
"""

SUITE = """package numkit

import "testing"

func TestGCD(t *testing.T) {
	rows := []struct{ a, b, want int }{{8, 15, 1}, {12, 18, 6}, {-12, 18, 6}}
	for i, tc := range rows {
		if got := gCD(tc.a, tc.b); got != tc.want {
			t.Errorf("GCD(%d, %s) = %d; want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestClamp(t *testing.T) {
	spare := 4
	if got := Clamp(9, 1, 3); got != 3 {
		t.Error("Clamp(9, 1, 3) = %d; want 3", got)
	}
}

func TestMean(t *testing.T) {
	if got := Mean([]int{1, 2}); got != 1.5 {
		t.Errorf("Mean(1, 2) = %d; want 1.5", got)
	}
}
"""

UNKNOWN = CODE.replace("result = a", "result = other")


def task(path: str, *tests: str) -> FileTask:
    owner = "go-test" if path.endswith("_test.go") else "go-dev"
    return FileTask(path=path, purpose="p", owner=owner, package="numkit", stage=0, tests=tests)


PLAN = Plan(
    module="example.com/numkit",
    go_mod="module example.com/numkit\n\ngo 1.22\n",
    tasks=(task("numkit.go"), task("numkit_test.go", "TestGCD", "TestClamp")),
)
API = (
    Signature(name="GCD", text="func GCD(a, b int) int"),
    Signature(name="Clamp", text="func Clamp(x, lo, hi int) int"),
)


class Bench:
    """One toolchain, one sandbox, and what the gates know of PLAN's files."""

    def __init__(self, toolchain: Toolchain, judge: Judge) -> None:
        self.toolchain = toolchain
        self.judge = judge
        self.plan = PLAN
        self.runs = 0

    def context(self, path: str, tree: Mapping[str, str]) -> GateContext | None:
        others = {p: s for p, s in tree.items() if p != path and path.endswith("_test.go")}
        base = GateContext(
            task=self.plan.task(path),
            stdlib=self.toolchain.stdlib(),
            formatter=gofmt_of(self.toolchain),
            module=self.plan.module,
        )
        return replace(base, others=others, api=API if self.plan is PLAN else ())

    async def once(self, tree: Mapping[str, str]) -> Judgement:
        self.runs += 1
        return await self.judge.judge(tree, self.plan)

    async def __call__(self, tree: Mapping[str, str]) -> Judgement:
        return await judge_and_mend(tree, self.once, self.context)


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    base = os.environ.get("XDG_CACHE_HOME")
    found = Toolchain.find((Path(base) if base else Path.home() / ".cache") / "guildbus")
    found.warm_cache()
    return found


@pytest.fixture
async def bench(toolchain: Toolchain) -> Bench:
    return Bench(toolchain, Judge(toolchain, await open_sandbox(toolchain.policy())))


async def test_what_the_toolchain_names_precisely_is_mended_and_green(bench: Bench) -> None:
    found = await bench({"numkit.go": CODE, "numkit_test.go": SUITE})
    assert found.green, found
    assert {fix.fixer for fix in found.fixes} >= {
        "unused-variable",
        "first-assignment",
        "unreached-end",
        "widened",
        "integer-bound",
        "imports-pruned",
        "matched",
        "other-case",
        "wrong-verb",
        "plain-print",
    }
    suite = found.mended["numkit_test.go"]
    assert asserted(parse(suite.content)) == asserted(parse(SUITE))
    assert suite.cases == 5
    assert "min(max(x, lo), hi)" in found.mended["numkit.go"].content
    assert bench.runs <= 6


async def test_selection_sees_the_candidate_that_can_be_mended(bench: Bench) -> None:
    def candidates(*texts: str) -> list[Contender]:
        return [
            Contender("go-dev", 0, GatedCandidate(index=index, content=text, sha256=""))
            for index, text in enumerate(texts)
        ]

    pools = {"numkit.go": candidates(UNKNOWN, CODE), "numkit_test.go": candidates(SUITE)}
    selection = await select(pools, JudgementMemo(bench))
    assert selection.judgement.green
    chosen = selection.chosen["numkit.go"].candidate
    assert chosen.index == 1
    assert chosen.content == selection.judgement.mended["numkit.go"].content


async def test_what_cannot_be_mended_to_the_end_keeps_what_helped(bench: Bench) -> None:
    found = await bench({"numkit.go": UNKNOWN})
    assert not found.score.build
    assert {diagnostic.message for diagnostic in found.diagnostics} == {"undefined: other", "missing return"}
    assert "steps" not in found.mended["numkit.go"].content


@pytest.mark.parametrize(
    ("draft", "fixers", "left"),
    [
        ("raw/numkit_t0_s1.txt", {"integer-bound", "imports-pruned"}, ""),
        ("unbuilt/stringkit_t0.7_s2049.txt", {"unused-variable"}, ""),
        ("unbuilt/numkit_t0.1_s4096.txt", set(), "undefined: lo"),
        ("unbuilt/numkit_t0.1_s14336.txt", set(), "undefined: lo"),
    ],
)
async def test_drafts_of_the_model_that_did_not_build(
    bench: Bench, draft: str, fixers: set[str], left: str
) -> None:
    text = (DRAFTS / draft).read_text("utf-8")
    text = text.split("```")[1].removeprefix("go\n") if "```" in text else text
    package = Path(draft).name.split("_")[0]
    only = task(f"{package}.go").model_copy(update={"package": package})
    module = f"example.com/{package}"
    bench.plan = Plan(module=module, go_mod=f"module {module}\n\ngo 1.22\n", tasks=(only,))
    assert not (await bench.once({only.path: text})).score.build
    found = await bench({only.path: text})
    assert {fix.fixer for fix in found.fixes} == fixers
    assert found.score.build is not bool(left)
    assert left in "".join(diagnostic.message for diagnostic in found.diagnostics)
