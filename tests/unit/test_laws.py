"""Properties that are Go: which entries are laws, what their names stand for, what is wrong with others."""

import pytest

from guildbus.agents.go_fragments import expression
from guildbus.agents.golang.law_probe import LAW_PREFIX, Trial, read_laws, write_laws
from guildbus.agents.golang.testevents import TestReport
from guildbus.agents.laws import INSTANCES, called_in, read_law, trials_of
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.planning import plan
from guildbus.agents.stated import parse_signature
from guildbus.protocols.errors import SpecError
from told import NUMKIT, spec_of


def api(*signatures: str) -> Api:
    return read_api(tuple(map(parse_signature, signatures)))


KIT = api(
    "func GCD(a, b int) int",
    "func Reverse(s string) string",
    "func Sum(xs ...float64) float64",
    "func Sorted(xs []int) []int",
    "func Same(s, t string) bool",
    "func ToRoman(n int) (string, error)",
    "func Pick(rate float64, kind byte) string",
    "func Watch(done chan int) bool",
)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("GCD(a, b) == GCD(b, a)", "a int, b int"),
        ("Reverse(Reverse(s)) == s", "s string"),
        ("a == 0 || GCD(a, 0) != 0", "a int"),
        ("(len(Reverse(s)) == len(s)) && !Same(s, t)", "s string, t string"),
        ("Sum(x, y) >= x", "x float64, y float64"),
        ("slices.Equal(Sorted(xs), Sorted(Sorted(xs)))", "xs []int"),
        ("strings.ToUpper(Reverse(s)) == Reverse(strings.ToUpper(s))", "s string"),
        ("Sorted(xs) != nil", "xs []int"),
    ],
)
def test_the_free_names_of_a_law_have_the_types_of_their_places(text: str, parameters: str) -> None:
    law = read_law(f" {text} ", KIT)
    assert law is not None
    assert ", ".join(f"{one.name} {one.type.text}" for one in law.parameters) == parameters
    tried = law.instances()
    assert 2 < len(tried) <= INSTANCES
    assert tried == law.instances(), "the same each time"
    for one in tried:
        assert len(one.values) == len(law.parameters)
        assert expression(one.shown) is not None
        assert all(value in one.shown for value in one.values)


@pytest.mark.parametrize(
    "prose", ["Reverse keeps the number of runes.", "GCD is symmetric: GCD(a, b) = GCD(b, a)", "a == b", ""]
)
def test_what_is_no_expression_or_calls_nothing_is_prose(prose: str) -> None:
    assert read_law(prose, KIT) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Gcd(a, b) == 1", "Gcd is no function that the spec states"),
        ("GCD(a, b)", "is neither true nor false"),
        ("GCD(a, b) + 1", "is neither true nor false"),
        ("GCD(a) == a", "GCD takes 2 arguments, not 1"),
        ("GCD(a, 1) == c", "nothing says of which type c is"),
        ("Reverse(x) == x && GCD(x, x) == x", "x is a string in one place and a int in another"),
        ("ToRoman(n) != Reverse(s)", "ToRoman has 2 results"),
        ("Sorted(xs) == xs", "use slices.Equal"),
        ("GCD(12, 18) == 6", "state a value under 'examples'"),
        ("Watch(c)", "no value of c can be made up"),
    ],
)
def test_what_is_wrong_with_a_law_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_law(text, KIT)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("GCD(0, 5)", ("GCD",)),
        ("GCD(4, 6) == GCD(6, 4)", ("GCD",)),
        ("len(Reverse(Trim(s))) == strings.Count(s, x)", ("Reverse", "Trim")),
        ("no Go", ()),
    ],
)
def test_the_functions_that_an_expression_calls(text: str, names: tuple[str, ...]) -> None:
    assert set(called_in(text)) == set(names)


def test_a_plan_holds_the_laws_of_a_spec_and_says_which_cannot_be_read() -> None:
    spec = NUMKIT.model_copy(update={"properties": ("GCD divides both.", "GCD(a, b) == GCD(b, a)")})
    made = plan(spec)
    assert [(law.folder, law.text) for law in made.laws] == [("", "GCD(a, b) == GCD(b, a)")]
    [trial] = trials_of(made)
    assert (trial.parameters, trial.folder) == ((("a", "int"), ("b", "int")), "")
    with pytest.raises(SpecError, match="LCM is no function"):
        plan(NUMKIT.model_copy(update={"properties": ("LCM(a, b) == LCM(b, a)",)}))


def test_a_law_lies_with_the_package_that_states_its_function() -> None:
    two = spec_of(
        {
            "kit/kit.go": "package kit. Half(n int) int halves n.",
            "kit/kit_test.go": "package kit. Tests TestHalf.",
            "way/way.go": "package way. Twice(n int) int doubles n.",
            "way/way_test.go": "package way. Tests TestTwice.",
        },
        name="two",
    )
    laws = ("Twice(n) == n + n", "kit: Half(n + n) == n || Half(n) < n")
    made = plan(two.model_copy(update={"properties": laws}))
    assert [law.folder for law in made.laws] == ["way", "kit"]


def test_nothing_is_broken_unless_something_says_so_or_nothing_can_be_told() -> None:
    law = read_law("GCD(a, b) == GCD(b, a)", KIT)
    assert law is not None
    trial = Trial(law.text, "", (("a", "int"), ("b", "int")), law.instances())
    assert write_laws("kit", [], frozenset()) == {}
    silent = TestReport()
    assert read_laws(silent, [trial], all_told=False) == ()
    [one] = read_laws(silent, [trial], all_told=True)
    assert (one.call, one.got) == (law.text, "could not be evaluated")
    assert f"func {LAW_PREFIX}0(" in "".join(write_laws("kit", [(0, trial)], frozenset()).values())
