"""The ladder with witnesses: disputes first; convicted code stays with its owner, cleared code is let be."""

from collections.abc import Sequence

import pytest

from guildbus.agents.convicting import FUNCTION_CANDIDATES, doubting
from guildbus.agents.ladder import after_answer, after_red, after_rejection
from guildbus.agents.localise import cleared, suspects
from guildbus.agents.oracle.examining import LONGEST, examine
from guildbus.agents.oracle.summons import MOST_GO, MOST_IN_DOUBT
from guildbus.agents.oracle.values import canonical
from guildbus.agents.prompting import prompt_for
from guildbus.agents.rungs import CONVICTED_RUNGS, OWNER_TURNS
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    ReferenceRequested,
    RowVerdict,
    WitnessedCase,
    WitnessesEstablished,
    WitnessTable,
)
from guildbus.protocols.messages.verification import BrokenExample, Counterexample, Diagnostic, Examination
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, failure, refusal, sha, spec_of

IMPL, TEST = "numkit.go", "numkit_test.go"
RIGHT = "def gcd(a, b):\n    return abs(a) if not b else gcd(b, a % b)\n"
CASE = WitnessedCase(
    call="GCD(0, 5)",
    case=canonical({"call": "GCD", "args": [0, 5]}),
    outcome=canonical({"values": [5]}),
    votes=("python-0", "python-1"),
)
TABLE = WitnessTable(subject="GCD", cases=(CASE,), drawn=1)
WRONG = Examination(
    subject="GCD",
    agreed=18,
    total=20,
    counterexamples=(Counterexample(call="GCD(0, 7)", want="7", got="0", votes=("python-0", "python-1")),),
)
CLEARED = Examination(subject="GCD", agreed=20, total=20)
MENDED = SUITE + "// mended\n"


def drafted(**options: int) -> Told:
    return Told.of(NUMKIT, **options).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE, cases=4)


def witnessed(*names: str, doubted: Sequence[str] = ("GCD",), **options: int) -> Told:
    """Witnesses were heard, by default after their word on GCD had been doubted."""
    chosen = names or ("python-0", "python-1")
    return drafted(**options).witness("", TABLE, names=chosen, content=RIGHT, doubted=doubted)


def answer(run: Told, mended: str = "") -> OracleAnswered:
    verdict = RowVerdict(
        test="TestGCD", line=9, call="GCD(0, 5)", finding="row-wrong" if mended else "row-right", expected="4"
    )
    return OracleAnswered(path=TEST, round=run.state.round, verdicts=(verdict,), mended=mended)


def red(run: Told) -> list[Message]:
    return after_red(run.state, run.record, run.found)


def disputed(run: Told, **findings: object) -> Told:
    """The oracle was asked about the suite as it is."""
    run.verify(failures=(failure(),), **findings)
    [asked] = red(run)
    assert isinstance(asked, OracleRequested)
    return run.add(asked)


def test_a_failing_row_is_a_dispute_before_it_is_anyones_fault() -> None:
    run = witnessed().verify(failures=(failure(),))
    [asked] = red(run)
    assert isinstance(asked, OracleRequested)
    assert (asked.path, asked.folder, asked.source, asked.failing) == (TEST, "", SUITE, ("GCD(0, 5)",))


@pytest.mark.parametrize("tables", [(), (WitnessTable(subject="GCD", obstacle="no"),)])
def test_where_nothing_is_settled_there_is_nobody_to_ask(tables: tuple[WitnessTable, ...]) -> None:
    run = drafted().witness("", *tables).verify(failures=(failure(),))
    assert isinstance(red(run)[0], DraftRequested)
    assert isinstance(red(drafted().verify(failures=(failure(),)))[0], DraftRequested)


