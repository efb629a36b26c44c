"""Tests written anew: under their names, from settled cases, with as many different results as there are."""

import pytest

from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.oracle.rewriting import LEAST_ROWS, rewritten, subject_of_test
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Settled
from guildbus.protocols.spec import Signature

BOX = {
    "New": "func New(size int) *Box",
    "Box.Put": "func (b *Box) Put(v int) bool",
    "Box.PutAll": "func (b *Box) PutAll(v []int) int",
    "Box.Len": "func (b *Box) Len() int",
}
STATED = {
    "Is": "func Is(s string) bool",
    "IsLong": "func IsLong(s string) bool",
    **BOX,
}


API = read_api(tuple(Signature(name=name, text=text) for name, text in STATED.items()))
TEST = """package p

import "testing"

func TestPut(t *testing.T) {
	for _, n := range []int{1, 2} {
		if !New(0).Put(n) {
			t.Error(n)
		}
	}
}

func TestKept(t *testing.T) {}
"""


def lived(size: int, *steps: tuple[str, list[Json], list[Json]]) -> Settled:
    case = {"type": "Box", "new": ["New", [size]], "steps": [[name, args] for name, args, _ in steps]}
    return Settled(case, {"steps": [{"values": values} for *_, values in steps]}, ("python-0", "python-1"))


def said(text: str, truth: bool) -> Settled:
    return Settled({"call": "Is", "args": [text]}, {"values": [truth]}, ("python-0", "python-1"))


FULL = lived(1, ("Put", [7], [True]), ("Put", [8], [False]), ("Len", [], [1]))
DULL = lived(
    9, ("Put", [7], [True]), ("Put", [8], [True]), ("Len", [], [2]), ("PutAll", [[1]], [1]), ("Len", [], [3])
)


def test_the_test_of_a_method_becomes_the_sequence_that_shows_most_of_it() -> None:
    source, names = rewritten(TEST, ["TestPut"], [DULL, FULL], API)
    assert names == ("TestPut",)
    assert not parse(source).root.has_error
    assert [one.name for one in declarations(parse(source)) if one.kind == "func"] == ["TestKept", "TestPut"]
    assert "New(1)" in source
    assert "b.Put(8)" in source
    assert "range []int" not in source


def test_a_test_without_a_method_in_its_name_shows_most_of_the_type() -> None:
    source, names = rewritten(TEST, ["TestKept"], [DULL, FULL], API)
    assert names == ("TestKept",)
    assert "b.PutAll([]int{1})" in source


def test_the_test_of_a_function_becomes_a_table_of_both_truths() -> None:
    settled = [said("a" * n, True) for n in range(1, 9)] + [said("abc", False), said("abcd", False)]
    source, names = rewritten("package p\n", ["TestIs"], settled, API)
    assert names == ("TestIs",)
    assert source.count("true}") >= LEAST_ROWS
    assert source.count("false}") == 2


@pytest.mark.parametrize("settled", [[], [said("a", True), said("b", True)]])
def test_with_too_little_settled_a_test_stays_as_it_is(settled: list[Settled]) -> None:
    assert rewritten(TEST, ["TestPut", "TestIs"], settled, API) == (TEST, ())


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("TestIs", "Is"),
        ("TestIsLongWords", "IsLong"),
        ("TestPut", "Box"),
        ("TestBoxPutAll", "Box"),
        ("TestEviction", "Box"),
    ],
)
def test_the_subject_is_told_by_the_name(name: str, subject: str) -> None:
    assert subject_of_test(name, API) == subject


def test_with_two_types_a_name_that_fits_neither_is_about_nothing_certain() -> None:
    stated = {**BOX, "NewBag": "func NewBag() *Bag", "Bag.Size": "func (b *Bag) Size() int"}
    two = read_api(tuple(Signature(name=name, text=text) for name, text in stated.items()))
    assert subject_of_test("TestEviction", two) == ""
    assert subject_of_test("TestSize", two) == "Bag"
