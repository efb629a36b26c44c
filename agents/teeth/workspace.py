"""The folder that the sandbox sees: the module as `tree/`, and beside it the variants and the scripts.

Which packages there are, and who imports whom, is Go's own answer (`go list`), read here. Writing is the
only thing that is not pure. Read measuring.py next.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from guildbus.agents.judge_script import OVERLAYS, TREE, overlay
from guildbus.agents.teeth.equivalence import symbol_of
from guildbus.agents.teeth.mutants import Mutant
from guildbus.agents.teeth.schema import CHOOSER_FILE, Variant, chooser, package_of
from guildbus.protocols.errors import UsageError

LIST = (
    "go",
    "list",
    "-e",
    "-json=Dir,ImportPath,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports",
    "./...",
)


@dataclass(frozen=True)
class Package:
    """One package of the module. `folder` is relative to it ('' is its root), as are `files`, without tests.

    `reaches` are the packages of the module that its tests can reach, itself first.
    """

    folder: str
    files: tuple[str, ...]
    tested: bool
    reaches: tuple[str, ...]


def read_packages(listing: str, root: str) -> tuple[Package, ...]:
    """The packages that `go list` names; `root` is the module's folder as Go saw it."""
    decoder, position, found = json.JSONDecoder(), 0, []
    while (position := listing.find("{", position)) >= 0:
        entry, position = decoder.raw_decode(listing, position)
        found.append(entry)
    imports = {entry["ImportPath"]: entry.get("Imports", []) for entry in found}
    packages = []
    for entry in found:
        relative = PurePosixPath(entry["Dir"]).relative_to(root)
        folder = "" if str(relative) == "." else str(relative)
        tests = [*entry.get("TestGoFiles", []), *entry.get("XTestGoFiles", [])]
        used = [*entry.get("TestImports", []), *entry.get("XTestImports", [])]
        packages.append(
            Package(
                folder=folder,
                files=tuple(str(relative / name) for name in entry.get("GoFiles", [])),
                tested=bool(tests),
                reaches=_closure([entry["ImportPath"], *used], imports),
            )
        )
    names = {entry["ImportPath"]: package.folder for entry, package in zip(found, packages, strict=True)}
    return tuple(
        Package(p.folder, p.files, p.tested, tuple(names[path] for path in p.reaches)) for p in packages
    )


def copy_module(source: Path | Mapping[str, str], workspace: Path) -> None:
    """Lay the module into `workspace/tree`, from a folder (without .git) or from contents by path.

    UsageError for a path that leaves it.
    """
    tree = workspace / TREE
    if isinstance(source, Path):
        shutil.copytree(source, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        return
    for name, text in source.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise UsageError("a path that leaves the tree", where=name)
        path = tree / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_overlays(
    workspace: Path,
    packages: Sequence[Package],
    sources: Mapping[str, str],
    mutants: Mapping[int, Mutant],
    variants: Mapping[str, Variant],
    rest: Mapping[str, str],
) -> None:
    """Lay beside the tree: the schema, each mutant's own file, the packages' folders, and `rest` as it is."""
    files: dict[str, str] = dict(rest)
    replace: dict[str, str] = {}
    for number, (path, variant) in enumerate(variants.items()):
        files[f"s{number}.go"] = variant.text
        replace[path] = f"s{number}.go"
    for number, package in enumerate(packages):
        files[f"folder{number}"] = f"./{package.folder}"
        if any(path in variants for path in package.files):
            files[f"chooser{number}.go"] = chooser(package_of(sources[package.files[0]]))
            replace[str(PurePosixPath(package.folder) / CHOOSER_FILE)] = f"chooser{number}.go"
        for mutant_number in (n for n, m in mutants.items() if m.file in package.files):
            files[f"own{mutant_number}"] = str(number)
            mutant = mutants[mutant_number]
            files[f"symbol{mutant_number}"] = symbol_of(sources[mutant.file], mutant)
    files["schema.json"] = overlay(replace)
    for number, mutant in mutants.items():
        files[f"m{number}.go"] = mutant.applied(sources[mutant.file])
        files[f"m{number}.json"] = overlay({mutant.file: f"m{number}.go"})
    folder = workspace / OVERLAYS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def schema_names(variants: Iterable[str]) -> dict[str, str]:
    """The name under which the compiler speaks of each variant -> the file that it stands for."""
    return {f"../{OVERLAYS}/s{number}.go": path for number, path in enumerate(variants)}


def _closure(start: Sequence[str], imports: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What `start` imports, directly or not, of the packages that `imports` knows."""
    found: dict[str, None] = {}
    waiting = list(start)
    while waiting:
        path = waiting.pop(0)
        if path in imports and path not in found:
            found[path] = None
            waiting += imports[path]
    return tuple(found)