def test_a_passing_test_that_would_not_notice_an_idle_function_is_given_settled_cases() -> None:
    run = witnessed().verify(score="build vet test", unnoticed=("GCD", "unstated"), examined=(CLEARED,))
    [asked] = red(run)
    assert isinstance(asked, OracleRequested)
    assert (asked.source, asked.failing, asked.unnoticed) == (SUITE, (), ("GCD",))
    run.add(asked)
    found = OracleAnswered(path=TEST, round=run.state.round, verdicts=(), mended=MENDED)
    [draft] = after_answer(run.state, run.record, found)
    assert isinstance(draft, DraftProposed)
    assert [one.content for one in draft.candidates] == [MENDED]
    run.add(found)
    [repair] = red(run)
    assert isinstance(repair, DraftRequested), "it is asked about once"
    assert repair.task.path == TEST


def test_what_its_author_leaves_wrong_of_a_test_whose_code_is_cleared_is_written_anew() -> None:
    run = disputed(witnessed(), examined=(CLEARED,))
    run.add(answer(run))
    [repair] = red(run)
    assert isinstance(repair, DraftRequested)
    assert repair.author == "go-test", "its author goes first"
    run.add(repair).accept(TEST, SUITE, cases=4).verify(failures=(failure(),), examined=(CLEARED,))
    [asked] = red(run)
    assert isinstance(asked, OracleRequested)
    assert (asked.anew, asked.failing) == (("TestGCD",), ("GCD(0, 5)",))
    run.add(asked)
    found = OracleAnswered(path=TEST, round=run.state.round, verdicts=(), mended=MENDED, anew=asked.anew)
    [draft] = after_answer(run.state, run.record, found)
    assert isinstance(draft, DraftProposed)
    run.add(found)
    [repair] = red(run)
    assert isinstance(repair, DraftRequested), "it is asked for once"


def test_a_test_of_code_that_is_not_cleared_is_not_written_anew() -> None:
    run = disputed(witnessed())
    run.add(answer(run))
    for number in range(3):
        [asked] = red(run)
        assert isinstance(asked, DraftRequested)
        run.add(asked).accept(asked.task.path, f"{SUITE}// {number}\n", cases=4).verify(failures=(failure(),))
        run.add(*[one for one in red(run) if isinstance(one, OracleRequested)], answer(run))


def test_without_witnesses_its_author_is_to_mend_a_test_that_notices_nothing() -> None:
    run = drafted().verify(score="build vet test", unnoticed=("GCD",))
    [repair] = red(run)
    assert isinstance(repair, DraftRequested)


def test_what_does_not_build_is_no_dispute() -> None:
    complaint = Diagnostic(tool="build", file=IMPL, line=1, message="no")
    run = witnessed().verify(score="", diagnostics=(complaint,), failures=(failure(),))
    assert isinstance(red(run)[0], DraftRequested)


def test_the_same_test_is_asked_about_once_and_a_new_one_again() -> None:
    run = disputed(witnessed())
    run.add(answer(run))
    assert not any(isinstance(one, OracleRequested) for one in red(run))
    run.ask(TEST).accept(TEST, SUITE + "// another\n", cases=4).verify(failures=(failure(),))
    [again] = red(run)
    assert isinstance(again, OracleRequested)
    assert again.source == SUITE + "// another\n"


def test_a_mended_test_becomes_a_draft_that_every_gate_sees_again() -> None:
    run = disputed(witnessed())
    [draft] = after_answer(run.state, run.record, answer(run, MENDED))
    assert isinstance(draft, DraftProposed)
    assert [one.content for one in draft.candidates] == [MENDED]
    assert draft.candidates[0].sha256 == sha(MENDED)
    asked = draft.request
    assert (asked.task.path, asked.author, asked.reason, asked.round) == (TEST, "oracle", "oracle", 1)
    assert asked.min_cases == 4, "no case may get lost"
    assert draft.to == "gate-keeper"


