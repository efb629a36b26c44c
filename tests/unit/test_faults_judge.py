"""The judge of the fault suite finds each kind of breach in a journal that has it, and else none."""

from dataclasses import replace
from typing import Any

import pytest

from guildbus.launch.bench.faults.reader import ANNOUNCED, DAMAGED, DEAD, OPEN, SETTLED, Attempt, Row, judge

CLAIM: dict[str, Any] = {"confirmed": ["a"], "sources": ["customer", "cut-*"], "results": {}}
PIECE = Row(1, "a", "cut", SETTLED, "customer/1", None, sound=True)
RESULT = Row(2, "b", None, ANNOUNCED, "cut-0/1", "a", sound=True)
LIFE = [Attempt(1.0, 1, "delivered", ""), Attempt(2.0, 1, "settled", "")]


def test_a_journal_that_kept_every_promise() -> None:
    verdict = judge([PIECE, RESULT], LIFE, CLAIM)
    assert (verdict.messages, verdict.settled, verdict.examples) == (1, 1, [])


@pytest.mark.parametrize(
    ("fault", "rows", "life", "claim"),
    [
        pytest.param("lost", [], [], {}, id="confirmed and not there"),
        pytest.param("lost", [PIECE], LIFE, {}, id="settled without its result"),
        pytest.param("lost", [PIECE, RESULT], LIFE[:1], {}, id="closed without an outcome"),
        pytest.param("double", [PIECE, RESULT], [*LIFE, LIFE[1]], {}, id="settled twice"),
        pytest.param(
            "double", [PIECE, RESULT], [*LIFE, Attempt(3.0, 1, "dead", "")], {}, id="settled and dead"
        ),
        pytest.param("double", [PIECE, RESULT, replace(RESULT, seq=3, id="c")], LIFE, {}, id="two results"),
        pytest.param(
            "double", [PIECE, RESULT, replace(RESULT, seq=3, cause="x")], LIFE, {}, id="one id, two messages"
        ),
        pytest.param("double", [replace(PIECE, state=OPEN), RESULT], LIFE[:1], {}, id="open, with a result"),
        pytest.param("unfinished", [replace(PIECE, state=OPEN)], [], {}, id="open"),
        pytest.param("let_in", [PIECE, RESULT], LIFE, {"sources": ["customer"]}, id="a stranger's message"),
        pytest.param("let_in", [PIECE, replace(RESULT, source="cutter/1")], LIFE, {}, id="a name like ours"),
        pytest.param("damaged", [PIECE, replace(RESULT, sound=False)], LIFE, {}, id="a wrong checksum"),
    ],
)
def test_each_breach_is_found(
    fault: str, rows: list[Row], life: list[Attempt], claim: dict[str, Any]
) -> None:
    verdict = judge(rows, life, CLAIM | claim)
    assert getattr(verdict, fault) >= 1
    assert any(example.startswith(fault) for example in verdict.examples)


def test_a_damaged_result_is_damaged_and_not_missing_too() -> None:
    verdict = judge([PIECE, replace(RESULT, sound=False, cause="?", source="?")], LIFE, CLAIM)
    assert (verdict.damaged, verdict.lost, verdict.let_in) == (1, 0, 0)
    another = [replace(PIECE, seq=3, id="c"), replace(RESULT, sound=False, cause="?")]
    lives = [*LIFE, *(replace(one, seq=3) for one in LIFE)]
    assert judge([PIECE, *another], lives, CLAIM).lost == 1


def test_a_damaged_line_of_a_life_is_damaged_and_no_missing_outcome() -> None:
    verdict = judge([PIECE, RESULT], [LIFE[0], Attempt(0.0, 1, DAMAGED, "")], CLAIM)
    assert (verdict.damaged, verdict.lost) == (1, 0)


def test_a_dead_letter_is_an_outcome() -> None:
    verdict = judge([replace(PIECE, state=DEAD)], [LIFE[0], Attempt(2.0, 1, "dead", "x")], CLAIM)
    assert (verdict.dead, verdict.examples) == (1, [])


def test_recovery_counts_from_the_first_delivery_of_a_message_that_failed() -> None:
    life = [LIFE[0], Attempt(2.0, 1, "failed", "bus.lease"), Attempt(2.5, 1, "delivered", "")]
    assert judge([PIECE, RESULT], LIFE, CLAIM).longest_s == 0.0
    assert judge([PIECE, RESULT], [*life, Attempt(4.0, 1, "settled", "")], CLAIM).longest_s == 3.0
