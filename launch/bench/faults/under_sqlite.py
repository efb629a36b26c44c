"""File layers under SQLite: one that is observed and may be spoiled, one that loses what was not synced.

The journal is opened through them by name (`Journal(path, vfs=...)`) and knows of nothing. What stands in a
`LossyFile` and was not synced is gone when its process is killed, as it would be from a disk's cache; `lose`
lets any part of it reach the disk, the last write torn. https://rogerbinns.github.io/apsw/vfs.html
"""

import os
from collections.abc import Callable
from random import Random
from typing import Final

import apsw

Seen = Callable[[str, str], None]
"""Told (file name, what): `write`, `before the sync`, `after the sync`. What it raises, SQLite gets."""
Name = str | apsw.URIFilename | None
SECTOR_BYTES: Final = 512
_KEPT: Final = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class WatchedFile(apsw.VFSFile):
    """A file as the system has it, observed."""

    def __init__(self, base: str, name: Name, flags: list[int], seen: Seen) -> None:
        super().__init__(base, name, flags)
        self.name = _base_name(name)
        self._seen = seen

    def xWrite(self, data: bytes, offset: int) -> None:
        """Tell, then write."""
        self._seen(self.name, "write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        """Tell, sync, tell."""
        self._seen(self.name, "before the sync")
        super().xSync(flags)
        self._seen(self.name, "after the sync")


class LossyFile(apsw.VFSFile):
    """Written to memory; `xSync` brings it to the disk. `image` is the file as this process sees it."""

    def __init__(self, base: str, name: Name, flags: list[int], seen: Seen) -> None:
        super().__init__(base, name, flags)
        self.name = _base_name(name)
        self._seen = seen
        size = super().xFileSize()
        self.image = bytearray(super().xRead(size, 0) if size else b"")
        self.pending: list[tuple[int, bytes | None]] = []

    def xRead(self, amount: int, offset: int) -> bytes:
        """From memory."""
        return bytes(self.image[offset : offset + amount])

    def xFileSize(self) -> int:
        """As this process sees it."""
        return len(self.image)

    def xWrite(self, data: bytes, offset: int) -> None:
        """To memory."""
        self._seen(self.name, "write")
        if len(self.image) < offset:
            self.image.extend(bytes(offset - len(self.image)))
        self.image[offset : offset + len(data)] = data
        self.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        """In memory."""
        del self.image[newsize:]
        self.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:
        """Everything so far reaches the disk."""
        self._seen(self.name, "before the sync")
        self._flush()
        super().xSync(flags)
        self._seen(self.name, "after the sync")

    def xClose(self) -> None:
        """A process that ends in good order leaves its writes to the system, and the system lives on."""
        self._flush()
        super().xClose()

    def _flush(self) -> None:
        for offset, data in self.pending:
            self._apply(offset, data)
        self.pending.clear()

    def _apply(self, offset: int, data: bytes | None) -> None:
        if data is None:
            super().xTruncate(offset)
        else:
            super().xWrite(data, offset)

    def lose(self, chance: Random) -> int:
        """The power goes: a random part of what was not synced is on the disk. How many writes are not."""
        reached = [one for one in self.pending if chance.random() < chance.choice((0.0, 0.5, 0.9))]
        for number, (offset, data) in enumerate(reached):
            if data is not None and number == len(reached) - 1:
                data = data[: chance.randrange(0, len(data) + 1, SECTOR_BYTES)]
            self._apply(offset, data)
        return len(self.pending) - len(reached)


class FaultVFS(apsw.VFS):
    """Opens observed files; with `lossy`, those of the database lose what was not synced."""

    def __init__(self, name: str, seen: Seen, *, lossy: bool = False) -> None:
        self.name = name
        self._base = apsw.vfs_names()[0]
        self._seen = seen
        self._lossy = lossy
        self.files: list[LossyFile] = []
        super().__init__(name, self._base, makedefault=False)

    def xOpen(self, name: Name, flags: list[int]) -> apsw.VFSFile:
        """Open a file of the database."""
        if not self._lossy or not flags[0] & _KEPT:
            return WatchedFile(self._base, name, flags, self._seen)
        file = LossyFile(self._base, name, flags, self._seen)
        self.files.append(file)
        return file


def _base_name(name: Name) -> str:
    path = name.filename() if isinstance(name, apsw.URIFilename) else name
    return os.path.basename(path or "")
