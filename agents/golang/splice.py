"""Putting one function of a reply into a file: on the syntax tree, the rest of the file stays. Pure."""

from collections.abc import Set

from tree_sitter import Node

from guildbus.agents.golang.syntax import (
    Edit,
    GoFile,
    apply_edits,
    declarations,
    find,
    parse,
    remove_declarations,
    text_of,
    whole_lines,
)


def with_function(source: str, name: str, reply: str) -> str:
    """`source` with the function `name` as `reply` has it, and the reply's helpers that `source` lacks.

    The reply is a whole file, or declarations without a package clause. '' if it does not declare `name`.
    Imports are left alone: a gate adds what is missing.
    """
    file = parse(source)
    given = parse(reply if "package " in reply else f"package p\n\n{reply}")
    wanted = [found for found in declarations(given) if found.name == name]
    if not wanted or given.root.has_error:
        return ""
    present = {found.name for found in declarations(file)} | {name}
    text = _with_comment(given, wanted[0].outer)
    old = next((found for found in declarations(file) if found.name == name), None)
    added = "".join(f"\n{_with_comment(given, helper)}\n" for helper in _helpers(given, present))
    if old is None:
        return f"{source.rstrip()}\n\n{text}\n{added}"
    edit = whole_lines(file, old.node)
    spliced = apply_edits(file, [Edit(edit.start, edit.end, f"{text}\n")])
    return f"{spliced.rstrip()}\n{added}"


def with_declarations(source: str, code: str) -> str:
    """`source` with all that `code` declares instead of what it has by these names; '' if `code` is no Go.

    A type that is declared anew loses its old methods. `code` has no package clause.
    """
    file, given = parse(source), parse(f"package p\n\n{code}")
    fresh = {found.name for found in declarations(given)}
    if not fresh or given.root.has_error:
        return ""
    types = {found.name for found in declarations(given) if found.kind == "type"}
    gone = [
        found.outer
        for found in declarations(file)
        if found.name in fresh or (found.kind == "method" and found.name.partition(".")[0] in types)
    ]
    kept = apply_edits(file, [whole_lines(file, outer) for outer in dict.fromkeys(gone)])
    return f"{kept.rstrip()}\n\n{code}"


def without_leftovers(before: str, after: str) -> str:
    """`after` without the unexported functions that something called in `before` and nothing calls now."""
    once = _called_in(parse(before))
    while True:
        file = parse(after)
        idle = {
            found.name
            for found in declarations(file)
            if found.kind == "func" and found.name[:1].islower() and found.name in once
        } - _called_in(file)
        if not idle:
            return after
        after = remove_declarations(file, idle)


def _called_in(file: GoFile) -> set[str]:
    """The names that a file mentions, each outside its own declaration."""
    own = {found.name: found.node for found in declarations(file)}
    mentioned: set[str] = set()
    for node in find(file.root, "identifier"):
        name = text_of(node)
        home = own.get(name)
        if home is None or not home.start_byte <= node.start_byte < home.end_byte:
            mentioned.add(name)
    return mentioned


def _helpers(given: GoFile, present: Set[str]) -> list[Node]:
    """The declarations, grouped ones whole, that declare nothing which is there already."""
    names: dict[Node, set[str]] = {}
    for found in declarations(given):
        names.setdefault(found.outer, set()).add(found.name)
    return [outer for outer, declared in names.items() if not declared & present]


def _with_comment(file: GoFile, node: Node) -> str:
    """A declaration's text with its doc comment."""
    edit = whole_lines(file, node)
    return file.data[edit.start : edit.end].decode().strip()


_CLOSERS = {"{": "}", "(": ")", "[": "]"}


def closed(source: str) -> str:
    """A text that was cut off, up to its last whole line, with the brackets closed that are open there.

    A text without open brackets stays as it is.
    """
    if not _open_brackets(source):
        return source
    whole = source[: source.rfind("\n") + 1]
    return whole + "".join(f"{_CLOSERS[bracket]}\n" for bracket in reversed(_open_brackets(whole)))


def _open_brackets(source: str) -> list[str]:
    found: list[str] = []
    pending = [parse(source).root]
    while pending:
        node = pending.pop()
        if node.is_missing:
            continue
        if node.type in _CLOSERS:
            found.append(node.type)
        elif found and node.type == _CLOSERS[found[-1]]:
            found.pop()
        pending += reversed(node.children)
    return found
