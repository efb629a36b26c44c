"""What a fixer gets, a complaint of the toolchain with its place in the syntax tree, and what it gives.

Read `table.py` next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from re import Match

from tree_sitter import Node

from guildbus.agents.golang.scopes import Scopes
from guildbus.agents.golang.syntax import Edit, GoFile, find, leaves, parse


@dataclass(frozen=True)
class Neighbours:
    """The rest of the tree: `package` are the other files of the folder (path -> source)."""

    path: str
    package: Mapping[str, str] = field(default_factory=dict)
    import_path: str = ""

    @property
    def is_test(self) -> bool:
        """Whether the file that is mended is a test."""
        return self.path.endswith("_test.go")


@dataclass(frozen=True, eq=False)
class Complaint:
    """One message about one file. `offset` is its byte; `words` are the message's parts by name."""

    file: GoFile
    scopes: Scopes
    offset: int
    words: Match[str]
    around: Neighbours

    def word(self, name: str) -> str:
        """A part of the message."""
        return self.words[name] or ""

    def node(self, *types: str) -> Node | None:
        """The innermost node of these types at the place; any type without arguments."""
        node = self.file.root.descendant_for_byte_range(self.offset, self.offset)
        while node is not None and types and node.type not in types:
            node = node.parent
        return node

    def expression(self, text: str) -> Node | None:
        """The expression at the place that reads `text`, however it is spaced.

        Of an operator's two sides the place may be either: the compiler points at the one that it minds.
        """
        wanted = tokens(text)
        node = self.node()
        while node is not None and wanted and not node.type.endswith("_statement"):
            if leaves(node) == wanted:
                return node
            node = node.parent
        return None


@dataclass(frozen=True)
class Rewrite:
    """A mending: its edits, and one sentence for the trace."""

    reason: str
    edits: tuple[Edit, ...]


Fixer = Callable[[Complaint], Rewrite | None]
"""None where the rewrite is not certain."""


def tokens(expression: str) -> str:
    """An expression's tokens joined by blanks, as `leaves` gives them."""
    for spec in find(parse(f"package p\n\nvar _ = {expression}\n").root, "var_spec"):
        value = spec.child_by_field_name("value")
        return leaves(value) if value is not None else ""
    return ""


def replace(node: Node, text: str) -> Edit:
    """The edit that puts `text` in a node's place."""
    return Edit(node.start_byte, node.end_byte, text)


def enclosing(node: Node | None, *types: str) -> Node | None:
    """The nearest node of these types at or above `node`."""
    while node is not None and node.type not in types:
        node = node.parent
    return node


FUNCTIONS = ("function_declaration", "method_declaration", "func_literal")
