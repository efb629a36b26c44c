"""Rows of the truth that a table hardly asks for are put in, and no others."""

from guildbus.agents.golang.syntax import apply_edits, parse
from guildbus.agents.oracle.added import LEAST, additions
from guildbus.agents.oracle.rows import rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.witnesses import Settled
from guildbus.protocols.spec import Signature

API = read_api(
    (
        Signature(name="Is", text="func Is(s string) bool"),
        Signature(name="Text", text="func Text(s string) string"),
    )
)
SUITE = """package p

import "testing"

func TestIs(t *testing.T) {
	for _, tt := range []struct {
		why  string
		s    string
		want bool
	}{
		{"empty", "", true},
		{"no", "ab", false},
		{"no", "abc", false},
		{"no", "abcd", false},
	} {
		if got := Is(tt.s); got != tt.want {
			t.Errorf("Is(%q) = %v; want %v", tt.s, got, tt.want)
		}
	}
}
"""


def settled(text: str, truth: bool, against: int = 0) -> Settled:
    return Settled({"call": "Is", "args": [text]}, {"values": [truth]}, ("python-0", "python-1"), against)


ASKED = [settled("", True), settled("ab", False), settled("abc", False), settled("abcd", False)]
FRESH = [
    settled("a", True),
    settled("Ab, Ba", True),
    settled("x" * 80, True),
    settled("Aa", True, against=1),
    settled("zyx", False),
]


def added(suite: str, cases: list[Settled]) -> str:
    file = parse(suite)
    return apply_edits(file, [one.edit for one in additions(file, rows_in(suite, API), cases, API)])


def test_rows_of_the_rare_truth_are_added_those_first_that_somebody_got_wrong() -> None:
    source = added(SUITE, ASKED + FRESH)
    row = '{"no", "abcd", false}'
    assert source == SUITE.replace(row, f'{row},\n{{"settled", "Aa", true}},\n{{"settled", "Ab, Ba", true}}')
    rows = rows_in(source, API)
    assert sum(row.expected[0].value is True for row in rows) == LEAST
    assert added(source, ASKED + FRESH) == source, "once is enough"


def test_a_table_of_another_shape_is_left_alone() -> None:
    keyed = SUITE.replace('{"no", "abcd", false}', '{why: "no", s: "abcd", want: false}')
    assert added(keyed, ASKED + FRESH) == keyed
    more = SUITE.replace("why  string", "why, more string").replace('{"', '{"", "')
    assert added(more, ASKED + FRESH) == more


def test_only_of_what_says_yes_or_no() -> None:
    text = (
        SUITE.replace("Is(", "Text(").replace("bool", "string").replace("true", '""').replace("false", '"x"')
    )
    assert rows_in(text, API)
    assert added(text, ASKED + FRESH) == text
