"""A variable that is declared in an inner block and used outside it: in Python that is one variable.

It is declared in the innermost block that holds all its uses, where its type is plain from its values.
Read `printing.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import FUNCTIONS, Complaint, Rewrite, enclosing, replace
from guildbus.agents.golang.syntax import Edit, find, text_of

_TYPES = {
    "interpreted_string_literal": "string",
    "raw_string_literal": "string",
    "int_literal": "int",
    "float_literal": "float64",
    "rune_literal": "rune",
    "true": "bool",
    "false": "bool",
}


def hoisted(complaint: Complaint) -> Rewrite | None:
    """`undefined: field`, where `field := ""` stands in a block beside: `var field string` before both."""
    name, function = complaint.node("identifier"), enclosing(complaint.node(), *FUNCTIONS)
    if (
        name is None
        or function is None
        or complaint.around.is_test
        or text_of(name) != complaint.word("name")
    ):
        return None
    uses = [node for node in find(function, "identifier") if text_of(node) == text_of(name)]
    declared = [found for node in uses if (found := _declaration(node)) is not None]
    if not declared or complaint.scopes.binding(name) is not None:
        return None
    kinds = {_type(one.child_by_field_name("right")) for one in declared}
    holder = _holder(uses)
    if len(kinds) != 1 or "" in kinds or holder is None or holder in declared:
        return None
    walrus = [child for one in declared for child in one.children if child.type == ":="]
    declaration = Edit(holder.start_byte, holder.start_byte, f"var {text_of(name)} {kinds.pop()}\n")
    edits = (declaration, *(replace(one, "=") for one in walrus))
    return Rewrite(f"{text_of(name)} is one variable", edits)


def _declaration(name: Node) -> Node | None:
    """The `name := value` of a block whose left side this is."""
    left = name.parent
    found = left.parent if left is not None and left.named_children == [name] else None
    if found is None or found.type != "short_var_declaration" or found.child_by_field_name("left") != left:
        return None
    return found if found.parent is not None and found.parent.type in ("block", "statement_list") else None


def _type(values: Node | None) -> str:
    """The type of one value, where it can be read off; '' where it cannot."""
    if values is None or values.named_child_count != 1:
        return ""
    value = values.named_children[0]
    if value.type in ("composite_literal", "type_conversion_expression"):
        of = value.child_by_field_name("type")
        return text_of(of) if of is not None else ""
    if value.type == "call_expression" and text_of(value).startswith("make("):
        arguments = value.child_by_field_name("arguments")
        return text_of(arguments.named_children[0]) if arguments is not None else ""
    return _TYPES.get(value.type, "")


def _holder(nodes: list[Node]) -> Node | None:
    """The statement that the first of them is in, of the innermost block that holds them all."""
    start, end = min(node.start_byte for node in nodes), max(node.end_byte for node in nodes)
    found: Node = nodes[0]
    while found.parent is not None and found.type not in FUNCTIONS:
        block = found.parent
        if block.type in ("block", "statement_list") and block.start_byte <= start and block.end_byte >= end:
            return found
        found = block
    return None
