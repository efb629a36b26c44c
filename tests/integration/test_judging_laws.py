"""Judging with the laws of a spec: code that breaks one on some drawn values is red, and told on which."""

import os
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge, Timing
from guildbus.agents.planning import plan
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.verdicts import Judgement
from told import spec_of

pytestmark = pytest.mark.timeout(300)

RIGHT = """package kit

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func Less(a, b int) bool { return a < b }
"""
SUITE = """package kit

import "testing"

func TestReverse(t *testing.T) {
	if got := Reverse("ab"); got != "ba" {
		t.Errorf("Reverse(%q) = %q; want %q", "ab", got, "ba")
	}
}

func TestLess(t *testing.T) {
	if !Less(1, 2) || Less(2, 1) {
		t.Errorf("Less(1, 2) = %v; want %v", Less(1, 2), true)
	}
}
"""
BYTES = RIGHT.replace("[]rune(s)", "[]byte(s)")
LAWS = (
    "Reverse(Reverse(s)) == s",
    "utf8.RuneCountInString(Reverse(s)) == utf8.RuneCountInString(s)",
    "!(Less(a, b) && Less(b, a))",
    "Every text has one reverse.",
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
    return Judge(toolchain, await open_sandbox(policy), Timing(test_s=5, stub_s=2, all_s=60))


async def judged(judge: Judge, code: str, *laws: str, examples: tuple[str, ...] = ()) -> Judgement:
    spec = spec_of(
        {
            "kit.go": "package kit. Reverse(s string) string turns s round. "
            "Less(a, b int) bool says whether a is less.",
            "kit_test.go": "package kit. Two tests, TestReverse and TestLess.",
        },
        name="kit",
    )
    made = plan(spec.model_copy(update={"properties": laws, "examples": examples}))
    return await judge.judge({"kit.go": code, "kit_test.go": SUITE}, made)


async def test_code_that_keeps_all_laws_is_green(judge: Judge) -> None:
    found = await judged(judge, RIGHT, *LAWS)
    assert found.green, found.broken_examples
    assert found.broken_examples == ()


async def test_a_law_that_is_false_for_some_values_names_them_though_the_suite_passes(judge: Judge) -> None:
    found = await judged(judge, BYTES, *LAWS)
    assert found.score.test
    assert not found.green
    [broken] = found.broken_examples
    assert broken.call.startswith("utf8.RuneCountInString(Reverse(")
    assert not broken.call.isascii(), "bytes and runes differ there alone"
    assert (broken.want, broken.got) == ("true", "false")


async def test_a_law_under_which_the_code_panics_is_broken_and_hides_no_other(judge: Judge) -> None:
    code = RIGHT.replace("return a < b", 'if a == b {\n\t\tpanic("equal")\n\t}\n\treturn a <= b+100')
    found = await judged(judge, code, "!Less(a, a)", LAWS[2], LAWS[0], examples=('Reverse("xy") = "yx"',))
    same, both = found.broken_examples
    assert same.got == "panic: equal"
    assert both.call.startswith("!(Less(")
    assert both.got in ("false", "panic: equal")


async def test_a_law_that_go_refuses_is_no_kept_law(judge: Judge) -> None:
    found = await judged(judge, RIGHT, "Reverse(s) == strings.Nope(s)")
    assert not found.green
    assert found.broken_examples[0].got.startswith("does not compile: ")


async def test_a_law_that_never_ends_is_no_kept_law(judge: Judge) -> None:
    code = RIGHT.replace("return a < b", "for a == -5 {\n\t}\n\treturn a < b")
    found = await judged(judge, code, LAWS[2], LAWS[0])
    assert not found.green
    assert LAWS[2] in {one.call for one in found.broken_examples}
