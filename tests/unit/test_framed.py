"""Tests whose frame is certain: the cases of a draft become tables that the oracle can read."""

import pytest

from guildbus.agents.framed import frame_of, framed_source
from guildbus.agents.golang.syntax import parse
from guildbus.agents.oracle.gotypes import Callable
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.prompting import sources_from
from guildbus.agents.sections import sections_of
from guildbus.agents.stated import parse_signature
from guildbus.agents.table_tests import Case, rows_of_table, table_test, whole_file, writable
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Example

GCD = "func GCD(a, b int) int"
DIGIT = "func Digit(s string) (int, error)"
DRAFT = """package kit

func GCD(a, b int) int { return a }

func TestGCD(t *testing.T) {
	for _, tt := range []struct {
		why  string
		a, b int
		want int
	}{
		{"both by 6", 12, 18, 6},
		{"a zero", 0, 5, 5},
		{"again", 12, 18, 9},
		{"no literal", x, 3, 3},
		{"too few", 1, 2},
	} {
		if got := GCD(tt.a, tt.b); got != tt.want {
			t.Errorf("no")
		}
	}
	if got := GCD(4, 6); got != 2 {
		t.Errorf("no")
	}
}

func TestDigit(t *testing.T) {
	tests := []struct {
		s       string
		want    int
		wantErr bool
	}{
		{"7", 7, false},
		{"x", 0, true},
		{"", 0, true},
		{"a table that is cut off in the midd"""


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


def source_of(asked: DraftRequested, draft: str) -> str:
    frame = frame_of(asked)
    assert frame is not None
    return framed_source(asked, frame, draft)


def table(*rows: str) -> str:
    """A draft of TestGCD with these rows."""
    lines = "".join(f"\t\t{{{row}}},\n" for row in rows)
    return f"package kit\n\nfunc TestGCD(t *testing.T) {{\n\trows := []struct{{ a, b, want int }}{{\n{lines}"


def test_the_rows_and_comparisons_of_a_draft_become_rows_even_if_it_is_cut_off() -> None:
    source = source_of(request(GCD, DIGIT), DRAFT)
    functions = callables(GCD, DIGIT)
    rows = {name: rows_of_table(parse(source), f"Test{name}", of) for name, of in functions.items()}
    assert rows["GCD"] == [
        Case((12, 18), (6,), why="both by 6"),
        Case((0, 5), (5,), why="a zero"),
        Case((4, 6), (2,)),
    ]
    assert rows["Digit"] == [
        Case(("7",), (7,)),
        Case(("x",), (), fails=True),
        Case(("",), (), fails=True),
    ]
    assert "func GCD" not in source


def callables(*api: str) -> dict[str, Callable]:
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
    source = source_of(request(GCD, examples=stated), table("12, 18, 6", "0, 0, 7", "0, 5, 5"))
    rows = rows_in(source, read_api([parse_signature(GCD)]))
    found = {tuple(row.case["args"]): row.expected[0].value for row in rows}
    assert found == {(0, 0): 0, (12, 18): 6, (0, 5): 5}


def test_what_the_spec_states_is_no_draft() -> None:
    stated = tuple(Example(function="GCD", call=f"GCD({n}, {n})", want=str(n)) for n in range(5))
    assert source_of(request(GCD, examples=stated), "package kit\n") == ""


def test_mending_keeps_the_rows_that_are_there() -> None:
    before = source_of(request(GCD), table("12, 18, 6", "0, 5, 5", "1, 1, 1"))
    asked = request(GCD, previous=before, round=1, reason="repair")
    after = source_of(asked, table("12, 18, 7", "4, 6, 2", "9, 3, 3"))
    rows = rows_in(after, read_api([parse_signature(GCD)]))
    assert {tuple(row.case["args"]): row.expected[0].value for row in rows} == {
        (12, 18): 6,
        (0, 5): 5,
        (1, 1): 1,
        (4, 6): 2,
        (9, 3): 3,
    }


def test_a_draft_with_too_few_cases_stays_as_it_is() -> None:
    asked = request(GCD, DIGIT)
    whole = table("12, 18, 6", "0, 5, 5", "1, 1, 1")
    assert source_of(asked, whole) == ""
    assert sources_from(asked, [f"```go\n{whole}```\n"]) == [whole.strip() + "\n"]


@pytest.mark.parametrize(
    ("api", "tests"),
    [
        ((GCD, "func (s *Stack) Pop() int", "type Stack struct{}"), ()),
        (("func Apply(f func(int) int) int",), ()),
        (("func Tick()",), ()),
        ((GCD,), ("TestSigns",)),
        ((GCD, DIGIT), ("TestGCD", "TestSigns")),
        ((), ()),
    ],
)
def test_what_has_no_certain_frame_is_left_to_a_whole_file(
    api: tuple[str, ...], tests: tuple[str, ...]
) -> None:
    assert frame_of(request(*api, tests=tests)) is None


def test_where_an_error_is_due_a_row_may_leave_out_the_value_and_two_tests_need_no_three_rows_each() -> None:
    head = "func {}(t *testing.T) {{\n\tfor _, tt := range []struct {{\n\t}}{{\n"
    draft = (
        "package kit\n\n" + head.format("TestDigit") + '\t\t{"a seven", "7", 7, false},\n\t} {\n\t}\n}\n\n'
    )
    draft += head.format("TestDigitErrors") + '\t\t{"no digit", "x", true},\n\t\t{"", true},\n\t} {\n\t}\n}\n'
    source = source_of(request(DIGIT, tests=("TestDigit", "TestDigitErrors")), draft)
    assert '{"a seven", "7", 7, false},' in source
    assert '{"no digit", "x", 0, true},' in source
    assert '{"", "", 0, true},' in source
    assert source_of(request(DIGIT), draft) == "", "one row alone is too few"


def test_several_tests_may_be_about_one_function() -> None:
    longer = "func GCDSigned(a, b int) int"
    frame = frame_of(request(GCD, longer, DIGIT, tests=("TestGCD", "TestGCDSigns", "TestGCDSignedZero")))
    assert frame is not None
    assert {test: one.name for test, one in frame.tests.items()} == {
        "TestGCD": "GCD",
        "TestGCDSigns": "GCD",
        "TestGCDSignedZero": "GCDSigned",
        "TestDigit": "Digit",
    }
    heads = {one.name: one.head for one in sections_of(request(GCD, tests=("TestGCD", "TestGCDSigns")))}
    assert heads["TestGCDSigns"].startswith("func TestGCDSigns(t *testing.T) {\n\tfor _, tt := range")


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
