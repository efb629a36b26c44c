"""The rule of disputes, and the edit: one literal changes, and not one byte beside it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.oracle.disputes import Verdict, corrected, judge_rows
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Settled
from guildbus.protocols.spec import Signature

API = read_api(
    [
        Signature(name="GCD", text="func GCD(a, b int) int"),
        Signature(name="Reverse", text="func Reverse(s string) string"),
        Signature(name="Parse", text="func Parse(s string) (int, error)"),
        Signature(name="Sorted", text="func Sorted(xs []int) []int"),
    ]
)
TABLE = """package p

import "testing"

func TestGCD(t *testing.T) {
\tfor _, tt := range []struct{ a, b, want int }{
\t\t{8, 15, 1}, // こんにちは
\t\t{12, 18, 5},
\t\t{0, 5, 5},
\t} {
\t\tif got := GCD(tt.a, tt.b); got != tt.want {
\t\t\tt.Errorf("GCD(%d, %d) = %d; want %d", tt.a, tt.b, got, tt.want)
\t\t}
\t}
}
"""


def settled(call: str, *args: Json, gives: Json = None, outcome: Json = None) -> Settled:
    return Settled(
        {"call": call, "args": list(args)}, outcome or {"values": [gives]}, ("python-0", "python-1")
    )


def judged(source: str, *known: Settled) -> tuple[Verdict, ...]:
    return judge_rows(source, rows_in(source, API), known)


def one(line: str, *known: Settled) -> Verdict:
    source = f'package p\n\nimport ("testing"; "reflect")\n\nfunc TestX(t *testing.T) {{\n\t{line}\n}}\n'
    [verdict] = judged(source, *known)
    return verdict


def test_the_witnesses_overturn_a_row_confirm_one_and_leave_one_open() -> None:
    found = judged(TABLE, settled("GCD", 8, 15, gives=1), settled("GCD", 12, 18, gives=6))
    assert [verdict.finding for verdict in found] == ["row-right", "row-wrong", "undecided"]
    assert (found[1].before, found[1].after) == ("5", "6")
    assert [verdict.edit is None for verdict in found] == [True, False, True]
    assert found[2].settled is None


def test_a_row_with_nothing_settled_is_never_edited() -> None:
    found = judged(TABLE)
    assert {verdict.finding for verdict in found} == {"undecided"}
    assert corrected(TABLE, found) == TABLE


def test_the_edit_changes_one_literal_and_no_other_byte() -> None:
    found = judged(TABLE, settled("GCD", 12, 18, gives=6))
    mended = corrected(TABLE, found)
    assert mended == TABLE.replace("{12, 18, 5}", "{12, 18, 6}")
    assert [v.finding for v in judged(mended, settled("GCD", 12, 18, gives=6))][1] == "row-right"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3))
def test_whatever_is_settled_only_the_wrong_cells_differ(values: list[int]) -> None:
    pairs = [(8, 15, 1), (12, 18, 5), (0, 5, 5)]
    known = [settled("GCD", a, b, gives=v) for (a, b, _), v in zip(pairs, values, strict=True)]
    mended = corrected(TABLE, judged(TABLE, *known))
    expected = TABLE
    for (a, b, want), value in zip(pairs, values, strict=True):
        expected = expected.replace(f"{{{a}, {b}, {want}}}", f"{{{a}, {b}, {value}}}")
    assert mended == expected
    assert {v.finding for v in judged(mended, *known)} == {"row-right"}


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=12).filter(lambda s: "\x00" not in s), told=st.text(max_size=12))
def test_a_text_is_written_so_that_it_is_read_again(text: str, told: str) -> None:
    line = 'if got := Reverse("abc"); got != "wrong" { t.Error("wrong") }'
    source = f'package p\n\nimport "testing"\n\nfunc TestX(t *testing.T) {{\n\t{line} // {told!a}\n}}\n'
    known = settled("Reverse", "abc", gives=text)
    mended = corrected(source, judged(source, known))
    if text == "wrong":
        assert mended == source
    else:
        before, _, after = source.partition('"wrong"')
        assert mended.startswith(before)
        assert mended.endswith(after)
        assert [verdict.finding for verdict in judged(mended, known)] == ["row-right"]


def test_a_slice_is_replaced_whole() -> None:
    line = "if got := Sorted([]int{3, 1}); !reflect.DeepEqual(got, []int{3, 1}) { t.Error(got) }"
    verdict = one(line, settled("Sorted", [3, 1], gives=[1, 3]))
    assert (verdict.finding, verdict.before, verdict.after) == ("row-wrong", "[]int{3, 1}", "[]int{1, 3}")


@pytest.mark.parametrize(
    "outcome", [{"panic": True}, {"timeout": True}, {"values": [None, {"error": "ErrX"}]}]
)
def test_a_value_where_there_is_none_is_wrong_and_has_no_edit(outcome: Json) -> None:
    verdict = one(
        'if got, _ := Parse("x"); got != 7 { t.Error(got) }', settled("Parse", "x", outcome=outcome)
    )
    assert (verdict.finding, verdict.edit, verdict.after) == ("row-wrong", None, "")


def test_the_zero_value_beside_an_error_is_what_go_gives() -> None:
    known = settled("Parse", "x", outcome={"values": [None, {"error": ""}]})
    assert one('if got, _ := Parse("x"); got != 0 { t.Error(got) }', known).finding == "row-right"


PARSED = """package p

import "testing"

func TestParse(t *testing.T) {
\tfor _, tt := range []struct {
\t\ts       string
\t\twant    int
\t\twantErr bool
\t}{
\t\t{"4", 5, false},
\t\t{"IIII", 0, true},
\t} {
\t\tgot, err := Parse(tt.s)
\t\tif (err != nil) != tt.wantErr {
\t\t\tt.Fatal(err)
\t\t}
\t\tif got != tt.want {
\t\t\tt.Error(got)
\t\t}
\t}
}
"""


def test_a_row_that_demands_an_error_is_not_overturned_by_a_value() -> None:
    value = settled("Parse", "IIII", outcome={"values": [4, None]})
    four, refused = judged(PARSED, settled("Parse", "4", outcome={"values": [4, None]}), value)
    assert (four.finding, four.after) == ("row-wrong", "4")
    assert (refused.finding, refused.edit) == ("undecided", None)
    error = settled("Parse", "IIII", outcome={"values": [0, {"error": ""}]})
    assert judged(PARSED, error)[1].finding == "row-right"


def test_where_an_error_is_due_and_the_row_says_there_is_none_that_word_is_mended() -> None:
    error = settled("Parse", "4", outcome={"values": [0, {"error": ""}]})
    found = judged(PARSED, error)
    assert (found[0].finding, found[0].before, found[0].after) == ("row-wrong", "false", "true")
    assert corrected(PARSED, found) == PARSED.replace('"4", 5, false', '"4", 5, true')
    named = PARSED.replace("wantErr bool", "err error").replace("false", "nil").replace("true", "ErrBad")
    found = judged(named.replace("(err != nil) != tt.wantErr", "!errors.Is(err, tt.err)"), error)
    assert (found[0].finding, found[0].edit) == ("row-wrong", None), "which error is not known"


def test_a_value_beside_no_error_is_compared() -> None:
    known = settled("Parse", "4", outcome={"values": [4, None]})
    assert one('if got, _ := Parse("4"); got != 4 { t.Error(got) }', known).finding == "row-right"
    assert one('if got, _ := Parse("4"); got != 5 { t.Error(got) }', known).after == "4"
