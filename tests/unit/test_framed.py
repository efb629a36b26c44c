"""Tests whose frame is certain: cases listed line by line become tables that the oracle can read."""

import pytest

from guildbus.agents.framed import cases_source, frame_of
from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.prompting import prompt_for, sources_from
from guildbus.agents.stated import parse_signature
from guildbus.agents.table_tests import Case, rows_of_table, table_test, whole_file, writable
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Example

GCD = "func GCD(a, b int) int"
DIGIT = "func Digit(s string) (int, error)"
REPLY = """Here are the cases:

- `GCD(12, 18)`: both by 6 => `6`
GCD(0, 5): 0 is divided by all => 5.
GCD(12,18): again => 9
LCM(2, 3): of another function => 6
GCD(x, 3): no literal => 3
GCD(1, 2) has no value
Digit("7"): one digit => 7
Digit("x"): no digit => error
Digit(""): nothing => an error
"""


def request(*api: str, tests: tuple[str, ...] = (), **changes: object) -> DraftRequested:
    task = FileTask(
        path="kit_test.go",
        purpose="Test it.",
        owner="go-test",
        package="kit",
        folder="",
        stage=0,
        tests=tests,
    )
    fields: dict[str, object] = {
        "task": task,
        "author": "go-test",
        "round": 0,
        "module": "example.com/kit",
        "overview": "A kit.",
        "api": tuple(map(parse_signature, api)),
        "seed": 7,
    }
    return DraftRequested.model_validate(fields | changes)


def source_of(asked: DraftRequested, reply: str) -> str:
    frame = frame_of(asked)
    assert frame is not None
    return cases_source(asked, frame, reply)


def test_the_lines_that_are_cases_become_rows() -> None:
    source = source_of(request(GCD, DIGIT), REPLY)
    rows = {
        name: rows_of_table(parse(source), f"Test{c.name}", c) for name, c in callables(GCD, DIGIT).items()
    }
    assert rows["GCD"] == [
        Case((12, 18), (6,), why="both by 6"),
        Case((0, 5), (5,), why="0 is divided by all"),
    ]
    assert rows["Digit"] == [
        Case(("7",), (7,), why="one digit"),
        Case(("x",), (), fails=True, why="no digit"),
        Case(("",), (), fails=True, why="nothing"),
    ]
    assert "LCM" not in source


def callables(*api: str) -> dict[str, object]:
    return {c.name: c for c in read_api(list(map(parse_signature, api))).functions}


def test_the_oracle_reads_every_row_of_values() -> None:
    api = read_api([parse_signature(GCD), parse_signature("func Mean(xs ...float64) float64")])
    tables = [
        table_test(api.functions[0], [Case((12, 18), (6,)), Case((0, 0), (0,))]),
        table_test(api.functions[1], [Case(([1.0, 2.0],), (1.5,))]),
    ]
    found = rows_in(whole_file("kit", tables), api)
    assert [(row.test, row.case["args"], row.expected[0].value) for row in found] == [
        ("TestGCD", [12, 18], 6),
        ("TestGCD", [0, 0], 0),
        ("TestMean", [[1.0, 2.0]], 1.5),
    ]


def test_what_the_spec_states_is_always_a_row() -> None:
    stated = (Example(function="GCD", call="GCD(0, 0)", want="0"),)
    source = source_of(request(GCD, examples=stated), "GCD(12, 18): by 6 => 6\n")
    [one, two] = rows_in(source, read_api([parse_signature(GCD)]))
    assert (one.case["args"], one.expected[0].value) == ([0, 0], 0)
    assert two.case["args"] == [12, 18]


def test_mending_keeps_the_rows_that_are_there() -> None:
    before = source_of(request(GCD), "GCD(12, 18): by 6 => 6\nGCD(0, 5): all => 5\n")
    asked = request(GCD, previous=before, round=1, reason="repair")
    after = source_of(asked, "GCD(12, 18): anew => 7\nGCD(4, 6): by 2 => 2\n")
    rows = rows_in(after, read_api([parse_signature(GCD)]))
    assert [(row.case["args"], row.expected[0].value) for row in rows] == [
        ([12, 18], 6),
        ([0, 5], 5),
        ([4, 6], 2),
    ]
    assert "GCD(12, 18)" in prompt_for(asked, 0).user


def test_a_function_without_any_case_is_no_file_and_a_whole_file_is_taken_as_it_is() -> None:
    asked = request(GCD, DIGIT)
    assert source_of(asked, "GCD(12, 18): by 6 => 6\n") == ""
    whole = "package kit\n\nfunc TestGCD(t *testing.T) {}\n"
    assert sources_from(asked, [f"```go\n{whole}```\n"]) == [whole]


@pytest.mark.parametrize(
    ("api", "tests"),
    [
        ((GCD, "func (s *Stack) Pop() int", "type Stack struct{}"), ()),
        (("func Apply(f func(int) int) int",), ()),
        (("func Tick()",), ()),
        ((GCD,), ("TestGCDSigns",)),
        ((), ()),
    ],
)
def test_what_has_no_certain_frame_is_left_to_a_whole_file(
    api: tuple[str, ...], tests: tuple[str, ...]
) -> None:
    assert frame_of(request(*api, tests=tests)) is None


def test_a_test_of_another_shape_is_mended_as_it_is() -> None:
    whole = "package kit\n\nfunc TestGCD(t *testing.T) {\n\tif GCD(2, 4) != 2 {\n\t\tt.Fail()\n\t}\n}\n"
    assert frame_of(request(GCD, previous=whole, round=1, reason="repair")) is None


@pytest.mark.parametrize(
    ("api", "certain"),
    [
        ("func F(xs []int, at map[string]bool) ([]string, error)", True),
        ("func F(s string) (head string, tail string)", True),
        ("func F(s string) error", True),
        ("func F(n any) int", False),
        ("func F(r io.Reader) int", False),
        ("func F[T any](xs []T) int", False),
    ],
)
def test_which_functions_can_be_framed(api: str, certain: bool) -> None:
    [callable_] = read_api([parse_signature(api)]).functions
    assert writable(callable_) == certain
