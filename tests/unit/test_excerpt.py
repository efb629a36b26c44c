"""A translator is shown one function of a reference, and what that uses."""

from guildbus.agents.oracle.excerpt import excerpt
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.spec import Signature

API = read_api(
    (
        Signature(name="ToRoman", text="func ToRoman(n int) (string, error)"),
        Signature(name="FromRoman", text="func FromRoman(s string) (int, error)"),
        Signature(name="New", text="func New(capacity int) *Stack"),
        Signature(name="Stack.Push", text="func (s *Stack) Push(v int) bool"),
    )
)
PROGRAM = """import functools

VALUES = {"I": 1}

# The numeral of n.
def to_roman(n: int) -> str:
    # the largest first
    return "I" * n


@functools.cache
def helper(s):
    return VALUES[s]


# The number of s.
def from_roman(s: str) -> int:
    return sum(helper(c) for c in s)


class Stack:
    def __init__(self, capacity):
        self.items = []
"""


def test_a_function_comes_with_its_inner_comments_and_without_the_others() -> None:
    found = excerpt(PROGRAM, "ToRoman", API)
    assert found == 'def to_roman(n: int) -> str:\n    # the largest first\n    return "I" * n\n'


def test_what_it_uses_comes_along_in_the_programs_order() -> None:
    found = excerpt(PROGRAM, "FromRoman", API)
    places = [found.index(text) for text in ("VALUES =", "@functools.cache", "def helper", "def from_roman")]
    assert places == sorted(places)
    assert "to_roman" not in found


def test_a_type_is_its_class() -> None:
    assert excerpt(PROGRAM, "Stack", API).startswith("class Stack:")


def test_what_is_not_found_or_no_python_is_shown_whole() -> None:
    assert excerpt("def other():\n    pass\n", "ToRoman", API) == "def other():\n    pass\n"
    assert excerpt("def to_roman(", "ToRoman", API) == "def to_roman("
