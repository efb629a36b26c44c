"""go-review on the in-memory bus, with a scripted model and the real sandbox; its pure parts alone."""

from collections.abc import Callable

from go_review.agent import GoReview
from go_review.claims import Claim, claims_in, probed, value_in
from guildbus import FinishProposed
from guildbus.testing import finish_request, play

CODE = "package abs\n\n// Abs is the distance from zero.\nfunc Abs(n int) int {\n\treturn n\n}\n"
RIGHT = "```go\nfunc Abs(n int) int {\n\treturn max(n, -n)\n}\n```\n"
SUITE = """package abs

import "testing"

func TestAbs(t *testing.T) {
	if Abs(2) != 2 {
		t.Fail()
	}
}
"""
PURPOSES = {
    "abs.go": "package abs. Abs(n int) int returns the absolute value of n.",
    "abs_test.go": "package abs. A test, TestAbs.",
}
REQUEST = finish_request("go-review", {"abs.go": CODE, "abs_test.go": SUITE}, PURPOSES)


def model(claim: str, value: str, mended: str = RIGHT) -> Callable[[str], str]:
    """What the model says to each of the three kinds of question."""

    def reply(prompt: str) -> str:
        if "You review" in prompt:
            return claim
        return value if "Work out the value" in prompt else mended

    return reply


def proposal(replies: Callable[[str], str]) -> FinishProposed:
    [answer] = play(GoReview, REQUEST, replies=replies)
    assert isinstance(answer, FinishProposed)
    return answer


def test_a_claim_that_blind_answers_uphold_is_mended() -> None:
    found = proposal(model("Abs(-3) => 3", "Abs(-3): without its sign => 3"))
    assert [file.path for file in found.files] == ["abs.go"]
    assert (
        "// Abs is the distance from zero.\nfunc Abs(n int) int {\n\treturn max(n, -n)"
        in found.files[0].content
    )
    assert found.note == "Abs(-3) was -3; by the rule it is 3"
    assert len(found.calls) == 1 + 3 + 1


def test_a_claim_that_blind_answers_do_not_uphold_changes_nothing() -> None:
    found = proposal(model("Abs(-3) => 3", "Abs(-3): it is minus three => -3"))
    assert (found.files, found.note) == ((), "nothing to mend: 1 claims, 1 against the code, none upheld")
    assert len(found.calls) == 2


def test_a_claim_that_the_code_fulfils_or_that_does_not_compile_is_none() -> None:
    found = proposal(model('Abs(4) => 4\nAbs("a") => 1\n', "never asked"))
    assert (found.files, len(found.calls)) == ((), 1)


def test_a_mend_that_does_not_give_the_value_is_not_proposed() -> None:
    wrong = "```go\nfunc Abs(n int) int {\n\treturn n + 1\n}\n```"
    found = proposal(model("Abs(-3) => 3", "Abs(-3) => 3", wrong))
    assert found.files == ()


def test_reading_claims_and_values() -> None:
    assert claims_in("NONE", "F") == []
    assert claims_in('- `F("a=>b") => 2`\nF(1)\nG(1) => 1\nF(2): why => 3\n', "F") == [
        Claim('F("a=>b")', "2")
    ]
    assert value_in('F("x: y"): two words => 2', 'F("x:  y")') == "2"
    assert value_in("F(1) => 2\nF(1): no, wait => 3\nG(1) => 4", "F(1)") == "3"
    assert value_in("I do not know", "F(1)") == ""


def test_reading_what_the_probe_printed() -> None:
    claim = Claim("F(1)", "2")
    assert probed("=== RUN\nreview-probe: true 2\n", claim) == "2"
    assert probed("review-probe: false []int{1, 2}\n", claim) == "[]int{1, 2}"
    assert probed("ok\n", claim) is None
