"""What a test file asserts, as a value that can be compared: the law that every fixer keeps.

For each top-level function: its literals, comparisons and arithmetic in order, and which failing calls it
makes. Not what a failing call prints, not names, not conversions: those may be mended. Two functions of one
name and one print are one. Read `guildbus.agents.fixers.table` next.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.syntax import GoFile, declarations, text_of

Asserted = dict[str, frozenset[tuple[str, ...]]]
"""Declared name -> its prints, of which there is one unless it is declared several times."""

_LITERALS = {
    "int_literal",
    "float_literal",
    "imaginary_literal",
    "rune_literal",
    "interpreted_string_literal",
    "raw_string_literal",
    "true",
    "false",
    "nil",
}
_GOES_ON = {"Error", "Errorf", "Fail"}
_STOPS = {"Fatal", "Fatalf", "FailNow"}
_SAYS = {"Log", "Logf"}
_HANDLES = {"t", "b", "f", "tb"}
_ENDINGS = ('panic("unreachable")',)


def asserted(file: GoFile) -> Asserted:
    """The prints of every function and variable of a test file."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for declaration in declarations(file):
        found.setdefault(declaration.name, set()).add(tuple(_print(declaration.node)))
    return {name: frozenset(prints) for name, prints in found.items()}


def _print(node: Node) -> Iterator[str]:
    if node.type == "comment":
        return
    if node.type in _LITERALS:
        yield text_of(node)
        return
    if node.type == "call_expression":
        callee = node.child_by_field_name("function")
        handle, _, name = text_of(callee).partition(".") if callee is not None else ("", "", "")
        name = name if handle in _HANDLES else ""
        if name in _GOES_ON | _STOPS | _SAYS:
            yield "fails" if name in _GOES_ON else "stops" if name in _STOPS else "says"
            return
        if text_of(node) in _ENDINGS:
            return
    if node.type == "for_statement":
        yield "loop"
    operator = node.child_by_field_name("operator")
    sign = text_of(operator) if operator is not None and node.type != "assignment_statement" else ""
    for child in node.named_children:
        if sign and child == node.child_by_field_name("right"):
            yield sign
        yield from _print(child)
    if sign and node.type == "unary_expression":
        yield sign
