"""Fixers of what is used and declared nowhere, where its name alone says what it must be.

An error value is nothing but its identity and its words, and the absolute value of an int is one thing only.
What these need to import, a gate adds.
Read `texts.py` next.
"""

import re

from tree_sitter import Node

from guildbus.agents.fixers.complaint import FUNCTIONS, Complaint, Rewrite, enclosing
from guildbus.agents.golang.syntax import Edit, package_name, text_of, whole_lines

_ERROR_VALUE = re.compile(r"Err[A-Z]\w*")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ABS = """// abs returns the absolute value of n.
func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

"""


def error_value(complaint: Complaint) -> Rewrite | None:
    """`undefined: ErrOutOfRange`, returned where an error is due: a value of that name is declared."""
    node, name = complaint.node("identifier"), complaint.word("name")
    function = _declaration(node)
    if node is None or function is None or complaint.around.is_test or not _ERROR_VALUE.fullmatch(name):
        return None
    if text_of(node) != name or not _is_returned_last(node) or not _fails(function):
        return None
    words = " ".join(_WORDS.findall(name.removeprefix("Err"))).lower()
    text = f'var {name} = errors.New("{package_name(complaint.file)}: {words}")\n\n'
    return Rewrite(f"{name} is an error value", (_before(complaint, function, text),))


def absolute_value(complaint: Complaint) -> Rewrite | None:
    """`undefined: abs`: other languages have it. The compiler is the judge of whether ints are meant."""
    node = complaint.node("identifier")
    function = _declaration(node)
    call = node.parent if node is not None else None
    if node is None or function is None or call is None or call.type != "call_expression":
        return None
    arguments = call.child_by_field_name("arguments")
    if text_of(node) != "abs" or arguments is None or arguments.named_child_count != 1:
        return None
    return Rewrite("abs is declared nowhere", (_before(complaint, function, _ABS),))


def _declaration(node: Node | None) -> Node | None:
    return enclosing(node, "function_declaration", "method_declaration")


def _is_returned_last(node: Node) -> bool:
    """Whether it is the last value of a return, and not one of a function literal's."""
    values = node.parent
    if values is None or values.type != "expression_list" or values.named_children[-1] != node:
        return False
    statement = values.parent
    if statement is None or statement.type != "return_statement":
        return False
    holder = enclosing(statement, *FUNCTIONS)
    return holder is not None and holder.type != "func_literal"


def _fails(function: Node) -> bool:
    """Whether its last result is an error."""
    result = function.child_by_field_name("result")
    if result is None or result.type != "parameter_list":
        return result is not None and text_of(result) == "error"
    kind = result.named_children[-1].child_by_field_name("type") if result.named_children else None
    return kind is not None and text_of(kind) == "error"


def _before(complaint: Complaint, function: Node, text: str) -> Edit:
    start = whole_lines(complaint.file, function).start
    return Edit(start, start, text)
