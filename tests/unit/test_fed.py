"""What one function is settled to give is put into another: which, how many, how changed, and what is not."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.oracle.fed import (
    LARGEST,
    LONGEST,
    MOST_CHANGED,
    MOST_FED,
    evenly,
    fed_cases,
    feeders,
    near_misses,
)
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Settled
from testimony import api

TO = "func ToRoman(n int) (string, error)"
FROM = "func FromRoman(s string) (int, error)"
ROMAN = api(TO, FROM)


def fed_to(*texts: str) -> dict[str, list[str]]:
    """Function -> those that feed it."""
    return {taker.name: [giver.name for giver in givers] for taker, givers in feeders(api(*texts))}


def gives(name: str, value: Json, argument: Json = 0) -> Settled:
    return Settled({"call": name, "args": [argument]}, {"values": [value, None]}, ("a", "b"))


def refuses(name: str, argument: Json = 0) -> Settled:
    return Settled({"call": name, "args": [argument]}, {"values": [{"error": ""}]}, ("a", "b"))


def args(cases: list[Json], name: str) -> list[Json]:
    return [case["args"][0] for case in cases if case["call"] == name]


def test_functions_that_turn_a_type_into_another_feed_those_that_take_it() -> None:
    assert fed_to(TO, FROM) == {"ToRoman": ["FromRoman"], "FromRoman": ["ToRoman"]}
    assert fed_to("func Parse(s string) []string", "func Join(fields ...string) string") == {
        "Parse": ["Join"],
        "Join": ["Parse"],
    }
    assert fed_to("func A(n int) string", "func B(x float64) string", "func C(s string) bool") == {
        "C": ["A", "B"]
    }


def test_who_takes_what_it_gives_or_takes_or_gives_more_feeds_nobody() -> None:
    assert fed_to("func Reverse(s string) string", "func IsPalindrome(s string) bool") == {}
    assert fed_to("func Repeat(n int, s string) string", "func Len(s string) int") == {}
    assert fed_to("func A(n int) string", "func B(s string, m int) bool") == {}
    assert fed_to("func A(n int) (string, bool)", "func B(s string) bool") == {}
    assert fed_to("func A(n int) error", "func B(err error) bool") == {}
    assert fed_to("func A(n int) string", "func B(s string)") == {}
    assert fed_to("func A(n int) string", "func B(s string) chan int") == {}


def test_a_method_and_a_maker_feed_nobody() -> None:
    stated = (
        "type Stack struct { items []string }",
        "func New(n int) *Stack",
        "func (s *Stack) Top() string",
    )
    assert fed_to(*stated, "func Len(s string) bool") == {}


def test_values_are_fed_and_refusals_are_not() -> None:
    cases = fed_cases(
        ROMAN, [gives("ToRoman", "XIV", 14), refuses("ToRoman"), gives("FromRoman", 7, "VII")], []
    )
    assert args(cases, "FromRoman") == ["XIV", "XI", "xiv", "XIVV"]
    assert args(cases, "ToRoman") == [7]


def test_what_was_drawn_already_is_not_fed_again_and_nothing_is_fed_twice() -> None:
    drawn: list[Json] = [{"call": "FromRoman", "args": ["I"]}, {"call": "FromRoman", "args": ["ii"]}]
    settled = [gives("ToRoman", text) for text in ("I", "II", "I", "III")]
    cases = fed_cases(ROMAN, settled, drawn)
    assert args(cases, "FromRoman") == ["II", "III", "", "i", "iii", "IIII"]


def test_of_many_values_some_are_chosen_from_all_of_them() -> None:
    settled = [gives("ToRoman", "I" * n) for n in range(1, 200)]
    fed = args(fed_cases(ROMAN, settled, []), "FromRoman")
    plain = fed[:MOST_FED]
    assert plain == evenly(["I" * n for n in range(1, 200)], MOST_FED)
    assert len(plain[-1]) > 190
    assert MOST_FED < len(fed) <= MOST_FED + 3 * MOST_CHANGED
    assert args(fed_cases(ROMAN, settled, []), "FromRoman") == fed


def test_only_texts_are_changed() -> None:
    lists = api("func Split(s string) []string", "func Count(fields []string) bool")
    assert fed_cases(lists, [gives("Split", ["a", "b"], "a,b")], []) == [
        {"call": "Count", "args": [["a", "b"]]}
    ]
    floats = api("func Parse(s string) (float64, error)", "func Round(x float64) bool")
    assert args(fed_cases(floats, [gives("Parse", "NaN", "NaN")], []), "Round") == ["NaN"]


def test_what_is_large_or_is_no_text_in_python_is_left_out() -> None:
    for value in (LARGEST, -LARGEST):
        assert fed_cases(ROMAN, [gives("FromRoman", value)], []) == []
    for text in ("M" * LONGEST, {"bytes": "/w=="}):
        assert fed_cases(ROMAN, [gives("ToRoman", text)], []) == []
    factors = api("func Factors(s string) []int", "func Product(of []int) int")
    assert fed_cases(factors, [gives("Factors", [2, LARGEST])], []) == []
    assert fed_cases(factors, [gives("Factors", [2, LARGEST - 1])], []) != []
    pairs = api("type Pair struct { A, B int }", "func Read(s string) (Pair, error)", "func Sum(p Pair) int")
    assert fed_cases(pairs, [gives("Read", {"A": 1, "B": LARGEST})], []) == []
    assert args(fed_cases(pairs, [gives("Read", {"A": 1, "B": 2})], []), "Sum") == [{"A": 1, "B": 2}]


def test_a_panic_gives_nothing() -> None:
    assert (
        fed_cases(ROMAN, [Settled({"call": "ToRoman", "args": [1]}, {"panic": True}, ("a", "b"))], []) == []
    )


@given(st.lists(st.integers(), unique=True), st.integers(0, 80))
def test_a_choice_is_in_order_of_the_first_and_as_large_as_can_be(items: list[int], most: int) -> None:
    chosen = evenly(items, most)
    assert len(chosen) == min(len(items), most)
    assert chosen[:1] == (items[:1] if most else [])
    places = [items.index(one) for one in chosen]
    steps = {after - before for before, after in pairwise(places)}
    assert all(step > 0 for step in steps)
    assert not steps or max(steps) - min(steps) <= 1


def test_near_misses_of_nothing_are_nothing() -> None:
    assert near_misses("") == ("", "", "")
    assert near_misses("Ab") == ("A", "aB", "Abb")
