"""Mutation operators on statements: each takes one node and yields changes (start, end, text). Pure.

A value that is returned becomes the zero value of the type that its function states. Read `schema.py` next.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.syntax import text_of

_NUMBERS = frozenset(
    [
        *("int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64"),
        *("uintptr", "byte", "rune", "float32", "float64", "complex64", "complex128"),
    ]
)
_NIL = ("pointer_type", "slice_type", "map_type", "channel_type", "function_type", "interface_type")
_FUNCTIONS = ("function_declaration", "method_declaration", "func_literal")
_DELETABLE = (
    "assignment_statement",
    "inc_statement",
    "dec_statement",
    "expression_statement",
    "send_statement",
    "defer_statement",
    "go_statement",
)


def return_zero(node: Node) -> Iterator[tuple[int, int, str]]:
    """`return x, err` -> `return 0, err` and `return x, nil`; all at once where one call gives several."""
    if node.type != "return_statement" or not node.named_children:
        return
    values = [child for child in node.named_children[0].named_children if child.type != "comment"]
    zeros = _zeros(node)
    if len(values) == len(zeros):
        for value, zero in zip(values, zeros, strict=True):
            if text_of(value) != zero:
                yield value.start_byte, value.end_byte, zero
    elif len(values) == 1:
        yield values[0].start_byte, values[0].end_byte, ", ".join(zeros)


def deleted(node: Node) -> Iterator[tuple[int, int, str]]:
    """An assignment, `n++`, a call for its effect, a send, a `defer` or a `go` statement disappears."""
    in_a_list = node.parent is not None and node.parent.type == "statement_list"
    if node.type in _DELETABLE and in_a_list:
        yield node.start_byte, node.end_byte, ""


def jump(node: Node) -> Iterator[tuple[int, int, str]]:
    """`break` -> `continue`, `continue` -> `break`; only without a label, and inside a loop."""
    if node.type in ("break_statement", "continue_statement") and not node.named_children and _in_loop(node):
        yield node.start_byte, node.end_byte, "break" if node.type == "continue_statement" else "continue"


def zero_value(kind: Node) -> str:
    """The shortest expression for the zero value of a stated type; `*new(T)` where only Go knows."""
    text = text_of(kind)
    if text in _NUMBERS:
        return "0"
    if text == "string":
        return '""'
    if text == "bool":
        return "false"
    return "nil" if kind.type in _NIL or text in ("error", "any") else f"*new({text})"


def _zeros(node: Node) -> list[str]:
    """The zero values of the results of the function around a node."""
    function = node.parent
    while function is not None and function.type not in _FUNCTIONS:
        function = function.parent
    result = function.child_by_field_name("result") if function is not None else None
    if result is None:
        return []
    if result.type != "parameter_list":
        return [zero_value(result)]
    zeros = []
    for part in result.named_children:
        kind = part.child_by_field_name("type")
        if kind is not None:
            zeros += [zero_value(kind)] * max(1, len(part.children_by_field_name("name")))
    return zeros


def _in_loop(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type not in _FUNCTIONS:
        if above.type == "for_statement":
            return True
        above = above.parent
    return False


STATEMENT_OPERATORS = (
    ("return-zero", return_zero),
    ("deletion", deleted),
    ("jump", jump),
)
