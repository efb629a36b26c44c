"""Shapes of a test that can never fail: a value compared with itself, an empty table.

Also the calls that end a test run early (t.Skip, os.Exit, log.Fatal). Read `stubs.py` next.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.assertions import FAILING, Suite, rows_of
from guildbus.agents.golang.flow import arguments_of, calls
from guildbus.agents.golang.scopes import Scopes
from guildbus.agents.golang.syntax import GoFile, find, leaves, text_of, walk

_COMPARING = {
    "reflect.DeepEqual",
    "bytes.Equal",
    "bytes.Compare",
    "cmp.Compare",
    "slices.Equal",
    "slices.Compare",
    "maps.Equal",
    "strings.Compare",
    "strings.EqualFold",
    "errors.Is",
}
_SKIPPING = {"Skip", "Skipf", "SkipNow"}
_EXITING = {"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "syscall.Exit", "runtime.Goexit"}


def self_comparisons(file: GoFile) -> Iterator[Node]:
    """Comparisons of an expression with itself: `x != x`, `F(a) != F(a)`, `DeepEqual(x, x)`.

    Also `got != want` where both were once set to the same call of a function with constant
    arguments.
    """
    scopes = Scopes(file)
    for node in find(file.root, "binary_expression"):
        operator, left, right = (node.child_by_field_name(part) for part in ("operator", "left", "right"))
        if operator is None or left is None or right is None:
            continue
        sign = text_of(operator)
        same = sign in ("==", "!=", "<", ">", "<=", ">=") and leaves(left) == leaves(right)
        if same or (sign == "!=" and _same_call(scopes, left, right)):
            yield node
    for call in calls(file.root):
        callee, arguments = call.child_by_field_name("function"), arguments_of(call)
        if callee is not None and text_of(callee) in _COMPARING and len(arguments) == 2:
            left, right = arguments
            if leaves(left) == leaves(right) or _same_call(scopes, left, right):
                yield call


def _same_call(scopes: Scopes, left: Node, right: Node) -> bool:
    first, second = (_constant_call(scopes, node) for node in (left, right))
    return first is not None and second is not None and leaves(first) == leaves(second)


def _constant_call(scopes: Scopes, node: Node) -> Node | None:
    """The call `F(literals)` that an expression is, or that its variable was once set to."""
    if node.type == "identifier":
        binding = scopes.binding(node)
        if binding is None or len(binding.sources) != 1:
            return None
        node = binding.sources[0]
    if node.type != "call_expression":
        return None
    callee = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    if callee is None or callee.type != "identifier" or arguments is None:
        return None
    return node if not any(found.type == "identifier" for found in walk(arguments)) else None


def empty_tables(suite: Suite) -> Iterator[Node]:
    """Loops over a table without rows around a check, so that nothing is ever checked."""
    for loop in find(suite.file.root, "for_statement"):
        if not _checks(loop):
            continue
        clause = next((child for child in loop.named_children if child.type == "range_clause"), None)
        right = clause.child_by_field_name("right") if clause is not None else None
        if right is None:
            continue
        table = suite.table(0, loop)
        if right.type == "identifier":
            variable = suite.flow.variable(0, right)
            if variable is None or variable in suite.flow.assigned:
                continue
            if table is None and _is_bare_table(suite, right):
                yield loop
        if table is not None and not rows_of(table) and _holds_structs(table, right):
            yield loop


def _checks(loop: Node) -> bool:
    for call in calls(loop):
        field = next(iter(find(call, "field_identifier")), None)
        if field is not None and text_of(field) in FAILING | {"Run"}:
            return True
    return False


def _is_bare_table(suite: Suite, name: Node) -> bool:
    """A variable `var tests []struct{...}` that nothing ever fills."""
    binding = suite.flow.binding(0, name)
    if binding is None or binding.sources or binding.type is None:
        return False
    return any(True for _ in find(binding.type, "struct_type"))


def _holds_structs(table: Node, ranged: Node) -> bool:
    """An empty list of plain values may be an expected result; one of rows, or a bare one, is a table."""
    stated = table.child_by_field_name("type")
    if ranged.type == "composite_literal" or stated is None:
        return True
    return any(True for _ in find(stated, "struct_type", "map_type"))


def early_ends(file: GoFile) -> Iterator[tuple[Node, str]]:
    """Calls that skip a test or end the process, with what they are: `t.Skip`, `os.Exit`."""
    for node in find(file.root, "selector_expression"):
        field = node.child_by_field_name("field")
        if (field is not None and text_of(field) in _SKIPPING and _is_called(node)) or text_of(
            node
        ) in _EXITING:
            yield node, text_of(node)


def _is_called(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "call_expression"
