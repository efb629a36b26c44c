"""Settling disputes: whether a test's row or the implementation is wrong; the edit that mends a row. Pure.

The rule: a row whose expected value is not what the witnesses settled on is overturned; one that is, convicts
the implementation that fails it; where the witnesses have not settled, nothing is decided and nothing is
edited. A row that demands an error is not overturned by witnesses that give a value: small models leave
checks out far more often than they put in what nobody asked for. The edit replaces the literal, and nothing
else, by the settled value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from guildbus.agents.golang.syntax import Edit, apply_edits, parse
from guildbus.agents.oracle.literals import NoLiteral, write_literal
from guildbus.agents.oracle.rows import Row
from guildbus.agents.oracle.values import Json, canonical, failure, same
from guildbus.agents.oracle.witnesses import Settled

Finding = Literal["row-right", "row-wrong", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """What was found of one row. `before` and `after` are the literal's texts; no `after`: no edit fits."""

    row: Row
    finding: Finding
    settled: Settled | None = None
    before: str = ""
    after: str = ""
    edit: Edit | None = None


def judge_rows(source: str, rows: Iterable[Row], settled: Sequence[Settled]) -> tuple[Verdict, ...]:
    """A verdict for each row of a test file."""
    known = {canonical(one.case): one for one in settled}
    data = source.encode()
    return tuple(_judge(data, row, known) for row in rows)


def _judge(data: bytes, row: Row, known: Mapping[str, Settled]) -> Verdict:
    found = known.get(canonical(row.case))
    if found is None:
        return Verdict(row, "undecided")
    if row.expected[0].step is not None:
        return _judge_step(data, row, found)
    if failure(found.outcome) is not None or "values" not in found.outcome:
        return _judge_refusal(row, found)
    if row.refusal is not None and row.refusal.due:
        return Verdict(row, "undecided", found)
    values: list[Json] = found.outcome["values"]
    for one in row.expected:
        if same(values[one.result], one.value):
            continue
        before = data[one.start : one.end].decode()
        try:
            after = write_literal(values[one.result], one.type)
        except NoLiteral:
            return Verdict(row, "row-wrong", found, before)
        return Verdict(row, "row-wrong", found, before, after, Edit(one.start, one.end, after))
    return Verdict(row, "row-right", found)


def _judge_refusal(row: Row, found: Settled) -> Verdict:
    """A case that gives an error, or nothing at all."""
    said = row.refusal
    if said is None:
        return Verdict(row, "row-wrong" if _expects_values(row) else "row-right", found)
    if said.due:
        return Verdict(row, "row-right", found)
    if not said.end or failure(found.outcome) is None:
        return Verdict(row, "row-wrong", found)
    return Verdict(row, "row-wrong", found, "false", "true", Edit(said.start, said.end, "true"))


def _judge_step(data: bytes, row: Row, found: Settled) -> Verdict:
    """One result in an object's life; undecided where the witnesses' lives ended before it."""
    [one] = row.expected
    steps: list[Json] = found.outcome.get("steps", [])
    values: list[Json] = (
        steps[one.step].get("values", []) if one.step is not None and one.step < len(steps) else []
    )
    if one.result >= len(values):
        return Verdict(row, "undecided", found)
    if same(values[one.result], one.value):
        return Verdict(row, "row-right", found)
    before = data[one.start : one.end].decode()
    try:
        after = (
            one.spelled[not values[one.result]]
            if one.spelled
            else write_literal(values[one.result], one.type)
        )
    except NoLiteral:
        return Verdict(row, "row-wrong", found, before)
    return Verdict(row, "row-wrong", found, before, after, Edit(one.start, one.end, after))


def _expects_values(row: Row) -> bool:
    """Whether a row looks at more than the zero values that Go gives beside an error."""
    return any(one.value not in (0, "", False, None, [], 0.0, {"map": []}) for one in row.expected)


def corrected(source: str, verdicts: Iterable[Verdict]) -> str:
    """The test with every edit of these verdicts made."""
    return apply_edits(parse(source), [verdict.edit for verdict in verdicts if verdict.edit is not None])
