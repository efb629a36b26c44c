"""go-doc on the in-memory bus, with a scripted model and the real sandbox; its pure parts by themselves."""

import pytest

from go_doc.agent import GoDoc
from go_doc.comments import comment_from_spec, comment_in
from go_doc.examples import Shown, example_of, failed_examples, shown_in
from guildbus import FinishProposed
from guildbus.testing import finish_request, play

CODE = """package sums

func Double(n int) int { return 2 * n }

func Shout(s string) string { return s + "!" }
"""
SUITE = """package sums

import "testing"

func TestDouble(t *testing.T) {
	if got := Double(2); got != 4 {
		t.Errorf("Double(2) = %d; want 4", got)
	}
}
"""
PURPOSES = {
    "sums.go": "package sums. Double(n int) int returns twice n. Double(3)=6. "
    "Shout(s string) string gives s in a loud voice, that is, with an exclamation mark at its end.",
    "sums_test.go": "package sums. A test, TestDouble.",
}
REQUEST = finish_request("go-doc", {"sums.go": CODE, "sums_test.go": SUITE}, PURPOSES)


def proposal(values: str) -> FinishProposed:
    """What go-doc proposes if the model says these values of Shout."""
    [answer] = play(GoDoc, REQUEST, replies=lambda prompt: values)
    assert isinstance(answer, FinishProposed)
    return answer


def test_comments_and_examples_that_pass_are_proposed() -> None:
    found = proposal('Shout("a") => "a!"\nShout("") => "!"\n')
    files = {file.path: file.content for file in found.files}
    assert "// Double returns twice n.\nfunc Double" in files["sums.go"]
    assert "// Shout gives s in a loud voice" in files["sums.go"]
    assert "fmt.Println(Double(3))\n\t// Output:\n\t// 6\n" in files["sums_test.go"]
    assert 'fmt.Printf("%q\\n", Shout(""))\n\t// Output:\n\t// "a!"\n\t// "!"\n' in files["sums_test.go"]
    assert found.note == "2 comments; ExampleDouble, ExampleShout"
    assert len(found.calls) == 1


@pytest.mark.parametrize("values", ['Shout("a") => "A"', "Shout(1) => true"])
def test_an_example_that_fails_is_dropped_and_never_corrected(values: str) -> None:
    """The output of a run is evidence about the code, not about the spec."""
    found = proposal(values)
    files = {file.path: file.content for file in found.files}
    assert "Shout" not in files.get("sums_test.go", "")
    assert "// Double returns twice n." in files["sums.go"]


@pytest.mark.parametrize(
    ("rule", "comment"),
    [
        ("GCD(a, b int) int returns the divisor. GCD(0,0)=0.", "GCD returns the divisor."),
        ("GCD(a, b int) (int, error) returns 0.5 of it. More.", "GCD returns 0.5 of it."),
        ("It is by Euclid. GCD is an abbreviation.", ""),
        (f"GCD(a int) int returns {'x' * 400}.", ""),
    ],
)
def test_the_specs_own_sentence_is_the_comment(rule: str, comment: str) -> None:
    assert comment_from_spec("GCD", rule) == comment


def test_a_models_comment_must_begin_with_the_name() -> None:
    assert comment_in("Sure!\n// GCD  returns it\n", "GCD") == "GCD returns it."
    assert comment_in("This function returns it.", "GCD") == ""
    assert comment_in("GCD func() { return }", "GCD") == ""


def test_only_values_whose_printed_form_is_certain_are_shown() -> None:
    values = [Shown("F(1)", "-2"), Shown("F(2)", "[]int{1}"), Shown("F(3)", "true"), Shown("F(4)", '"é"')]
    code = example_of("F", values, "kit.")
    assert code.count("kit.F(") == 3
    assert code.endswith('\t// Output:\n\t// -2\n\t// true\n\t// "é"\n}')
    assert example_of("F", [Shown("F(2)", "nil")]) == ""


def test_lines_of_a_reply_that_are_no_calls_are_left_out() -> None:
    reply = "- `F(1) => 2`\nF(1) => 3\nG(1) => 2\nF(2) = 3\nF(1) + 1 => 3\n"
    assert shown_in(reply, "F") == [Shown("F(1)", "2")]


def test_an_example_that_did_not_run_has_failed() -> None:
    output = "=== RUN   ExampleA\n--- PASS: ExampleA (0.00s)\n--- FAIL: ExampleB (0.00s)\n"
    assert failed_examples(output, ["ExampleA", "ExampleB", "ExampleC"]) == ["ExampleB", "ExampleC"]
