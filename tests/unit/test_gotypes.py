"""Stated signatures as types that examination can use, and what it can't, with the reason."""

import pytest

from guildbus.agents.oracle.gotypes import Api, GoType, makes
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.spec import Signature


def api(*texts: str) -> Api:
    return read_api([Signature(name="x", text=text) for text in texts])


def parameter(stated: str, *more: str) -> GoType:
    [callable_] = [c for c in api(f"func F(v {stated}) int", *more).callables if c.name == "F"]
    return callable_.parameters[0].type


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ("bool", "bool"),
        ("int", "int"),
        ("uint16", "int"),
        ("float32", "float"),
        ("string", "string"),
        ("rune", "rune"),
        ("byte", "byte"),
        ("uint8", "byte"),
        ("error", "error"),
        ("any", "any"),
        ("interface{}", "any"),
        ("[]int", "list"),
        ("[]byte", "bytes"),
        ("[4]int", "array"),
        ("map[string]int", "map"),
        ("time.Time", "time"),
        ("time.Duration", "duration"),
        ("func() time.Time", "clock"),
        ("Unknown", "object"),
    ],
)
def test_every_kind_is_told(stated: str, kind: str) -> None:
    of = parameter(stated)
    assert (of.kind, of.obstacle) == (kind, "")
    assert of.text == ("any" if stated == "interface{}" else stated)


@pytest.mark.parametrize(
    ("stated", "least", "most"),
    [("int", -(2**63), 2**63 - 1), ("int8", -128, 127), ("uint32", 0, 2**32 - 1), ("uint64", 0, 2**64 - 1)],
)
def test_an_integer_knows_its_range(stated: str, least: int, most: int) -> None:
    assert (parameter(stated).least, parameter(stated).most) == (least, most)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("chan int", "cannot be made from data"),
        ("func(int) bool", "cannot be made from data"),
        ("complex128", "is not stated"),
        ("io.Reader", "is not a type of this package"),
        ("*int", "is a pointer to no struct"),
        ("[n]int", "has a length that is no number"),
        ("[]chan int", "chan int cannot be made from data"),
        ("map[string]io.Reader", "io.Reader is not a type"),
        ("struct{ n int }", "has unexported fields"),
    ],
)
def test_what_no_value_can_be_made_for_says_why(stated: str, why: str) -> None:
    assert why in parameter(stated).obstacle
    [callable_] = api(f"func F(v {stated}) int").callables
    assert callable_.obstacle.startswith("F: ")
    assert why in callable_.obstacle


def test_parts_are_types_themselves() -> None:
    of = parameter("map[string][]Interval", "type Interval struct { Start, End int }")
    assert of.key is not None
    assert of.elem is not None
    assert of.elem.elem is not None
    assert (of.key.kind, of.elem.kind, of.elem.elem.kind) == ("string", "list", "struct")
    assert [(name, part.kind) for name, part in of.elem.elem.fields] == [("Start", "int"), ("End", "int")]
    assert of.elem.elem.text == "Interval"


def test_a_named_type_is_its_underlying_one_under_its_name() -> None:
    of = parameter("Celsius", "type Celsius float64")
    assert (of.kind, of.text) == ("float", "Celsius")
    digits = parameter("Digits", "type Digits [3]int")
    assert (digits.kind, digits.length, digits.text) == ("array", 3, "Digits")


@pytest.mark.parametrize(
    "declaration",
    [
        "type Stack struct { items []int }",
        "type Stack struct { Items []int; mu sync.Mutex }",
        "type Stack struct { Base }",
        "type Stack struct {}",
        "type Stack struct { // has unexported fields\n}",
    ],
)
def test_a_struct_with_hidden_state_is_an_object(declaration: str) -> None:
    assert parameter("Stack", declaration).kind == "object"
    assert api("func F(s Stack) int", declaration).callables[0].obstacle == "F takes a Stack"


def test_an_exported_struct_with_methods_on_its_pointer_is_an_object() -> None:
    found = api("type Counter struct { N int }", "func (c *Counter) Add(n int) int")
    assert found.types["Counter"].kind == "object"
    found = api("type Point struct { X, Y int }", "func (p Point) Norm() int")
    assert found.types["Point"].kind == "struct"


def test_a_pointer_to_a_plain_struct_may_be_nil() -> None:
    of = parameter("*Node", "type Node struct { Value int }")
    assert of.elem is not None
    assert (of.kind, of.elem.kind) == ("pointer", "struct")


def test_a_type_that_holds_itself_is_not_read_for_ever() -> None:
    assert "refers to itself" in parameter("*Tree", "type Tree struct { Left *Tree; N int }").obstacle


def test_constructors_methods_and_functions_are_told_apart() -> None:
    found = api(
        "func NewStack(capacity int) *Stack",
        "func (s *Stack) Push(v int) error",
        "func (s *Stack) Pop() (int, bool)",
        "func Max(a, b int) int",
        'var ErrFull = errors.New("full")',
        "var Other = 3",
        "not Go at all",
    )
    assert [c.name for c in found.constructors("Stack")] == ["NewStack"]
    assert [c.full_name for c in found.methods("Stack")] == ["Stack.Push", "Stack.Pop"]
    assert [c.name for c in found.functions] == ["Max"]
    assert found.sentinels == ("ErrFull",)
    push, pop = found.methods("Stack")
    assert (push.fails, pop.fails) == (True, False)
    assert [of.kind for of in pop.results] == ["int", "bool"]
    assert [makes(c) for c in found.callables] == ["Stack", "", "", ""]


def test_a_constructor_may_fail() -> None:
    found = api("func Open(n int) (*Store, error)", "func (s *Store) Get() int")
    assert [c.name for c in found.constructors("Store")] == ["Open"]


def test_type_parameters_stand_for_int() -> None:
    found = api("func Map[K comparable, V any](m map[K]V) []K").callables[0]
    of = found.parameters[0].type
    assert of.key is not None
    assert (of.kind, of.key.text, found.type_arguments) == ("map", "int", ("int", "int"))
    assert found.results[0].elem is not None
    assert found.results[0].elem.kind == "int"
    stack = api(
        "type Stack[T any] struct { items []T }",
        "func (s *Stack[T]) Push(v T)",
        "func New[T any]() *Stack[T]",
    )
    assert [c.name for c in stack.constructors("Stack")] == ["New"]
    assert stack.methods("Stack")[0].parameters[0].type.kind == "int"


def test_a_variadic_parameter_is_a_list_of_what_it_repeats() -> None:
    [first, rest] = api("func Join(sep string, parts ...string) string").callables[0].parameters
    assert rest.type.elem is not None
    assert (first.variadic, rest.variadic, rest.type.kind, rest.type.elem.kind) == (
        False,
        True,
        "list",
        "string",
    )


def test_parameters_without_names_get_some() -> None:
    names = [p.name for p in api("func F(int, string) int").callables[0].parameters]
    assert len(set(names)) == 2
    assert all(names)


def test_named_results_count_one_by_one() -> None:
    assert [of.kind for of in api("func F(s string) (lo, hi int, err error)").callables[0].results] == [
        "int",
        "int",
        "error",
    ]
