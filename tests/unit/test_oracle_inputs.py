"""Drawn inputs: the same for the same seed, enough of them, of the stated types, near what the spec names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.hints import Hints, hints_in
from guildbus.agents.oracle.inputs import CASES, SEQUENCES, cases_for, sequences_for
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json, canonical, fits
from guildbus.protocols.spec import Signature

NONE = Hints()


def api(*texts: str) -> Api:
    return read_api([Signature(name="x", text=text) for text in texts])


def drawn(text: str, *more: str, hints: Hints = NONE, seed: int = 1) -> list[Json]:
    found = api(text, *more)
    return cases_for(found, found.callables[0], hints, seed)


WIDE = [
    ("func F(a, b int) int",),
    ("func F(s string) string",),
    ("func F(a float64) float64",),
    ("func F(xs []int) []int",),
    ("func F(m map[string]int) int",),
    ("func F(xs []Interval) []Interval", "type Interval struct { Start, End int }"),
    ("func F(p *Point) int", "type Point struct { X, Y float64 }"),
    ("func F(s string, r rune) int",),
    ("func F(b []byte, n uint8) int",),
    ("func F(sep string, parts ...string) string",),
    ("func F(g [3]int) int",),
    ("func F(x any, y bool, d time.Duration) int",),
    ("func (p Point) F(n int) int", "type Point struct { X, Y int }"),
]


@pytest.mark.parametrize("texts", WIDE)
def test_two_hundred_distinct_cases_that_fit_their_types(texts: tuple[str, ...]) -> None:
    found = api(*texts)
    callable_ = found.callables[0]
    cases = cases_for(found, callable_, NONE)
    assert 200 <= len(cases) <= CASES
    assert len({canonical(case) for case in cases}) == len(cases)
    types = [p.type for p in callable_.parameters]
    if callable_.receiver:
        types.insert(0, found.types[callable_.receiver])
    for case in cases:
        assert case["call"] == callable_.full_name
        assert len(case["args"]) == len(types)
        assert all(map(fits, case["args"], types)), case


@pytest.mark.parametrize("texts", WIDE)
def test_the_same_seed_draws_the_same_and_another_does_not(texts: tuple[str, ...]) -> None:
    assert drawn(*texts) == drawn(*texts)
    assert drawn(*texts) != drawn(*texts, seed=2)


@pytest.mark.parametrize(
    ("text", "count"), [("func F(b bool) int", 2), ("func F(a, b bool) int", 4), ("func F() int", 1)]
)
def test_a_small_domain_is_drawn_whole_and_ends(text: str, count: int) -> None:
    assert len(drawn(text)) == count


@pytest.mark.parametrize("stated", ["int8", "uint8", "uint16", "int64", "uint"])
def test_integers_stay_in_their_range(stated: str) -> None:
    of = api(f"func F(n {stated}) int").callables[0].parameters[0].type
    for case in drawn(f"func F(n {stated}) int"):
        assert fits(case["args"][0], of)


def test_general_boundaries_are_there() -> None:
    numbers = {case["args"][0] for case in drawn("func F(n int) int")}
    assert {0, 1, -1, 2} <= numbers
    texts = {case["args"][0] for case in drawn("func F(s string) string")}
    assert "" in texts
    assert any(not text.isascii() for text in texts)
    assert any("\u0301" in text for text in texts), "a combining mark"
    lists = [case["args"][0] for case in drawn("func F(xs []int) int")]
    assert [] in lists
    assert any(len(one) > len(set(one)) for one in lists), "repeats"
    assert any(len(one) > 2 and one == sorted(one) for one in lists)
    assert any(one != sorted(one) for one in lists)


def test_what_the_spec_names_is_drawn_and_its_neighbours() -> None:
    hints = hints_in('Numbers above 3999 are refused; "MCMXCIV" is 1994. Rates of 2.75.', ['Roman("IX") = 9'])
    assert {3999, 1994, 9} <= set(hints.ints)
    assert 2.75 in hints.floats
    assert {"MCMXCIV", "IX"} <= set(hints.strings)
    numbers = {case["args"][0] for case in drawn("func F(n int) string", hints=hints)}
    assert {3998, 3999, 4000} <= numbers
    assert not {3998, 3999, 4000} & {case["args"][0] for case in drawn("func F(n int) string")}
    texts = [case["args"][0] for case in drawn("func F(s string) int", hints=hints)]
    assert "MCMXCIV" in texts
    made = [text for text in texts if text and set(text) <= set(hints.alphabet) and text not in hints.strings]
    assert len(made) > 20, "texts made of the spec's own letters"
    assert 2.75 in {case["args"][0] for case in drawn("func F(x float64) int", hints=hints)}


def test_characters_that_the_prose_calls_by_name_are_drawn_alone_around_and_mixed() -> None:
    prose = "Fields end at commas. A field in double quotes may hold a comma; two single quotes are nothing."
    hints = hints_in(prose)
    assert set(hints.named) == {",", '"', "'"}
    texts = [case["args"][0] for case in drawn("func F(s string) int", hints=hints)]
    assert {",", 'a"b', '""', '"a,b"', 'a,"b""d"'} <= set(texts)
    assert sum('"' in text for text in texts) > 40
    assert set(hints_in("Three periods and a slash; letters count, spacetime does not.").named) == {"/", "."}
    assert hints_in('GCD(8, 15) is the greatest common divisor, and "a, b" is a text').named == ""


def test_quotes_of_every_sort_are_hints_and_calls_are_not() -> None:
    hints = hints_in("the brackets `([{` and '}' and \"a b\"; `GCD(8, 15)` is 1; x2 is a name; don't")
    assert {"([{", "}", "a b"} <= set(hints.strings)
    assert "GCD(8, 15)" not in hints.strings
    assert 2 not in hints.ints


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_prose_gives_hints(prose: str) -> None:
    hints = hints_in(prose)
    assert len(hints.ints) <= 40
    assert all(isinstance(n, int) for n in hints.ints)
    assert all(hints.strings)


STACK = (
    "type Stack struct { items []int }",
    "func NewStack(capacity int) *Stack",
    "func (s *Stack) Push(v int) error",
    "func (s *Stack) Pop() (int, error)",
)


@pytest.mark.parametrize(
    ("prose", "below"),
    [
        ("New(capacity int) *Stack makes a stack; a capacity below zero counts as zero.", True),
        ("New panics for a negative capacity.", True),
        ("New(capacity int) *Stack makes an empty stack.", False),
    ],
)
def test_a_constructor_is_given_negative_numbers_where_the_spec_speaks_of_them(
    prose: str, below: bool
) -> None:
    cases = sequences_for(api(*STACK), "Stack", hints_in(prose))
    assert (min(case["new"][1][0] for case in cases) < 0) == below


def test_an_object_is_made_and_then_operated_on() -> None:
    cases = sequences_for(api(*STACK), "Stack", NONE)
    assert len(cases) == SEQUENCES
    assert len({canonical(case) for case in cases}) == SEQUENCES
    for case in cases:
        assert case["type"] == "Stack"
        assert case["new"][0] == "NewStack"
        assert len(case["steps"]) >= 3
        for name, args in case["steps"]:
            assert len(args) == {"Push": 1, "Pop": 0}[name]
    assert any(case["new"][1] == [0] for case in cases)
    full = [c for c in cases if sum(name == "Push" for name, _ in c["steps"]) > c["new"][1][0] > 0]
    assert len(full) > 10, "a capacity is reached"
    assert cases == sequences_for(api(*STACK), "Stack", NONE)


def test_what_was_put_in_is_asked_for_again() -> None:
    found = api(
        "func NewCache(n int) *Cache",
        "func (c *Cache) Put(key string, v int)",
        "func (c *Cache) Get(key string) (int, bool)",
    )
    again = 0
    for case in sequences_for(found, "Cache", NONE):
        put: set[str] = set()
        for name, args in case["steps"]:
            again += name == "Get" and args[0] in put
            put |= {args[0]} if name == "Put" else set()
    assert again > 40


def test_time_goes_on_where_there_is_a_clock_and_only_there() -> None:
    limiter = api(
        "func NewLimiter(rate float64, now func() time.Time) *Limiter", "func (l *Limiter) Allow() bool"
    )
    cases = sequences_for(limiter, "Limiter", NONE)
    advanced = [args[0] for case in cases for name, args in case["steps"] if name == "@advance"]
    assert len(advanced) > 50
    assert all(seconds >= 0 for seconds in advanced)
    assert all(case["new"][1][1] is None for case in cases)
    assert not any(
        n == "@advance" for case in sequences_for(api(*STACK), "Stack", NONE) for n, _ in case["steps"]
    )


def test_a_time_that_is_passed_in_never_goes_back() -> None:
    found = api("func NewWindow(d time.Duration) *Window", "func (w *Window) Hit(at time.Time) bool")
    for case in sequences_for(found, "Window", NONE):
        times = [args[0] for _, args in case["steps"]]
        assert times == sorted(times)


def test_an_object_that_cannot_be_made_has_no_case() -> None:
    assert sequences_for(api("func (s *Stack) Pop() int"), "Stack", NONE) == []
    assert (
        sequences_for(api("func NewStack(r io.Reader) *Stack", "func (s *Stack) Pop() int"), "Stack", NONE)
        == []
    )
    assert sequences_for(api("func NewStack() *Stack"), "Stack", NONE) == []
