"""One mapping from Go's names to Python's, and a skeleton that is Python."""

import ast
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.pynames import function_name, preamble, python_result, skeleton, snake
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.spec import Signature


def api(*texts: str) -> Api:
    return read_api([Signature(name="x", text=text) for text in texts])


@pytest.mark.parametrize(
    ("go", "python"),
    [
        ("ToRoman", "to_roman"),
        ("GCD", "gcd"),
        ("HTTPCode", "http_code"),
        ("IsPalindrome", "is_palindrome"),
        ("Push", "push"),
        ("ParseURL", "parse_url"),
        ("IDs", "ids"),
        ("Base64", "base64"),
        ("a", "a"),
        ("maxLen", "max_len"),
        ("LRUCache", "lru_cache"),
        ("From", "from_"),
        ("Lambda", "lambda_"),
    ],
)
def test_names(go: str, python: str) -> None:
    assert snake(go) == python


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,12}", fullmatch=True))
def test_every_name_is_one_in_python(name: str) -> None:
    text = snake(name)
    assert text.isidentifier()
    assert not keyword.iskeyword(text)
    assert text == text.lower()
    assert text.replace("_", "") == name.lower()


SPEC = api(
    "type Interval struct { Start, End int }",
    "type Stack struct { items []int }",
    "func NewStack(capacity int, now func() time.Time) *Stack",
    "func (s *Stack) Push(value int) error",
    "func (s *Stack) Pop() (int, bool)",
    "func (i Interval) Len() int",
    "func Merge(in []Interval, byName map[string]float64) ([]Interval, error)",
    "func Join(sep string, parts ...string) string",
    "func Pad(s string, r rune, n uint8) []byte",
    "func Wait(d time.Duration)",
    "func Read(r io.Reader) int",
    'var ErrFull = errors.New("full")',
)


def test_the_skeleton_is_python_and_holds_all_that_can_be_called() -> None:
    tree = ast.parse(skeleton(SPEC))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert classes.keys() == {"ErrFull", "Interval", "Stack"}
    assert functions.keys() == {"interval_len", "merge", "join", "pad", "wait"}
    methods = {node.name: node for node in classes["Stack"].body if isinstance(node, ast.FunctionDef)}
    assert methods.keys() == {"__init__", "push", "pop"}
    assert [arg.arg for arg in methods["__init__"].args.args] == ["self", "capacity", "now"]
    fields = [node.target.id for node in classes["Interval"].body if isinstance(node, ast.AnnAssign)]  # type: ignore[union-attr]
    assert fields == ["start", "end"]
    variadic = functions["join"].args.vararg
    assert variadic is not None
    assert (variadic.arg, ast.unparse(variadic.annotation or ast.Constant(""))) == ("parts", "str")


def test_the_annotations_say_the_types() -> None:
    text = skeleton(SPEC)
    assert "def merge(in_: list[Interval], by_name: dict[str, float]) -> list[Interval]" in text
    assert "def pop(self) -> tuple[int, bool]" in text
    assert "def push(self, value: int) -> None" in text
    assert "def wait(d: float) -> None" in text
    assert "r is a str of one character" in text
    assert "d in seconds" in text
    assert text.count("raises an exception where Go returns an error") == 2


def test_results_without_their_error() -> None:
    by_name = {c.full_name: python_result(c) for c in SPEC.callables}
    assert by_name["Merge"] == "list[Interval]"
    assert by_name["Stack.Push"] == by_name["Wait"] == "None"
    assert by_name["Stack.Pop"] == "tuple[int, bool]"


def test_a_method_on_a_plain_value_is_a_function_of_it() -> None:
    [length] = SPEC.methods("Interval")
    assert function_name(length) == "interval_len"


def test_the_preamble_holds_declarations_alone_and_runs() -> None:
    text = preamble(SPEC)
    assert "def " not in text
    names: dict[str, object] = {}
    exec(f"from dataclasses import dataclass\n{text}", names)
    assert issubclass(names["ErrFull"], Exception)  # type: ignore[arg-type]
    assert names["Interval"](1, 2) == names["Interval"](start=1, end=2)  # type: ignore[operator]