def test_a_mended_test_goes_along_with_a_repair_of_code_that_is_convicted() -> None:
    run = disputed(witnessed(), examined=(WRONG,))
    draft, repair = after_answer(run.state, run.record, answer(run, MENDED))
    assert isinstance(draft, DraftProposed)
    assert isinstance(repair, DraftRequested)
    assert (repair.task.path, repair.author, repair.reason) == (IMPL, "go-dev", "function")


def test_an_answer_that_mends_nothing_leads_to_a_repair() -> None:
    run = disputed(witnessed())
    [asked] = after_answer(run.state, run.record, answer(run))
    assert isinstance(asked, DraftRequested)


def test_an_answer_before_any_verification_does_nothing() -> None:
    run = witnessed()
    assert after_answer(run.state, run.record, answer(run, MENDED)) == []


def test_code_that_examination_clears_is_never_bent_to_a_test() -> None:
    run = witnessed().verify(failures=(failure(),), examined=(CLEARED,))
    assert cleared(run.found) == {"GCD"}
    assert [suspect.path for suspect in suspects(run.state, run.found)] == [TEST]
    run.add(*red(run), answer(run))
    for _ in range(3):
        [asked] = red(run)
        assert isinstance(asked, DraftRequested)
        assert asked.task.path == TEST
        run.add(asked).accept(TEST, f"// {asked.round}", cases=4)
        run.verify(failures=(failure(),), examined=(CLEARED,))
        run.add(*red(run), answer(run))


@pytest.mark.parametrize(
    "examined",
    [(), (WRONG,), (Examination(subject="GCD"),), (Examination(subject="LCM", agreed=3, total=3),)],
)
def test_code_that_is_not_cleared_stays_a_suspect(examined: tuple[Examination, ...]) -> None:
    run = witnessed().verify(failures=(failure(),), examined=examined)
    assert {suspect.path for suspect in suspects(run.state, run.found)} == {IMPL, TEST}


def test_a_cleared_function_that_panics_is_a_suspect_all_the_same() -> None:
    crash = failure(file=IMPL, got="", want="", output="panic: index out of range")
    run = witnessed().verify(failures=(crash,), examined=(CLEARED,))
    assert suspects(run.state, run.found)[0].path == IMPL


def test_a_counterexample_is_evidence_for_the_developer_alone() -> None:
    run = witnessed().verify(score="build vet test", examined=(WRONG,))
    [suspect] = suspects(run.state, run.found)
    assert suspect.path == IMPL
    assert [e.text for e in suspect.evidence] == ["GCD(0, 7) must give 7; the code gives 0."]
    assert [e.text for e in suspect.blind] == ["GCD(0, 7) must give 7."]


def climbed(run: Told, **findings: object) -> list[Message]:
    """All that the router says until it stops, while nothing gets better."""
    said: list[Message] = []
    for number in range(12):
        run.verify(**{"score": "build vet test", "examined": (WRONG,), **findings})
        [one] = red(run)
        said.append(one)
        run.add(one)
        if isinstance(one, BuildStopped):
            return said
        if isinstance(one, ReferenceRequested):
            names = [f"{one.language}-{one.first + n}" for n in range(one.count)]
            known = [f"python-{n}" for n in range(one.first)]
            run.messages.pop()
            run.witness("", TABLE, names=(*known, *names), content=RIGHT)
            continue
        assert isinstance(one, DraftRequested)
        run.accept(one.task.path, f"package numkit // {number}")
    raise AssertionError("it goes on for ever")


def test_convicted_code_is_asked_of_the_next_model_before_the_run_stops() -> None:
    said = climbed(witnessed(max_rounds=20, further_models={"go-dev": 1}))
    places = [one.place for one in said if isinstance(one, DraftRequested)]
    assert places == [0] * CONVICTED_RUNGS + [1] * OWNER_TURNS
    assert isinstance(said[-1], BuildStopped)


