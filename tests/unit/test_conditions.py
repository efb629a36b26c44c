"""What a spec's prose compares, read from it, and whether programs make these comparisons."""

from pathlib import Path

import pytest

from guildbus.agents import planning
from guildbus.agents.oracle.conditions import conditions_in
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.heeding import Said, heeding, heeds, sorts, unheeded
from guildbus.agents.oracle.orders import Order, orders_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.witnesses import Testimony
from guildbus.launch.specfile import load_spec
from guildbus.protocols.messages.oracle import ReferenceProgram
from guildbus.protocols.spec import Signature
from testimony import program

ROOT = Path(__file__).parents[2]
MERGE = """
type Interval struct { Start, End int }
func Merge(list []Interval) []Interval
func Contains(list []Interval, x int) bool
"""
LIMITER = """
type Limiter struct { hidden int }
func New(burst int) *Limiter
func (l *Limiter) AllowN(n int) bool
"""


FORGETS = """
def gcd(a, b):
    return a

def clamp(x, lo, hi):
    if x < lo:
        return lo
    return hi if x > hi else x
"""


def api_of(declarations: str) -> Api:
    lines = [line for line in declarations.strip().splitlines() if line]
    return read_api([Signature(name=str(number), text=line) for number, line in enumerate(lines)])


def read(prose: str, declarations: str) -> list[tuple[str, str]]:
    """Subject and comparison of each condition."""
    return [
        (one.subject, f"{one.left} {one.sign} {one.right}")
        for one in conditions_in(prose, api_of(declarations))
    ]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("F returns x when n is below lo.", ["n < lo"]),
        ("If lo > hi, F returns n.", ["lo > hi"]),
        ("F returns an error if n is below 1 or above 3999.", ["n < 1", "n > 3999"]),
        ("F fails; an n below one counts as one.", ["n < 1"]),
        ("F fails if n is negative.", ["n < 0"]),
        ("F fails if n is not above 3.", ["n <= 3"]),
        ("F fails if lo is at least hi.", ["lo >= hi"]),
        ("F does it while n is greater than its lo.", ["n > lo"]),
        ("F works for 1 <= n <= 100.", []),
        ("F gets n, n is at least 1.", []),
        ("F returns n < 10^3 numbers.", []),
        ("F fails if n is below 2.5.", []),
        ("F returns at most n numbers, and no more than 7.", []),
        ("F returns the numbers below the limit.", []),
        ("F fails if m is below 1.", []),
        ("F returns less than 3.", []),
    ],
)
def test_what_a_sentence_compares_of_its_functions_parameters(sentence: str, found: list[str]) -> None:
    assert read(sentence, "func F(n, lo, hi int) int") == [("F", text) for text in found]


def test_an_article_is_no_parameter() -> None:
    declared = "func F(a, b int) int"
    assert read("F returns a less than 3 by one.", declared) == []
    assert read("F returns b if a is less than 3.", declared) == [("F", "a < 3")]


def test_a_sentence_is_about_the_function_that_it_names() -> None:
    declared = "func F(n int) int\nfunc G(n int) int"
    assert read("F adds. It fails if n is below 1. G doubles n.", declared) == [("F", "n < 1")]


def test_methods_and_constructors_are_examined_with_their_type() -> None:
    said = "New makes one; a burst below zero counts as zero. AllowN fails if n is above burst."
    assert read(said, LIMITER) == [("Limiter", "burst < 0"), ("Limiter", "n > burst")]


def test_fields_bear_on_the_functions_that_give_the_struct_back_or_else_on_all_that_take_it() -> None:
    said = "An interval whose End is below its Start holds nothing."
    assert read(said, MERGE) == [("Merge", "End < Start")]
    without = "\n".join(line for line in MERGE.splitlines() if "Merge" not in line)
    assert read(said, without) == [("Contains", "End < Start")]


def of_spec(name: str) -> tuple[Api, Said]:
    spec = load_spec(ROOT / "specs" / f"{name}.yaml")
    api = read_api(planning.plan(spec).api[""])
    return api, Said.of(planning.contract(spec, ""), api)


def implementations(name: str) -> dict[str, ReferenceProgram]:
    return {
        path.stem: program(path.read_text(encoding="utf-8"), name=path.stem, language="go")
        for path in (ROOT / "tests" / "data" / "acceptance" / name).glob("*.go")
    }


@pytest.mark.parametrize(
    ("name", "missed"),
    [
        ("intervals", {"wrong_merge_drops_points", "wrong_merge_keeps_empty"}),
        ("lru", set()),
        (
            "numkit",
            {
                "wrong_clamp_equal_bounds",
                "wrong_clamp_exclusive",
                "wrong_clamp_float",
                "wrong_clamp_ignores_inversion",
            },
        ),
        (
            "roman",
            {
                "wrong_to_3999_refused",
                "wrong_to_4000_taken",
                "wrong_to_no_upper_bound",
                "wrong_to_zero_taken",
            },
        ),
        ("stack", {"wrong_negative_panics"}),
    ],
)
def test_right_programs_heed_what_the_spec_compares_and_those_that_forget_it_do_not(
    name: str, missed: set[str]
) -> None:
    """`wrong_clamp_float` lets math.Min compare: it has no right to be heard, and is wrong."""
    api, said = of_spec(name)
    assert said.conditions
    programs = implementations(name)
    assert missed == {
        stem for stem, one in programs.items() if not all(heeds(one, api, each) for each in said.conditions)
    }
    assert any(stem.startswith("right") for stem in programs)


