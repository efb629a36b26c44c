"""Parsing, faults, declarations, edits, scopes and imports of Go source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.golang.imports import add_imports, imports, prune_imports, used_qualifiers
from guildbus.agents.golang.syntax import (
    Edit,
    apply_edits,
    declarations,
    package_name,
    parse,
    remove_declarations,
    syntax_fault,
)

GROUPED = """package kit

import "errors"

// Limits.
const (
	A = iota
	b
	C
)

var ErrEmpty, errFull = errors.New("empty"), errors.New("full")

type (
	Stack struct{ items []int }
	Pair  struct{ X, Y int }
)

// Push adds.
func (s *Stack) Push(v int) { s.items = append(s.items, v) }

func New() *Stack { return &Stack{} }
"""


def names(source: str) -> list[str]:
    return [found.name for found in declarations(parse(source))]


def test_declarations_are_found_in_groups_and_on_types() -> None:
    assert names(GROUPED) == ["A", "b", "C", "ErrEmpty", "errFull", "Stack", "Pair", "Stack.Push", "New"]


def test_grouped_var_specs_are_found() -> None:
    assert names("package p\n\nvar (\n\ta = 1\n\tb, c = 2, 3\n)\n") == ["a", "b", "c"]


def test_receivers_of_generic_and_pointer_types() -> None:
    source = "package p\ntype S[T any] struct{}\nfunc (s *S[T]) M() {}\nfunc (S[T]) N() {}\n"
    assert names(source) == ["S", "S.M", "S.N"]


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("package p\n\nfunc F() {\n\treturn 1\n", 5, "expected"),
        ("package p\n\nx := 3\n", 3, "outside a function"),
        ("func F() {}\n", 1, "package clause"),
        ("", 1, "package clause"),
        ('package p\n\nfunc F() {}\n\nimport "fmt"\n', 5, "imports must come"),
        ("package p\n\nfunc F() int\n", 3, "without a body"),
        ("package p\n\nvar x = " + "(" * 400 + "1" + ")" * 400 + "\n", 1, "deep"),
    ],
)
def test_faults_are_named_with_their_line(source: str, line: int, words: str) -> None:
    fault = syntax_fault(parse(source))
    assert fault is not None
    assert fault.line == line
    assert words in fault.message


def test_a_good_file_has_no_fault() -> None:
    assert syntax_fault(parse(GROUPED)) is None
    assert package_name(parse(GROUPED)) == "kit"


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    file = parse(text)
    syntax_fault(file)
    names(text)
    used_qualifiers(file)


def test_edits_count_in_bytes() -> None:
    file = parse('package p\n\nvar s = "日本語"\n\nfunc F() {}\n')
    assert remove_declarations(file, {"F"}).endswith('"日本語"\n\n')


def test_an_edit_inside_a_larger_one_goes_with_it() -> None:
    assert apply_edits(parse("package pq"), [Edit(0, 7, "x"), Edit(2, 3, "y")]) == "x pq"


def test_edits_of_one_place_keep_their_order_and_one_given_twice_is_made_once() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    edits = [Edit(10, 10, f" {word}") for word in words]
    assert apply_edits(parse("package pq"), [*edits, edits[0]]) == " ".join(["package pq", *words])


def test_removing_a_function_takes_its_doc_comment() -> None:
    after = remove_declarations(parse(GROUPED), {"Stack.Push"})
    assert "Push" not in after
    assert "func New()" in after


def test_removing_from_a_const_group_keeps_the_values_of_iota() -> None:
    after = remove_declarations(parse(GROUPED), {"b"})
    assert "\tA = iota\n\t_\n\tC\n" in after


def test_removing_one_of_two_names_keeps_the_other() -> None:
    assert "var ErrEmpty, _ =" in remove_declarations(parse(GROUPED), {"errFull"})


def test_removing_a_whole_group_removes_its_brackets() -> None:
    assert "type (" not in remove_declarations(parse(GROUPED), {"Stack", "Pair"})


def test_imports_with_aliases() -> None:
    found = imports(parse('package p\nimport (\n\tm "math"\n\t. "os"\n\t"math/rand/v2"\n)\nimport "fmt"\n'))
    assert [(each.path, each.alias, each.name) for each in found] == [
        ("math", "m", "m"),
        ("os", ".", "."),
        ("math/rand/v2", "", "rand"),
        ("fmt", "", "fmt"),
    ]


def test_a_local_variable_hides_a_package() -> None:
    source = """package p
import ("strings"; "sort"; "bytes")
type box struct{ Len int }
func F(strings box) int { return strings.Len }
func G() { sort := box{}; _ = sort.Len }
func H() { { bytes := box{}; _ = bytes.Len }; _ = bytes.MinRead }
"""
    assert used_qualifiers(parse(source)) == {"bytes": frozenset({"MinRead"})}


def test_a_variable_does_not_hide_its_own_initialiser() -> None:
    source = "package p\nfunc F() { time := time.Now(); _ = time.Unix() }\n"
    assert used_qualifiers(parse(source)) == {"time": frozenset({"Now"})}


def test_types_use_packages_too() -> None:
    source = "package p\nvar x map[string]*big.Int\nfunc F(r io.Reader) {}\n"
    assert used_qualifiers(parse(source)) == {"big": frozenset({"Int"}), "io": frozenset({"Reader"})}


def test_unused_and_duplicate_imports_are_pruned() -> None:
    source = 'package p\n\nimport (\n\t"fmt"\n\t"os"\n\t"fmt"\n\t_ "embed"\n)\n\nfunc F() { fmt.Println() }\n'
    content, gone = prune_imports(parse(source))
    assert [each.path for each in gone] == ["os", "fmt"]
    assert [each.path for each in imports(parse(content))] == ["fmt", "embed"]


def test_an_import_declaration_that_loses_everything_goes() -> None:
    content, _ = prune_imports(parse('package p\n\nimport (\n\t"os"\n)\n\nfunc F() {}\n'))
    assert "import" not in content


def test_pruning_on_one_line() -> None:
    content, _ = prune_imports(parse('package p\nimport ("os"; "fmt")\nfunc F() { fmt.Println() }\n'))
    assert syntax_fault(parse(content)) is None
    assert [each.path for each in imports(parse(content))] == ["fmt"]


@pytest.mark.parametrize(
    "source",
    [
        "package p\n\nfunc F() {}\n",
        'package p\n\nimport "os"\n',
        'package p\n\nimport (\n\t"os"\n)\n',
        'package p\nimport ("os")\n',
    ],
)
def test_imports_are_added_wherever_there_is_room(source: str) -> None:
    content = add_imports(parse(source), {"fmt", "math"})
    assert syntax_fault(parse(content)) is None
    assert {"fmt", "math"} <= {each.path for each in imports(parse(content))}
    assert content.count("import ") == 1
    assert add_imports(parse(content), {"fmt", "math"}) == content
