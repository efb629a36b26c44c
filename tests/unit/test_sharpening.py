"""Which settled cases become rows: what tells, what can be written, what is chosen, and the file then."""

import json
from collections.abc import Mapping

import pytest

from guildbus.agents.oracle.examining import settled_cases
from guildbus.agents.oracle.sharpening import (
    MOST_ROWS,
    Candidate,
    candidates,
    chosen,
    said_of,
    sharpened,
)
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.teeth.mutants import find_mutants
from guildbus.agents.teeth.shown import diff_of, found_again
from guildbus.protocols.messages.oracle import WitnessedCase, WitnessTable
from guildbus.protocols.messages.verification import Survivor
from testimony import api

ABS = api("func Abs(x int) int")
STACK = api(
    "type Stack struct {\n\t// unexported fields\n}",
    "func New(most int) *Stack",
    "func (s *Stack) Push(x int) bool",
    "func (s *Stack) Len() int",
)
SUITE = 'package kit\n\nimport "testing"\n\nfunc TestAbs(t *testing.T) {}\n'


def witnessed(case: Json, outcome: Json) -> WitnessedCase:
    return WitnessedCase(call="", case=canonical(case), outcome=canonical(outcome), votes=("a", "b"))


def absolute(x: int) -> WitnessedCase:
    return witnessed({"call": "Abs", "args": [x]}, {"values": [abs(x)]})


def candidate(text: str, *tells: int, subject: str = "Abs", life: bool = False) -> Candidate:
    case = {"type": subject, "steps": []} if life else {"call": subject, "args": [len(text)]}
    return Candidate(subject, case, {"values": [0]}, frozenset(tells), text)


class TestWhatTells:
    def test_an_outcome_that_is_another_one_tells_and_a_nearly_equal_one_does_not(self) -> None:
        mean = api("func Mean(xs []float64) float64")
        case = witnessed({"call": "Mean", "args": [[1.0, 2.0]]}, {"values": [1.5]})
        seen = {0: {0: {"values": [1.5000000000001]}}, 1: {0: {"values": [2.0]}}, 2: {0: {"timeout": True}}}
        (found,) = candidates([case], seen, mean, ())
        assert (found.tells, found.text) == (frozenset({1, 2}), "{[]float64{1.0, 2.0}, 1.5}")

    def test_what_no_mutant_gives_otherwise_is_no_candidate(self) -> None:
        assert candidates([absolute(1), absolute(-1)], {7: {1: {"values": [-1]}}}, ABS, ())[0].case[
            "args"
        ] == [-1]
        assert candidates([absolute(1)], {}, ABS, ()) == []

    @pytest.mark.parametrize(
        ("signature", "args", "outcome"),
        [
            ("func Abs(x int) int", [0], {"panic": True}),
            ("func Name(s string) string", ["x" * 90], {"values": ["y"]}),
            ("func At(t time.Time) int", [1.5], {"values": [1]}),
            ("func Grid(n int) [][]int", [1], {"values": [[[]]]}),
            ("func Ratio(n int) float64", [1], {"values": ["NaN"]}),
        ],
    )
    def test_what_cannot_be_written_exactly_or_is_too_long_is_none(
        self, signature: str, args: Json, outcome: Json
    ) -> None:
        found = api(signature)
        case = witnessed({"call": found.callables[0].name, "args": args}, outcome)
        assert candidates([case], {0: {0: {"values": [7]}}}, found, ()) == []

    def test_a_sequence_is_cut_off_behind_the_step_that_tells(self) -> None:
        steps = [["Push", [1]], ["Len", []], ["Push", [2]], ["Len", []]]
        case = {"type": "Stack", "new": ["New", [2]], "steps": steps}
        outcome = {"steps": [{"values": [value]} for value in (True, 1, True, 2)]}
        early = {"steps": [{"values": [value]} for value in (True, 0, True, 0)]}
        late: Json = {"steps": [{"values": [value]} for value in (True, 1, True)] + [{"panic": True}]}
        short, long = candidates([witnessed(case, outcome)], {3: {0: early}, 4: {0: late}}, STACK, ())
        assert (short.case["steps"], short.tells) == (steps[:2], frozenset({3}))
        assert (long.case["steps"], long.tells) == (steps, frozenset({3, 4}))
        assert len(long.outcome["steps"]) == 4


