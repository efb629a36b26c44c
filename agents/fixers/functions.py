"""Fixers of whole functions: an end that is never reached, and the second copy of a declaration.

A missing return is only mended where its place cannot be reached: behind a call that never comes back, or
behind branches that all return and leave no case out. Read `hoisting.py` next.
"""

from tree_sitter import Node

from guildbus.agents.fixers.complaint import FUNCTIONS, Complaint, Rewrite
from guildbus.agents.golang.syntax import Edit, declarations, find, leaves, text_of, whole_lines

_NEVER = {"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "t.Fatal", "t.Fatalf", "t.FailNow"}
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_UNREACHED = 'panic("unreachable")'
_ORDERED = {
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "rune",
    "byte",
    "uint",
    "uint8",
    "uint32",
    "uint64",
    "string",
}
MAX_STEPS = 4
_PURE = {"identifier", "int_literal", "selector_expression", "field_identifier", "rune_literal"}


def unreached_end(complaint: Complaint) -> Rewrite | None:
    """`missing return` at an end that nothing reaches."""
    function = complaint.node(*FUNCTIONS)
    body = function.child_by_field_name("body") if function is not None else None
    last = _last(body) if body is not None else None
    if body is None or last is None or body.end_byte - 1 != complaint.offset:
        return None
    if last.type == "for_statement":
        condition = next((c for c in last.named_children if c.type == "true"), None)
        if condition is None:
            return None
        return Rewrite(
            "a loop without end needs no condition", (Edit(condition.start_byte, condition.end_byte),)
        )
    if not complaint.around.is_test and any(
        text_of(s).startswith("t.") for s in find(last, "selector_expression")
    ):
        return None
    chain = last.type == "if_statement" and _leaves_none_out(last)
    if not (_never_returns(last) or (chain and _are_ordered(complaint, last))):
        return None
    return Rewrite("the end is never reached", (Edit(last.end_byte, last.end_byte, f"\n{_UNREACHED}"),))


def second_copy(complaint: Complaint) -> Rewrite | None:
    """A declaration whose very copy stands earlier in the file goes."""
    name = complaint.node("identifier", "field_identifier", "type_identifier")
    owner = [d for d in declarations(complaint.file) if name is not None and _holds(d.outer, name)]
    if name is None or len(owner) != 1 or owner[0].node.parent is None:
        return None
    doomed = owner[0]
    for other in declarations(complaint.file):
        earlier = other.name == doomed.name and other.outer.end_byte <= doomed.outer.start_byte
        if earlier and leaves(other.outer) == leaves(doomed.outer):
            edit = whole_lines(complaint.file, doomed.outer)
            return Rewrite(f"{doomed.name} is declared twice alike", (edit,))
    return None


def _holds(outer: Node, name: Node) -> bool:
    return outer.start_byte <= name.start_byte and name.end_byte <= outer.end_byte


def _last(block: Node) -> Node | None:
    inner = block.named_children
    statements = inner[0].named_children if inner and inner[0].type == "statement_list" else inner
    return next((node for node in reversed(statements) if node.type != "comment"), None)


def _never_returns(statement: Node) -> bool:
    for call in find(statement, "call_expression"):
        function = call.child_by_field_name("function")
        whole = statement.type == "expression_statement" or call == statement
        return whole and function is not None and text_of(function) in _NEVER
    return False


def _terminates(block: Node | None) -> bool:
    last = _last(block) if block is not None else None
    if last is None:
        return False
    if last.type == "if_statement":
        return _leaves_none_out(last)
    panics = text_of(last).startswith("panic(")
    return last.type == "return_statement" or panics or _never_returns(last)


def _leaves_none_out(statement: Node) -> bool:
    """Whether an if chain returns in all branches, and ends in `else` or covers `<`, `==` and `>`."""
    seen: list[tuple[str, str, str]] = []
    node: Node | None = statement
    while node is not None and node.type == "if_statement":
        if not _terminates(node.child_by_field_name("consequence")):
            return False
        condition = _comparison(node.child_by_field_name("condition"))
        if node.child_by_field_name("initializer") is not None or condition is None:
            seen.append(("", "", ""))
        else:
            seen.append(condition)
        node = node.child_by_field_name("alternative")
    if node is not None:
        return _terminates(node)
    signs = {s for s, left, right in seen if (left, right) == seen[0][1:] and s}
    covered = any(_OPPOSITE[s] in signs for s in signs)
    return covered and len({pair[1:] for pair in seen}) == 1


def _are_ordered(complaint: Complaint, statement: Node) -> bool:
    """Whether `<` and `>=` leave nothing out: what is compared are integers or strings (NaN is neither)."""
    for condition in find(statement, "binary_expression"):
        operator, left, right = (
            condition.child_by_field_name(part) for part in ("operator", "left", "right")
        )
        if operator is None or left is None or right is None or text_of(operator) in ("==", "!="):
            continue
        if text_of(operator) in _OPPOSITE and not any(_is_ordered(complaint, side) for side in (left, right)):
            return False
    return True


def _is_ordered(complaint: Complaint, node: Node, depth: int = 0) -> bool:
    """Whether the declaration of a variable shows that it holds an integer or a string."""
    binding = complaint.scopes.binding(node) if node.type == "identifier" else None
    if binding is None or depth > MAX_STEPS:
        return False
    if binding.type is not None:
        return text_of(binding.type) in _ORDERED
    first = binding.sources[0] if binding.sources else None
    return first is not None and (first.type == "int_literal" or _is_ordered(complaint, first, depth + 1))


def _comparison(condition: Node | None) -> tuple[str, str, str] | None:
    """(operator, left, right) of a comparison of plain values, the greater side of its text first."""
    if condition is None or condition.type != "binary_expression":
        return None
    operator, left, right = (condition.child_by_field_name(part) for part in ("operator", "left", "right"))
    if operator is None or left is None or right is None or text_of(operator) not in _OPPOSITE:
        return None
    if any(part.type not in _PURE for part in (left, right)):
        return None
    sign, first, second = text_of(operator), leaves(left), leaves(right)
    return (sign, first, second) if first <= second else (_MIRRORED[sign], second, first)
