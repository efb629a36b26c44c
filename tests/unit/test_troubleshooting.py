"""docs/troubleshooting.md has an entry for each code that the code base can raise or write, and for no
other."""

import re
from pathlib import Path

from guildbus.launch.reference.sources import coded_classes, sources
from guildbus.protocols.reasons import REASONS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text("utf-8")
AREAS = "agent|bus|connection"
"""Areas whose codes are written as literals where something is decided. `agents` and `bus` decide."""


def entries() -> dict[str, str]:
    """Code -> the text of its entry."""
    parts = re.split(r"^#+ ", PAGE, flags=re.MULTILINE)
    found = [(re.match(r"`([^`]+)`\n", part), part) for part in parts]
    named = [(heading[1], part) for heading, part in found if heading]
    assert len(named) == len({code for code, _ in named})
    return dict(named)


def test_every_code_has_its_entry_and_no_entry_names_another() -> None:
    codes = {one.code for one in coded_classes()} | set(REASONS)
    assert len(codes) > 40
    assert set(entries()) == codes


def test_every_entry_says_what_one_sees_what_it_means_and_what_to_do() -> None:
    for code, text in entries().items():
        said = re.findall(r"^- \*\*(You see|It means|Do)\*\* \S", text, re.MULTILINE)
        assert said == ["You see", "It means", "Do"], code


def test_the_reasons_are_those_that_the_code_writes() -> None:
    written = {
        text
        for path, source in sources()
        if path.startswith(("agents/", "bus/"))
        for text in re.findall(rf'"((?:{AREAS})\.[a-z_]+)"', source)
    }
    assert set(REASONS) <= written <= set(REASONS) | {one.code for one in coded_classes()}


def test_operations_leads_to_the_page() -> None:
    assert "(troubleshooting.md)" in (DOCS / "operations.md").read_text("utf-8")