@pytest.mark.parametrize(
    "findings", [{}, {"broken_examples": (BrokenExample(call="GCD(0, 5)", want="5", got="0"),)}]
)
def test_convicted_code_stays_with_its_owner_and_goes_function_by_function(
    findings: dict[str, object],
) -> None:
    said = climbed(witnessed(max_rounds=20), **findings)
    drafts = [one for one in said if isinstance(one, DraftRequested)]
    assert {(one.task.path, one.author) for one in drafts} == {(IMPL, "go-dev")}
    assert [one.reason for one in drafts] == ["function"] * CONVICTED_RUNGS
    assert [one.carry for one in drafts] == [True, False, False, False], "a program is carried over once"
    for one in drafts:
        assert (one.scope, one.reference) == ("GCD", RIGHT)
        assert one.candidates == 1 if one.carry else one.candidates >= FUNCTION_CANDIDATES
        assert one.previous
    assert isinstance(said[-1], BuildStopped)
    assert said[-1].reason == "stalled"


def test_what_code_and_test_say_alike_is_not_overruled_by_two_witnesses() -> None:
    run = witnessed(doubted=()).verify(score="build vet test", examined=(WRONG,))
    [asked] = red(run)
    assert isinstance(asked, ReferenceRequested)
    assert (asked.doubted, asked.language, asked.first) == (("GCD",), "python", 2)
    run.add(asked)
    assert run.record.doubted("") == {"GCD"}
    [repair] = red(run)
    assert isinstance(repair, DraftRequested), "once is enough"


@pytest.mark.parametrize(
    ("votes", "against", "stated", "doubted"),
    [(3, 0, False, False), (3, 1, False, True), (5, 1, False, False), (1, 0, True, False)],
)
def test_witnesses_who_lead_by_three_already_or_speak_for_the_spec_are_not_doubted(
    votes: int, against: int, stated: bool, doubted: bool
) -> None:
    names = tuple(f"python-{n}" for n in range(votes))
    case = CASE.model_copy(update={"votes": names, "against": against, "stated": stated})
    found = WRONG.counterexamples[0].model_copy(update={"call": CASE.call})
    wrong = WRONG.model_copy(update={"counterexamples": (found,)})
    run = drafted().witness("", TABLE.model_copy(update={"cases": (case,)}), names=names, content=RIGHT)
    run.verify(score="build vet test", examined=(wrong,))
    [asked] = red(run)
    assert isinstance(asked, ReferenceRequested) == doubted


def test_a_call_too_long_to_be_shown_whole_is_found_again_among_the_settled_ones() -> None:
    names = ("python-0", "python-1", "python-2")
    long = "GCD(0, 5); " * LONGEST
    case = CASE.model_copy(update={"call": long, "votes": names})
    [wrong] = examine([TABLE.model_copy(update={"cases": (case,)})], {})
    run = drafted().witness("", TABLE.model_copy(update={"cases": (case,)}), names=names, content=RIGHT)
    run.verify(score="build vet test", examined=(wrong,))
    [asked] = red(run)
    assert not isinstance(asked, ReferenceRequested), "three agree"


def test_where_the_test_speaks_against_the_code_too_the_witnesses_are_not_doubted() -> None:
    run = disputed(witnessed(doubted=()), examined=(WRONG,))
    [repair] = after_answer(run.state, run.record, answer(run))
    assert isinstance(repair, DraftRequested)


@pytest.mark.parametrize(("call", "doubted"), [("Pop()", False), ("other()", True)])
def test_a_failing_call_of_a_method_speaks_of_its_type(call: str, doubted: bool) -> None:
    purpose = "package box. type Box struct holds ints. func New(n int) *Box makes one. "
    purpose += "func (b *Box) Pop() (int, bool) takes the last one."
    spec = spec_of({"box.go": purpose, "box_test.go": "package box. One test, TestIt."}, name="box")
    run = Told.of(spec).accept("box.go", "package box").accept("box_test.go", "package box", cases=1)
    life = WRONG.model_copy(update={"subject": "Box"})
    run.witness("", WitnessTable(subject="Box", cases=(CASE,), drawn=1))
    run.verify(failures=(failure(call, file="box_test.go", test="TestIt", output=call),), examined=(life,))
    asked = doubting(run.state, run.record, run.found)
    assert (asked is not None) == doubted


