"""A file in sections: what is certain stands there, what the model says goes in, nothing is asked twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.planning import plan
from guildbus.agents.prompting import section_prompt
from guildbus.agents.requests import declared_by, draft_request, first_draft
from guildbus.agents.run_state import RunState
from guildbus.agents.sections import Answer, Section, sections_of, so_far
from guildbus.protocols.messages.build import BuildOptions
from guildbus.protocols.messages.draft import DraftRequested, Evidence
from told import spec_of

CALC = {
    "calc.go": "package calc. Twice(n int) int returns two times n. Half(n int) (int, error) is its half.",
    "calc_test.go": "package calc. Two tests, TestTwice and TestHalf. TestTwice: Twice(4)=8, and a negative.",
}
STACK = {
    "stack.go": (
        "package stack. type Stack struct holds ints. func New() *Stack makes an empty stack. "
        "func (s *Stack) Push(v int) puts v on top. func (s *Stack) Len() int returns how many there are."
    ),
    "stack_test.go": "package stack. Two tests, TestPush and TestLen. TestLen: an empty stack has none.",
}
GATE = (Evidence(kind="gate", where="calc.go", text="syntax error"),)


def asked(files: dict[str, str], path: str, **more: object) -> DraftRequested:
    """The first request for a file of such a package."""
    spec = spec_of(files, name=path.partition("_")[0].partition(".")[0])
    state = RunState(spec, BuildOptions(), plan(spec))
    request = first_draft(state, state.plan.task(path), 0)
    return request.model_copy(update=more)


def filled(sections: tuple[Section, ...], *answers: str) -> str:
    """The file that these answers make; fails if one is missing or left over."""
    said = [Answer(text) for text in answers]
    for count in range(len(said)):
        assert so_far(sections, said[:count])[1] is not None, "an answer too many"
    text, section = so_far(sections, said)
    assert section is None, "an answer is missing"
    return text.removeprefix("```go\n")


def test_code_is_written_function_by_function_below_what_the_spec_says() -> None:
    sections = sections_of(asked(CALC, "calc.go"))
    assert [section.name for section in sections] == ["Twice", "Half"]
    text = filled(sections, "\t// Double it.\n\treturn 2 * n", "\t// Halve.\n\treturn n / 2, nil\n}\n")
    assert text.rstrip() == (
        "package calc\n\n"
        "// Twice returns two times n.\nfunc Twice(n int) int {\n\t// Double it.\n\treturn 2 * n\n}\n\n"
        "// Half is its half.\nfunc Half(n int) (int, error) {\n\t// Halve.\n\treturn n / 2, nil\n}"
    )


def test_a_type_that_its_methods_name_has_a_section_before_them() -> None:
    sections = sections_of(asked(STACK, "stack.go"))
    assert [section.name for section in sections] == ["Stack", "New", "Stack.Push", "Stack.Len"]
    assert sections[0].head.endswith("// Stack holds ints.\n// For all its methods it holds")
    fields = " a slice.\ntype Stack struct {\n\tdata []int\n}\n"
    whole = filled(sections, fields, " x", " x", " x")
    assert "// For all its methods it holds a slice.\ntype Stack struct {\n\tdata []int\n}\n\n// New" in whole
    helped = filled(sections, f"{fields}\ntype node struct {{\n\tv int\n}}\n\n// New makes", " x", " x", " x")
    assert helped.count("// New makes") == 1
    assert "\ntype node struct {\n\tv int\n}\n\n// New makes an empty stack.\nfunc New" in helped
    assert sections[2].head.startswith("// Push puts v on top.\nfunc (s *Stack) Push(v int) {\n")


def test_a_stated_type_and_an_error_value_stand_there_already() -> None:
    prose = "package p. type Pair struct { A, B int } is two. Swap(p Pair) (Pair, error) turns p round. "
    files = {"p.go": prose + "ErrSame tells that both are the same. Swap returns ErrZero for zeros."}
    sections = sections_of(asked(files, "p.go"))
    assert [section.name for section in sections] == ["ErrSame", "ErrZero", "Swap"]
    text = filled(sections, '"both are the same")', '"zeros")', "\treturn p, nil")
    assert "// Pair is two.\ntype Pair struct { A, B int }\n" in text
    assert '// ErrSame tells that both are the same.\nvar ErrSame = errors.New("both are the same")\n' in text
    assert not parse(text).root.has_error


def test_tests_of_plain_functions_are_tables_and_only_rows_are_missing() -> None:
    sections = sections_of(asked(CALC, "calc_test.go"))
    assert [section.name for section in sections] == ["TestTwice", "TestHalf"]
    assert sections[0].head.endswith("\t\twant int\n\t}{\n")
    text = filled(sections, '\t\t{"-3-3", -3, -6},', '\t\t{"half of 4", 4, 2, false},')
    file = parse(text)
    assert not file.root.has_error
    assert [found.name for found in declarations(file)] == ["TestTwice", "TestHalf"]
    assert "if got := Twice(tt.n); got != tt.want {" in text


def test_other_tests_are_written_one_by_one_below_what_they_are_to_show() -> None:
    sections = sections_of(asked(STACK, "stack_test.go"))
    assert [section.name for section in sections] == ["TestPush", "TestLen"]
    assert sections[1].head == "// TestLen: an empty stack has none.\nfunc TestLen(t *testing.T) {\n"
    assert sections[0].head.startswith('package stack\n\nimport "testing"\n\n')


def test_an_answer_that_went_on_is_kept_and_what_it_declares_is_not_asked_for_again() -> None:
    sections = sections_of(asked(CALC, "calc.go"))
    on = " double.\n\treturn 2 * n\n\t}\n\nfunc Half(n int) (int, error) { return n / 2, nil }"
    assert so_far(sections, [Answer(on)])[1] is None


def test_a_server_that_does_not_stop_is_cut_where_the_section_ends() -> None:
    code, rows = sections_of(asked(CALC, "calc.go")), sections_of(asked(CALC, "calc_test.go"))
    text = filled(code, " x.\n\treturn n\n}\n\nfunc main() {", " y.\n\treturn n, nil\n}\n```\nThere it is.")
    assert "main" not in text
    assert "There it is" not in text
    text = filled(rows, '\t\t{"", 1, 2},\n\t} {\n\t\tt.Fatal()', '\t\t{"", 1, 0, false},\n\t}\n}')
    assert "Fatal" not in text
    assert not parse(text).root.has_error


def test_of_an_answer_that_was_cut_off_the_whole_lines_count() -> None:
    sections = sections_of(asked(CALC, "calc_test.go"))
    text, _ = so_far(sections, [Answer('\t\t{"", 1, 2},\n\t\t{"and so on and so', cut=True)])
    assert "and so" not in text
    assert '{"", 1, 2},' in text


def test_a_row_with_a_text_that_nobody_closed_does_not_swallow_the_rest() -> None:
    sections = sections_of(asked(CALC, "calc_test.go"))
    rows = '\t\t{"one", 1, 2},\n\t\t{"open", `2", 4},\n\t\t// a remark\n\t\t{"three", 3, 6},'
    text = filled(sections, rows, '\t\t{"half of 4", 4, 2, false}')
    assert not parse(text).root.has_error
    assert '{"one", 1, 2},' in text
    assert '{"three", 3, 6},' in text
    assert "open" not in text
    assert "half of 4" in text


@given(st.lists(st.text(alphabet='{}()\n\t"`/a1,', max_size=30), min_size=2, max_size=2), st.booleans())
def test_whatever_is_answered_the_next_section_begins(texts: list[str], cut: bool) -> None:
    for path in ("calc.go", "calc_test.go"):
        sections = sections_of(asked(CALC, path))
        text, section = so_far(sections, [Answer(texts[0], cut=cut)])
        assert section is None or text.endswith(section.head)
        assert so_far(sections, [Answer(text, cut=cut) for text in texts])[1] is None


@pytest.mark.parametrize(
    ("files", "path", "more"),
    [
        (CALC, "calc.go", {"reason": "repair", "previous": "package calc\n"}),
        (CALC, "calc.go", {"reason": "function", "scope": "Twice"}),
        ({"p.go": "package p. Set(i int) sets bit i."}, "p.go", {}),
        ({"p.go": "package p. It has helpers.", "p_test.go": "package p. Test it."}, "p_test.go", {}),
        ({**STACK, "stack_test.go": "package stack_test. One test, TestPush."}, "stack_test.go", {}),
    ],
)
def test_what_is_mended_or_not_certain_is_written_in_one_piece(
    files: dict[str, str], path: str, more: dict[str, object]
) -> None:
    assert sections_of(asked(files, path, **more)) == ()


def test_what_the_gates_refused_is_drafted_in_sections_again() -> None:
    again = asked(CALC, "calc.go", reason="repair", previous="package", evidence=GATE)
    assert len(sections_of(again)) == 2


def test_of_several_files_each_declares_what_its_own_purpose_states() -> None:
    files = {
        "a.go": "package kit. Twice(n int) int returns two times n.",
        "b.go": "package kit. Half(n int) int returns half of n.",
    }
    spec = spec_of(files, name="kit")
    state = RunState(spec, BuildOptions(), plan(spec))
    assert [declared_by(state, task) for task in state.plan.tasks] == [("Twice",), ("Half",)]
    both = {"a.go": files["a.go"], "b.go": files["a.go"]}
    spec = spec_of(both, name="kit")
    state = RunState(spec, BuildOptions(), plan(spec))
    assert [declared_by(state, task) for task in state.plan.tasks] == [(), ()]


def test_the_prompt_ends_in_the_file_so_far_and_stops_where_the_section_does() -> None:
    request = asked(CALC, "calc.go")
    sections = sections_of(request)
    text, section = so_far(sections, [Answer(" double.\n\treturn 2 * n")])
    assert section is not None
    prompt = section_prompt(request, 0, text, section)
    assert prompt.begun == text
    assert (prompt.stop, prompt.max_tokens) == (section.stop, section.room)
    assert prompt.manifest[-1].name == "Half"


def test_a_repair_of_a_function_asks_for_it_alone() -> None:
    spec = spec_of(CALC, name="calc")
    state = RunState(spec, BuildOptions(), plan(spec))
    task = state.plan.task("calc.go")
    assert draft_request(state, task, author="go-dev", round_number=1).declares == ("Twice", "Half")
