"""go-bench on the in-memory bus, with a scripted model and the real sandbox; its significance test alone."""

import random
from itertools import combinations

import pytest

from go_bench.agent import GoBench
from go_bench.measuring import benchmark_of, calls_in, measured
from go_bench.significance import ALPHA, RUNS, compare, p_smaller
from guildbus import FinishProposed
from guildbus.testing import finish_request, play

SLOW = """package sums

// Sum returns 1 + 2 + ... + n.
func Sum(n int) int {
	sum := 0
	for i := 1; i <= n; i++ {
		sum += i
	}
	return sum
}
"""
FAST = "```go\nfunc Sum(n int) int {\n\tif n < 1 {\n\t\treturn 0\n\t}\n\treturn n * (n + 1) / 2\n}\n```"
WRONG = "```go\nfunc Sum(n int) int {\n\treturn n\n}\n```"
SUITE = """package sums

import "testing"

func TestSum(t *testing.T) {
	if Sum(4) != 10 {
		t.Fail()
	}
}
"""
PURPOSES = {
    "sums.go": "package sums. Sum(n int) int returns the sum of the whole numbers from 1 to n. Sum(4)=10.",
    "sums_test.go": "package sums. A test, TestSum.",
}
REQUEST = finish_request("go-bench", {"sums.go": SLOW, "sums_test.go": SUITE}, PURPOSES)


def proposal(code: str) -> FinishProposed:
    """What go-bench proposes if the model writes this function."""
    [answer] = play(
        GoBench, REQUEST, replies=lambda prompt: "Sum(20000)\nSum(-3)" if "make it work" in prompt else code
    )
    assert isinstance(answer, FinishProposed)
    return answer


def test_what_is_faster_is_proposed_without_the_benchmark() -> None:
    found = proposal(FAST)
    assert [file.path for file in found.files] == ["sums.go"]
    assert "// Sum returns 1 + 2 + ... + n.\nfunc Sum(n int) int {\n\tif n < 1" in found.files[0].content
    assert found.note.startswith("Sum: faster: median")
    assert f"alpha {ALPHA}" in found.note


def test_what_fails_its_tests_is_not_measured() -> None:
    found = proposal(WRONG)
    assert (found.files, found.note) == (
        (),
        "Sum: its tests fail with the new one, or it cannot be measured",
    )


def test_the_same_again_is_no_implementation() -> None:
    assert proposal(f"```go\n{SLOW}```").note == "Sum: no other implementation came"


def by_hand(x: list[float], y: list[float]) -> float:
    """The exact p-value, by trying every way to deal the values out."""
    values = [*x, *y]
    seen = sum(a > b for a in x for b in y)
    ways = [
        sum(values[i] > values[j] for i in chosen for j in range(len(values)) if j not in chosen) <= seen
        for chosen in combinations(range(len(values)), len(x))
    ]
    return sum(ways) / len(ways)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_p_value_is_that_of_all_orders(seed: int) -> None:
    draw = random.Random(seed)
    x, y = [draw.random() for _ in range(4)], [draw.random() + 0.3 for _ in range(5)]
    assert p_smaller(x, y) == pytest.approx(by_hand(x, y))


def test_ties_are_counted_half() -> None:
    assert p_smaller([1.0] * 9, [1.0] * 9) == 1.0
    assert p_smaller([1.0, 1.0, 2.0] * 4, [3.0, 3.0, 4.0] * 4) < 0.001
    assert p_smaller([3.0, 3.0, 4.0] * 4, [1.0, 1.0, 2.0] * 4) > 0.999


def test_equally_fast_ones_are_seldom_called_faster() -> None:
    draw = random.Random(1)
    calls = [
        p_smaller([draw.random() for _ in range(RUNS)], [draw.random() for _ in range(RUNS)]) < ALPHA
        for _ in range(1000)
    ]
    assert sum(calls) <= 20


def test_a_gain_that_is_real_and_small_is_not_enough() -> None:
    old, new = [100.0 + n / 10 for n in range(RUNS)], [98.0 + n / 10 for n in range(RUNS)]
    assert (compare(old, new).p < ALPHA, compare(old, new).faster) == (True, False)
    assert compare(old, [value / 2 for value in new]).faster
    with pytest.raises(ValueError, match="a sample"):
        compare([], new)


def test_reading_calls_and_times() -> None:
    assert calls_in("1.\n- Sum(3);\n`Sum(3)`\nSum(4) // x\nMax(2)\n", "Sum") == ["Sum(3)"]
    line = "BenchmarkMeasured-2   \t  123\t     41.5 ns/op\n"
    assert measured(f"go-bench: old\ngoos: linux\n{line}go-bench: new\n{line}", 1) == ([41.5], [41.5])
    assert measured(f"go-bench: old\n{line}", 1) is None
    assert "\t\tmeasured(1)\n\t\tmeasured(Sum(2))\n" in benchmark_of("sums", "Sum", ["Sum(1)", "Sum(Sum(2))"])
