"""Go source as a tree-sitter tree: syntax errors, top-level declarations, edits by byte range.

tree-sitter reads broken files too and is more lenient than Go (it accepts statements outside
functions), so `syntax_fault` adds what the Go grammar demands of a file; gofmt has the last word.
Positions are bytes of the UTF-8 text; lines and columns count from 1. Read `scopes.py` next.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import tree_sitter_go
from tree_sitter import Language, Node, Parser

MAX_DEPTH = 150
"""Deeper trees are refused: everything that walks them may then recurse."""

DeclarationKind = Literal["func", "method", "type", "const", "var"]

_TOP_LEVEL = {
    "function_declaration": "function",
    "method_declaration": "method",
    "type_declaration": "type",
    "const_declaration": "const",
    "var_declaration": "var",
}


@dataclass(frozen=True, eq=False)
class GoFile:
    """One parsed file. `root` is the `source_file` node; the tree may hold errors."""

    source: str
    data: bytes = field(repr=False)
    root: Node = field(repr=False)


@dataclass(frozen=True)
class SyntaxFault:
    """The first place where a text is no Go file. Lines and columns count from 1."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, eq=False)
class Declaration:
    """One declared top-level name.

    `name` is `GCD`, or `Stack.Push` for a method. `node` is the function, or the spec inside a
    (maybe grouped) type, const or var declaration, which is `outer`.
    """

    kind: DeclarationKind
    name: str
    node: Node
    outer: Node

    @property
    def line(self) -> int:
        """The line on which it starts."""
        return line_of(self.node)


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from `start` to `end` by `text`."""

    start: int
    end: int
    text: str = ""


@cache
def _language() -> Language:
    return Language(tree_sitter_go.language())


def parse(source: str) -> GoFile:
    """Read any text; broken Go gives a tree with errors, see `syntax_fault`."""
    data = source.encode("utf-8", "replace")
    return GoFile(data.decode("utf-8"), data, Parser(_language()).parse(data).root_node)


def text_of(node: Node) -> str:
    """The source text of a node."""
    return (node.text or b"").decode("utf-8")


def line_of(node: Node) -> int:
    """The line on which a node starts, from 1."""
    return int(node.start_point[0]) + 1


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in document order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def find(node: Node, *types: str) -> Iterator[Node]:
    """Every node of these types at or below `node`, in document order."""
    return (found for found in walk(node) if found.type in types)


def leaves(node: Node) -> str:
    """The node's tokens joined by single blanks, comments dropped: equal for equal code."""
    return " ".join(text_of(leaf) for leaf in _tokens(node))


def _tokens(node: Node) -> Iterator[Node]:
    if node.type == "comment":
        return
    if node.child_count == 0 or node.type.endswith("string_literal"):
        if node.end_byte > node.start_byte and text_of(node).strip():
            yield node
        return
    for child in node.children:
        yield from _tokens(child)


def syntax_fault(file: GoFile) -> SyntaxFault | None:
    """Why this text is no Go file, or None. Leniencies of tree-sitter are left to gofmt."""
    for node in walk(file.root):
        if node.is_missing:
            return _fault_at(node, f"expected {node.type!r}")
        if node.is_error:
            return _fault_at(node, "syntax error")
    if _depth(file.root) > MAX_DEPTH:
        return SyntaxFault(1, 1, "nested too deeply")
    return _shape_fault(file)


def _fault_at(node: Node, message: str) -> SyntaxFault:
    row, column = node.start_point
    return SyntaxFault(int(row) + 1, int(column) + 1, message)


