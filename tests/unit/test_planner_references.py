"""References are asked for beside the drafts of their code, and an unexamined green says so."""

import pytest

from guildbus.agents.judging import Tables
from guildbus.agents.oracle.summons import FIRST_SAMPLES
from guildbus.agents.planner import examined_status, references
from guildbus.agents.selection import rank
from guildbus.agents.verdicts import Judgement
from guildbus.agents.verifier import _held_to
from guildbus.protocols.messages.oracle import ReferenceRequested, WitnessedCase, WitnessTable
from guildbus.protocols.messages.verification import BrokenExample, Counterexample, Examination, Score
from told import NUMKIT, Told, spec_of

STAGED = {
    "kit/a.go": "package kit. Half(n int) int halves n. Half(4)=2.",
    "kit/kit_test.go": "package kit. Tests TestHalf.",
    "main.go": "package main. Prints things.",
}
WRONG = Examination(
    subject="F", agreed=1, total=4, counterexamples=(Counterexample(call="F(1)", want="1", got="2"),)
)
RIGHT = Examination(subject="F", agreed=4, total=4)
ALL = Score(build=True, vet=True, test=True)


def test_a_package_with_stated_signatures_gets_its_references_at_once() -> None:
    [asked] = references(Told.of(NUMKIT, seed=5, examine=True).state, 0)
    assert isinstance(asked, ReferenceRequested)
    assert (asked.folder, asked.package, asked.language, asked.first) == ("", "numkit", "python", 0)
    assert (asked.count, asked.seed) == (FIRST_SAMPLES, 5)
    assert [signature.name for signature in asked.api] == ["GCD"]
    assert "greatest common divisor" in asked.overview
    assert [example.call for example in asked.examples] == ["GCD(0, 5)"]
    assert asked.recipient == "reference"


def test_nothing_is_asked_for_unless_the_build_is_to_be_examined() -> None:
    assert references(Told.of(NUMKIT).state, 0) == []
    quiet = Told.of(NUMKIT).accept("numkit.go", "x").accept("numkit_test.go", "y")
    green = quiet.verify(score="build vet test", green=True).found
    assert examined_status(quiet.state, green) == ("green:unexamined", "")


def test_what_states_no_signature_gets_none() -> None:
    spec = spec_of(
        {"main.go": "package main. Prints things.", "main_test.go": "package main. Tests."}, name="m"
    )
    assert references(Told.of(spec, examine=True).state, 0) == []


def test_each_folder_is_asked_for_once_and_when_its_code_is_complete() -> None:
    state = Told.of(spec_of(STAGED, name="kit"), examine=True).state
    asked = [one for stage in range(state.plan.stages) for one in references(state, stage)]
    assert [one.folder for one in asked] == ["kit"]
    home = state.plan.task("kit/a.go").stage
    assert [one.folder for one in references(state, home)] == ["kit"]


def test_green_is_examined_or_says_why_not() -> None:
    run = Told.of(NUMKIT, examine=True).accept("numkit.go", "x").accept("numkit_test.go", "y")
    done = {"score": "build vet test", "green": True}
    state = run.state
    assert examined_status(state, run.verify(**done, examined=(RIGHT,)).found) == ("green", "")
    status, why = examined_status(
        state, run.verify(**done, examined=(RIGHT, Examination(subject="R", why="it reads"))).found
    )
    assert status == "green:unexamined"
    assert why == "R was not examined: it reads"
    status, why = examined_status(state, run.verify(**done).found)
    assert status == "green:unexamined"
    assert "nothing was examined" in why


@pytest.mark.parametrize(("open_", "status"), [(0, "green"), (1, "green"), (2, "green:unexamined")])
def test_what_the_references_mostly_disagree_on_is_not_examined(open_: int, status: str) -> None:
    run = Told.of(NUMKIT, examine=True).accept("numkit.go", "x").accept("numkit_test.go", "y")
    split = Examination(subject="GCD", agreed=20, total=20, open=open_, drawn=20)
    found = run.verify(score="build vet test", green=True, examined=(RIGHT, split)).found
    why = f"GCD was examined in part: of 20 cases {open_} are not settled"
    assert examined_status(run.state, found) == (status, why if status != "green" else "")


def test_a_green_that_could_not_pay_for_references_says_so() -> None:
    run = Told.of(NUMKIT, examine=True, max_tokens=9000)
    run.accept("numkit.go", "x").accept("numkit_test.go", "y").verify(score="build vet test", green=True)
    _, why = examined_status(run.state, run.found)
    assert why == "nothing was examined: its tokens did not pay for references"
    _, why = examined_status(run.witness("").state, run.found)
    assert "tokens" not in why


def judgement(examined: tuple[Examination, ...] = (), *, test: bool = True, broken: int = 0) -> Judgement:
    return Judgement(
        score=Score(build=True, vet=True, test=test),
        green=False,
        examined=examined,
        broken_examples=(BrokenExample(call="F(1)", want="1", got="2"),) * broken,
    )


def test_what_the_witnesses_say_counts_more_than_the_tests_and_less_than_the_spec() -> None:
    assert rank(judgement((RIGHT,), test=False)) > rank(judgement((WRONG,), test=True))
    assert rank(judgement((RIGHT,), broken=1)) < rank(judgement((WRONG,)))
    assert rank(judgement((RIGHT,), test=True)) > rank(judgement((RIGHT,), test=False))
    assert rank(judgement()) == rank(judgement((Examination(subject="F", why="no"),)))


def table(subject: str, count: int, obstacle: str = "") -> WitnessTable:
    cases = tuple(WitnessedCase(call=f"F({n})", case="{}", outcome="{}", votes=()) for n in range(count))
    return WitnessTable(subject=subject, cases=cases, obstacle=obstacle)


def test_an_earlier_verification_competes_only_if_it_was_held_to_the_same() -> None:
    run = Told.of(NUMKIT, examine=True).accept("numkit.go", "x").accept("numkit_test.go", "y")
    best = run.verify(examined=(WRONG, Examination(subject="R", why="it reads"))).found
    same: Tables = {"": (table("F", 4), table("R", 9, "it reads"))}
    assert _held_to(best, same)
    assert not _held_to(best, {"": (table("F", 5), table("R", 9, "it reads"))})
    assert not _held_to(best, {"": (table("F", 4),)})
    assert not _held_to(best, {})
    assert not _held_to(run.verify().found, same)
    assert _held_to(run.verify().found, {})
    assert _held_to(run.verify(score="").found, same), "what does not build was never examined"
