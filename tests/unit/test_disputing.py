"""Witnesses that are called for one dispute, in a build that is not examined."""

import pytest

from guildbus.agents import disputing
from guildbus.agents.budget import LEAST_ANSWER_TOKENS, prompt_tokens
from guildbus.agents.disputing import upheld
from guildbus.agents.ladder import after_answer, after_red
from guildbus.agents.localise import suspects
from guildbus.agents.oracle.reference_prompt import reference_prompt
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProgram,
    ReferenceProposed,
    ReferenceRequested,
    RowVerdict,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import Counterexample, Examination
from told import IMPLEMENTATION, NUMKIT, Told, failure, sha, spec_of

IMPL, TEST = "numkit.go", "numkit_test.go"
SUITE = """package numkit

import "testing"

func TestGCD(t *testing.T) {
\tfor _, tt := range []struct{ a, b, want int }{{8, 15, 1}, {12, 18, 5}} {
\t\tif got := GCD(tt.a, tt.b); got != tt.want {
\t\t\tt.Errorf("GCD(%d, %d) = %d; want %d", tt.a, tt.b, got, tt.want)
\t\t}
\t}
}
"""
PROGRAM = "def gcd(a, b):\n    return 5\n"
MENDED = SUITE.replace("18, 5}", "18, 6}")
FAILS = failure("GCD(12, 18)", "6", "5")


def red(run: Told) -> list[Message]:
    return after_red(run.state, run.record, run.found)


def drafted(**options: object) -> Told:
    fields: dict[str, object] = {"settle": True, **options}
    return Told.of(NUMKIT, **fields).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE, cases=2)


def voted(**options: object) -> Told:
    """The author's vote has left the failing row as it was."""
    run = drafted(**options).verify(failures=(FAILS,))
    return run.ask(TEST).accept(TEST, SUITE, cases=2).verify(failures=(FAILS,))


def heard(finding: str, mended: str = "") -> Told:
    """Witnesses were called, and have answered about the failing row."""
    run = voted()
    references, asked = red(run)
    assert isinstance(references, ReferenceRequested)
    assert isinstance(asked, OracleRequested)
    verdict = RowVerdict.model_validate(
        {
            "test": "TestGCD",
            "line": 6,
            "call": "GCD(12, 18)",
            "finding": finding,
            "expected": "5",
            "votes": ("python-0", "python-1"),
        }
    )
    answer = OracleAnswered(path=TEST, round=asked.round, verdicts=(verdict,), mended=mended)
    programs = tuple(
        ReferenceProgram(name=f"python-{n}", language="python", content=PROGRAM, sha256=sha(PROGRAM))
        for n in range(2)
    )
    proposed = ReferenceProposed(request=references, programs=programs)
    table = WitnessesEstablished(folder="", tables=(), awaited=False)
    return run.add(references, asked, proposed, table, answer)


def test_a_vote_comes_before_witnesses() -> None:
    [asked] = red(drafted().verify(failures=(FAILS,)))
    assert isinstance(asked, DraftRequested)
    assert asked.task.path == TEST


def test_a_row_that_a_vote_has_not_mended_calls_for_witnesses_and_is_put_before_them() -> None:
    run = voted(seed=7)
    references, asked = red(run)
    assert isinstance(references, ReferenceRequested)
    assert (references.folder, references.language, references.first, references.seed) == ("", "python", 0, 7)
    assert references.max_tokens is None
    assert "greatest common divisor" in references.overview
    assert "table-driven" not in references.overview, "what is said of the test is not for a witness"
    assert isinstance(asked, OracleRequested)
    assert (asked.path, asked.source, asked.failing) == (TEST, SUITE, ("GCD(12, 18)",))


@pytest.mark.parametrize("options", [{"settle": False}, {"settle": False, "seed": 3}])
def test_nobody_is_called_unless_the_build_wants_disputes_settled(options: dict[str, object]) -> None:
    assert all(isinstance(one, DraftRequested) for one in red(voted(**options)))


def test_nobody_is_called_for_a_row_that_they_could_not_settle() -> None:
    elsewhere = failure("GCD(4, 4)")
    run = drafted().verify(failures=(elsewhere,))
    run.ask(TEST).accept(TEST, SUITE, cases=2).verify(failures=(elsewhere,))
    assert isinstance(red(run)[0], DraftRequested)


def test_of_a_test_that_is_no_table_witnesses_examine_the_code_and_judge_no_row() -> None:
    unread = failure(call="", got="", want="")
    run = drafted().verify(failures=(unread,))
    assert isinstance(red(run)[0], DraftRequested), "its author has a turn first"
    run.ask(TEST, reason="function", scope="TestGCD").accept(TEST, SUITE, cases=2)
    [references] = red(run.verify(failures=(unread,)))
    assert isinstance(references, ReferenceRequested)


