"""The imports of a Go reference: unused ones go, those that it forgot come. Pure.

A small model writes `sort.Slice` and no import, and its reference would never build. Drafts pass the gates of
imports (`gates/imports.py`), which refuse some packages too; a reference is tried in its sandbox alone.
"""

from collections.abc import Set

from guildbus.agents.golang.imports import add_imports, imports, library_path, prune_imports, qualified_uses
from guildbus.agents.golang.syntax import parse


def mended_imports(source: str, stdlib: Set[str]) -> str:
    """The program with just the imports that it uses, as far as a package's name leaves no doubt."""
    pruned, _ = prune_imports(parse(source))
    file = parse(pruned)
    imported = {found.name for found in imports(file)}
    used = {use.package for use in qualified_uses(file) if use.member[:1].isupper()}
    return add_imports(file, {path for name in used - imported if (path := library_path(name, stdlib))})
