"""The imports of Go references: what is used comes, what is not goes, and a parameter is no package."""

import pytest

from guildbus.agents.golang.syntax import parse, syntax_fault
from guildbus.agents.oracle.go_imports import mended_imports

STDLIB = frozenset({"container/list", "fmt", "sort", "strings", "unicode/utf8"})


@pytest.mark.parametrize(
    ("head", "body", "imported"),
    [
        ("", "sort.Ints(list)", ["sort"]),
        ('import "fmt"', "_ = strings.ToUpper(utf8.RuneError)", ["strings", "unicode/utf8"]),
        ('import "sort"', "sort.Ints(list)", ["sort"]),
        ("", "_ = list.Len()", []),
        ("", "_ = nobody.Knows()", []),
        ("", "_ = sort.hidden", []),
    ],
)
def test_a_program_imports_just_what_it_uses(head: str, body: str, imported: list[str]) -> None:
    mended = mended_imports(f"package p\n\n{head}\n\nfunc F(list []int) {{ {body} }}\n", STDLIB)
    assert [
        line.strip().removeprefix("import ").strip('"') for line in mended.splitlines() if '"' in line
    ] == imported
    assert syntax_fault(parse(mended)) is None
