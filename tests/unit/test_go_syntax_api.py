"""Signatures compared, the exported face of a file, emptied functions."""

import pytest

from guildbus.agents.golang.api import exported_api
from guildbus.agents.golang.signatures import mismatch, parse_signature
from guildbus.agents.golang.stubs import stub_function, stubbable
from guildbus.agents.golang.syntax import parse, syntax_fault


def complaint(stated: str, declared: str) -> str:
    signature = parse_signature(stated)
    assert signature is not None
    return mismatch(signature, parse(f"package p\n\n{declared}\n"))


@pytest.mark.parametrize(
    ("stated", "declared"),
    [
        ("func GCD(a, b int) int", "func GCD(x int, y int) int { return 0 }"),
        ("func GCD(int, int) int", "func GCD(a, b int) (gcd int) { return }"),
        ("func F(xs ...string) (int, error)", "func F(s ...string) (n int, err error) { return }"),
        (
            "func M[T, U any](xs []T, f func(T) U) []U",
            "func M[A any, B any](l []A, g func(x A) B) []B { return nil }",
        ),
        ("func (s *Stack[T]) Push(v T)", "func (st *Stack[E]) Push(e E) {}"),
        ("func F(x interface{})", "func F(x any) {}"),
        ("type P struct { X, Y int }", "type P struct {\n\tY int\n\tX int\n\tz int\n}"),
        ("type I interface { Area() float64 }", "type I interface {\n\tArea() float64\n}"),
        ("type Stack struct{}", "type Stack struct { items []int }"),
        ("var ErrEmpty error", 'var ErrEmpty = errors.New("empty")'),
    ],
)
def test_the_same_shape_under_other_names(stated: str, declared: str) -> None:
    assert complaint(stated, declared) == ""


@pytest.mark.parametrize(
    ("stated", "declared"),
    [
        ("func GCD(a, b int) int", "func GCD(a, b int64) int { return 0 }"),
        ("func GCD(a, b int) int", "func GCD(a int) int { return 0 }"),
        ("func GCD(a, b int) int", "func GCD(a, b int) (int, error) { return 0, nil }"),
        ("func GCD(a, b int) int", "func gcd(a, b int) int { return 0 }"),
        ("func GCD(a, b int) int", "var GCD = func(a, b int) int { return 0 }"),
        ("func F(xs ...string)", "func F(xs []string) {}"),
        ("func (s *Stack) Push(v int)", "func (s Stack) Push(v int) {}"),
        ("func (s *Stack) Push(v int)", "func Push(v int) {}"),
        ("func M[T, U any](a T, b U)", "func M[T, U any](a U, b T) {}"),
        ("type P struct { X int }", "type P struct { X float64 }"),
        ("type P struct { X int }", "type P interface{}"),
    ],
)
def test_another_shape_is_named(stated: str, declared: str) -> None:
    assert stated in complaint(stated, declared)


def test_what_is_no_declaration_has_no_signature() -> None:
    assert parse_signature("GCD of two numbers") is None


FACE = """package kit

import "errors"

// ErrEmpty says so.
var (
	ErrEmpty = errors.New("empty")
	secret   = 42
)

const Max = 3

// Stack is one.
type Stack struct {
	Name  string
	items []int
}

type hidden struct{}

// Push adds v.
func (s *Stack) Push(v int) error {
	s.items = append(s.items, v)
	return nil
}

func (h hidden) Open() {}

func helper() int { return 7 }

// Less compares.
var Less = func(a, b int) bool { return a < b }

type Shape interface {
	Area() float64
}

// New makes one.
func New() *Stack { return &Stack{items: nil} }
"""


def test_the_face_has_signatures_and_no_body() -> None:
    face = exported_api(FACE)
    for shown in (
        "ErrEmpty = errors.New",
        "const Max = 3",
        "Name  string",
        "func (s *Stack) Push(v int) error",
        "Area() float64",
        "// New makes one.",
        "func New() *Stack",
        "Less = func(a, b int) bool",
    ):
        assert shown in face
    for unseen in ("append", "return", "secret", "items", "helper", "hidden", "Open", "a < b", "import"):
        assert unseen not in face


def test_the_face_shows_an_unexported_type_that_an_exported_function_gives() -> None:
    face = exported_api(
        "package p\ntype box struct{ n int }\n"
        "func (b box) Len() int { return b.n }\nfunc New() box { return box{} }\n"
    )
    assert "type box struct" in face
    assert "func (b box) Len() int" in face


@pytest.mark.parametrize(
    ("function", "name", "start"),
    [
        (
            "func F(a int) int {\n\treturn a\n}",
            "F",
            "{ var guildbusZero0 int; return guildbusZero0;\n\treturn a",
        ),
        ("func F() (n int, err error) { return 1, nil }", "F", "{ return; return 1, nil }"),
        ("func F() {}", "F", "{ return;}"),
        ("func (s *S) G() (int, error) { return 1, nil }", "S.G", "return guildbusZero0, guildbusZero1;"),
    ],
)
def test_an_emptied_function_returns_zero_at_once(function: str, name: str, start: str) -> None:
    stubbed = stub_function(f"package p\n\n{function}\n", name)
    assert start in stubbed
    assert syntax_fault(parse(stubbed)) is None


def test_emptying_what_is_not_there() -> None:
    with pytest.raises(KeyError):
        stub_function("package p\n", "F")


def test_only_exported_functions_with_results_can_be_missed() -> None:
    assert stubbable(FACE) == ("Stack.Push", "New")
