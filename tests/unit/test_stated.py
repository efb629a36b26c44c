"""Signatures, values and names out of prose: what is certain is taken, the rest is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.stated import arity, parameter_types, parse_signature, signatures_in
from guildbus.agents.stated_names import (
    asked_tests,
    go_version,
    package_from_path,
    package_of,
    package_of_all,
)
from guildbus.agents.stated_values import examples_in, fits, parse_example
from guildbus.protocols.spec import Example, Signature


def texts(prose: str, tests: str = "") -> list[str]:
    return [signature.text for signature in signatures_in(prose, tests).signatures]


@pytest.mark.parametrize(
    ("prose", "text"),
    [
        ("GCD(a, b int) int returns the divisor.", "func GCD(a, b int) int"),
        ("It has `Clamp(x, lo, hi int) int`, which limits.", "func Clamp(x, lo, hi int) int"),
        ("Reverse(s string) string by rune", "func Reverse(s string) string"),
        ("Eval(expr string) (int, error). Precedence is usual.", "func Eval(expr string) (int, error)"),
        ("(see Parse(s string) error)", "func Parse(s string) error"),
        ("Count(words []string) map[string]int counts.", "func Count(words []string) map[string]int"),
        ("Max[T cmp.Ordered](xs ...T) T finds it", "func Max[T cmp.Ordered](xs ...T) T"),
        ("Map[T, U any](xs []T, f func(T) U) []U applies f", "func Map[T, U any](xs []T, f func(T) U) []U"),
        ("Tick(d time.Duration) <-chan time.Time, for ever", "func Tick(d time.Duration) <-chan time.Time"),
        ("Wrap(next http.Handler) func(http.Handler) http.Handler", None),
        ("func Shuffle(xs []int) shuffles in place", "func Shuffle(xs []int)"),
        ("Sum(xs []int) int (the total)", "func Sum(xs []int) int"),
        ("Split(s string)\n      (string, string) at the dot", "func Split(s string) (string, string)"),
    ],
)
def test_a_stated_function(prose: str, text: str | None) -> None:
    expected = text or "func Wrap(next http.Handler) func(http.Handler) http.Handler"
    assert texts(prose) == [expected]
    assert signatures_in(prose).complete


@pytest.mark.parametrize(
    "prose",
    [
        "It calls GCD(a, b) twice.",
        "Reverse(s) gives s reversed.",
        'Transcribe Reverse("abc") == "cba".',
        "It uses strings.Map(f func(rune) rune, s string) string of the library.",
        "writeJSON(w http.ResponseWriter, status int) int is not exported.",
        "Close() closes it.",
        "Reverse(s string) returns the reversed string.",
        "Reverse(s string) Returns the reversed string.",
        "Load(s string) (the value) or nothing.",
        "Load(s string) (an error) if it fails.",
        "Save(x int, ) saves (x",
        "Set(i int) sets bit i.",
        "New[int]() makes one.",
        "Mean(a int, b) int is sloppy.",
        "Contains(v T) bool is of another type parameter.",
    ],
)
def test_what_is_not_certainly_a_function(prose: str) -> None:
    assert texts(prose) == []
    assert not signatures_in(prose).complete


def test_methods_whose_receiver_is_not_said_are_left_out() -> None:
    prose = "A Stack of ints. New(n int) *Stack makes one. Push(v int) bool pushes. Len() int counts."
    assert texts(prose) == ["func New(n int) *Stack"]
    assert not signatures_in(prose).complete
    assert texts("Methods: Len() int and Cap() int.") == []
    assert texts("Has(v int) bool looks.", "b.Has(1) is true") == []
    assert texts("Has(v int) bool looks.", "Has(1) is true") == ["func Has(v int) bool"]


def test_the_package_is_no_receiver() -> None:
    stated = signatures_in("Has(v int) bool looks.", "bits.Has(1) is true", package="bits")
    assert [signature.name for signature in stated.signatures] == ["Has"]


def test_gos_own_form_leaves_nothing_open() -> None:
    prose = (
        "type Stack struct { items []int } holds them. func New() *Stack makes one. "
        "func (s *Stack) Push(v int) pushes. func (s *Stack) Pop() (int, bool) takes one off. type Mode int."
    )
    stated = signatures_in(prose)
    assert {signature.name: signature.text for signature in stated.signatures} == {
        "Stack": "type Stack struct { items []int }",
        "Mode": "type Mode int",
        "New": "func New() *Stack",
        "Stack.Push": "func (s *Stack) Push(v int)",
        "Stack.Pop": "func (s *Stack) Pop() (int, bool)",
    }
    assert stated.complete


def test_an_api_is_complete_only_if_all_that_is_called_is_stated() -> None:
    prose = "GCD(a, b int) int divides."
    assert signatures_in(prose, "TestGCD: GCD(1, 2) is 1").complete
    assert not signatures_in(prose, "TestLCM: LCM(1, 2) is 2").complete
    assert not signatures_in("First(xs []Row) Row is of a Row struct.").complete


def test_two_forms_of_one_function_cancel_each_other() -> None:
    stated = signatures_in("Half(n int) int, or else Half(n float64) float64; Twice(n int) int.")
    assert [signature.name for signature in stated.signatures] == ["Twice"]
    assert not stated.complete


@pytest.mark.parametrize(
    ("entry", "name", "text"),
    [
        ("GCD(a, b int) int", "GCD", "func GCD(a, b int) int"),
        (" func  GCD(a, b int)   int ", "GCD", "func GCD(a, b int) int"),
        ("func (s *Stack[T]) Push(v T)", "Stack.Push", "func (s *Stack[T]) Push(v T)"),
        ("func (Stack) Len() int", "Stack.Len", "func (Stack) Len() int"),
        ("type Stack struct{ n int }", "Stack", "type Stack struct{ n int }"),
        ("type Set[T comparable] map[T]struct{}", "Set", "type Set[T comparable] map[T]struct{}"),
        ("var ErrEmpty error", "ErrEmpty", "var ErrEmpty error"),
        ("const Max = 3", "Max", "const Max = 3"),
    ],
)
def test_an_entry_of_the_api(entry: str, name: str, text: str) -> None:
    assert parse_signature(entry) == Signature(name=name, text=text)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "GCD",
        "GCD of a and b",
        "gcd(a int) int",
        "func (s *Stack) push()",
        "func F() {}",
        "func F() { return }",
        "func F(); func G()",
        "type T",
        'import "os"',
        "x := 1",
        "func F(\n",
        "package p",
        "var A, B int\nvar C int",
    ],
)
def test_what_is_no_entry_of_the_api(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has a body"):
        parse_signature(entry)


def test_the_shape_of_a_function() -> None:
    assert arity(parse_signature("F(a, b int, rest ...string) (int, error)")) == (3, True, 2)
    assert arity(parse_signature("F()")) == (0, False, 0)
    assert arity(parse_signature("F(int, string) bool")) == (2, False, 1)
    assert arity(parse_signature("func (s S) F() int")) is None
    assert parameter_types(parse_signature("F(a, b int, c []string) (ok bool)")) == (
        "int",
        "int",
        "[]string",
        "bool",
    )


API = (
    parse_signature("GCD(a, b int) int"),
    parse_signature("Reverse(s string) string"),
    parse_signature("IsPalindrome(s string) bool"),
    parse_signature("Sum(xs []int) int"),
    parse_signature("Add(xs ...float64) float64"),
    parse_signature("Parse(s string) (int, error)"),
    parse_signature("Check(s string) error"),
)


def values(prose: str) -> list[tuple[str, str]]:
    return [(example.call, example.want) for example in examples_in(prose, API)]


@pytest.mark.parametrize(
    ("prose", "call", "want"),
    [
        ("a common factor (GCD(12,18)=6)", "GCD(12, 18)", "6"),
        ("GCD( -12 , 18 ) == 6;", "GCD(-12, 18)", "6"),
        ("GCD(0,0) is 0.", "GCD(0, 0)", "0"),
        ("GCD(0,5) = 5. And more.", "GCD(0, 5)", "5"),
        ("GCD(0x10, 4) = 0x4", "GCD(0x10, 4)", "0x4"),
        ("`GCD(1 << 3, 4) = 4`", "GCD(1 << 3, 4)", "4"),
        ('Reverse("a, (b") == "b( ,a"', 'Reverse("a, (b")', '"b( ,a"'),
        ('Reverse("say \\"hi\\"") = "\\"ih\\" yas"', 'Reverse("say \\"hi\\"")', '"\\"ih\\" yas"'),
        ('Reverse("こんにちは") == "はちにんこ"', 'Reverse("こんにちは")', '"はちにんこ"'),
        ("GCD(12, 18) => 6", "GCD(12, 18)", "6"),
        ('Reverse("ab") ==> "ba"', 'Reverse("ab")', '"ba"'),
        ("* GCD(9, 3) -> 3", "GCD(9, 3)", "3"),
        ("GCD(9, 3) ➞ 3", "GCD(9, 3)", "3"),
        (">>> GCD(4, 6)\n2\n", "GCD(4, 6)", "2"),
        ("Reverse(`ab`) = `ba`", "Reverse(`ab`)", "`ba`"),
        ('IsPalindrome("") == true, always', 'IsPalindrome("")', "true"),
        ('IsPalindrome("ab") is false', 'IsPalindrome("ab")', "false"),
        ("Sum([]int{1, 2, 3}) = 6", "Sum([]int{1, 2, 3})", "6"),
        ("Sum(nil) = 0", "Sum(nil)", "0"),
        ("Add(0.5, 1) = 1.5", "Add(0.5, 1)", "1.5"),
        ("Add() = 0", "Add()", "0"),
        ('Check("x") = nil', 'Check("x")', "nil"),
    ],
)
def test_a_stated_value(prose: str, call: str, want: str) -> None:
    assert values(prose) == [(call, want)]


@pytest.mark.parametrize(
    "prose",
    [
        "GCD(a, b) = GCD(b, a)",
        "GCD(12, 18) = GCD(18, 12)",
        "GCD(12, 18) = 6 * 1",
        "GCD(12, 18) = 6x",
        "GCD(12, 18) != 5 and GCD(12, 18) >= 6",
        "GCD(0, 5) is 5 times as large.",
        "GCD(0, 5) is not 4.",
        "GCD(12, n) = 6",
        "GCD(12) = 12",
        "GCD(1, 2, 3) = 1",
        'GCD("a", 2) = 1',
        "GCD(1.5, 2) = 1",
        'GCD(4, 2) = "2"',
        "never GCD(0, 5) = 0",
        "a wrong one says GCD(0, -5) = -5",
        "it must not give GCD(0, 5) == 0",
        "(rather than GCD(0, 5)=0)",
        'Parse("1") = 1',
        "LCM(2, 3) = 6",
        "m.GCD(2, 3) = 1",
        "MyGCD(2, 3) = 1",
        'Reverse("ab") = ba',
        'Reverse("ab) = "ba"',
        "Reverse(“ab”) = “ba”",
        'IsPalindrome("aa") = truest',
        "Sum([]int{f()}) = 1",
        "GCD(12, 18) = 6 but elsewhere GCD(12,18)=5",
        f"GCD({'(' * 44}1{')' * 44}, 2) = 1",
    ],
)
def test_what_is_not_certainly_a_value(prose: str) -> None:
    assert values(prose) == []


def test_the_clause_ends_what_a_denial_covers() -> None:
    assert values("It does not swap. GCD(2, 4) = 2") == [("GCD(2, 4)", "2")]
    assert values("not swapped: GCD(2, 4) = 2") == [("GCD(2, 4)", "2")]


def test_a_value_that_is_said_twice_is_one() -> None:
    assert values("GCD(2,4)=2, GCD(2, 4) == 2 and GCD(4,2)=2") == [("GCD(2, 4)", "2"), ("GCD(4, 2)", "2")]


def test_an_entry_of_the_examples() -> None:
    assert parse_example("GCD(12,18) = 6", folder="a") == Example(
        function="GCD", call="GCD(12, 18)", want="6", folder="a"
    )
    assert parse_example("Bits(1 << 3) == []byte{8}").want == "[]byte{8}"
    for entry in (
        "",
        "GCD",
        "GCD(1)",
        "GCD(1) = ",
        "gcd(1) = 1",
        "GCD(x) = 1",
        "GCD(1) = x",
        "GCD(1) = 1; 2",
        "s.F(1) = 1",
    ):
        with pytest.raises(ValueError, match=r"form|literals"):
            parse_example(entry)


def test_an_example_fits_its_signature() -> None:
    gcd, parse = API[0], API[5]
    assert fits(parse_example("GCD(1, 2) = 1"), gcd) == ""
    assert fits(parse_example("GCD('a', 2) = 1"), gcd) == ""
    assert "takes 2 arguments" in fits(parse_example("GCD(1) = 1"), gcd)
    assert "is no int" in fits(parse_example("GCD(1, 2) = true"), gcd)
    assert "2 results" in fits(parse_example('Parse("1") = 1'), parse)


@given(st.text(max_size=80))
def test_any_prose_can_be_read(prose: str) -> None:
    stated = signatures_in(prose + " F(a int) int " + prose, prose)
    assert all(signature.name[0].isupper() for signature in stated.signatures)
    assert all(example.call for example in examples_in(f"GCD({prose}) = 1 " + prose, API))


def test_one_prompt_after_the_other_is_read() -> None:
    told = ">>> GCD(4, 6)\n2\n>>> GCD(0, 7)\n7\nThat is all."
    assert values(told) == [("GCD(4, 6)", "2"), ("GCD(0, 7)", "7")]


def test_a_value_stands_alone_only_after_a_prompt() -> None:
    assert values("GCD(4, 6) 2") == []
    assert values("call GCD(4, 6) -> GCD(2, 2)") == []


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1))
def test_every_stated_integer_is_read_exactly(a: int, b: int, want: int) -> None:
    assert values(f"the case (GCD({a},{b})={want}) counts") == [(f"GCD({a}, {b})", str(want))]


@pytest.mark.parametrize(
    ("purpose", "package"),
    [
        ("package numkit. GCD ...", "numkit"),
        ("package main — composition root", "main"),
        ("`package set` with a type", "set"),
        ("Package bits provides things.", "bits"),
        ("package kit_test. Black box.", "kit_test"),
        ("The file says 'package lru' first.", "lru"),
        ("A file of this package for others.", ""),
        ("package level helpers", ""),
        ("package type is a keyword", ""),
        ("Implements the package.", ""),
    ],
)
def test_the_package_of_a_file(purpose: str, package: str) -> None:
    assert package_of(purpose) == package


def test_the_package_without_a_word_about_it() -> None:
    assert package_of_all("Small. All files use package numkit. No more.") == "numkit"
    assert package_of_all("Small. Two packages.") == ""
    assert package_from_path("internal/store", "example.com/x") == "store"
    assert package_from_path("", "example.com/go-kit/v2") == "gokit"
    assert package_from_path("", "gopkg.in/yaml.v3") == "yaml"
    assert package_from_path("3d", "example.com/x") == "p3d"
    assert package_from_path("type", "example.com/x") == "typepkg"


def test_the_names_of_tests() -> None:
    asked = asked_tests(
        {
            "a_test.go": "TestGet: reads. TestPut — writes. Not like httptest.TestServer or TestMain.",
            "b_test.go": "TestDelete here, TestGet there. Do not write TestEmpty. TestXxx is no name.",
        }
    )
    assert asked == {"a_test.go": ("TestGet", "TestPut"), "b_test.go": ("TestDelete",)}


def test_a_test_belongs_to_the_file_that_defines_it() -> None:
    asked = asked_tests({"a_test.go": "Unlike TestPut below: TestGet: x.", "b_test.go": "TestPut: y."})
    assert asked == {"a_test.go": ("TestGet",), "b_test.go": ("TestPut",)}


def test_the_go_version() -> None:
    assert go_version("Module path x, go 1.22. No dependencies.") == "1.22"
    assert go_version("nothing", "needs Go 1.24.1") == "1.24.1"
    assert go_version("let it go 12 times") == "1.23"
