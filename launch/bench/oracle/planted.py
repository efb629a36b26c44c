"""Tests with planted mistakes: rows that are right, and rows whose expected value is wrong on purpose. Pure.

The right values come from the right implementation. A wrong one is made from it by a mistake that people and
models make: a sign, one too many, a text by bytes, an order, a value rounded. What the oracle makes of such a
test is counted in `tally.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guildbus.agents.oracle.gotypes import Callable, GoType
from guildbus.agents.oracle.literals import NoLiteral, write_literal, zero
from guildbus.agents.oracle.values import Json, canonical, failure, fits, same
from guildbus.agents.table_tests import Case, table_test, whole_file, writable


@dataclass(frozen=True)
class Known:
    """A case of one function, and what right code gives."""

    case: Json
    value: Json


@dataclass(frozen=True)
class Planted:
    """One row of a planted test. `kind` names the mistake, '' for a right row."""

    case: Json
    right: Json
    stated: Json
    kind: str = ""


def known_values(cases: Sequence[Json], outcomes: Sequence[Json]) -> list[Known]:
    """The cases with a plain first value, which no error goes with."""
    return [
        Known(case, outcome["values"][0])
        for case, outcome in zip(cases, outcomes, strict=True)
        if outcome.get("values") and failure(outcome) is None
    ]


def mistakes(known: Known, of: GoType) -> Iterator[tuple[str, Json]]:
    """(kind, wrong value) for each mistake that applies and that changes the value."""
    for kind, wrong in _wrong(known, of):
        if not same(wrong, known.value) and fits(wrong, of) and _writable(wrong, of):
            yield kind, wrong


def _wrong(known: Known, of: GoType) -> Iterator[tuple[str, Json]]:
    value = known.value
    texts = [arg for arg in known.case["args"] if isinstance(arg, str)]
    if any(arg in ("", [], {"map": []}) for arg in known.case["args"]):
        yield "empty input", _other(value, of)
    match of.kind:
        case "bool":
            yield "the other truth", not value
        case "int" | "byte":
            yield "off by one", value + 1
            yield "off by one", value - 1
            yield "sign", -value
            yield "overflow", (value + 128) % 256 - 128
            yield "bytes for runes", value + sum(len(text.encode()) - len(text) for text in texts)
        case "float" if isinstance(value, int | float):
            yield "sign", -value
            yield "rounding", float(round(value))
            yield "off by one", value + 1
        case "string" if isinstance(value, str):
            kind = "ordering" if value.isascii() else "unicode"
            yield kind, value[::-1]
            yield "unicode" if not value.isascii() else "the input", texts[0] if texts else value
            yield "off by one", value[:-1]
            yield "case", value.swapcase()
        case "list":
            yield "ordering", value[::-1]
            yield "off by one", value[:-1]
            yield "off by one", [*value, zero(of.elem)] if of.elem is not None else value


def _other(value: Json, of: GoType) -> Json:
    empty = zero(of)
    if not same(value, empty):
        return empty
    return {"bool": True, "int": 1, "string": "a", "float": 1.0}.get(of.kind, empty)


def _writable(value: Json, of: GoType) -> bool:
    try:
        write_literal(value, of)
    except NoLiteral:
        return False
    return True


def planted_rows(known: Sequence[Known], of: GoType, wrong: int, right: int) -> list[Planted]:
    """At most `wrong` rows with mistakes, each kind in turn, and `right` rows of other cases."""
    by_kind: dict[str, list[Planted]] = {}
    for one in known:
        for kind, value in mistakes(one, of):
            by_kind.setdefault(kind, []).append(Planted(one.case, one.value, value, kind))
    rows: dict[str, Planted] = {}
    while len(rows) < wrong and any(by_kind.values()):
        for waiting in by_kind.values():
            fresh = next((row for row in waiting if canonical(row.case) not in rows), None)
            waiting.clear() if fresh is None else waiting.remove(fresh)
            if fresh is not None and len(rows) < wrong:
                rows[canonical(fresh.case)] = fresh
    others = [one for one in known if canonical(one.case) not in rows and _writable(one.value, of)]
    return [*rows.values(), *(Planted(one.case, one.value, one.value) for one in others[:right])]


def planted_test(package: str, callable_: Callable, rows: Sequence[Planted]) -> str:
    """A table test of one function whose rows state these values."""
    cases = [Case(tuple(row.case["args"]), (row.stated,)) for row in rows]
    return whole_file(package, [table_test(callable_, cases)])


def plantable(callable_: Callable) -> bool:
    """Whether a function gives one plain value back, of plain arguments."""
    return writable(callable_) and len(callable_.values) == 1
