"""The imports of a Go reference: unused ones go, those that it forgot come. Pure.

A small model writes `sort.Slice` and no import, and its reference would never build. Drafts pass the gates of
imports, which know the whole library; what a reference computes with is in this list.
"""

from guildbus.agents.golang.imports import add_imports, imports, prune_imports, qualified_uses
from guildbus.agents.golang.syntax import parse

_USUAL = {
    path.rpartition("/")[2]: path
    for path in (
        "bytes",
        "cmp",
        "container/heap",
        "container/list",
        "errors",
        "fmt",
        "maps",
        "math",
        "math/big",
        "math/bits",
        "regexp",
        "slices",
        "sort",
        "strconv",
        "strings",
        "sync",
        "time",
        "unicode",
        "unicode/utf8",
    )
}


def mended_imports(source: str) -> str:
    """The program with just the imports that it uses."""
    pruned, _ = prune_imports(parse(source))
    file = parse(pruned)
    imported = {found.name for found in imports(file)}
    used = {use.package for use in qualified_uses(file) if use.member[:1].isupper()}
    return add_imports(file, {_USUAL[name] for name in used - imported if name in _USUAL})
