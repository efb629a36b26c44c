"""Rows that a table of a test lacks: of each truth a few, from what the witnesses settled. Pure.

A small model writes one palindrome and six words that are none, and such a suite hardly notices anything.
Where a function only says yes or no, and its test is mended on evidence anyway, cases of the truth that is
rare in it are put in: first those that some program got wrong, then those with the most different characters.
Next: `hearing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.syntax import Edit, GoFile
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.literals import NoLiteral, write_literal
from guildbus.agents.oracle.rows import Row
from guildbus.agents.oracle.values import canonical
from guildbus.agents.oracle.witnesses import Settled

LEAST = 3
"""So many rows of each truth a table is to have."""
LONGEST = 60
"""Characters of a row that a person can still take in."""


@dataclass(frozen=True)
class Addition:
    """A row that is put into a table, and the settled case that it is."""

    edit: Edit
    settled: Settled


def additions(file: GoFile, rows: Sequence[Row], settled: Sequence[Settled], api: Api) -> list[Addition]:
    """The rows that the tables of a test lack."""
    found: list[Addition] = []
    for callable_ in api.functions:
        own = [row for row in rows if row.function == callable_.full_name and row.expected[0].step is None]
        if not own or [of.kind for of in callable_.results] != ["bool"]:
            continue
        known = {canonical(row.case) for row in own}
        cases = [one for one in settled if one.case.get("call") == callable_.full_name]
        has = [one.outcome for one in cases if canonical(one.case) in known]
        fresh = [one for one in cases if canonical(one.case) not in known]
        last = _row_at(file, max(row.expected[0].start for row in own))
        for truth in (True, False):
            lacking = LEAST - has.count({"values": [truth]})
            fitting = sorted((one for one in fresh if one.outcome == {"values": [truth]}), key=_worth)
            texts = [(one, text) for one in fitting if (text := _text(last, callable_, one, truth=truth))]
            for one, text in texts[: max(0, lacking)]:
                assert last is not None
                found.append(Addition(Edit(last.end_byte, last.end_byte, f",\n{text}"), one))
    return found


def _worth(one: Settled) -> tuple[bool, int, str]:
    """The best first."""
    text = canonical(one.case)
    return one.against == 0, -len(set(text)), text


def _row_at(file: GoFile, place: int) -> Node | None:
    """The row of a table that a literal stands in."""
    node = file.root.descendant_for_byte_range(place, place)
    while node is not None and not (node.type == "literal_value" and _is_row(node)):
        node = node.parent
    return node


def _is_row(node: Node) -> bool:
    holder = node.parent
    return holder is not None and holder.type == "literal_element" and holder.parent is not None


def _text(row: Node | None, callable_: Callable, one: Settled, *, truth: bool) -> str:
    """The row of a case, as the one that stands there is made; '' where that is not certain."""
    cells = [cell for cell in row.named_children if cell.type != "comment"] if row is not None else []
    given = len(callable_.parameters)
    if any(cell.type == "keyed_element" for cell in cells) or any(p.variadic for p in callable_.parameters):
        return ""
    try:
        args = [write_literal(v, p.type) for v, p in zip(one.case["args"], callable_.parameters, strict=True)]
    except NoLiteral:
        return ""
    shown = [*args, "true" if truth else "false"]
    if len(cells) == given + 2 and cells[0].named_children[0].type == "interpreted_string_literal":
        shown.insert(0, '"settled"')
    elif len(cells) != given + 1:
        return ""
    text = f"{{{', '.join(shown)}}}"
    return text if len(text) <= LONGEST else ""
