"""The ladder: owner, owner again, the other specialist, an honest stop; and whatever is found, it ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents import ladder
from guildbus.agents.convicting import FUNCTION_CANDIDATES
from guildbus.agents.ladder import after_red, after_rejection
from guildbus.agents.prompting import prompt_for
from guildbus.agents.rungs import OWNER_TURNS, RUNGS, surface
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftRejected, DraftRequested
from guildbus.protocols.messages.verification import BrokenExample, Diagnostic, VerificationFinished
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, failure, refusal, spec_of

IMPL, TEST = "numkit.go", "numkit_test.go"
STACK = spec_of(
    {
        "stack.go": "package stack. type Stack struct holds ints. func (s *Stack) Push(v int) puts v on top.",
        "stack_test.go": "package stack. Two tests, TestPush and TestLen.",
    },
    name="stack",
)
COMPLAINT = Diagnostic(tool="build", file=IMPL, line=4, column=1, message="undefined: x")


def drafted(**options: object) -> Told:
    """The first drafts are there, and without `candidates` no further ones are to come."""
    run = Told.of(NUMKIT, **({"candidates": 1} | options))
    return run.accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE, cases=4)


def next_of(run: Told) -> DraftRequested | BuildStopped:
    """What the router says to the newest message; it is told."""
    newest = run.messages[-1]
    if isinstance(newest, DraftRejected):
        answers = after_rejection(run.state, run.record, newest)
    else:
        assert isinstance(newest, VerificationFinished)
        answers = after_red(run.state, run.record, newest)
    (answer,) = answers
    assert isinstance(answer, DraftRequested | BuildStopped)
    run.add(answer)
    return answer


def request(run: Told) -> DraftRequested:
    answer = next_of(run)
    assert isinstance(answer, DraftRequested)
    return answer


def stop(run: Told) -> BuildStopped:
    answer = next_of(run)
    assert isinstance(answer, BuildStopped)
    return answer


def test_a_compile_error_goes_back_to_the_files_owner_with_its_text_and_the_complaint() -> None:
    asked = request(drafted().verify(score="", diagnostics=(COMPLAINT,)))
    assert (asked.task.path, asked.author, asked.reason, asked.round) == (IMPL, "go-dev", "repair", 1)
    assert asked.previous == IMPLEMENTATION
    assert "undefined: x" in asked.evidence[0].text


def test_a_complaint_about_one_function_asks_for_that_function_alone() -> None:
    inside = COMPLAINT.model_copy(update={"line": 3})
    asked = request(drafted().verify(score="", diagnostics=(inside,)))
    assert (asked.reason, asked.scope, asked.candidates) == ("function", "GCD", FUNCTION_CANDIDATES)
    assert asked.previous == IMPLEMENTATION, "the rest of the file stays"
    assert "undefined: x" in asked.evidence[0].text


def test_a_stated_value_that_does_not_come_asks_for_its_function_alone() -> None:
    broken = BrokenExample(call="GCD(0, 5)", want="5", got="0")
    asked = request(drafted().verify(broken_examples=(broken,)))
    assert (asked.task.path, asked.reason, asked.scope) == (IMPL, "function", "GCD")


def test_a_panic_inside_a_function_asks_for_that_function_alone() -> None:
    crash = failure(file=IMPL, line=3, call="", got="", want="", output="panic: index out of range")
    asked = request(drafted().verify(failures=(crash,)))
    assert (asked.task.path, asked.reason, asked.scope) == (IMPL, "function", "GCD")
    assert "index out of range" in asked.evidence[0].text


def test_a_complaint_about_a_helper_asks_for_the_whole_file() -> None:
    helper = IMPLEMENTATION + "\nfunc helper() int { return x }\n"
    run = Told.of(NUMKIT, candidates=1).accept(IMPL, helper).accept(TEST, SUITE, cases=4)
    lines = [COMPLAINT.model_copy(update={"line": line}) for line in (3, 5)]
    asked = request(run.verify(score="", diagnostics=tuple(lines)))
    assert (asked.reason, asked.scope) == ("repair", "")


@pytest.mark.parametrize(
    "complaints",
    [(COMPLAINT,), (COMPLAINT, COMPLAINT.model_copy(update={"line": 3}))],
    ids=["outside of any function", "one outside, one inside"],
)
def test_a_complaint_outside_of_the_functions_asks_for_the_whole_file(
    complaints: tuple[Diagnostic, ...],
) -> None:
    asked = request(drafted().verify(score="", diagnostics=complaints))
    assert (asked.reason, asked.scope) == ("repair", "")


def test_of_tests_that_are_no_tables_the_one_that_fails_is_written_anew() -> None:
    suite = (
        "package stack\n\nfunc TestPush(t *testing.T) {\n\tt.Fatal()\n}\n\nfunc TestLen(t *testing.T) {}\n"
    )
    run = Told.of(STACK, candidates=1).accept("stack.go", "package stack\n").accept("stack_test.go", suite)
    failing = failure(test="TestPush", file="stack_test.go", call="", got="", want="", line=4)
    asked = request(run.verify(failures=(failing,)))
    assert (asked.task.path, asked.reason, asked.scope) == ("stack_test.go", "function", "TestPush")
    assert "func TestPush(t *testing.T) {\n" in prompt_for(asked, 0).begun
    assert "stack_test.go as you wrote it" not in prompt_for(asked, 0).user


def test_a_test_must_keep_its_cases_and_an_implementation_has_none_to_keep() -> None:
    run = drafted().verify(failures=(failure(),))
    asked = [request(run)]
    run.accept(asked[0].task.path, "changed", cases=4).verify(failures=(failure(got="7"),))
    asked.append(request(run))
    kept = {one.task.path: one.min_cases for one in asked}
    assert kept == {TEST: 4, IMPL: 0}


def test_a_failing_assertion_brings_both_sides_into_question_in_turn() -> None:
    run = drafted(max_rounds=20).verify(failures=(failure(),))
    asked: list[tuple[str, str]] = []
    for number in range(2 * RUNGS):
        one = request(run)
        asked.append((one.task.path, one.author))
        run.accept(one.task.path, f"text {number}", cases=4).verify(failures=(failure(got=str(number)),))
    assert {path for path, _ in asked[:2]} == {IMPL, TEST}
    assert asked.count((TEST, "go-test")) == asked.count((IMPL, "go-dev")) == 2
    assert asked.count((TEST, "go-dev")) == asked.count((IMPL, "go-test")) == 1
    assert stop(run).reason == "stalled"


def test_when_its_own_rungs_are_used_up_a_file_is_asked_of_the_next_models_of_its_owners_fleet() -> None:
    run = drafted(max_rounds=20, further_models={"go-dev": 2}).verify(failures=(failure(),))
    asked: list[tuple[str, str, int]] = []
    while isinstance(one := ladder.after_red(run.state, run.record, run.found)[0], DraftRequested):
        run.add(one)
        asked.append((one.task.path, one.author, one.place))
        text = f"text {len(asked)}"
        run.accept(one.task.path, text, cases=4).verify(failures=(failure(got=text),))
        assert len(asked) < 20
    assert [(author, place) for path, author, place in asked if path == IMPL] == [
        *(("go-dev", 0),) * 2,
        ("go-test", 0),
        *(("go-dev", 1),) * 2,
        *(("go-dev", 2),) * 2,
    ]
    assert {place for path, _, place in asked if path == TEST} == {0}, "its owner has one model"
    assert stop(run).reason == "stalled"


def test_the_same_findings_after_a_repair_move_the_file_to_the_other_specialist() -> None:
    run = drafted().verify(score="", diagnostics=(COMPLAINT,))
    assert request(run).author == "go-dev"
    moved = COMPLAINT.model_copy(update={"line": 99})
    run.accept(IMPL, "still wrong").verify(score="", diagnostics=(moved,))
    crossed = request(run)
    assert (crossed.author, crossed.reason) == ("go-test", "cross")


def test_other_findings_after_a_repair_leave_the_file_with_its_owner() -> None:
    run = drafted().verify(score="", diagnostics=(COMPLAINT,))
    request(run)
    other = COMPLAINT.model_copy(update={"message": "missing return"})
    run.accept(IMPL, "wrong in another way").verify(score="", diagnostics=(other,))
    assert request(run).author == "go-dev"


def test_a_score_that_rises_gives_a_file_its_turns_again() -> None:
    run = drafted(max_rounds=20).verify(score="", diagnostics=(COMPLAINT,))
    for text in ("one", "two"):
        request(run)
        run.accept(IMPL, text).verify(score="", diagnostics=(COMPLAINT,))
    assert request(run).author == "go-test"
    run.accept(IMPL, "it builds").verify(
        score="build", diagnostics=(COMPLAINT.model_copy(update={"tool": "vet"}),)
    )
    assert request(run).author == "go-dev"


def test_the_rounds_are_an_end() -> None:
    run = drafted(max_rounds=2).verify(failures=(failure(),))
    for number in range(2):
        asked = request(run)
        run.accept(asked.task.path, f"text {number}", cases=4).verify(failures=(failure(got=str(number)),))
    stopped = stop(run)
    assert stopped.reason == "rounds"
    assert "after 2 repairs" in stopped.diagnosis
    assert stopped.failures == (failure(got="1"),)


def test_findings_that_accuse_nobody_stop_at_once() -> None:
    assert stop(drafted().verify()).reason == "stalled"


def test_a_refused_first_draft_is_asked_for_again_with_the_gates_reasons() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION)
    run.reject(TEST, refusal("TestGCD checks nothing", gate="tests-assert", line=7), content="package x")
    asked = request(run)
    assert (asked.task.path, asked.author, asked.previous) == (TEST, "go-test", "package x")
    assert [(e.kind, e.where, e.text) for e in asked.evidence] == [
        ("gate", f"{TEST}:7", "TestGCD checks nothing")
    ]


def test_drafts_that_the_gates_always_refuse_cross_over_once_and_then_stop() -> None:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION)
    authors = []
    for _ in range(RUNGS):
        run.reject(TEST, refusal("no tests"))
        authors.append(request(run).author)
    run.reject(TEST, refusal("no tests"))
    stopped = stop(run)
    assert authors == ["go-test", "go-test", "go-dev"]
    assert stopped.reason == "rejected"
    assert "no tests" in stopped.diagnosis
    assert TEST in stopped.diagnosis


def test_drafts_that_the_gates_always_refuse_are_asked_of_the_next_model_too() -> None:
    run = Told.of(NUMKIT, max_rounds=9, further_models={"go-test": 1}).accept(IMPL, IMPLEMENTATION)
    asked = []
    for _ in range(RUNGS + OWNER_TURNS):
        run.reject(TEST, refusal("no tests"))
        one = request(run)
        asked.append((one.author, one.place))
    run.reject(TEST, refusal("no tests"))
    assert asked[RUNGS - 1 :] == [("go-dev", 0), ("go-test", 1), ("go-test", 1)]
    assert stop(run).reason == "rejected"


def test_a_refused_repair_of_a_red_tree_moves_on_and_does_not_stop_the_run() -> None:
    run = drafted().verify(failures=(failure(),))
    first = request(run)
    run.reject(first.task.path, refusal("only 2 test cases"))
    second = request(run)
    assert second.round == first.round + 1
    assert second.task.path != first.task.path


def test_the_surface_ignores_lines_and_order_and_sees_everything_else() -> None:
    one = drafted().verify(failures=(failure(), failure(call="GCD(1, 1)"))).found
    moved = drafted().verify(failures=(failure(call="GCD(1, 1)", line=77), failure(line=78))).found
    assert surface(one) == surface(moved)
    assert surface(one) != surface(drafted().verify(failures=(failure(got="3"),)).found)
    others = [
        drafted().verify(unnoticed=("GCD",)).found,
        drafted().verify(missing_tests=("GCD",)).found,
        drafted().verify(broken_examples=(BrokenExample(call="GCD", want="", got=""),)).found,
        drafted().verify().found,
    ]
    assert len({surface(found) for found in others}) == 4


def test_code_that_does_not_do_is_drafted_anew_before_it_is_repaired() -> None:
    run = drafted(candidates=3).verify(score="", diagnostics=(COMPLAINT,))
    further = request(run)
    assert (further.task.path, further.reason, further.round) == (IMPL, "first", 1)
    assert (further.candidates, further.drawn) == (2, 1)
    assert (further.previous, further.evidence) == ("", ())
    run.accept(IMPL, "another", "a third").verify(score="", diagnostics=(COMPLAINT,))
    assert request(run).reason == "repair"


def test_drafting_anew_is_no_repair_and_uses_up_no_round() -> None:
    run = drafted(candidates=2, max_rounds=1).verify(score="", diagnostics=(COMPLAINT,))
    assert request(run).reason == "first"
    run.accept(IMPL, "another").verify(score="", diagnostics=(COMPLAINT,))
    assert request(run).reason == "repair"
    run.accept(IMPL, "mended").verify(score="", diagnostics=(COMPLAINT,))
    assert stop(run).reason == "rounds"


def test_a_doubted_row_is_voted_on_before_another_draft_of_the_code_is_paid_for() -> None:
    run = drafted(candidates=2).verify(failures=(failure(),))
    assert request(run).task.path == TEST
    run.accept(TEST, "worked out again", cases=4).verify(failures=(failure(got="7"),))
    further = request(run)
    assert (further.task.path, further.reason) == (IMPL, "first")


def test_a_refused_first_draft_is_followed_by_the_others_before_its_author_hears_of_it() -> None:
    run = Told.of(NUMKIT, candidates=2).accept(TEST, SUITE).reject(IMPL, refusal("does not parse"))
    further = request(run)
    assert (further.reason, further.drawn, further.evidence) == ("first", 1, ())
    run.reject(IMPL, refusal("does not parse"))
    told = request(run)
    assert (told.reason, [e.text for e in told.evidence]) == ("repair", ["does not parse"])


findings = st.fixed_dictionaries(
    {},
    optional={
        "diagnostics": st.sampled_from(["", IMPL, TEST, "elsewhere.go"]).map(
            lambda file: (Diagnostic(tool="build", file=file, line=1, message="no"),)
        ),
        "failures": st.lists(st.integers(0, 3).map(lambda n: failure(got=str(n))), max_size=3).map(tuple),
        "missing_tests": st.just(("TestGCD",)),
        "unnoticed": st.just(("GCD",)),
        "score": st.sampled_from(["", "build", "build vet", "build vet test"]),
    },
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), max_rounds=st.integers(1, 8))
def test_every_run_ends(data: st.DataObject, max_rounds: int) -> None:
    """Whatever models write and the toolchain finds: no more repairs than allowed, each of a known file."""
    candidates = data.draw(st.integers(1, 3), label="candidates")
    run = drafted(max_rounds=max_rounds, candidates=candidates).verify(**data.draw(findings))
    for _ in range(max_rounds + 2):
        answer = next_of(run)
        if isinstance(answer, BuildStopped):
            assert answer.reason in ("stalled", "rounds")
            assert answer.diagnosis.startswith("stopped at ")
            return
        assert answer.round == len([m for m in run.messages if isinstance(m, DraftRequested)]) - 2
        assert answer.task in run.state.plan.tasks
        assert run.state.outstanding() == {(answer.task.path, answer.author, answer.round)}
        if data.draw(st.booleans(), label="refused"):
            run.reject(answer.task.path)
        else:
            run.accept(answer.task.path, data.draw(st.sampled_from("abc")), cases=4)
            run.verify(**data.draw(findings))
    raise AssertionError("more repairs than rounds")


@given(st.integers(1, 50))
def test_gates_that_refuse_everything_end_every_run(max_rounds: int) -> None:
    run = Told.of(NUMKIT, max_rounds=max_rounds, candidates=2).accept(TEST, SUITE)
    for _ in range(min(RUNGS, max_rounds) + 1):
        run.reject(IMPL)
        request(run)
    run.reject(IMPL)
    assert stop(run).reason == "rejected"


def test_the_same_history_gives_the_same_answer() -> None:
    run = drafted().verify(failures=(failure(),))
    first = ladder.after_red(run.state, run.record, run.found)
    assert first == ladder.after_red(run.state, run.record, run.found)
