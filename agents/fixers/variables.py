"""Fixers of variables and labels: unused ones, `:=` that declares nothing, `=` that nothing declared.

Read `conversions.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import FUNCTIONS, Complaint, Rewrite, enclosing, replace
from guildbus.agents.golang.syntax import Edit, find, text_of, whole_lines

_HARMLESS = {
    "identifier",
    "int_literal",
    "float_literal",
    "rune_literal",
    "interpreted_string_literal",
    "raw_string_literal",
    "true",
    "false",
    "nil",
}
_CLAUSES = ("if_statement", "for_clause", "expression_switch_statement", "type_switch_statement")


def unused_variable(complaint: Complaint) -> Rewrite | None:
    """A variable that nothing reads: its declaration goes if its value is a plain one, else `_` takes it.

    In a test the value stays, whatever it is.
    """
    name = complaint.node("identifier")
    binding = complaint.scopes.binding(name) if name is not None else None
    if name is None or binding is None or text_of(name) != complaint.word("name"):
        return None
    alone = sum(1 for node in _same(complaint, name)) == 1
    holder = enclosing(name, "short_var_declaration", "var_spec", "range_clause", "type_switch_statement")
    if holder is None:
        return None
    reason = f"nothing uses {text_of(name)}"
    if holder.type == "type_switch_statement":
        alias = holder.child_by_field_name("alias")
        value = holder.child_by_field_name("value")
        if alias is None or value is None or not alone:
            return None
        return Rewrite(reason, (Edit(alias.start_byte, value.start_byte),))
    if holder.type == "range_clause":
        return _of_range(complaint, holder, name, reason) if alone else _discarded(name, holder, reason)
    left = holder.child_by_field_name("left") or holder.child_by_field_name("name")
    value = holder.child_by_field_name("right") or holder.child_by_field_name("value")
    count = len(left.named_children) if left is not None and left.type == "expression_list" else 1
    if holder.type == "short_var_declaration" and count > 1 and alone:
        others = [n for n in left.named_children if n != name] if left is not None else []
        if any(complaint.scopes.binding(n) is not None and _declares(complaint, n) for n in others):
            return Rewrite(reason, (replace(name, "_"),))
        return None if _in_clause(holder) else Rewrite(reason, (replace(name, "_"), _plain_sign(holder)))
    plain = value is None or all(node.type in _HARMLESS for node in value.named_children)
    if alone and plain and count == 1 and not complaint.around.is_test and not _in_clause(holder):
        statement = _statement(holder)
        if statement is not None:
            return Rewrite(f"{reason}: removed", (whole_lines(complaint.file, statement),))
    return None if _in_clause(holder) else _discarded(name, holder, reason)


def _of_range(complaint: Complaint, clause: Node, name: Node, reason: str) -> Rewrite:
    """`for i := range` becomes `for range`; one of two names becomes `_`."""
    left, right = clause.child_by_field_name("left"), clause.child_by_field_name("right")
    others = [n for n in left.named_children if n != name and text_of(n) != "_"] if left is not None else []
    if others or left is None or right is None:
        return Rewrite(reason, (replace(name, "_"),))
    keyword = next(child for child in clause.children if child.type == "range")
    return Rewrite(reason, (Edit(left.start_byte, keyword.start_byte),))


def _discarded(name: Node, holder: Node, reason: str) -> Rewrite | None:
    """`_ = x` behind the declaration, or first in the loop that declares it."""
    if holder.type == "range_clause":
        loop = enclosing(holder, "for_statement")
        body = loop.child_by_field_name("body") if loop is not None else None
        if body is None:
            return None
        return Rewrite(reason, (Edit(body.start_byte + 1, body.start_byte + 1, f"\n_ = {text_of(name)}\n"),))
    statement = _statement(holder)
    if statement is None:
        return None
    return Rewrite(reason, (Edit(statement.end_byte, statement.end_byte, f"\n_ = {text_of(name)}"),))


def ignored_results(complaint: Complaint) -> Rewrite | None:
    """`got := c.Get(k)` in a test, where Get gives more than the test looks at: `_` takes the rest.

    In code it may be an error that nobody looks at.
    """
    given, wanted = int(complaint.word("given")), int(complaint.word("wanted"))
    holder = complaint.node("short_var_declaration", "assignment_statement")
    left = holder.child_by_field_name("left") if holder is not None else None
    if left is None or given >= wanted or not complaint.around.is_test or left.named_child_count != given:
        return None
    rest = ", _" * (wanted - given)
    reason = f"{complaint.word('call')} gives {wanted} values"
    return Rewrite(reason, (Edit(left.end_byte, left.end_byte, rest),))


def no_new_variable(complaint: Complaint) -> Rewrite | None:
    """`:=` where everything on its left is declared in this very scope can only mean `=`."""
    declaration = complaint.node("short_var_declaration")
    if declaration is None or _in_clause(declaration):
        return None
    return Rewrite("no new variable on the left of `:=`", (_plain_sign(declaration),))


def first_assignment(complaint: Complaint) -> Rewrite | None:
    """`x = value` where x is declared nowhere declares it, if all its uses come after, in the same block."""
    name = complaint.node("identifier")
    statement = complaint.node("assignment_statement")
    if name is None or statement is None or text_of(name) != complaint.word("name"):
        return None
    left, right = statement.child_by_field_name("left"), statement.child_by_field_name("right")
    operator = statement.child_by_field_name("operator")
    block, function = _block(statement), enclosing(statement, *FUNCTIONS)
    if left is None or right is None or operator is None or block is None or function is None:
        return None
    if text_of(operator) != "=" or left.named_children != [name] or text_of(right) == "nil":
        return None
    uses = [n for n in find(function, "identifier") if text_of(n) == text_of(name)]
    after = [n for n in uses if n.start_byte >= name.start_byte and n.end_byte <= block.end_byte]
    if len(after) != len(uses) or not any(n.start_byte > statement.end_byte for n in uses):
        return None
    reads_itself = any(n.start_byte > name.start_byte and n.end_byte <= statement.end_byte for n in uses)
    if reads_itself or not any(_reads(n) for n in uses):
        return None
    return Rewrite(f"the first assignment to {text_of(name)} declares it", (replace(operator, ":="),))


def unused_label(complaint: Complaint) -> Rewrite | None:
    """A label that nothing names goes; its statement stays."""
    labelled = complaint.node("labeled_statement")
    label = labelled.child_by_field_name("label") if labelled is not None else None
    if labelled is None or label is None or text_of(label) != complaint.word("name"):
        return None
    colon = next(child for child in labelled.children if child.type == ":")
    return Rewrite(f"nothing names label {text_of(label)}", (Edit(label.start_byte, colon.end_byte),))


def _same(complaint: Complaint, name: Node) -> list[Node]:
    """Every place of the variable that `name` declares."""
    binding = complaint.scopes.binding(name)
    alike = (n for n in find(complaint.file.root, "identifier") if text_of(n) == text_of(name))
    return [n for n in alike if complaint.scopes.binding(n) is binding]


def _declares(complaint: Complaint, name: Node) -> bool:
    binding = complaint.scopes.binding(name)
    return text_of(name) != "_" and binding is not None and binding.node.start_byte == name.start_byte


def _reads(name: Node) -> bool:
    """Whether this is a use of a value, not just another assignment to it."""
    parent = name.parent
    holder = parent.parent if parent is not None and parent.type == "expression_list" else None
    return (
        holder is None
        or holder.type != "assignment_statement"
        or holder.child_by_field_name("left") != parent
    )


def _in_clause(node: Node) -> bool:
    """Whether a declaration stands in the head of a statement, where no line can follow it."""
    return node.parent is not None and node.parent.type in _CLAUSES


def _plain_sign(declaration: Node) -> Edit:
    sign = next(child for child in declaration.children if child.type == ":=")
    return replace(sign, "=")


def _statement(holder: Node) -> Node | None:
    """The whole statement of a declaration inside a function; None for one of a group."""
    if holder.type == "short_var_declaration":
        return holder
    outer = holder.parent
    alone = outer is not None and outer.type == "var_declaration" and outer.named_child_count == 1
    return outer if alone else None


def _block(statement: Node) -> Node | None:
    """The block whose statement this is, None in the head of another statement."""
    parent = statement.parent
    return parent if parent is not None and parent.type in ("block", "statement_list") else None
