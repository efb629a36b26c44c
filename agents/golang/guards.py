"""The guards at the head of a function: what it does to its parameters before anything else. Pure.

    if capacity < 1 {
        capacity = 1
    }

A rule of this kind is often heeded in one version of a function and forgotten in the next.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.syntax import Declaration, Edit, apply_edits, declarations, find, parse, text_of

_PLAIN = frozenset({"min", "max", "len", "abs", "true", "false", "nil"})


def with_guards(before: str, after: str) -> str:
    """`after` with the guards that its functions had in `before`, each at the head of its own function.

    A guard is an `if` without `else` that speaks of parameters alone and does nothing but to assign to them.
    A function that has the very guards is left as it is, and so is one of other parameters.
    """
    file = parse(after)
    old = {one.name: one for one in declarations(parse(before)) if one.kind in ("func", "method")}
    edits = []
    for new in declarations(file):
        if new.kind not in ("func", "method") or new.name not in old:
            continue
        was, body = old[new.name], new.node.child_by_field_name("body")
        guards = [text_of(guard) for guard in _guards(was)]
        if body is None or not guards or _parameters(new) != _parameters(was):
            continue
        known = {text_of(guard) for guard in _guards(new)}
        fresh = "".join(f"\n\t{guard}" for guard in guards if guard not in known)
        if fresh:
            start = body.start_byte + 1
            edits.append(Edit(start, start, fresh))
    return apply_edits(file, edits) if edits else after


def _parameters(one: Declaration) -> tuple[str, ...]:
    given = one.node.child_by_field_name("parameters")
    return () if given is None else tuple(text_of(node) for node in find(given, "identifier"))


def _guards(one: Declaration) -> Iterator[Node]:
    """The leading guards of a function, up to the first statement that is none."""
    body = one.node.child_by_field_name("body")
    known = {*_parameters(one), *_PLAIN}
    for statement in _statements(body):
        if statement.type != "if_statement" or not _is_guard(statement, known):
            return
        yield statement


def _statements(block: Node | None) -> list[Node]:
    if block is None:
        return []
    found = [node for node in block.named_children if node.type != "comment"]
    if len(found) == 1 and found[0].type == "statement_list":
        found = [node for node in found[0].named_children if node.type != "comment"]
    return found


def _is_guard(statement: Node, known: set[str]) -> bool:
    inside = statement.child_by_field_name("consequence")
    if statement.child_by_field_name("alternative") is not None or statement.child_by_field_name(
        "initializer"
    ):
        return False
    done = _statements(inside)
    names = {text_of(node) for node in find(statement, "identifier", "field_identifier")}
    return bool(done) and names <= known and all(one.type == "assignment_statement" for one in done)
