"""Localisation: complaints name files, assertions accuse both sides, and what is heard fits the author."""

import pytest

from guildbus.agents.localise import MAX_EVIDENCE, Suspect, suspects
from guildbus.protocols.messages.verification import (
    BrokenExample,
    Counterexample,
    Diagnostic,
    Examination,
)
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, failure, spec_of

IMPL, TEST = "numkit.go", "numkit_test.go"
TREE = spec_of(
    {
        "root.go": "package two. Root() int gives 0.",
        "root_test.go": "A test, TestRoot.",
        "a/a.go": "package a. A() int gives 1.",
        "a/a_test.go": "Tests of package a: TestA.",
        "b/b.go": "package b. B() int gives 2.",
        "b/b_test.go": "Tests of package b: TestB, TestAll.",
        "b/more_test.go": "More tests of package b: TestMore.",
        "tests/whole_test.go": "package tests. TestWhole puts everything together.",
    },
    name="two",
)


def red(**findings: object) -> Told:
    run = Told.of(NUMKIT).accept(IMPL, IMPLEMENTATION).accept(TEST, SUITE, cases=4)
    return run.verify(**findings)  # type: ignore[arg-type]


def accused(run: Told) -> dict[str, Suspect]:
    return {suspect.path: suspect for suspect in suspects(run.state, run.found)}


def whole_tree(**findings: object) -> Told:
    run = Told.of(TREE)
    for stage in range(run.state.plan.stages):
        if stage:
            run.ask_for_stage(stage)
        for task in run.state.plan.stage(stage):
            run.accept(task.path, f"package {task.package}")
    return run.verify(**findings)  # type: ignore[arg-type]


def complaint(file: str, message: str = "undefined: x", tool: str = "build") -> Diagnostic:
    return Diagnostic(tool=tool, file=file, line=4, column=2, message=message)  # type: ignore[arg-type]


def test_a_compile_error_accuses_the_file_that_it_names_and_no_other() -> None:
    found = accused(red(score="", diagnostics=(complaint(TEST),)))
    assert list(found) == [TEST]
    (evidence,) = found[TEST].evidence
    assert (evidence.kind, evidence.where) == ("diagnostic", f"{TEST}:4")
    assert "undefined: x" in evidence.text


def test_an_implementation_that_does_not_compile_goes_before_its_tests() -> None:
    assert list(accused(red(score="", diagnostics=(complaint(TEST), complaint(IMPL))))) == [IMPL, TEST]


def test_while_it_does_not_vet_failing_tests_wait() -> None:
    found = accused(red(score="build", diagnostics=(complaint(TEST, tool="vet"),), failures=(failure(),)))
    assert list(found) == [TEST]


def test_what_vet_complains_of_does_not_hide_code_that_witnesses_or_the_spec_convict() -> None:
    """It builds and runs: a test that its author cannot mend is no reason to leave wrong code alone."""
    wrong = Counterexample(call="GCD(-4, 6)", want="2", got="-2", votes=("python-0", "python-1"))
    examined = Examination(subject="GCD", total=9, agreed=8, counterexamples=(wrong,))
    vet = complaint(TEST, tool="vet")
    for findings in (
        {"examined": (examined,)},
        {"broken_examples": (BrokenExample(folder="", call="GCD(0, 5)", want="5", got="0"),)},
    ):
        found = accused(red(score="build", diagnostics=(vet,), failures=(failure(),), **findings))
        assert list(found) == [TEST, IMPL]
        assert [evidence.kind for evidence in found[TEST].evidence] == ["diagnostic"]
        assert [evidence.kind for evidence in found[IMPL].evidence] in (["witness"], ["example"])
    unbuilt = red(score="", diagnostics=(complaint(TEST),), examined=(examined,))
    assert list(accused(unbuilt)) == [TEST]


def test_a_complaint_about_no_file_of_ours_accuses_all() -> None:
    found = accused(red(score="", diagnostics=(complaint("", "go build failed and said nothing"),)))
    assert set(found) == {IMPL, TEST}


def test_a_complaint_that_only_the_test_build_makes_is_heard() -> None:
    found = accused(red(score="build vet", diagnostics=(complaint(TEST, tool="test"),)))
    assert list(found) == [TEST]


