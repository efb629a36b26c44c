"""A diagnosis tells a person which file, which input, what came and what was expected."""

from guildbus.agents.diagnosis import SHOWN, diagnose_rejection, diagnose_verification, failure_line
from guildbus.protocols.messages.draft import DraftRejected
from guildbus.protocols.messages.verification import BrokenExample, Diagnostic, VerificationFinished
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, failure, refusal


def found(**findings: object) -> VerificationFinished:
    run = Told.of(NUMKIT).accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE)
    return run.verify(**findings).found  # type: ignore[arg-type]


def test_a_failure_names_file_line_test_input_got_and_want() -> None:
    assert failure_line(failure()) == "numkit_test.go:9: TestGCD: GCD(0, 5): got 0, want 5"


def test_a_failure_without_a_call_still_gives_got_and_want() -> None:
    assert failure_line(failure(call="")) == "numkit_test.go:9: TestGCD: got 0, want 5"


def test_a_failure_without_a_place_gives_the_tests_own_words_in_short() -> None:
    text = failure_line(failure(file="", call="", got="", want="", output=" panic: boom\n" + "x" * 1000))
    assert text.startswith("TestGCD: panic: boom")
    assert len(text) < 400


def test_empty_strings_that_were_expected_are_told() -> None:
    assert failure_line(failure(got='"a"', want='""')).endswith('got "a", want ""')


def test_everything_that_was_found_is_told() -> None:
    text = diagnose_verification(
        found(
            diagnostics=(Diagnostic(tool="vet", file="numkit.go", line=3, message="unreachable code"),),
            failures=(failure(),),
            missing_tests=("TestLCM",),
            unnoticed=("Clamp",),
            broken_examples=(BrokenExample(call="GCD(0,5)", want="5", got="0"),),
        ),
        "after 6 repairs",
    )
    for part in (
        "stopped at 2/3 after 6 repairs",
        "numkit.go:3: unreachable code (vet)",
        "numkit_test.go:9: TestGCD: GCD(0, 5): got 0, want 5",
        "the spec states GCD(0,5) = 5; got 0",
        "TestLCM",
        "Clamp",
        "neither was bent",
    ):
        assert part in text


def test_a_disagreement_is_only_claimed_where_there_is_one() -> None:
    assert "disagree" not in diagnose_verification(found(unnoticed=("GCD",)), "x")


def test_a_long_list_is_cut() -> None:
    many = tuple(failure(call=f"GCD({n}, 0)") for n in range(50))
    lines = diagnose_verification(found(failures=many), "x").splitlines()
    assert len([line for line in lines if "got" in line]) == SHOWN


def test_a_rejection_gives_each_gates_reason_once() -> None:
    run = Told.of(NUMKIT).reject(
        "numkit_test.go", refusal("no tests", gate="tests-present"), refusal("no tests", gate="tests-present")
    )
    rejected = run.messages[-1]
    assert isinstance(rejected, DraftRejected)
    text = diagnose_rejection(rejected, 4)
    assert "numkit_test.go" in text
    assert "4 tries" in text
    assert text.count("tests-present: no tests") == 1
