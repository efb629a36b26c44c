"""The exported face of a file: what go-test may see of an implementation, without any body.

Function bodies, function literals, unexported names and unexported struct fields are left out;
doc comments, grouped sentinels, const blocks, struct fields, interface methods and method
signatures stay. Read `assertions.py` next.
"""

from collections.abc import Iterator

from tree_sitter import Node

from guildbus.agents.golang.syntax import (
    Declaration,
    Edit,
    GoFile,
    apply_edits,
    declarations,
    find,
    line_of,
    package_name,
    parse,
    receiver_type,
    specs_of,
    text_of,
    whole_lines,
)


def exported_api(source: str) -> str:
    """The exported declarations of a file as Go text without bodies, in order."""
    file = parse(source)
    shown = _shown_types(file)
    edits = []
    for outer in file.root.named_children:
        if outer.type == "import_declaration":
            edits.append(whole_lines(file, outer))
        elif outer.type == "comment":
            if _is_stray(outer):
                edits.append(whole_lines(file, outer))
        elif outer.type != "package_clause":
            edits.extend(_trimmed(file, outer, shown))
    if not package_name(file):
        return ""
    return _single_blank_lines(apply_edits(file, edits))


def _is_exported(found: Declaration) -> bool:
    return all(part[:1].isupper() for part in found.name.split("."))


def _shown_types(file: GoFile) -> frozenset[str]:
    """Exported types, and unexported ones that an exported function mentions."""
    own = {found.name for found in declarations(file) if found.kind == "type"}
    mentioned: set[str] = {name for name in own if name[:1].isupper()}
    for found in declarations(file):
        if found.kind == "func" and _is_exported(found):
            for part in ("parameters", "result"):
                node = found.node.child_by_field_name(part)
                mentioned |= {text_of(name) for name in find(node, "type_identifier")} if node else set()
    return frozenset(mentioned & own)


def _trimmed(file: GoFile, outer: Node, shown: frozenset[str]) -> Iterator[Edit]:
    if outer.type in ("function_declaration", "method_declaration"):
        name, body = outer.child_by_field_name("name"), outer.child_by_field_name("body")
        exported = name is not None and text_of(name)[:1].isupper()
        if outer.type == "method_declaration":
            exported = exported and receiver_type(outer) in shown
        if not exported:
            yield whole_lines(file, outer)
        elif body is not None:
            yield Edit(body.start_byte, body.end_byte)
        return
    mine = [found for found in declarations(file) if found.outer == outer]
    if outer.type == "type_declaration":
        kept = {found.node.start_byte for found in mine if found.name in shown}
        specs = [spec for spec in outer.named_children if spec.type != "comment"]
    else:
        kept = {found.node.start_byte for found in mine if _is_exported(found)}
        specs = specs_of(outer)
    if not kept:
        yield whole_lines(file, outer)
        return
    for spec in specs:
        if spec.start_byte not in kept and outer.type != "const_declaration":
            yield whole_lines(file, spec)
        else:
            yield from _inside(file, spec)


def _inside(file: GoFile, spec: Node) -> Iterator[Edit]:
    """Drop unexported fields and the bodies of function literals inside a kept spec."""
    for literal in find(spec, "func_literal"):
        body = literal.child_by_field_name("body")
        if body is not None:
            yield Edit(body.start_byte, body.end_byte, "{ /* body left out */ }")
    for field in find(spec, "field_declaration"):
        names = field.children_by_field_name("name")
        if names and not any(text_of(name)[:1].isupper() for name in names):
            yield whole_lines(file, field)


def _is_stray(comment: Node) -> bool:
    """A comment that documents nothing: no declaration starts right under it."""
    following = comment.next_named_sibling
    if following is None:
        return True
    return line_of(following) > int(comment.end_point[0]) + 2 or following.type == "import_declaration"


def _single_blank_lines(text: str) -> str:
    lines: list[str] = []
    for line in (line.rstrip() for line in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip() + "\n"
