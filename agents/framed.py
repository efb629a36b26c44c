"""Tests whose frame is certain: of a draft its cases are taken, and the tables written around them. Pure.

Small models list cases well and frames badly: they declare the code under test once more, forget to assert,
lose themselves in ever longer rows until the token limit cuts the file off. Where every function under test
is plain, and every test is about one of them, only one part of a file is its author's to say: the arguments,
and what must come back. So just that is read out of a draft, whether the rest of it is whole or not:

    {"both even", 12, 18, 6},                 a row of a table, with or without its reason
    if got := GCD(12, 18); got != 6 {         a comparison that stands alone

The values that the spec states stand in the table too, whatever the author lists, and what is mended keeps
the rows that were there. Everything else (methods, results without a literal, tests with names of their own)
stays as it was written. Next: `table_tests.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guildbus.agents.go_fragments import expression
from guildbus.agents.golang.splice import closed
from guildbus.agents.golang.syntax import GoFile, parse
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.literals import NoLiteral, read_call, read_literal
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import canonical
from guildbus.agents.planning import is_test
from guildbus.agents.table_tests import Case, rows_of_table, table_test, whole_file, writable
from guildbus.protocols.messages.draft import DraftRequested

LEAST_CASES = 3
MOST_CASES = 12


@dataclass(frozen=True)
class Frame:
    """The tests of a file, by name, and the function that each is about: `TestParseErrors` is about Parse."""

    package: str
    api: Api
    tests: Mapping[str, Callable]


def frame_of(request: DraftRequested) -> Frame | None:
    """The frame of the file that is asked for; None where it is not certain."""
    task = request.task
    if not is_test(task.path) or task.package.endswith("_test") or not request.api:
        return None
    if any(is_test(file.path) for file in request.visible):
        return None  # its tests may bear the same names
    api = read_api(request.api)
    functions = api.functions
    types = sum(signature.text.startswith("type ") for signature in request.api)
    if len(functions) + types < len(request.api) or not all(map(writable, functions)):
        return None
    by_test: dict[str, Callable] = {}
    for test in task.tests:
        about = [one for one in functions if test.startswith(f"Test{one.name}")]
        if not about:
            return None
        by_test[test] = max(about, key=lambda one: len(one.name))
    tested = set(by_test.values())
    by_test |= {f"Test{one.name}": one for one in functions if one not in tested}
    return Frame(task.package, api, by_test)


def framed_source(request: DraftRequested, frame: Frame, draft: str) -> str:
    """The file with a draft's cases; '' if it has none of some function, or too few with the spec's own."""
    new = parse(closed(draft))
    previous = parse(request.previous) if request.previous else None
    tables: dict[str, list[Case]] = {}
    for test, callable_ in frame.tests.items():
        kept = _cases(previous, frame, test, callable_) if previous is not None else {}
        listed = _cases(new, frame, test, callable_)
        rows = kept | stated_cases(request, callable_)
        if not kept | listed:
            return ""
        most = max(MOST_CASES, len(rows))
        for key, case in listed.items():
            rows.setdefault(key, case)
        tables[test] = list(rows.values())[:most]
    for callable_ in frame.tests.values():
        if sum(len(rows) for test, rows in tables.items() if frame.tests[test] == callable_) < LEAST_CASES:
            return ""
    return whole_file(
        frame.package, [table_test(frame.tests[test], rows, test) for test, rows in tables.items()]
    )


def stated_cases(request: DraftRequested, callable_: Callable) -> dict[str, Case]:
    """What the spec says of a function, by call."""
    found: dict[str, Case] = {}
    for example in request.examples:
        call = expression(example.call) if example.function == callable_.name else None
        if call is None or len(callable_.results) != 1:
            continue
        try:
            case = read_call(call, callable_)
            value = read_literal(example.want, callable_.results[0])
        except NoLiteral:
            continue
        found[canonical(case)] = Case(tuple(case["args"]), (value,), why="stated")
    return found


def _cases(file: GoFile, frame: Frame, test: str, callable_: Callable) -> dict[str, Case]:
    """The cases of one function in a test file, by call, the first of each call."""
    found: dict[str, Case] = {}
    for case in (*rows_of_table(file, test, callable_), *_compared(file, frame, test, callable_)):
        key = canonical({"call": callable_.full_name, "args": list(case.args)})
        found.setdefault(key, case)
    return found


def _compared(file: GoFile, frame: Frame, test: str, callable_: Callable) -> Iterator[Case]:
    """The cases that the oracle reads of a test, if they say everything that comes back.

    It reads no column that says whether an error is due: where there can be one, only whole rows count.
    """
    if callable_.fails:
        return
    count = len(callable_.results)
    for row in rows_in(file.source, frame.api):
        if row.function == callable_.full_name and row.test == test and len(row.expected) == count:
            values = [one.value for one in sorted(row.expected, key=lambda one: one.result)]
            yield Case(tuple(row.case["args"]), tuple(values))
