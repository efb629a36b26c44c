"""Fixers of types: what only widens a number, and what can mean one thing only.

A conversion is added where every value survives it: never from float64 to int, never around a division
(`float64(a / b)` is not `float64(a) / float64(b)`, and nobody can tell which was meant).
Read `names.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import Complaint, Rewrite, replace
from guildbus.agents.golang.syntax import declarations, find, text_of

_WIDER = {
    "int8": ("int16", "int32", "rune", "int64", "int", "float32", "float64"),
    "int16": ("int32", "rune", "int64", "int", "float32", "float64"),
    "int32": ("rune", "int64", "int", "float64"),
    "rune": ("int32", "int64", "int", "float64", "string"),
    "int": ("int64", "float64"),
    "int64": ("float64",),
    "uint8": (
        "byte",
        "uint16",
        "uint32",
        "uint64",
        "uint",
        "int16",
        "int32",
        "rune",
        "int64",
        "int",
        "float64",
    ),
    "byte": (
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uint",
        "int16",
        "int32",
        "rune",
        "int64",
        "int",
        "float64",
    ),
    "uint16": ("uint32", "uint64", "uint", "int32", "rune", "int64", "int", "float32", "float64"),
    "uint32": ("uint64", "uint", "int64", "float64"),
    "uint": ("uint64", "float64"),
    "uint64": ("float64",),
    "float32": ("float64",),
}
"""What a number may become. int64 and float64 above 2^53 is the one loss that is taken: it is what Go
programs write, and a function that takes a float64 has no other way."""

_ATOMS = (
    "identifier",
    "selector_expression",
    "call_expression",
    "index_expression",
    "parenthesized_expression",
)
_LESSER = {"math.Max": "max", "math.Min": "min"}


def widened(complaint: Complaint) -> Rewrite | None:
    """`cannot use n (variable of type int) as float64 value`: `float64(n)`."""
    node = complaint.expression(complaint.word("expression"))
    given, wanted = complaint.word("given"), complaint.word("wanted")
    if node is None or wanted not in _WIDER.get(given, ()) or not _is_whole(node):
        return None
    return Rewrite(f"{text_of(node)} is of type {given}", (replace(node, f"{wanted}({text_of(node)})"),))


def matched(complaint: Complaint) -> Rewrite | None:
    """`n * f (mismatched types int and float64)`: the narrower side takes the wider one's type."""
    node = complaint.expression(complaint.word("expression")) or complaint.node("assignment_statement")
    if node is None or node.type not in ("binary_expression", "assignment_statement"):
        return None
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None or text_of(operator) in ("<<", ">>"):
        return None
    assigned = node.type == "assignment_statement"
    if assigned and (text_of(operator) == "=" or right.named_child_count != 1):
        return None
    right = right.named_children[0] if assigned else right
    first, second = complaint.word("given"), complaint.word("wanted")
    if second in _WIDER.get(first, ()) and not assigned and second != "string":
        narrow, wide = left, second
    elif first in _WIDER.get(second, ()) and first != "string":
        narrow, wide = right, first
    else:
        return None
    if not _is_whole(narrow):
        return None
    return Rewrite(
        f"{text_of(narrow)} is the narrower of {first} and {second}",
        (replace(narrow, f"{wide}({text_of(narrow)})"),),
    )


def integer_bound(complaint: Complaint) -> Rewrite | None:
    """`math.Max(float64(a), float64(b))` used as an int is `max(a, b)`, which is exact, too.

    The compiler is the judge of whether a and b are ints: if they are not, the result does not build.
    """
    node = complaint.expression(complaint.word("expression"))
    named = {b.name for b in complaint.scopes.bindings} | {d.name for d in declarations(complaint.file)}
    if node is None or complaint.word("wanted") not in ("int", "int64") or named & {"max", "min"}:
        return None
    text = _bound(node)
    return Rewrite(f"a bound of {complaint.word('wanted')}s", (replace(node, text),)) if text else None


def _bound(node: Node) -> str:
    """`max(...)` for `math.Max(...)`, nested ones too; '' for anything else."""
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or function is None or arguments is None:
        return ""
    name = _LESSER.get(text_of(function))
    if name is None or arguments.named_child_count != 2:
        return ""
    return f"{name}({', '.join(_unconverted(one) for one in arguments.named_children)})"


def _unconverted(node: Node) -> str:
    inner = _bound(node)
    if inner:
        return inner
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    converts = function is not None and text_of(function) == "float64"
    if converts and arguments is not None and arguments.named_child_count == 1:
        return text_of(arguments.named_children[0])
    return text_of(node)


def rune_literal(complaint: Complaint) -> Rewrite | None:
    """`c == "a"` for a rune or byte: the string holds one character, which is meant. Not in tests."""
    node = complaint.expression(complaint.word("expression"))
    if node is None or node.type != "binary_expression" or complaint.around.is_test:
        return None
    kind = (
        complaint.word("given") if complaint.word("given") != "untyped string" else complaint.word("wanted")
    )
    sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    literal = next((s for s in sides if s is not None and s.type == "interpreted_string_literal"), None)
    if literal is None:
        return None
    inner = text_of(literal)[1:-1]
    escaped = len(inner) == 2 and inner[0] == "\\" and inner[1] in 'abfnrtv\\"'
    if (len(inner) != 1 and not escaped) or (kind == "byte" and not inner.isascii()):
        return None
    quoted = {'\\"': '"', "'": "\\'"}.get(inner, inner)
    return Rewrite(f"a {kind} is compared", (replace(literal, f"'{quoted}'"),))


def _is_whole(node: Node) -> bool:
    """Whether an expression can be converted as it stands: one thing, with no division at its top."""
    if node.type not in _ATOMS:
        return False
    if node.type != "parenthesized_expression":
        return True
    return not any(text_of(o) in ("/", "%", "<<", ">>") for o in _operators(node))


def _operators(node: Node) -> list[Node]:
    found = (n.child_by_field_name("operator") for n in find(node, "binary_expression"))
    return [operator for operator in found if operator is not None]