@pytest.mark.parametrize(
    ("body", "heeded"),
    [
        ("return [i for i in list_ if i.start <= i.end]", True),
        ("return [i for i in list_ if i.end - i.start >= 0]", True),
        ("return [i for i in list_ if len(range(i.start, i.end + 1))]", True),
        ("return [(start, end) for start, end in list_ if end >= start]", True),
        ("return [i for i in list_ if not i.start > i.end]", True),
        ("return [i for i in list_ if i.start < i.end]", False),
        ("return [i for i in list_ if i.end != i.start]", False),
        ("return [i for i in list_ if list_[-1].end >= i.start]", False),
        ("return [i for i in list_ if i.start <= 3 <= i.end]", False),
        ("return sorted(list_, key=lambda i: (i.start, i.end))", False),
        ("return [max(i.start, 0) for i in list_]", False),
        ("return [", False),
    ],
)
def test_what_compares_two_fields_of_one_value(body: str, *, heeded: bool) -> None:
    api = api_of(MERGE)
    [condition] = conditions_in("An interval whose End is below its Start holds nothing.", api)
    assert heeds(program(f"def merge(list_):\n    {body}\n"), api, condition) is heeded


@pytest.mark.parametrize(
    ("body", "heeded"),
    [
        ("self.burst = max(burst, 0)", True),
        ("self.burst = abs(burst)", True),
        ("self.burst = burst if burst > -1 else 0", True),
        ("self.burst = burst if 0 <= burst else 0", True),
        ("self.burst = burst if burst > 0 else 0", False),
        ("self.burst = burst\n        self.full = self.burst >= 1", False),
        ("self.burst = burst", False),
        ("self.burst = burst if burst < 100 else 100", False),
    ],
)
def test_the_border_of_a_comparison_with_a_number_must_be_the_stated_one(body: str, *, heeded: bool) -> None:
    api = api_of(LIMITER)
    [condition] = conditions_in("New makes one; a burst below zero counts as zero.", api)
    source = f"class Limiter:\n    def __init__(self, burst):\n        {body}\n"
    assert heeds(program(source), api, condition) is heeded


def test_a_program_is_heard_on_what_the_sentence_does_not_bear_on() -> None:
    api, said = of_spec("numkit")
    forgets = program(FORGETS)
    cases = [{"call": "GCD", "args": [4, 2]}, {"call": "Clamp", "args": [1, 2, 3]}]
    told = Testimony("python-0", "python", ({"values": [4]}, {"values": [2]}))
    heard = heeding(forgets, told, cases, api, said)
    assert heard.outcomes == ({"values": [4]}, {"none": "it never compares lo with hi"})
    assert unheeded([forgets], api, said) == {"Clamp"}
    minds = program(FORGETS.replace("    if x < lo", "    if lo > hi:\n        return x\n    if x < lo"))
    assert heeding(minds, told, cases, api, said) is told
    assert unheeded([minds], api, said) == frozenset()
    assert unheeded([minds, forgets], api, said) == {"Clamp"}


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Merge returns the intervals sorted by Start.", [Order("Merge", "Start")]),
        ("Merge returns them ordered by their End in descending order.", [Order("Merge", "End", down=True)]),
        ("Merge returns them sorted by length.", []),
        ("Merge returns them sorted by Start if there are many.", []),
        ("Contains finds x in a list sorted by Start.", []),
    ],
)
def test_the_order_that_a_sentence_states_of_a_result(sentence: str, found: list[Order]) -> None:
    assert list(orders_in(sentence, api_of(MERGE))) == found


def intervals(*starts: int) -> dict[str, object]:
    return {"values": [[{"Start": start, "End": 9} for start in starts]]}


@pytest.mark.parametrize(
    ("outcome", "up", "down"),
    [
        (intervals(1, 2, 2), True, False),
        (intervals(2, 1), False, True),
        (intervals(1), True, True),
        ({"values": [None]}, True, True),
        ({"panic": True}, True, True),
        ({"none": "no value"}, True, True),
    ],
)
def test_whether_a_result_is_in_order(outcome: dict[str, object], *, up: bool, down: bool) -> None:
    assert Order("Merge", "Start").is_kept_by(outcome) is up
    assert Order("Merge", "Start", down=True).is_kept_by(outcome) is down


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("return list(sorted(i for i in list_ if i.start <= i.end))", intervals(2, 1)),
        ("return [i for i in list_ if i.start <= i.end]", intervals(1, 2)),
    ],
)
def test_who_gives_a_result_out_of_order_or_never_sorts_is_not_heard_on_that_function(
    body: str, outcome: dict[str, object]
) -> None:
    api, said = of_spec("intervals")
    source = f"def merge(list_):\n    {body}\n"
    merge = {"call": "Merge", "args": [[]]}
    cases = [merge, merge, {"call": "Contains", "args": [[], 1]}]
    told = Testimony("a", "python", (intervals(1, 2), outcome, {"values": [False]}))
    why = {"none": "it does not sort by Start"}
    assert heeding(program(source), told, cases, api, said).outcomes == (why, why, {"values": [False]})


def test_right_programs_sort_in_both_languages() -> None:
    right = [one for name, one in implementations("intervals").items() if name.startswith("right")]
    assert len(right) == 2
    assert all(map(sorts, right))
    assert not sorts(program("func Merge(list []Interval) []Interval { return list }", language="go"))
    assert sorts(program("def merge(list_):\n    list_.sort()\n    return list_\n"))
    assert not sorts(program("def merge(list_"))
