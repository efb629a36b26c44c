"""Markdown by hand: tables, and texts that hold nothing which Markdown would take for its own. Pure."""

import re
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Final

_CODE: Final = re.compile(r"(`[^`]*`)")


def prose(text: str) -> str:
    """A text with `code` in it: what stands outside is shown as it is written."""
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;").replace("*", r"\*")
        for part in _CODE.split(text)
    )


def paragraphs(docstring: str | None) -> str:
    """A docstring as paragraphs, each on one line."""
    blocks = re.split(r"\n\s*\n", cleandoc(docstring or ""))
    return "\n\n".join(prose(" ".join(block.split())) for block in blocks if block.strip())


def first_sentence(docstring: str | None) -> str:
    """The summary of a docstring, on one line."""
    return paragraphs(docstring).partition("\n\n")[0]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Cells are Markdown; what would end one is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |"
        for row in lines
    )


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


def anchor(heading: str) -> str:
    """The `#anchor` that GitHub gives a heading."""
    return "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def one_of(words: Sequence[str], last: str = "or") -> str:
    """`a, b or c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
