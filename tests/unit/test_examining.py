"""Comparing an implementation's outcomes with what is settled: counts, counterexamples, what people read."""

import pytest

from guildbus.agents.oracle.examining import SHOWN, agreement, cases_of, convicted, examine, shown_outcome
from guildbus.agents.oracle.values import Json, canonical
from guildbus.protocols.messages.oracle import OpenCase, WitnessedCase, WitnessTable
from guildbus.protocols.messages.verification import Examination


def settled(n: int, outcome: Json, call: str = "") -> WitnessedCase:
    case = {"call": "F", "args": [n]}
    return WitnessedCase(
        call=call or f"F({n})", case=canonical(case), outcome=canonical(outcome), votes=("a", "b")
    )


def gives(value: Json) -> Json:
    return {"values": [value]}


F = WitnessTable(subject="F", cases=(settled(1, gives(1)), settled(2, gives(2))), drawn=3)
OBSTACLE = WitnessTable(subject="R", cases=(settled(9, gives(9)),), obstacle="R takes an io.Reader")
G = WitnessTable(subject="G", cases=(settled(3, gives(3)),), drawn=1)


def test_the_numbers_of_cases_go_on_over_tables_and_leave_out_what_cannot_be_examined() -> None:
    tables = (F, OBSTACLE, G)
    assert [case["args"] for case in cases_of(tables)] == [[1], [2], [3]]
    f, r, g = examine(tables, {0: gives(1), 1: gives(2), 2: gives(3)})
    assert [(one.subject, one.agreed, one.total, one.why) for one in (f, r, g)] == [
        ("F", 2, 2, ""),
        ("R", 0, 0, "R takes an io.Reader"),
        ("G", 1, 1, ""),
    ]
    assert not convicted((f, r, g))
    assert agreement((f, r, g)) == 1.0


def test_a_wrong_value_is_a_counterexample_of_its_own_subject() -> None:
    f, g = examine((F, G), {0: gives(1), 1: gives(7), 2: gives(3)})
    assert [(c.call, c.want, c.got, c.votes) for c in f.counterexamples] == [("F(2)", "2", "7", ("a", "b"))]
    assert g.counterexamples == ()
    assert convicted((f, g))
    assert not convicted((g,))
    assert agreement((f, g)) == pytest.approx(2 / 3)


def test_what_did_not_come_back_counts_against_the_code() -> None:
    [f] = examine((F,), {0: gives(1)})
    assert f.agreed == 1
    assert "stopped" in f.counterexamples[0].got


def test_where_nothing_is_settled_and_some_give_a_value_code_must_not_panic() -> None:
    case = canonical({"type": "Box", "new": ["New", [0]], "steps": [["Put", [1]]]})
    open_ = OpenCase(call="New(0); Put(1)", case=case, voices=("python-1",))
    box = WitnessTable(subject="Box", cases=(settled(4, gives(4)),), open=(open_,), drawn=2)
    assert [one.get("args") for one in cases_of((box, G))] == [[4], [3], None], "open cases come last"
    partly = box.model_copy(update={"drawn": 9, "split": 1, "unheard": 3})
    assert [(one.open, one.drawn) for one in examine((partly, G), {})] == [(4, 9), (0, 1)]
    for got in ({"steps": [gives(9)]}, {"steps": [{"values": []}]}):
        assert not convicted(examine((box, G), {0: gives(4), 1: gives(3), 2: got}))
    for got in ({"steps": [{"panic": True}]}, {"panic": True}, {"timeout": True}):
        found, _ = examine((box, G), {0: gives(4), 1: gives(3), 2: got})
        [wrong] = found.counterexamples
        assert (found.agreed, found.total) == (1, 2)
        assert (wrong.call, wrong.want, wrong.votes) == ("New(0); Put(1)", "some value", ("python-1",))


def test_the_shortest_counterexamples_are_shown_and_no_more_than_a_few() -> None:
    cases = tuple(settled(n, gives(n), call="F(" + "x" * (20 - n) + ")") for n in range(12))
    [f] = examine((WitnessTable(subject="F", cases=cases, drawn=12),), {})
    lengths = [len(c.call) for c in f.counterexamples]
    assert len(lengths) == SHOWN
    assert lengths == sorted(lengths)
    assert lengths[0] == min(len(case.call) for case in cases)
    assert (f.agreed, f.total) == (0, 12)


def test_a_table_without_cases_was_not_examined_and_says_so() -> None:
    [f] = examine((WitnessTable(subject="F", drawn=200, split=200),), {})
    assert "nothing is settled of F" in f.why
    assert not convicted((f,))


def test_an_error_without_a_name_agrees_with_any() -> None:
    table = WitnessTable(subject="F", cases=(settled(1, {"values": [{"error": ""}]}),), drawn=1)
    assert examine((table,), {0: {"values": [0, {"error": "ErrX"}]}})[0].agreed == 1
    assert examine((table,), {0: {"values": [0, None]}})[0].agreed == 0


def test_the_share_over_nothing_is_one() -> None:
    assert agreement(()) == 1.0
    assert agreement((Examination(subject="F", why="x"),)) == 1.0


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (gives(6), "6"),
        ({"values": ["ab", True]}, '"ab", true'),
        ({"values": [None]}, "nil"),
        ({"values": []}, "nothing"),
        ({"values": [{"error": "ErrEmpty"}]}, "an error (ErrEmpty)"),
        ({"values": [{"error": ""}]}, "an error"),
        ({"panic": True}, "a panic"),
        ({"timeout": True}, "no end within its time"),
        ({"values": [{"map": [["a", 1], ["b", None]]}]}, '{"a": 1, "b": nil}'),
        ({"steps": [gives(1), {"panic": True}]}, "1; a panic"),
        ({"values": [["日本"]]}, '["日本"]'),
    ],
)
def test_outcomes_as_people_read_them(outcome: Json, text: str) -> None:
    assert shown_outcome(outcome) == text


def test_a_long_outcome_is_cut() -> None:
    assert len(shown_outcome(gives("x" * 5000))) <= 300
    assert len(shown_outcome({"steps": [gives("x" * 200)] * 9})) <= 300
