"""Tests whose frame is certain: the author lists the cases, and the table is written around them. Pure.

A file whose tests are all tables over plain functions has one part that only its author can say, the cases.
So that is what a model is asked for, line by line, each value worked out before it is written:

    GCD(12, 18): both are divided by 6, and by nothing greater => 6
    ParseLevel("x"): no such level => error

The values that the spec states stand in the table too, whatever the author lists. What is mended keeps the
rows that were there. Everything else (methods, results without a literal, tests with names of their own) is
written as a whole file. Next: `table_tests.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guildbus.agents.go_fragments import closing, expression
from guildbus.agents.golang.flow import arguments_of
from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.literals import NoLiteral, read_call, read_literal, write_call
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.planning import is_test
from guildbus.agents.table_tests import Case, rows_of_table, table_test, whole_file, writable
from guildbus.protocols.messages.draft import DraftRequested

CASES = 7
MOST_CASES = 12
_LONGEST_WHY = 60


@dataclass(frozen=True)
class Frame:
    """The tests of a file, by name, with the function that each is about."""

    package: str
    api: Api
    tests: Mapping[str, Callable]


def frame_of(request: DraftRequested) -> Frame | None:
    """The frame of the file that is asked for; None where it is not certain, or the file had another."""
    task = request.task
    if not is_test(task.path) or task.package.endswith("_test") or not request.api:
        return None
    if any(is_test(file.path) for file in request.visible):
        return None  # its tests may bear the same names
    api = read_api(request.api)
    functions = api.functions
    if len(functions) < len(request.api) or not all(map(writable, functions)):
        return None
    by_test = {f"Test{callable_.name}": callable_ for callable_ in functions}
    previous = parse(request.previous) if request.previous else None
    there = previous is None or all(rows_of_table(previous, *test) for test in by_test.items())
    return Frame(task.package, api, by_test) if there and set(task.tests) <= by_test.keys() else None


def calls_there(request: DraftRequested, frame: Frame) -> Iterator[str]:
    """The calls that the previous text has a row for, as a person writes them."""
    previous = parse(request.previous)
    for test, callable_ in frame.tests.items():
        for row in rows_of_table(previous, test, callable_):
            yield write_call(callable_, row.args)


def cases_source(request: DraftRequested, frame: Frame, reply: str) -> str:
    """The file with a reply's cases; '' if the reply has none for some function."""
    known = _known(request, frame)
    written: list[str] = []
    for test, callable_ in frame.tests.items():
        kept = known.get(callable_.name, {})
        listed = _listed(reply, callable_)
        fresh = [case for key, case in listed.items() if key not in kept]
        if not listed:
            return ""
        rows = [*kept.values(), *fresh][: max(MOST_CASES, len(kept))]
        try:
            written.append(table_test(callable_, rows, test))
        except NoLiteral:
            return ""
    return whole_file(frame.package, written)


def _known(request: DraftRequested, frame: Frame) -> dict[str, dict[str, Case]]:
    """Function -> call -> case: the rows that are there already, then what the spec states."""
    found: dict[str, dict[str, Case]] = {}
    previous = parse(request.previous) if request.previous else None
    by_name = {callable_.name: callable_ for callable_ in frame.tests.values()}
    for test, callable_ in frame.tests.items():
        rows = rows_of_table(previous, test, callable_) if previous is not None else ()
        found[callable_.name] = {_key(callable_, row): row for row in rows}
    for example in request.examples:
        stated = _case(f"{example.call}: the text says so => {example.want}", by_name.get(example.function))
        if stated is not None:
            found[example.function].setdefault(*stated)
    return found


def _key(callable_: Callable, case: Case) -> str:
    return canonical({"call": callable_.full_name, "args": list(case.args)})


def _listed(reply: str, callable_: Callable) -> dict[str, Case]:
    """Call -> case, of a function's lines in a reply, the first of each call."""
    found: dict[str, Case] = {}
    for line in reply.splitlines():
        case = _case(line, callable_)
        if case is not None:
            found.setdefault(*case)
    return found


def _case(line: str, callable_: Callable | None) -> tuple[str, Case] | None:
    """The canonical call and the case of one line; None if it is none of this function."""
    if callable_ is None:
        return None
    start = line.find(f"{callable_.name}(")
    end = closing(line, start + len(callable_.name)) + 1 if start >= 0 else 0
    if not end or line[start - 1 : start].isalnum():
        return None
    why, arrow, value = line[end:].rpartition("=>")
    call = expression(line[start:end])
    if not arrow or call is None or call.type != "call_expression":
        return None
    try:
        case = read_call(call, callable_)
        values, fails = _values(value.strip(" .`"), callable_)
    except NoLiteral:
        return None
    reason = " ".join(why.strip(" :`").split())[:_LONGEST_WHY]
    return canonical(case), Case(tuple(case["args"]), values, fails, reason)


def _values(text: str, callable_: Callable) -> tuple[tuple[Json, ...], bool]:
    """What comes back, as a line says it: `6`, `"a", true`, `error`. Raises NoLiteral."""
    results = callable_.results[:-1] if callable_.fails else callable_.results
    if callable_.fails and text.lower().startswith(("error", "an error", "err")):
        return (), True
    if callable_.fails and not results and text in ("nil", "no error"):
        return (), False
    call = expression(f"f({text.removesuffix(', nil') if callable_.fails else text})")
    given = arguments_of(call) if call is not None else []
    if len(given) != len(results):
        raise NoLiteral(f"{text!r} is not what {callable_.name} gives back")
    return tuple(read_literal(node, of) for node, of in zip(given, results, strict=True)), False
