"""What each worker is doing right now, in a small file that all processes map: no message, no delay.

The bench reads it to strike a worker in the middle of its task, and it survives the worker.
"""

import enum
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SLOT: Final = struct.Struct("=IIIIII8x")
SLOTS: Final = 256


class Doing(enum.IntEnum):
    """Where in its loop a worker is."""

    AWAY = 0
    WAITING = 1
    WORKING = 2
    ANSWERING = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """One worker's line; it counts messages: `fenced` were refused as stale, `damaged` not as made."""

    pid: int = 0
    doing: int = Doing.AWAY
    taken: int = 0
    handled: int = 0
    fenced: int = 0
    damaged: int = 0


class Board:
    """The file, mapped. One writer a slot."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(handle, SLOTS * _SLOT.size)
            self._memory = mmap.mmap(handle, SLOTS * _SLOT.size)
        finally:
            os.close(handle)

    def read(self, number: int) -> Slot:
        """A worker's line now."""
        return Slot(*_SLOT.unpack_from(self._memory, number * _SLOT.size))

    def write(self, number: int, slot: Slot) -> None:
        """Replace a worker's line."""
        values = (slot.pid, slot.doing, slot.taken, slot.handled, slot.fenced, slot.damaged)
        _SLOT.pack_into(self._memory, number * _SLOT.size, *values)

    def close(self) -> None:
        """Unmap."""
        self._memory.close()