def _depth(root: Node) -> int:
    deepest, stack = 0, [(root, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in node.children)
    return deepest


def _shape_fault(file: GoFile) -> SyntaxFault | None:
    parts = [node for node in file.root.named_children if node.type != "comment"]
    if not parts or parts[0].type != "package_clause":
        return SyntaxFault(1, 1, "the file must start with a package clause")
    imports_over = False
    for node in parts[1:]:
        if node.type == "import_declaration":
            if imports_over:
                return _fault_at(node, "imports must come before other declarations")
        elif node.type in _TOP_LEVEL:
            imports_over = True
            if node.type.startswith(("function", "method")) and node.child_by_field_name("body") is None:
                return _fault_at(node, "a function without a body")
        else:
            return _fault_at(node, "only declarations may stand outside a function")
    return None


def package_clause(file: GoFile) -> Node | None:
    """The identifier of the package clause, or None."""
    for node in file.root.named_children:
        if node.type == "package_clause":
            return node.named_children[0] if node.named_children else None
    return None


def package_name(file: GoFile) -> str:
    """The declared package name, '' if there is none."""
    node = package_clause(file)
    return text_of(node) if node is not None else ""


def declarations(file: GoFile) -> tuple[Declaration, ...]:
    """Every top-level name in order, grouped ones too; not `_`."""
    return tuple(found for outer in file.root.named_children for found in _declared_by(outer))


def _declared_by(outer: Node) -> Iterator[Declaration]:
    if outer.type == "function_declaration":
        name = outer.child_by_field_name("name")
        if name is not None and text_of(name) != "_":
            yield Declaration("func", text_of(name), outer, outer)
    elif outer.type == "method_declaration":
        name = outer.child_by_field_name("name")
        if name is not None:
            yield Declaration("method", f"{receiver_type(outer)}.{text_of(name)}", outer, outer)
    elif outer.type == "type_declaration":
        for spec in outer.named_children:
            name = spec.child_by_field_name("name")
            if name is not None and text_of(name) != "_":
                yield Declaration("type", text_of(name), spec, outer)
    elif outer.type in ("const_declaration", "var_declaration"):
        kind: DeclarationKind = "const" if outer.type == "const_declaration" else "var"
        for spec in specs_of(outer):
            for name in names_of(spec):
                if text_of(name) != "_":
                    yield Declaration(kind, text_of(name), spec, outer)


def specs_of(outer: Node) -> list[Node]:
    """The const or var specs of a declaration, grouped or not."""
    groups = [outer, *(child for child in outer.named_children if child.type == "var_spec_list")]
    kinds = ("const_spec", "var_spec")
    return [child for group in groups for child in group.named_children if child.type in kinds]


def names_of(spec: Node) -> list[Node]:
    """The names that a const or var spec (or a parameter declaration) declares."""
    if spec.type != "const_spec":
        return spec.children_by_field_name("name")
    names = []
    for child in spec.children:
        if child.type == "identifier":
            names.append(child)
        elif child.type != ",":
            break
    return names


def receiver_type(method: Node) -> str:
    """The base type name of a method's receiver: `Stack` for `(s *Stack[T])`."""
    receiver = method.child_by_field_name("receiver")
    if receiver is not None:
        for node in find(receiver, "type_identifier"):
            return text_of(node)
    return ""


def apply_edits(file: GoFile, edits: Iterable[Edit]) -> str:
    """The text after all edits, those of one place in their order. An edit inside a larger one is dropped."""
    out, position = [], 0
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, -edit.end)):
        if edit.start < position:
            continue
        out.append(file.data[position : edit.start])
        out.append(edit.text.encode("utf-8"))
        position = edit.end
    out.append(file.data[position:])
    return b"".join(out).decode("utf-8")


def whole_lines(file: GoFile, node: Node) -> Edit:
    """The edit that deletes a node with its doc comment and the rest of its line."""
    start, row = node.start_byte, int(node.start_point[0])
    previous = node.prev_sibling
    while previous is not None and previous.type == "comment" and int(previous.end_point[0]) == row - 1:
        if not _starts_its_line(file, previous):
            break
        start, row = previous.start_byte, int(previous.start_point[0])
        previous = previous.prev_sibling
    end = node.end_byte
    newline = file.data.find(b"\n", end)
    rest = file.data[end : newline if newline >= 0 else len(file.data)]
    if rest.strip(b" \t\r;") == b"" or rest.lstrip(b" \t;").startswith(b"//"):
        end = len(file.data) if newline < 0 else newline + 1
    elif rest.lstrip(b" \t").startswith(b";"):
        end += rest.index(b";") + 1
    return Edit(start, end)


def _starts_its_line(file: GoFile, node: Node) -> bool:
    line_start = file.data.rfind(b"\n", 0, node.start_byte) + 1
    return not file.data[line_start : node.start_byte].strip()


def remove_declarations(file: GoFile, names: Set[str]) -> str:
    """The text without these top-level declarations (`GCD`, `Stack.Push`).

    A const of a group, and one name of several in a spec, becomes `_`, so that `iota` and the
    other names keep their values.
    """
    doomed = [found for found in declarations(file) if found.name in names]
    edits = []
    for found in doomed:
        siblings = {other.name for other in declarations(file) if other.outer == found.outer}
        alone = {other.name for other in declarations(file) if other.node == found.node}
        if siblings <= names:
            edits.append(whole_lines(file, found.outer))
        elif alone <= names and found.kind != "const":
            edits.append(whole_lines(file, found.node))
        else:
            edits.extend(
                Edit(node.start_byte, node.end_byte, "_")
                for node in names_of(found.node)
                if text_of(node) == found.name
            )
    return apply_edits(file, edits)