class TestTheChoice:
    def test_the_case_that_tells_most_comes_first_and_of_several_the_shortest(self) -> None:
        found = [candidate("{1}", 1), candidate("{10}", 1, 2), candidate("{-10}", 1, 2), candidate("{3}", 3)]
        assert [one.text for one in chosen(found)] == ["{10}", "{3}"]

    def test_what_tells_nothing_new_is_left_out(self) -> None:
        assert [one.text for one in chosen([candidate("{12}", 1, 2, 3), candidate("{1}", 2)])] == ["{12}"]
        assert chosen([]) == []

    def test_a_function_gets_so_many_rows_and_no_more(self) -> None:
        found = [candidate(f"{{{number}}}", number) for number in range(100, 120)]
        other = candidate("{7}", 7, subject="Sign")
        assert len(chosen([*found, other])) == MOST_ROWS + 1
        lives = [candidate(str(number), number, subject="Stack", life=True) for number in range(9)]
        assert len(chosen(lives)) == 3

    def test_the_order_of_mutants_and_cases_decides_nothing_else(self) -> None:
        found = [candidate("{2}", 2, 4), candidate("{1}", 1, 3), candidate("{33}", 1, 2)]
        assert (
            {one.text for one in chosen(found)} == {one.text for one in chosen(found[::-1])} == {"{2}", "{1}"}
        )


class TestTheFile:
    def kept(self, *xs: int) -> list[Candidate]:
        cases = [absolute(x) for x in xs]
        return candidates(cases, {n: {n: {"values": [-9]}} for n in range(len(xs))}, ABS, ())

    def test_it_grows_at_its_end_and_the_rest_stays_as_it_is(self) -> None:
        text = sharpened(SUITE, (), self.kept(-10, 3), ABS, ())
        assert text == SUITE + (
            "\n// TestAbsSettled holds Abs to values on which independent programs agree.\n"
            "func TestAbsSettled(t *testing.T) {\n"
            "\tfor _, tt := range []struct{ x, want int }{\n\t\t{3, 3},\n\t\t{-10, 10},\n\t} {\n"
            "\t\tif got := Abs(tt.x); got != tt.want {\n"
            '\t\t\tt.Errorf("Abs(%v) = %v; want %v", tt.x, got, tt.want)\n\t\t}\n\t}\n}\n'
        )

    def test_a_name_that_the_package_has_gets_a_number(self) -> None:
        taken = {"TestAbsSettled", "TestAbsSettled2"}
        assert "func TestAbsSettled3(t *testing.T) {" in sharpened(SUITE, taken, self.kept(1), ABS, ())
        again = sharpened(sharpened(SUITE, (), self.kept(1), ABS, ()), (), self.kept(2), ABS, ())
        assert again.count("func TestAbsSettled(") == again.count("func TestAbsSettled2(") == 1


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (
            [candidate("{1}", 1, 2), candidate("{2}", 2, 3)],
            "2 rows that tell 3 of 4 surviving mutants from the code",
        ),
        ([candidate("x", 1, life=True)], "1 sequence that tells 1 of 4 surviving mutants from the code"),
        ([], "no settled case tells any of 4 surviving mutants from the code"),
    ],
)
def test_what_was_done_is_said_in_a_sentence(kept: list[Candidate], said: str) -> None:
    assert said_of(kept, 4) == said
    assert said_of(kept, 4, 2) == f"{said}; there was no time for 2"


def test_cases_are_numbered_as_in_an_examination() -> None:
    tables = [
        WitnessTable(subject="Sign", cases=(absolute(1),), obstacle="it takes a channel"),
        WitnessTable(subject="Abs", cases=(absolute(2), absolute(3))),
    ]
    assert [json.loads(one.case)["args"] for one in settled_cases(tables)] == [[2], [3]]


def test_survivors_of_a_report_are_found_again_in_the_text() -> None:
    source = "package kit\n\nfunc Abs(x int) int {\n\tif x < 0 {\n\t\treturn -x\n\t}\n\treturn x\n}\n"
    sources: Mapping[str, str] = {"kit.go": source, "kit_test.go": "package kit\n"}
    mutants = find_mutants("kit.go", source)
    told = [
        Survivor(file=m.file, line=m.line, function=m.function, operator=m.operator, diff=diff_of(m, source))
        for m in (mutants[3], mutants[0])
    ]
    assert found_again(told, sources) == (mutants[0], mutants[3])
    gone = told[0].model_copy(update={"file": "gone.go"})
    assert found_again([gone], sources) == ()
