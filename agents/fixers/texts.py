"""Fixers of strings and lists as other languages have them: characters as strings, indices from the end.

`s[i]` is a byte; the string that it is, byte for byte, is `s[i : i+1]`. Read `functions.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import Complaint, Rewrite, replace
from guildbus.agents.golang.syntax import text_of

_WHOLE = (
    "identifier",
    "selector_expression",
    "index_expression",
    "call_expression",
    "parenthesized_expression",
)
_STEADY = ("identifier", "int_literal", "selector_expression", "field_identifier")


def one_byte(complaint: Complaint) -> Rewrite | None:
    """`field += line[i] (mismatched types string and byte)`: `line[i : i+1]`."""
    if {complaint.word("given"), complaint.word("wanted")} not in ({"string", "byte"}, {"string", "uint8"}):
        return None
    node = complaint.expression(complaint.word("expression")) or complaint.node("assignment_statement")
    for side in _sides(node):
        operand, index = side.child_by_field_name("operand"), side.child_by_field_name("index")
        if side.type != "index_expression" or operand is None or index is None:
            continue
        if _is_steady(operand) and _is_steady(index):
            text = f"{text_of(operand)}[{text_of(index)} : {text_of(index)}+1]"
            return Rewrite(f"{text_of(side)} is a byte", (replace(side, text),))
    return None


def one_character(complaint: Complaint) -> Rewrite | None:
    """`field += char (mismatched types string and rune)`: `string(char)`, the text of that one character."""
    kinds = [complaint.word("given"), complaint.word("wanted")]
    node = complaint.expression(complaint.word("expression")) or complaint.node("assignment_statement")
    sides = _sides(node)
    if sorted(kinds) != ["rune", "string"] or len(sides) != 2 or node is None:
        return None
    rune = sides[kinds.index("rune")]
    if (node.type == "assignment_statement" and rune == sides[0]) or rune.type not in _WHOLE:
        return None
    return Rewrite(f"{text_of(rune)} is one character", (replace(rune, f"string({text_of(rune)})"),))


def text_literal(complaint: Complaint) -> Rewrite | None:
    """`field += 'x' (mismatched types string and untyped rune)`: the string of that one character."""
    node = complaint.expression(complaint.word("expression")) or complaint.node("assignment_statement")
    if {complaint.word("given"), complaint.word("wanted")} != {"string", "untyped rune"}:
        return None
    literal = next((side for side in _sides(node) if side.type == "rune_literal"), None)
    if literal is None or complaint.around.is_test:
        return None
    inner = text_of(literal)[1:-1]
    quoted = {"\\'": "'", '"': '\\"'}.get(inner, inner)
    return Rewrite("a string is meant", (replace(literal, f'"{quoted}"'),))


def from_the_end(complaint: Complaint) -> Rewrite | None:
    """`merged[-1]`: Go has no index that counts from the end, and the length is at hand."""
    index = complaint.node("unary_expression")
    holder = index.parent if index is not None else None
    operand = holder.child_by_field_name("operand") if holder is not None else None
    if index is None or holder is None or operand is None or not _is_steady(operand):
        return None
    if holder.type not in ("index_expression", "slice_expression") or text_of(index) != complaint.word(
        "index"
    ):
        return None
    counted = f"len({text_of(operand)}){text_of(index)}"
    return Rewrite(f"{text_of(index)} counts from the end", (replace(index, counted),))


def _sides(node: Node | None) -> list[Node]:
    """What an operator stands between; of an assignment its one value; of anything else itself."""
    if node is None:
        return []
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return [node]
    return [left, right.named_children[0] if right.type == "expression_list" else right]


def _is_steady(node: Node) -> bool:
    """Whether it may be said twice: names, numbers, and what is made of them without a call."""
    if node.type in ("binary_expression", "index_expression"):
        return all(_is_steady(child) for child in node.named_children)
    return node.type in _STEADY
