"""What a test compares a call's results with, so that it fails where they differ. Pure.

Only comparisons that must hold for the test to pass count: `got != 4` as (a part of) the condition of an
`if` that fails the test, or a negated equality. `got == 4` there says what must not be, and
`got != 1 && got != -1` allows two values: neither names an expected one. Between the call and the comparison
the result must be left alone. Used by `rows.py`.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.assertions import FAILING, Suite
from guildbus.agents.golang.flow import arguments_of, calls, root_identifier
from guildbus.agents.golang.syntax import find, text_of
from guildbus.agents.oracle.gotypes import Callable

_EQUAL_CALLS = {"reflect.DeepEqual", "slices.Equal", "bytes.Equal", "maps.Equal"}
_CHANGES = ("assignment_statement", "short_var_declaration", "inc_statement", "dec_statement")


def compared(suite: Suite, call: Node, callable_: Callable) -> Iterator[tuple[int, Node]]:
    """(result, expression that it must equal) for each comparison of the call's results."""
    names = _result_names(call)
    for statement in find(_block_around(call), "if_statement"):
        for side, other in _demands(statement):
            if side == call and len(callable_.results) == 1:
                yield 0, other
            elif side.type == "identifier" and text_of(side) in names and _kept(suite, call, side):
                index = names.index(text_of(side))
                if index < len(callable_.results) and callable_.results[index].kind != "error":
                    yield index, other


def _result_names(call: Node) -> list[str]:
    """`got, err` of `got, err := F(x)`; [] if the call is not assigned."""
    node = call.parent
    if node is None or node.type != "expression_list" or len(node.named_children) != 1 or node.parent is None:
        return []
    if node.parent.type not in ("short_var_declaration", "assignment_statement"):
        return []
    left = node.parent.child_by_field_name("left")
    return [text_of(name) for name in left.named_children] if left is not None else []


def _block_around(call: Node) -> Node:
    """The `if` whose initialiser or condition holds the call, else the innermost block."""
    node = call
    while node.parent is not None and node.type not in ("if_statement", "block"):
        node = node.parent
    return node


def _kept(suite: Suite, call: Node, name: Node) -> bool:
    """Whether a variable still has what the call gave it: same scope, and nothing in between changes it."""
    if name.start_byte < call.end_byte:
        return False
    assigned = call.parent.parent if call.parent is not None else None
    left = assigned.child_by_field_name("left") if assigned is not None else None
    targets = [
        one for one in (left.named_children if left is not None else ()) if text_of(one) == text_of(name)
    ]
    if not targets or suite.flow.variable(0, targets[0]) != suite.flow.variable(0, name):
        return False
    for change in find(suite.file.root, *_CHANGES):
        if call.end_byte <= change.start_byte < name.start_byte and text_of(name) in _changed(change):
            return False
    return True


def _changed(change: Node) -> list[str]:
    left = change.child_by_field_name("left") or change.named_children[0]
    targets = left.named_children if left.type == "expression_list" else [left]
    roots = [root_identifier(target) for target in targets]
    return [text_of(root) for root in roots if root is not None]


def _demands(statement: Node) -> Iterator[tuple[Node, Node]]:
    """The equalities, both ways round, that keep an `if` from failing its test."""
    condition = statement.child_by_field_name("condition")
    consequence = statement.child_by_field_name("consequence")
    alternative = statement.child_by_field_name("alternative")
    if condition is None or consequence is None:
        return
    fails = _fails(consequence)
    if fails or (alternative is not None and alternative.type == "block" and _fails(alternative)):
        for left, right in _equalities(condition, negated=not fails):
            yield left, right
            yield right, left


def _fails(block: Node) -> bool:
    """Whether a block itself, not a closure or a branch within it, fails the test."""
    return any(
        (head := call.child_by_field_name("function")) is not None
        and head.type == "selector_expression"
        and (field := head.child_by_field_name("field")) is not None
        and text_of(field) in FAILING
        and _directly_in(call, block)
        for call in calls(block)
    )


def _directly_in(call: Node, block: Node) -> bool:
    node = call.parent
    while node is not None and node != block:
        if node.type in ("if_statement", "for_statement", "func_literal", "expression_case"):
            return False
        node = node.parent
    return True


def _equalities(condition: Node, *, negated: bool) -> Iterator[tuple[Node, Node]]:
    """The pairs that must be equal for a condition to be false (`negated`: true)."""
    match condition.type:
        case "parenthesized_expression":
            yield from _equalities(condition.named_children[0], negated=negated)
        case "unary_expression" if text_of(condition).startswith("!"):
            yield from _equalities(condition.named_children[0], negated=not negated)
        case "call_expression" if negated:
            head, pair = condition.child_by_field_name("function"), arguments_of(condition)
            if head is not None and text_of(head) in _EQUAL_CALLS and len(pair) == 2:
                yield pair[0], pair[1]
        case "binary_expression":
            yield from _of_operator(condition, negated=negated)


def _of_operator(condition: Node, *, negated: bool) -> Iterator[tuple[Node, Node]]:
    operator, left, right = (condition.child_by_field_name(part) for part in ("operator", "left", "right"))
    if operator is None or left is None or right is None:
        return
    sign = text_of(operator)
    if sign == ("==" if negated else "!="):
        yield left, right
    elif sign in (("<", "<=") if negated else (">", ">=")):
        yield from _distance(left)
    elif sign == ("&&" if negated else "||"):
        yield from _equalities(left, negated=negated)
        yield from _equalities(right, negated=negated)
    elif sign == "&&" and _looks_at_error(left):
        yield from _equalities(right, negated=negated)


def _distance(condition: Node) -> Iterator[tuple[Node, Node]]:
    """The two sides of `math.Abs(got-want)`, which is held against a tolerance."""
    head = condition.child_by_field_name("function")
    given = arguments_of(condition) if condition.type == "call_expression" else []
    if head is None or text_of(head) != "math.Abs" or len(given) != 1 or given[0].type != "binary_expression":
        return
    operator, left, right = (given[0].child_by_field_name(part) for part in ("operator", "left", "right"))
    if operator is not None and left is not None and right is not None and text_of(operator) == "-":
        yield left, right


def _looks_at_error(condition: Node) -> bool:
    """`err == nil`, `!tt.wantErr`: what is beside it is asked whenever there is a value."""
    right = condition.child_by_field_name("right")
    if condition.type == "binary_expression" and right is not None:
        return right.type == "nil"
    return condition.type == "unary_expression" and "err" in text_of(condition).lower()
