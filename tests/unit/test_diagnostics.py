"""What the toolchain prints, as data. The texts are those of Go 1.27, as printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.golang.diagnostics import matched_nothing, parse_tool_output
from guildbus.agents.golang.prose import as_written, read_assertion
from guildbus.agents.golang.testevents import TestReport, parse_test_events

ROOT = "/src/tree"
PACKAGE = "example.com/numkit"


def places(text: str, tool: str = "build") -> list[tuple[str, int, int]]:
    return [(d.file, d.line, d.column) for d in parse_tool_output(tool, text, ROOT)]  # type: ignore[arg-type]


def events(*rows: tuple[str, ...]) -> TestReport:
    """(action, test, output, output type), each but the action may be left out."""
    lines = [
        json.dumps(
            {"Package": PACKAGE, **dict(zip(("Action", "Test", "Output", "OutputType"), row, strict=False))}
        )
        for row in rows
    ]
    return parse_test_events("\n".join(lines), ROOT)


def test_compile_errors_have_their_places() -> None:
    text = (
        "# example.com/numkit\n"
        './numkit.go:4:8: "os" imported and not used\n'
        "sub/s.go:23:10: cannot use float64(lo) (value of type float64) as int value\n"
        "too many errors\n"
    )
    assert places(text) == [("numkit.go", 4, 8), ("sub/s.go", 23, 10)]
    assert parse_tool_output("build", text, ROOT)[0].message == '"os" imported and not used'


def test_vet_says_its_name_and_repeats_itself() -> None:
    text = "# x\n# [x]\nvet: ./a_test.go:7:13: undefined: GCDx\nvet: ./a_test.go:7:13: undefined: GCDx\n"
    found = parse_tool_output("vet", text, ROOT)
    assert [(d.tool, d.file, d.line, d.message) for d in found] == [
        ("vet", "a_test.go", 7, "undefined: GCDx")
    ]


def test_a_tab_continues_the_message() -> None:
    text = "./a_test.go:20:6: GCD redeclared in this block\n\t/src/tree/a.go:4:6: other declaration of GCD\n"
    [found] = parse_tool_output("test", text, ROOT)
    assert found.message == "GCD redeclared in this block\na.go:4:6: other declaration of GCD"


def test_shapes_without_a_line_are_kept() -> None:
    assert places("found packages numkit (numkit.go) and other (numkit_test.go) in /src/tree") == [
        ("numkit_test.go", 1, 0)
    ]
    assert places("found packages a (a.go) and b (b.go) in /src/tree/sub") == [("sub/b.go", 1, 0)]
    [found] = parse_tool_output("build", "package x\n\timports y: import cycle not allowed\n", ROOT)
    assert (found.file, found.message) == ("", "package x\nimports y: import cycle not allowed")


def test_no_output_is_no_complaint_and_no_package_is_seen() -> None:
    assert parse_tool_output("build", "", ROOT) == ()
    assert matched_nothing('go: warning: "./..." matched no packages\n')


@pytest.mark.parametrize(
    ("message", "call", "got", "want"),
    [
        ("GCD(0, 5) = 0; want 5", "GCD(0, 5)", "0", "5"),
        ('Reverse("x") = "y", want "z"', 'Reverse("x")', '"y"', '"z"'),
        ("got 3, want 4", "", "3", "4"),
        ("got: 3, want: 4", "", "3", "4"),
        ("expected 3, got 4", "", "4", "3"),
        ("Expected 3 but got 4", "", "4", "3"),
        ("want 3, got 4", "", "4", "3"),
        ("expected GCD(8, 15) to be 1, got 0", "GCD(8, 15)", "0", "1"),
        ("GCD(8, 15): expected 1, got 0", "GCD(8, 15)", "0", "1"),
        ("GCD(8, 15) returned 2, expected 1", "GCD(8, 15)", "2", "1"),
        ("Test case 3: GCD(8, 15) = 2; want 1", "GCD(8, 15)", "2", "1"),
        ("coprimes: got 2, want 1", "", "2", "1"),
        ("expected 3 for GCD(1, 2), got 4", "GCD(1, 2)", "4", "3"),
        ("Expected 5, got 3 for GCD(0, 5)", "GCD(0, 5)", "3", "5"),
        ('Reverse("got, want") = "a"; want "b"', 'Reverse("got, want")', '"a"', '"b"'),
        ("F(g(1), h(2)) = 3; want 4", "F(g(1), h(2))", "3", "4"),
        ("s.Pop() = 1, false; want 2, true", "s.Pop()", "1, false", "2, true"),
        ("Push(1)\n got: [1]\nwant: [2]", "Push(1)", "[1]", "[2]"),
        ("the greatest divisor = 2, want 1", "", "2", "1"),
        ("the result is wrong", "", "", ""),
        ("GCD(8, 15) = 2", "", "", ""),
        ("unexpected error: EOF", "", "", ""),
    ],
)
def test_the_usual_shapes_of_assertions(message: str, call: str, got: str, want: str) -> None:
    read = read_assertion(message)
    assert (read.call, read.got, read.want) == (call, got, want)


def test_a_dump_is_not_searched() -> None:
    assert read_assertion("got 1, want 2 " * 200).got == ""


def test_a_failing_row_is_read_with_its_place() -> None:
    report = events(
        ("run", "TestA"),
        ("run", "TestA/row"),
        ("output", "TestA/row", "=== RUN   TestA/row\n", "frame"),
        ("output", "TestA/row", "    n_test.go:7: GCD(0, 5) = 0; want 5\n", "error"),
        ("output", "TestA/row", "    n_test.go:8: just a log\n"),
        ("output", "TestA/row", "    n_test.go:9: multi\n", "error"),
        ("output", "TestA/row", "        line\n", "error-continue"),
        ("fail", "TestA/row"),
        ("output", "TestA", "--- FAIL: TestA (0.00s)\n", "frame"),
        ("fail", "TestA"),
        ("fail",),
    )
    assert [(f.test, f.file, f.line, f.output) for f in report.failures] == [
        ("TestA/row", "n_test.go", 7, "GCD(0, 5) = 0; want 5"),
        ("TestA/row", "n_test.go", 9, "multi\nline"),
    ]
    assert (report.failures[0].call, report.failures[0].got, report.failures[0].want) == (
        "GCD(0, 5)",
        "0",
        "5",
    )
    assert report.leaves == {(PACKAGE, "TestA/row")}


def test_an_older_go_does_not_mark_errors() -> None:
    report = events(
        ("run", "TestA"),
        ("output", "TestA", "=== RUN   TestA\n"),
        ("output", "TestA", "    n_test.go:7: got 1, want 2\n"),
        ("output", "TestA", "        second line\n"),
        ("output", "TestA", "--- FAIL: TestA (0.00s)\n"),
        ("fail", "TestA"),
        ("fail",),
    )
    assert [(f.line, f.output) for f in report.failures] == [(7, "got 1, want 2\nsecond line")]


def test_a_silent_failure_is_a_failure() -> None:
    report = events(("run", "TestB"), ("output", "TestB", "=== RUN   TestB\n", "frame"), ("fail", "TestB"))
    assert [(f.test, f.output) for f in report.failures] == [("TestB", "it failed and said nothing")]


def test_a_panic_names_its_test_and_the_first_line_of_the_tree() -> None:
    report = events(
        ("run", "TestP"),
        ("output", "TestP", "panic: index out of range [3] [recovered, repanicked]\n"),
        ("output", "TestP", "goroutine 21 [running]:\n"),
        ("output", "TestP", "\t/opt/go/src/testing/testing.go:2125 +0x232\n"),
        ("output", "TestP", "\t/src/tree/sub/numkit.go:13 +0x8a\n"),
        ("output", "TestP", "\t/src/tree/numkit_test.go:5 +0x8a\n"),
        ("fail", "TestP"),
        ("fail",),
    )
    [failure] = report.failures
    assert (failure.file, failure.line) == ("sub/numkit.go", 13)
    assert failure.output == "panic: index out of range [3]"
    assert report.aborted == {PACKAGE}


def test_a_time_out_names_the_running_test() -> None:
    report = events(
        ("run", "TestLoop"),
        ("output", "TestLoop", "panic: test timed out after 1s\n"),
        ("output", "TestLoop", "\trunning tests:\n"),
        ("output", "TestLoop", "\t\tTestLoop (1s)\n"),
        ("fail",),
    )
    [failure] = report.failures
    assert failure.test == "TestLoop"
    assert failure.output == "test timed out after 1s\nTestLoop"
    assert report.unfinished == {(PACKAGE, "TestLoop")}


def test_a_package_that_exits_in_its_own_way_fails_with_its_words() -> None:
    report = events(("output", "", "boom\n"), ("output", "", "FAIL\tx\t0.1s\n", "frame"), ("fail",))
    assert [(f.test, f.output) for f in report.failures] == [("", "boom")]


def test_what_was_only_skipped_did_not_run() -> None:
    report = events(
        ("run", "TestS"), ("run", "TestS/row"), ("skip", "TestS/row"), ("pass", "TestS"), ("pass",)
    )
    assert not report.really_ran(PACKAGE, "TestS")
    assert report.tests_of(PACKAGE) == frozenset()


def test_compiler_text_inside_the_events_is_kept() -> None:
    text = "\n".join(
        (
            json.dumps({"Action": "build-output", "ImportPath": "x", "Output": "./a_test.go:7:13: no\n"}),
            json.dumps({"Action": "fail", "Package": PACKAGE, "FailedBuild": "x"}),
            "not json at all",
        )
    )
    report = parse_test_events(text, ROOT)
    assert report.unbuilt == {PACKAGE}
    assert report.build_output == "./a_test.go:7:13: no\nnot json at all\n"
    assert report.failures == ()


@pytest.mark.parametrize(
    ("printed", "written"),
    [
        ("[]kit.Pair{kit.Pair{A:1, B:2}, kit.Pair{A:3, B:4}}", "[]Pair{{A:1, B:2}, {A:3, B:4}}"),
        ("[]kit.Pair(nil)", "nil"),
        ('map[string]kit.P{"a":kit.P{X:kit.Q{Y:1}}}', 'map[string]P{"a":{X:Q{Y:1}}}'),
        ('F("kit.Pair{[]kit.Pair(nil)")', 'F("kit.Pair{[]kit.Pair(nil)")'),
        ("kit.Pair{A:1, B:2}", "Pair{A:1, B:2}"),
        ("Twice(3) = 5", "Twice(3) = 5"),
    ],
)
def test_values_are_read_as_one_writes_them_in_their_package(printed: str, written: str) -> None:
    assert as_written(printed, "kit") == written


def test_a_failure_over_structured_values_is_read() -> None:
    pair = "[]kit.Pair{kit.Pair{A:1, B:2}, kit.Pair{A:3, B:4}, kit.Pair{A:5, B:6}}"
    read = read_assertion(as_written(f"Merge({pair}) = {pair}; want []kit.Pair(nil)", "kit"))
    assert (read.call, read.want) == ("Merge([]Pair{{A:1, B:2}, {A:3, B:4}, {A:5, B:6}})", "nil")


@given(st.text(alphabet='kit.Pair{}[]()"`:, nil', max_size=60))
def test_any_message_can_be_read_as_written(message: str) -> None:
    assert as_written(message, "nowhere").count('"') == message.count('"')
