"""What a file imports, which package qualifiers it uses, and edits that add and remove imports.

`used_qualifiers` knows scopes: a local variable named like a package hides it. Read
`signatures.py` next.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.scopes import Scopes
from guildbus.agents.golang.syntax import (
    Edit,
    GoFile,
    apply_edits,
    declarations,
    find,
    line_of,
    package_clause,
    text_of,
    whole_lines,
)

PREFERRED = {
    "pprof": "runtime/pprof",
    "rand": "math/rand",
    "scanner": "text/scanner",
    "template": "text/template",
}
"""Which of several packages of one name is meant where none is imported."""


@dataclass(frozen=True, eq=False)
class Import:
    """One imported package. `alias` is '' for none; `name` is what the file calls it by."""

    path: str
    alias: str
    node: Node

    @property
    def name(self) -> str:
        """The alias, or the package's usual name: the last path element that is no major version."""
        return self.alias or usual_name(self.path)

    @property
    def line(self) -> int:
        """The line of the import."""
        return line_of(self.node)


@dataclass(frozen=True, eq=False)
class Qualified:
    """One use of `package.Member`; `node` is the whole selector, `operand` the package's name."""

    package: str
    member: str
    node: Node
    operand: Node


def usual_name(path: str) -> str:
    """The package name that an import path suggests: `rand` for `math/rand/v2`."""
    parts = path.split("/")
    last = parts[-1]
    if len(parts) > 1 and last[:1] == "v" and last[1:].isdigit():
        return parts[-2]
    return last


def imports(file: GoFile) -> tuple[Import, ...]:
    """Every import of the file, in order."""
    found = []
    for outer in file.root.named_children:
        if outer.type == "import_declaration":
            for spec in find(outer, "import_spec"):
                path, alias = spec.child_by_field_name("path"), spec.child_by_field_name("name")
                if path is not None:
                    name = text_of(alias) if alias is not None else ""
                    found.append(Import(text_of(path)[1:-1], name, spec))
    return tuple(found)


def library_path(name: str, stdlib: Set[str]) -> str:
    """The one standard package of this name, by preference where there are several; else ''."""
    if PREFERRED.get(name) in stdlib:
        return PREFERRED[name]
    found = [
        path
        for path in stdlib
        if path.split("/")[-1] == name == usual_name(path)
        and not {"internal", "vendor", "cmd"} & set(path.split("/"))
    ]
    return found[0] if len(found) == 1 else ""


def qualified_uses(file: GoFile, scopes: Scopes | None = None) -> tuple[Qualified, ...]:
    """Every `x.Member` whose `x` is neither local nor declared at top level in this file."""
    scopes = scopes or Scopes(file)
    own = {found.name for found in declarations(file)}
    found = []
    for node in find(file.root, "selector_expression", "qualified_type"):
        selector = node.type == "selector_expression"
        operand = node.child_by_field_name("operand" if selector else "package")
        member = node.child_by_field_name("field" if selector else "name")
        if operand is None or member is None or operand.type not in ("identifier", "package_identifier"):
            continue
        name = text_of(operand)
        if scopes.binding(operand) is None and name not in own:
            found.append(Qualified(name, text_of(member), node, operand))
    return tuple(found)


def used_qualifiers(file: GoFile) -> dict[str, frozenset[str]]:
    """Package name -> the members used of it: `{"fmt": {"Sprintf"}}`."""
    used: dict[str, set[str]] = {}
    for use in qualified_uses(file):
        used.setdefault(use.package, set()).add(use.member)
    return {name: frozenset(members) for name, members in used.items()}


def remove_imports(file: GoFile, doomed: Iterable[Import]) -> str:
    """The text without these imports; a declaration that loses all its specs goes too."""
    gone = {found.node.start_byte for found in doomed}
    edits = []
    for outer in file.root.named_children:
        if outer.type != "import_declaration":
            continue
        specs = list(find(outer, "import_spec"))
        dying = [spec for spec in specs if spec.start_byte in gone]
        if dying and len(dying) == len(specs):
            edits.append(whole_lines(file, outer))
        else:
            edits.extend(whole_lines(file, spec) for spec in dying)
    return apply_edits(file, edits)


def add_imports(file: GoFile, paths: Set[str]) -> str:
    """The text with these packages imported: beside its first import, else right under the package clause."""
    wanted = sorted(
        paths - {found.path for found in imports(file) if found.alias in ("", usual_name(found.path))}
    )
    if not wanted:
        return file.source
    for outer in file.root.named_children:
        for group in outer.named_children if outer.type == "import_declaration" else ():
            if group.type == "import_spec":
                lines = "".join(f'\n\t"{path}"' for path in wanted)
                edits = [Edit(group.start_byte, group.start_byte, f"({lines}\n\t")]
                return apply_edits(file, [*edits, Edit(group.end_byte, group.end_byte, "\n)")])
            if group.type == "import_spec_list":
                lines = "".join(f'\n\t"{path}"' for path in wanted)
                start = group.start_byte + 1
                broken = file.data[start:].lstrip(b" \t").startswith(b"\n")
                return apply_edits(file, [Edit(start, start, lines if broken else lines + "\n")])
    clause = package_clause(file)
    end = clause.end_byte if clause is not None else 0
    if len(wanted) == 1:
        lines = f'\n\nimport "{wanted[0]}"\n'
    else:
        lines = "\n\nimport (\n" + "".join(f'\t"{path}"\n' for path in wanted) + ")\n"
    return apply_edits(file, [Edit(end, end, lines)])


def prune_imports(file: GoFile) -> tuple[str, tuple[Import, ...]]:
    """The text without its unused and duplicate imports, and which these were.

    Blank imports stay (they are there for their effects); dot imports stay (their use cannot be
    told from the text).
    """
    used = used_qualifiers(file)
    seen: set[tuple[str, str]] = set()
    doomed = []
    for found in imports(file):
        key = (found.path, found.name)
        if found.alias not in ("_", ".") and (found.name not in used or key in seen):
            doomed.append(found)
        seen.add(key)
    return (remove_imports(file, doomed) if doomed else file.source), tuple(doomed)
