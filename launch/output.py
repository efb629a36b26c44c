"""Writing a run's files where the user wants them, and nowhere else.

A folder is ours if it is empty, or if it holds the receipt that an earlier build left; files of that
receipt are replaced, and nothing else is touched. Paths were checked with the spec, and are again here.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from guildbus.protocols.errors import OutputError
from guildbus.protocols.messages.build import BuiltFile

RECEIPT: Final = ".guildbus.json"


def check_folder(folder: Path) -> None:
    """Raise OutputError unless `folder` can take a build's files without losing anybody's work."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError("not a folder", where=str(folder), remedy="name another with --out")
    receipt = _receipt(folder)
    for name, digest in receipt.items():
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise OutputError(
                "was changed since the last build wrote it",
                where=str(path),
                remedy="move your work away, or name another folder with --out",
            )
    ours = set(receipt) | {RECEIPT}
    for root, _, names in os.walk(folder):
        for name in names:
            relative = (Path(root) / name).relative_to(folder).as_posix()
            if relative not in ours:
                raise OutputError(
                    f"holds {relative}, which no build of ours wrote",
                    where=str(folder),
                    remedy="name an empty folder with --out",
                )


def write_tree(folder: Path, files: Sequence[BuiltFile]) -> None:
    """Write the files and a receipt; files of an earlier receipt that are not among them go."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {file.path for file in files}
    for stale in set(_receipt(folder)) - names:
        (folder / stale).unlink(missing_ok=True)
    for file in files:
        path = _inside(folder, file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content, encoding="utf-8")
    digests = {file.path: file.sha256 for file in files}
    (folder / RECEIPT).write_text(
        json.dumps({"files": digests}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )


def _inside(folder: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    path = folder / pure
    if pure.is_absolute() or ".." in pure.parts or not path.resolve().is_relative_to(folder.resolve()):
        raise OutputError("leaves the output folder", where=name)
    return path


def _receipt(folder: Path) -> dict[str, str]:
    try:
        files = dict(json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"unreadable receipt: {error}", where=str(folder / RECEIPT)) from error
    return {str(name): str(digest) for name, digest in files.items() if _inside(folder, str(name))}