def test_when_no_more_witnesses_can_be_had_those_that_were_heard_convict() -> None:
    names = [f"python-{n}" for n in range(MOST_IN_DOUBT)] + [f"go-{n}" for n in range(MOST_GO)]
    run = drafted()
    for language, most in (("python", MOST_IN_DOUBT), ("go", MOST_GO)):
        request = ReferenceRequested(
            folder="", package="numkit", overview="o", api=(), language=language, count=most
        )
        run.add(request, ReferenceProposed(request=request, programs=()))
    run.add(WitnessesEstablished(folder="", tables=(TABLE,), witnesses=tuple(names)))
    run.verify(score="build vet test", examined=(WRONG,))
    [repair] = red(run)
    assert isinstance(repair, DraftRequested)


def test_before_more_of_the_same_the_witnesses_get_a_second_look() -> None:
    said = climbed(witnessed(max_rounds=20))
    kinds = [type(one).__name__ for one in said]
    assert kinds == [
        "DraftRequested",
        "DraftRequested",
        "ReferenceRequested",
        "DraftRequested",
        "DraftRequested",
        "BuildStopped",
    ]
    assert isinstance(said[2], ReferenceRequested)
    assert (said[2].language, said[2].first) == ("python", 2), "samples that were not drawn before"


def test_many_witnesses_need_no_second_look() -> None:
    said = climbed(witnessed("python-0", "python-1", "python-2", "python-3", max_rounds=20))
    assert not any(isinstance(one, ReferenceRequested) for one in said)


def test_without_a_python_program_that_agrees_the_whole_file_is_asked_for() -> None:
    said = climbed(witnessed("go-0", "go-1", "go-2", max_rounds=20))
    assert {one.reason for one in said if isinstance(one, DraftRequested)} == {"repair"}


def test_the_prompt_of_one_function_holds_a_right_program_and_the_counterexample_and_no_old_body() -> None:
    run = witnessed(max_rounds=20).verify(score="build vet test", examined=(WRONG,))
    [first] = red(run)
    run.add(first).accept(IMPL, "package numkit\n\nfunc GCD(a, b int) int { return oldRecipe(a) }\n")
    run.verify(score="build vet test", examined=(WRONG,))
    [asked] = red(run)
    assert isinstance(asked, DraftRequested)
    prompt = prompt_for(asked, 0)
    assert RIGHT.strip() in prompt.user
    assert "GCD(0, 7) must give 7" in prompt.user
    assert "oldRecipe" not in prompt.user
    assert "reference" in {part.kind for part in prompt.manifest}


def test_a_refused_mending_does_not_stop_the_run() -> None:
    run = disputed(witnessed())
    verdict = answer(run, MENDED)
    [draft] = after_answer(run.state, run.record, verdict)
    assert isinstance(draft, DraftProposed)
    run.add(verdict, draft)
    run.ask(TEST, author="oracle")
    run.reject(TEST, refusal("it asserts nothing"), content=MENDED)
    newest = run.messages[-1]
    [following] = after_rejection(run.state, run.record, newest)  # type: ignore[arg-type]
    assert isinstance(following, DraftRequested)
    assert following.author in ("go-dev", "go-test")


def test_the_rounds_are_an_end_here_too() -> None:
    run = witnessed(max_rounds=1).verify(score="build vet test", examined=(WRONG,))
    run.add(*red(run)).accept(IMPL, "package numkit // 1").verify(score="build vet test", examined=(WRONG,))
    [stopped] = red(run)
    assert isinstance(stopped, BuildStopped)
    assert stopped.reason == "rounds"
    mended = after_answer(run.state, run.record, answer(run, MENDED))
    assert [type(one) for one in mended] == [DraftProposed], "evidence costs no round, a repair would"
