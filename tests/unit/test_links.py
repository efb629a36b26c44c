"""Every relative link of the Markdown files leads to a file, and every `#anchor` to a heading."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from guildbus.launch.reference.markdown import anchor

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "bench", "examples")
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?)\s*#*$", re.MULTILINE)


def pages() -> list[Path]:
    """The Markdown files that people read."""
    return sorted([*ROOT.glob("*.md"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.md"))])


def without_code(text: str) -> str:
    """A page without what only looks like a link: fenced blocks and code in lines."""
    blocks = re.sub(r"^(`{3,})[^\n]*\n.*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in blocks.splitlines() if not line.startswith("    ")]
    return re.sub(r"`[^`\n]*`", "``", "\n".join(lines))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: the second of a name gets `-1`."""
    blocks = re.sub(r"^(`{3,})[^\n]*\n.*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in HEADING.findall(blocks):
        name = anchor(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading))
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def broken(page: Path, root: Path = ROOT) -> Iterator[str]:
    """The links of a page that lead nowhere, or out of the repository."""
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or not path.is_relative_to(root):
            yield f"{target}: no such file"
        elif fragment and path.suffix == ".md" and f"#{fragment}" not in anchors(path.read_text("utf-8")):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A *heading*, with `code`\n\n# Twice\n\n# Twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-heading-with-code) [c](#here) [`d`](there.md#twice-1)\n"
        "[e](https://x.example/y) ![f](gone.png) [g](there.md#gone) `[h](code.md)`\n\n"
        "    [i](block.md)\n\n```\n[j](fence.md)\n```\n# Here\n"
    )
    assert list(broken(page, tmp_path)) == ["gone.png: no such file", "there.md#gone: no such heading"]


def test_every_page_of_the_docs_is_on_the_map() -> None:
    docs = ROOT / "docs"
    on_it = LINK.findall((docs / "README.md").read_text("utf-8"))
    linked = {(docs / target.partition("#")[0]).resolve() for target in on_it}
    found = {path for path in docs.rglob("*.md") if path.parent.name != "adr" and path.name != "README.md"}
    assert sorted(str(path.relative_to(docs)) for path in found - linked) == []
