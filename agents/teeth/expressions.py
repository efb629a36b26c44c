"""Mutation operators on expressions: each takes one node and yields changes (start, end, text). Pure.

They know no types: `a - b` for a concatenation does not compile, and is left out when that is found. The
set is the usual one (Offutt's five and their neighbours). The text of an error or a panic is left alone: it
is for people, and a test that holds it to the letter is no better for that. Read `statements.py` next.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from guildbus.agents.golang.syntax import text_of

ARITHMETIC: Final[Mapping[str, str]] = MappingProxyType(
    {
        "+": "-",
        "-": "+",
        "*": "/",
        "/": "*",
        "%": "*",
        "&": "|",
        "|": "&",
        "^": "&",
        "&^": "&",
        "<<": ">>",
        ">>": "<<",
    }
)
OPPOSITE: Final[Mapping[str, str]] = MappingProxyType(
    {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
)
BOUNDARY: Final[Mapping[str, str]] = MappingProxyType({"<": "<=", "<=": "<", ">": ">=", ">=": ">"})
LOGICAL: Final[Mapping[str, str]] = MappingProxyType({"&&": "||", "||": "&&"})

_MESSAGES = frozenset({"panic", "errors.New", "fmt.Errorf"})
_STRINGS = ("interpreted_string_literal", "raw_string_literal")


def _swapped(node: Node, table: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    operator = node.child_by_field_name("operator") if node.type == "binary_expression" else None
    if operator is not None and (other := table.get(text_of(operator))) is not None:
        yield operator.start_byte, operator.end_byte, other


def arithmetic(node: Node) -> Iterator[tuple[int, int, str]]:
    """`a + b` -> `a - b`, `x += 1` -> `x -= 1`, `n++` -> `n--`, `-x` -> `x`."""
    right = node.child_by_field_name("right")
    if right is None or not text_of(right).startswith("*"):  # `a**p` must not become the comment `a/*p`
        yield from _swapped(node, ARITHMETIC)
    if node.type == "assignment_statement":
        operator = node.child_by_field_name("operator")
        other = ARITHMETIC.get(text_of(operator).removesuffix("=")) if operator is not None else None
        if operator is not None and other is not None:
            yield operator.start_byte, operator.end_byte, f"{other}="
    elif node.type in ("inc_statement", "dec_statement"):
        mark = node.children[-1]
        yield mark.start_byte, mark.end_byte, "--" if text_of(mark) == "++" else "++"
    elif node.type == "unary_expression" and text_of(node.children[0]) in ("-", "^"):
        yield node.children[0].start_byte, node.children[0].end_byte, ""


def relational(node: Node) -> Iterator[tuple[int, int, str]]:
    """A comparison becomes its opposite: `a == b` -> `a != b`, `a < b` -> `a >= b`."""
    return _swapped(node, OPPOSITE)


def boundary(node: Node) -> Iterator[tuple[int, int, str]]:
    """`a < b` -> `a <= b`, and the three like it."""
    return _swapped(node, BOUNDARY)


def logical(node: Node) -> Iterator[tuple[int, int, str]]:
    """`a && b` -> `a || b`, `!a` -> `a`."""
    yield from _swapped(node, LOGICAL)
    if node.type == "unary_expression" and text_of(node.children[0]) == "!":
        yield node.children[0].start_byte, node.children[0].end_byte, ""


def condition(node: Node) -> Iterator[tuple[int, int, str]]:
    """`if c` -> `if !(c)`, `for c` too; comparisons and negations have operators of their own."""
    found = None
    if node.type in ("if_statement", "for_clause"):
        found = node.child_by_field_name("condition")
    elif node.type == "for_statement":
        first = node.named_children[0]
        found = first if first.type not in ("for_clause", "range_clause", "block") else None
    if found is None or list(relational(found)) or text_of(found).startswith("!"):
        return
    yield found.start_byte, found.end_byte, f"!({text_of(found)})"


def constant(node: Node) -> Iterator[tuple[int, int, str]]:
    """`n` -> `n+1` and, if positive, `n-1`; `'a'` and `1.5` plus 1; `true` -> `false`; a text emptied."""
    start, end, text = node.start_byte, node.end_byte, text_of(node)
    if node.type == "int_literal":
        number = _integer(text)
        yield start, end, f"({text} + 1)" if number is None else str(number + 1)
        if number is None or number > 0:
            yield start, end, f"({text} - 1)" if number is None else str(number - 1)
    elif node.type in ("float_literal", "rune_literal"):
        yield start, end, f"({text} + 1)"
    elif node.type in ("true", "false"):
        yield start, end, "false" if node.type == "true" else "true"
    elif node.type in _STRINGS and not _is_message(node):
        yield start, end, '"guildbus"' if text in ('""', "``") else '""'


def slice_bounds(node: Node) -> Iterator[tuple[int, int, str]]:
    """`s[a:b]` -> `s[:b]`, `s[a:]`, and with bounds that are no plain numbers, one further in each."""
    if node.type != "slice_expression":
        return
    low, high = node.child_by_field_name("start"), node.child_by_field_name("end")
    for bound, change in ((low, "+ 1"), (high, "- 1")):
        if bound is None:
            continue
        if node.child_by_field_name("capacity") is None or bound is low:
            yield bound.start_byte, bound.end_byte, ""
        if bound.type != "int_literal":
            yield bound.start_byte, bound.end_byte, f"({text_of(bound)}) {change}"


def _integer(text: str) -> int | None:
    """None for a form that Python reads in another way, such as an octal `017` or an imaginary."""
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        return None


def _is_message(node: Node) -> bool:
    arguments = node.parent
    if arguments is None or arguments.type != "argument_list" or arguments.parent is None:
        return False
    called = arguments.parent.child_by_field_name("function")
    return called is not None and text_of(called) in _MESSAGES


EXPRESSION_OPERATORS = (
    ("arithmetic", arithmetic),
    ("relational", relational),
    ("boundary", boundary),
    ("logical", logical),
    ("condition", condition),
    ("constant", constant),
    ("slice-bound", slice_bounds),
)
