"""The cases that a test of an object states step by step: read whole, or not at all."""

import pytest

from guildbus.agents.golang.asserted import asserted
from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.disputes import corrected, judge_rows
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Settled
from guildbus.protocols.spec import Signature

API = read_api(
    tuple(
        Signature(name=name, text=text)
        for name, text in (
            ("New", "func New(capacity int) *Cache"),
            ("Cache.Get", "func (c *Cache) Get(key string) (int, bool)"),
            ("Cache.Put", "func (c *Cache) Put(key string, value int) bool"),
            ("Cache.Len", "func (c *Cache) Len() int"),
        )
    )
)
BODY = """	c := New(2)
	c.Put("a", 1)
	if !c.Put("b", 2) {
		t.Fatal("b")
	}
	got, ok := c.Get("a")
	if got != 1 || !ok {
		t.Errorf("Get(a) = %d, %v; want 1, true", got, ok)
	}
	if got, ok = c.Get("x"); got != 0 || ok {
		t.Error("x")
	}
	if n := c.Len(); 3 != n {
		t.Errorf("Len() = %d; want 3", n)
	}
"""
STEPS: Json = [["Put", ["a", 1]], ["Put", ["b", 2]], ["Get", ["a"]], ["Get", ["x"]], ["Len", []]]


def test_file(body: str) -> str:
    return f'package lru\n\nimport "testing"\n\nfunc TestGet(t *testing.T) {{\n{body}}}\n'


test_file.__test__ = False  # type: ignore[attr-defined]


def test_each_result_that_is_looked_at_is_a_row_of_one_case() -> None:
    rows = rows_in(test_file(BODY), API)
    assert {row.function for row in rows} == {"Cache"}
    assert [row.case for row in rows] == [{"type": "Cache", "new": ["New", [2]], "steps": STEPS}] * 6
    looked = [(one.step, one.result, one.value) for row in rows for one in row.expected]
    assert looked == [(1, 0, True), (2, 0, 1), (2, 1, True), (3, 0, 0), (3, 1, False), (4, 0, 3)]


@pytest.mark.parametrize(
    "more",
    [
        "\tfor i := range 3 {\n\t\tc.Put(key, i)\n\t}\n",
        '\tif ok {\n\t\tc.Put("z", 1)\n\t}\n',
        "\tfill(c)\n",
        "\tc.Put(key, 1)\n",
        '\tif c.Len() != 2 {\n\t\tt.Error(1)\n\t} else {\n\t\tc.Get("a")\n\t}\n',
        "\tif c.Len() > 2 {\n\t\tt.Error(1)\n\t}\n",
    ],
)
def test_a_test_that_is_not_understood_to_its_end_is_not_read(more: str) -> None:
    assert rows_in(test_file(BODY + more), API) == ()


def settled(*steps: list[Json]) -> Settled:
    [case, *_] = [row.case for row in rows_in(test_file(BODY), API)]
    return Settled(case, {"steps": [{"values": values} for values in steps]}, ("python-0", "python-1"))


def test_what_the_witnesses_found_otherwise_is_mended_at_its_place_and_nowhere_else() -> None:
    source = test_file(BODY)
    found = settled([True], [True], [0, False], [0, False], [2])
    verdicts = judge_rows(source, rows_in(source, API), [found])
    assert [one.finding for one in verdicts] == [
        "row-right",
        "row-wrong",
        "row-wrong",
        "row-right",
        "row-right",
        "row-wrong",
    ]
    mended = corrected(source, verdicts)
    changed = source.replace("got != 1 || !ok", "got != 0 || ok").replace("3 != n", "2 != n")
    assert mended == changed
    assert asserted(parse(mended)) != asserted(parse(source))


def test_where_the_witnesses_lives_ended_nothing_is_decided() -> None:
    source = test_file(BODY)
    verdicts = judge_rows(source, rows_in(source, API), [settled([True], [True])])
    assert [one.finding for one in verdicts] == ["row-right"] + ["undecided"] * 5
