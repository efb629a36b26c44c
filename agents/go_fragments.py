"""Pieces of Go inside prose: parse one, and find where one ends.

A spec says `GCD(a, b int) int returns ...` in the middle of a sentence. Whether a stretch of
it is Go is decided by tree-sitter's Go grammar, never by a pattern; patterns only propose
where a stretch may begin. Next: `stated.py` (signatures) and `stated_values.py` (values).
"""

from tree_sitter import Node

from guildbus.agents.golang.syntax import find, parse

PREDECLARED_TYPES = frozenset(
    [
        "any",
        "bool",
        "byte",
        "comparable",
        "complex64",
        "complex128",
        "error",
        "float32",
        "float64",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "rune",
        "string",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uintptr",
    ]
)
_DEEPEST = 40
_CLOSES = {"(": ")", "[": "]", "{": "}"}


def declaration(source: str) -> Node | None:
    """The only top-level declaration in `source`; None unless it parses without any error."""
    root = parse(f"package p\n{source}\n").root
    found = [child for child in root.named_children if child.type not in {"package_clause", "comment"}]
    return None if root.has_error or len(found) != 1 else found[0]


def expression(source: str) -> Node | None:
    """The one expression that `source` is; None unless it parses without any error."""
    node = declaration(f"var _ = {source}")
    if node is None or node.type != "var_declaration":
        return None
    specs = of_type(node, "var_spec")
    value = specs[0].child_by_field_name("value") if len(specs) == 1 else None
    if value is None or value.named_child_count != 1:
        return None
    return value.named_child(0)


def text_of(node: Node | None) -> str:
    """The source text of a node, '' for None."""
    return "" if node is None or node.text is None else node.text.decode()


def of_type(node: Node, *types: str) -> list[Node]:
    """All nodes below (and with) `node` that have one of the types, in source order."""
    return list(find(node, *types))


def closing(text: str, opening: int, *, limit: int = 600) -> int:
    """The index of the bracket that closes `text[opening]`, or -1.

    Brackets inside Go string and rune literals do not count; a search longer than `limit`
    characters, or one that goes too deep, is given up, so that a stray bracket costs little.
    """
    expected: list[str] = []
    index = opening
    while index < min(len(text), opening + limit):
        char = text[index]
        if char in _CLOSES:
            expected.append(_CLOSES[char])
            if len(expected) > _DEEPEST:
                return -1
        elif char in ")]}":
            if not expected or expected.pop() != char:
                return -1
            if not expected:
                return index
        elif char in "\"`'":
            index = literal_end(text, index) - 1
        index += 1
    return -1


def literal_end(text: str, start: int) -> int:
    """The index after the string or rune literal that begins at `start`.

    An opening quote that nothing closes (an apostrophe) is taken as one plain character.
    """
    quote = text[start]
    longest = {"'": 12, '"': 400, "`": 400}[quote]
    index = start + 1
    while index < min(len(text), start + longest):
        if text[index] == "\\" and quote != "`":
            index += 1
        elif text[index] == quote:
            is_rune = quote != "'" or index - start == 2 or text[start + 1] == "\\"
            return index + 1 if is_rune else start + 1
        index += 1
    return start + 1