def test_nobody_is_called_where_no_signature_is_stated() -> None:
    files = {"kit.go": "package kit. Adds numbers.", "kit_test.go": "package kit. A test, TestAdd."}
    run = Told.of(spec_of(files, name="kit"), settle=True)
    run.accept("kit.go", "package kit").verify(score="build vet test", green=True).ask_for_stage(1)
    run.accept("kit_test.go", SUITE, cases=2)
    fails = failure("GCD(12, 18)", "6", "5", file="kit_test.go", package="example.com/kit")
    run.verify(failures=(fails,)).ask("kit_test.go").accept("kit_test.go", SUITE, cases=2)
    assert isinstance(red(run.verify(failures=(fails,)))[0], DraftRequested)


def test_they_are_called_once() -> None:
    run = heard("undecided")
    run.verify(failures=(FAILS,))
    assert not any(isinstance(one, ReferenceRequested | OracleRequested) for one in red(run))


def test_a_token_budget_that_does_not_pay_for_them_calls_nobody() -> None:
    [references, _] = red(voted())
    assert isinstance(references, ReferenceRequested)
    least = prompt_tokens(reference_prompt(references, 0)) + LEAST_ANSWER_TOKENS
    [paid, _] = red(voted(max_tokens=least))
    assert isinstance(paid, ReferenceRequested)
    assert paid.max_tokens == least
    assert not any(isinstance(one, ReferenceRequested) for one in red(voted(max_tokens=least - 1)))


def test_a_row_that_is_wrong_is_mended_and_nothing_else_is_asked() -> None:
    run = heard("row-wrong", MENDED)
    [draft] = after_answer(run.state, run.record, run.record.answers[-1])
    assert isinstance(draft, DraftProposed)
    assert [one.content for one in draft.candidates] == [MENDED]
    assert draft.request.min_cases == 2


def test_a_test_whose_failing_row_is_right_is_no_suspect_any_more() -> None:
    run = heard("row-right")
    both = {suspect.path: suspect for suspect in suspects(run.state, run.found)}
    assert upheld(run.state, run.record, both[TEST])
    assert not upheld(run.state, run.record, both[IMPL])


def test_code_that_fails_a_row_which_witnesses_uphold_is_convicted_and_written_beside_their_program() -> None:
    run = heard("row-right")
    [asked] = after_answer(run.state, run.record, run.record.answers[-1])
    assert isinstance(asked, DraftRequested)
    assert (asked.task.path, asked.author, asked.reason, asked.scope) == (IMPL, "go-dev", "function", "GCD")
    assert asked.reference == PROGRAM
    assert asked.evidence[0].kind == "witness"
    assert asked.evidence[0].text == "GCD(12, 18) must give 5; the code gives 6."
    run.add(asked).accept(IMPL, "package numkit // anew").verify(failures=(FAILS,))
    [again] = red(run)
    assert isinstance(again, DraftRequested)
    assert (again.task.path, again.author) == (IMPL, "go-dev"), "it stays with its owner"


@pytest.mark.parametrize("finding", ["undecided", "row-wrong"])
def test_a_test_that_is_not_upheld_stays_a_suspect(finding: str) -> None:
    run = heard(finding)
    assert not any(upheld(run.state, run.record, suspect) for suspect in suspects(run.state, run.found))


def test_a_test_that_does_not_notice_an_emptied_function_stays_a_suspect() -> None:
    run = heard("row-right")
    run.verify(failures=(FAILS,), unnoticed=("GCD",))
    [test] = [suspect for suspect in suspects(run.state, run.found) if suspect.path == TEST]
    assert not upheld(run.state, run.record, test)


def test_what_an_examination_found_goes_before_what_a_verdict_says_of_the_same_function() -> None:
    run = heard("row-right")
    case = Counterexample(call="GCD(7, 0)", want="7", got="0", votes=("python-0", "python-1"))
    examined = Examination(subject="GCD", agreed=3, total=4, counterexamples=(case,))
    obstacle = Examination(subject="GCD", why="the witnesses settle 1 of 40 cases")
    for found, calls in ((examined, ["GCD(7, 0)"]), (obstacle, ["GCD(12, 18)"])):
        run.verify(failures=(FAILS,), examined=(found,))
        [of_gcd] = disputing.heard(run.state, run.record, run.found).examined
        assert [one.call for one in of_gcd.counterexamples] == calls