def test_a_failing_assertion_accuses_the_pair_and_takes_no_side() -> None:
    found = accused(red(failures=(failure(),)))
    assert set(found) == {IMPL, TEST}


def test_the_tests_author_hears_what_is_in_doubt_and_never_what_the_code_answered() -> None:
    found = accused(red(failures=(failure(call="GCD(-4, 6)", got="-2", want="77"),)))
    (for_test,) = found[TEST].evidence
    assert "77" in for_test.text
    assert "GCD(-4, 6)" in for_test.text
    assert "-2" not in for_test.text
    (for_code,) = found[IMPL].evidence
    assert "gives -2" in for_code.text
    assert "expects 77" in for_code.text


def test_the_developer_hears_the_output_where_got_and_want_are_unknown() -> None:
    found = accused(red(failures=(failure(call="", got="", want="", output="panic: boom"),)))
    assert "panic: boom" in found[IMPL].evidence[0].text
    assert "boom" not in found[TEST].evidence[0].text
    assert "line 9" in found[TEST].evidence[0].text


def test_a_panic_inside_the_implementation_puts_it_first() -> None:
    paths = list(accused(red(failures=(failure(), failure(file=IMPL, output="panic: divide by zero")))))
    assert paths == [IMPL, TEST]


def test_a_stated_value_that_is_not_given_convicts_the_implementation_alone() -> None:
    found = accused(red(broken_examples=(BrokenExample(call="GCD(0, 5)", want="5", got="0"),)))
    assert list(found) == [IMPL]
    assert "GCD(0, 5) = 5" in found[IMPL].evidence[0].text
    assert "gives 0" in found[IMPL].evidence[0].text
    assert "gives" not in found[IMPL].blind[0].text


def test_a_missing_test_is_its_files_own_fault() -> None:
    found = accused(red(missing_tests=("TestGCD",)))
    assert list(found) == [TEST]
    assert "TestGCD" in found[TEST].evidence[0].text


def test_a_suite_that_notices_nothing_is_its_files_own_fault() -> None:
    found = accused(red(score="build vet test", unnoticed=("GCD",)))
    assert list(found) == [TEST]
    assert found[TEST].evidence[0].kind == "stub"


def test_evidence_is_bounded() -> None:
    many = tuple(failure(call=f"GCD(0, {n})") for n in range(50))
    found = accused(red(failures=many))
    assert all(len(suspect.evidence) == MAX_EVIDENCE for suspect in found.values())


def test_what_a_verification_does_not_find_accuses_nobody() -> None:
    assert accused(red()) == {}


@pytest.mark.parametrize(
    ("package", "test", "expected"),
    [
        ("example.com/two", "TestRoot", {"root.go", "root_test.go"}),
        ("example.com/two/a", "TestA", {"a/a.go", "a/a_test.go"}),
        ("example.com/two/b", "TestMore", {"b/b.go", "b/more_test.go"}),
        ("example.com/two/b", "TestMore/a_row", {"b/b.go", "b/more_test.go"}),
        ("example.com/two/b", "TestUnasked", {"b/b.go", "b/b_test.go", "b/more_test.go"}),
        ("example.com/two/tests", "TestWhole", {"root.go", "a/a.go", "b/b.go", "tests/whole_test.go"}),
    ],
)
def test_a_failure_without_a_file_accuses_its_own_package(
    package: str, test: str, expected: set[str]
) -> None:
    run = whole_tree(failures=(failure(package=package, test=test, file="", line=0),))
    assert set(accused(run)) == expected


def test_files_of_later_stages_are_not_accused_yet() -> None:
    run = Told.of(TREE)
    for task in run.state.plan.stage(0):
        run.accept(task.path, f"package {task.package}")
    run.verify(failures=(failure(package="example.com/two", file="", test="TestRoot"),))
    assert set(accused(run)) == {task.path for task in run.state.plan.stage(0)}


def test_a_file_without_test_names_that_ran_nothing_is_accused_alone() -> None:
    spec = spec_of(
        {"two.go": "package two. Two() int gives 2.", "x_test.go": "Tests.", "y_test.go": "Tests."}
    )
    run = Told.of(spec)
    run.accept("two.go", "package two").accept("x_test.go", "package two").accept("y_test.go", "package two")
    run.verify(missing_tests=("y_test.go",))
    assert list(accused(run)) == ["y_test.go"]
