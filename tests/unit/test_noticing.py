"""Cases for a test that does not notice an emptied function: settled, not all zeros, short."""

import pytest

from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.noticing import MOST_ROWS, noticing
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Settled
from guildbus.protocols.spec import Signature

STATED = {
    "GCD": "func GCD(a, b int) int",
    "Parse": "func Parse(s string) (int, error)",
    "New": "func New(size int) *Box",
    "Box.Put": "func (b *Box) Put(v int)",
    "Box.Take": "func (b *Box) Take(n int) bool",
    "Box.Len": "func (b *Box) Len() int",
}
API = read_api(tuple(Signature(name=name, text=text) for name, text in STATED.items()))
TEST = 'package p\n\nimport "testing"\n\nfunc TestNothing(t *testing.T) {}\n'


def called(name: str, *args: Json, outcome: Json) -> Settled:
    return Settled({"call": name, "args": list(args)}, outcome, ("python-0", "python-1"))


def lived(*steps: tuple[str, list[Json], list[Json]]) -> Settled:
    case = {"type": "Box", "new": ["New", [2]], "steps": [[name, args] for name, args, _ in steps]}
    return Settled(case, {"steps": [{"values": values} for *_, values in steps]}, ("python-0", "python-1"))


def added(unnoticed: str, *settled: Settled) -> str:
    found = noticing(TEST, [unnoticed], settled, API)
    assert found.startswith(TEST.rstrip("\n"))
    assert not parse(found).root.has_error, found
    return found.removeprefix(TEST)


def test_the_rows_are_those_that_zeros_would_not_give_each_of_another_outcome() -> None:
    cases = [called("GCD", n, n, outcome={"values": [n]}) for n in (0, 7, 11, 7, 100, 5)]
    cases.append(called("GCD", 7, 14, outcome={"values": [7]}))
    found = added("GCD", *cases)
    assert "{5, 5, 5}," in found
    assert "{7, 7, 7}," in found
    assert "{0, 0, 0}" not in found
    assert found.count("},\n") == MOST_ROWS


def test_an_error_is_no_zero() -> None:
    found = added("Parse", called("Parse", "x", outcome={"values": [0, {"error": ""}]}))
    assert '"x"' in found


def test_a_method_is_shown_by_a_result_of_its_own() -> None:
    life = lived(
        ("Put", [3], []), ("Len", [], [1]), ("Take", [2], [False]), ("Take", [1], [True]), ("Len", [], [0])
    )
    found = added("Box.Take", life)
    assert "func TestBoxSettled(t *testing.T) {" in found
    assert "b.Take(1)" in found
    assert found.count("b.Len()") <= found.count("Errorf"), "it ends behind what tells"
    assert found.rstrip().endswith("}")
    assert found.index("b.Take(1)") > found.rindex("b.Len()")


def test_a_method_that_gives_nothing_is_shown_by_the_next_result() -> None:
    found = added(
        "Box.Put", lived(("Len", [], [0]), ("Put", [3], []), ("Len", [], [1]), ("Take", [1], [True]))
    )
    assert "b.Put(3)" in found
    assert "b.Take(" not in found


@pytest.mark.parametrize("unnoticed", ["GCD", "Box.Take", "Other"])
def test_without_a_case_that_tells_the_test_stays_as_it_is(unnoticed: str) -> None:
    settled = [called("GCD", 0, 0, outcome={"values": [0]}), lived(("Take", [1], [False]), ("Len", [], [1]))]
    assert noticing(TEST, [unnoticed], settled, API) == TEST
