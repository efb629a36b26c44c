"""Planted mistakes: wrong rows beside right ones, in a test that the oracle reads; their fates, counted."""

import json
from typing import Any

import pytest

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.hearing import shown_case
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import canonical, same
from guildbus.agents.stated import parse_signature
from guildbus.launch.bench.oracle.planted import Known, known_values, mistakes, planted_rows, planted_test
from guildbus.launch.bench.oracle.report import sound, tables
from guildbus.launch.bench.oracle.tally import Tally, count_rows
from guildbus.protocols.messages.oracle import RowVerdict


def api(*texts: str) -> Api:
    return read_api([parse_signature(text) for text in texts])


REVERSE = api("func Reverse(s string) string")
SORTED = api("func Sorted(numbers ...int) []int")


def known(api_: Api, *pairs: tuple[list[Any], Any]) -> list[Known]:
    return [Known({"call": api_.functions[0].name, "args": args}, value) for args, value in pairs]


def test_every_mistake_changes_the_value_and_is_named() -> None:
    [one] = known(REVERSE, (["こんにちは"], "はちにんこ"))
    found = list(mistakes(one, REVERSE.functions[0].results[0]))
    assert ("unicode", "こんにちは") in found
    assert ("off by one", "はちにん") in found
    assert all(not same(wrong, one.value) for _, wrong in found)
    [empty] = known(REVERSE, ([""], ""))
    assert ("empty input", "a") in list(mistakes(empty, REVERSE.functions[0].results[0]))


def test_a_planted_test_is_read_row_by_row() -> None:
    facts = known(REVERSE, (["ab"], "ba"), (["été"], "été"), (["x🙂"], "🙂x"), ([""], ""), (["abc"], "cba"))
    rows = planted_rows(facts, REVERSE.functions[0].results[0], wrong=3, right=2)
    assert sorted(bool(row.kind) for row in rows) == [False, False, True, True, True]
    assert len({row.kind for row in rows if row.kind}) == 3
    read = rows_in(planted_test("stringkit", REVERSE.functions[0], rows), REVERSE)
    assert [(canonical(row.case), row.expected[0].value) for row in read] == [
        (canonical(row.case), row.stated) for row in rows
    ]


def test_variadic_arguments_and_deep_comparisons_are_written_too() -> None:
    facts = known(SORTED, ([[3, 1, 2]], [1, 2, 3]), ([[5, 4]], [4, 5]))
    source = planted_test(
        "sorting", SORTED.functions[0], planted_rows(facts, SORTED.functions[0].results[0], 1, 1)
    )
    assert "Sorted(tt.numbers...)" in source
    assert "!slices.Equal(got, tt.want)" in source


def test_cases_that_end_in_an_error_are_no_facts() -> None:
    cases = [{"call": "F", "args": [n]} for n in range(3)]
    outcomes = [{"values": [1, None]}, {"values": [0, {"error": "ErrX"}]}, {"panic": True}]
    assert [one.value for one in known_values(cases, outcomes)] == [1]


def verdict(call: str, finding: str, settled: Any = None, after: str = "") -> RowVerdict:
    return RowVerdict.model_validate(
        {
            "test": "TestReverse",
            "line": 1,
            "call": call,
            "finding": finding,
            "expected": '"x"',
            "settled": json.dumps({"values": [settled]}),
            "before": '"x"',
            "after": after,
        }
    )


@pytest.mark.parametrize(
    ("finding", "settled", "after", "fate"),
    [
        ("row-wrong", "ba", '"ba"', "corrected"),
        ("row-wrong", "no", '"no"', "wrongly corrected"),
        ("row-wrong", "ba", "", "seen, not placed"),
        ("row-right", "", "", "kept wrong"),
        ("undecided", "", "", "undecided"),
    ],
)
def test_the_fate_of_a_planted_row(finding: str, settled: str, after: str, fate: str) -> None:
    [row] = planted_rows(known(REVERSE, (["ab"], "ba")), REVERSE.functions[0].results[0], 1, 0)
    tally = Tally("stringkit")
    count_rows(tally, REVERSE, [row], [verdict(shown_case(row.case, REVERSE), finding, settled, after)])
    assert tally.planted == {(row.kind, fate): 1}
    assert sound([tally]) == (fate != "wrongly corrected")
    assert f"| {row.kind} | 1 |" in tables([tally])


def test_a_right_row_that_would_be_edited_is_a_blessed_bug() -> None:
    [row] = planted_rows(known(REVERSE, (["ab"], "ba")), REVERSE.functions[0].results[0], 0, 1)
    call = shown_case(row.case, REVERSE)
    kept, edited = Tally("kept"), Tally("edited")
    count_rows(kept, REVERSE, [row], [verdict(call, "row-right")])
    count_rows(edited, REVERSE, [row], [verdict(call, "row-wrong", "ab", '"ab"')])
    assert (kept.right_rows, kept.edited_rows, sound([kept])) == (1, 0, True)
    assert (edited.edited_rows, sound([kept, edited])) == (1, False)
    assert not sound([Tally("blessed", blessed=["wrong_reverse"])])
