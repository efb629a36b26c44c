"""Doubted rows are worked out again by vote: the edit is one literal, whatever an implementation says."""

import pytest

from guildbus.agents.prompting import draws_for, prompt_for, sources_from
from guildbus.agents.row_votes import VOTES, doubted_rows, voted_source
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested, Evidence
from guildbus.protocols.spec import Example, Signature

TASK = FileTask(path="calc_test.go", purpose="Tests of Half.", owner="go-test", package="calc", stage=0)
SOURCE = """package calc

import "testing"

func TestHalf(t *testing.T) {
\tfor _, tt := range []struct {
\t\tname string
\t\tn    int
\t\twant int
\t}{
\t\t{"even", 4, 2},
\t\t{"odd", 7, 4},
\t\t{name: "zero", n: 0, want: 1},
\t} {
\t\tif got := Half(tt.n); got != tt.want {
\t\t\tt.Errorf("Half(%d) = %d; want %d", tt.n, got, tt.want)
\t\t}
\t}
}
"""


def request(*texts: str, previous: str = SOURCE, kind: str = "test") -> DraftRequested:
    return DraftRequested.model_validate(
        {
            "task": TASK,
            "author": "go-test",
            "round": 1,
            "reason": "repair",
            "module": "example.com/calc",
            "overview": "Half rounds down.",
            "api": (Signature(name="Half", text="func Half(n int) int"),),
            "examples": (Example(function="Half", call="Half(4)", want="2"),),
            "previous": previous,
            "evidence": tuple(
                Evidence.model_validate({"kind": kind, "where": "TestHalf", "text": t}) for t in texts
            ),
        }
    )


def vote(asked: DraftRequested, *replies: str) -> str:
    return voted_source(asked, doubted_rows(asked), replies)


def test_the_row_that_the_evidence_names_is_found() -> None:
    rows = doubted_rows(request("TestHalf: the expected value 4 of Half(7) is in doubt."))
    assert [row.call for row in rows] == ["Half(7)"]


def test_a_majority_changes_one_literal_and_nothing_else() -> None:
    asked = request("TestHalf: the expected value 4 of Half(7) is in doubt.")
    mended = vote(asked, "Half(7): 7/2 is 3.5, so down => 3", "Half(7): 3", "Half(7) => 4")
    assert mended == SOURCE.replace('{"odd", 7, 4}', '{"odd", 7, 3}')


def test_a_keyed_row_is_edited_at_its_value() -> None:
    mended = vote(request("TestHalf: the expected value 1 of Half(0) is in doubt."), "Half(0): so => 0")
    assert "want: 0}" in mended


@pytest.mark.parametrize(
    "replies",
    [
        ("Half(7) => 3", "Half(7) => 4"),
        ("Half(7) => 3", "no idea", "Half(8) => 4"),
        ('Half(7) => "three"',),
        ("",),
    ],
)
def test_without_a_majority_of_all_replies_the_row_stays(replies: tuple[str, ...]) -> None:
    assert vote(request("TestHalf: the expected value 4 of Half(7) is in doubt."), *replies) == SOURCE


def test_a_stated_value_is_never_asked_about() -> None:
    assert doubted_rows(request("TestHalf: the expected value 2 of Half(4) is in doubt.")) == []


@pytest.mark.parametrize(
    "asked",
    [
        request("calc_test.go:3: undefined: x", kind="diagnostic"),
        request("TestHalf: a case at line 12 is in doubt."),
        request("TestHalf: the expected value 4 of Half(7) is in doubt.", previous=""),
        request(),
    ],
)
def test_other_repairs_draw_whole_files(asked: DraftRequested) -> None:
    assert doubted_rows(asked) == []
    assert draws_for(asked, 2) == 2
    assert sources_from(asked, ["```go\npackage calc\n\nfunc TestX() {}\n```"] * 2)[0].startswith(
        "package calc"
    )


def test_the_prompt_of_a_vote_holds_neither_the_file_nor_any_answer() -> None:
    asked = request("TestHalf: the expected value 4 of Half(7) is in doubt.")
    prompt = prompt_for(asked, 0)
    assert "Half(7):" in prompt.user
    assert SOURCE not in prompt.user
    assert "expected value" not in prompt.user
    assert draws_for(asked, 1) == VOTES
    assert len({prompt_for(asked, n).seed for n in range(VOTES)}) == VOTES
    assert sources_from(asked, ["Half(7) => 3"] * VOTES) == [SOURCE.replace('{"odd", 7, 4}', '{"odd", 7, 3}')]
