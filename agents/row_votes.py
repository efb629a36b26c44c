"""Working out doubted rows of a table test again, and voting. Pure; the prompts are in `prompting.py`.

When an assertion fails, the row's expected value is in doubt and nothing else of the test is. So its author
is not asked for the file again but for that value, several times, from the rule alone: no reply knows what
the implementation gives. A row takes the value of most replies, and where they do not agree it stays as it
was; nothing is preferred because it agrees with the implementation. The edit is made on the syntax tree, at
the one literal. Rows that the spec states are never asked about.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.go_fragments import closing
from guildbus.agents.golang.syntax import Edit, GoFile, apply_edits, find, parse, text_of
from guildbus.agents.planning import is_test
from guildbus.agents.stated import arity
from guildbus.agents.stated_values import fits, parse_example
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Example, Signature

VOTES = 5
MOST_ROWS = 4


@dataclass(frozen=True)
class DoubtedRow:
    """A row of the previous file: the call that it makes, and the literal of its expected value."""

    signature: Signature
    call: str
    want: Node


def doubted_rows(request: DraftRequested) -> list[DoubtedRow]:
    """The rows that the evidence is about; [] where another kind of repair is called for.

    That is: for anything but failing tests of plain functions, whose calls are found in a table.
    """
    if not is_test(request.task.path) or not request.previous:
        return []
    if not request.evidence or any(item.kind != "test" for item in request.evidence):
        return []
    stated = {_plain(example.call) for example in request.examples}
    texts = [_plain(item.text) for item in request.evidence]
    rows = [
        row
        for row in _rows(parse(request.previous), request.api)
        if _plain(row.call) not in stated and any(_plain(row.call) in text for text in texts)
    ]
    found = {row.call for row in rows}
    return rows if len(found) <= MOST_ROWS and all(_named(text, rows) for text in texts) else []


def _named(text: str, rows: Sequence[DoubtedRow]) -> bool:
    return any(_plain(row.call) in text for row in rows)


def _plain(text: str) -> str:
    return "".join(text.split())


def _rows(file: GoFile, api: Sequence[Signature]) -> Iterator[DoubtedRow]:
    """The rows of the file's tables whose cells are an optional name, the arguments, and the value."""
    for function in find(file.root, "function_declaration"):
        name = function.child_by_field_name("name")
        for signature in api:
            shape = arity(signature)
            if name is None or shape is None or shape[1:] != (False, 1):
                continue
            if not text_of(name).startswith(f"Test{signature.name}"):
                continue
            for literal in find(function, "literal_value"):
                row = _row(literal, signature, shape[0])
                if row is not None:
                    yield row


def _row(literal: Node, signature: Signature, parameters: int) -> DoubtedRow | None:
    cells = [_value(cell) for cell in literal.named_children if cell.type != "comment"]
    if len(cells) == parameters + 2 and text_of(cells[0])[:1] in {'"', "`"}:
        cells = cells[1:]
    if len(cells) != parameters + 1 or any(cell.type == "literal_value" for cell in cells):
        return None
    call = f"{signature.name}({', '.join(text_of(cell) for cell in cells[:-1])})"
    example = _example(f"{call} = {text_of(cells[-1])}", signature)
    return DoubtedRow(signature, call, cells[-1]) if example is not None else None


def _value(cell: Node) -> Node:
    """The value of `x` or of `key: x`."""
    inner = cell.named_children[-1] if cell.type == "keyed_element" else cell
    return inner.named_children[0] if inner.type == "literal_element" and inner.named_children else inner


def _example(text: str, signature: Signature) -> Example | None:
    try:
        example = parse_example(text)
    except ValueError:
        return None
    return None if fits(example, signature) else example


def voted_source(request: DraftRequested, rows: Sequence[DoubtedRow], replies: Sequence[str]) -> str:
    """The previous file with each doubted row's value as more than half of all replies have it."""
    edits = []
    for row in rows:
        votes = Counter(value for reply in replies if (value := _answer(reply, row)) is not None)
        best = votes.most_common(1)
        if best and best[0][1] * 2 > len(replies):
            edits.append(Edit(row.want.start_byte, row.want.end_byte, best[0][0]))
    return apply_edits(parse(request.previous), edits)


def _answer(reply: str, row: DoubtedRow) -> str | None:
    """The value that a reply gives for a row's call; None if it gives none that fits."""
    for line in reply.splitlines():
        start = line.find(f"{row.signature.name}(")
        end = closing(line, start + len(row.signature.name)) + 1 if start >= 0 else 0
        if not end or _plain(line[start:end]) != _plain(row.call):
            continue
        for arrow in ("=>", "=", ":"):
            value = line[end:].rpartition(arrow)[2].strip(" .`")
            example = _example(f"{row.call} = {value}", row.signature)
            if example is not None:
                return example.want
    return None
