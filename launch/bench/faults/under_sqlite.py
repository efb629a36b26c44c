"""A VFS under SQLite that sees every write and sync, passes them on, and may spoil them.

The journal is opened through it by name. docs: https://rogerbinns.github.io/apsw/vfs.html
"""

import os
from collections.abc import Callable

import apsw

Seen = Callable[[str, str], None]
"""Told (file name, what): `wal write`, `before the sync`, `after the sync`. What it raises, SQLite gets."""


class WatchedFile(apsw.VFSFile):
    """A file as the system has it, observed."""

    def __init__(self, base: str, name: str | apsw.URIFilename | None, flags: list[int], seen: Seen) -> None:
        super().__init__(base, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.name = os.path.basename(path or "")
        self._seen = seen

    def xWrite(self, data: bytes, offset: int) -> None:
        """Tell, then write."""
        self._seen(self.name, "wal write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        """Tell, sync, tell."""
        self._seen(self.name, "before the sync")
        super().xSync(flags)
        self._seen(self.name, "after the sync")


class WatchedVFS(apsw.VFS):
    """Opens `WatchedFile`s."""

    def __init__(self, name: str, seen: Seen) -> None:
        self.base = apsw.vfs_names()[0]
        self.name = name
        self._seen = seen
        super().__init__(name, self.base, makedefault=False)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file of the database."""
        return WatchedFile(self.base, name, flags, self._seen)
