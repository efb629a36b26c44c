"""Locks that leave nothing behind: an flock on a file that its holder removes when it lets go.

The kernel ends the lock with its process, however that dies, so a lock that is left on disk holds nobody up.
Removing a lock file is safe because of one rule: whoever gets the lock looks whether the file is still the
one at its path. If a former holder has removed it meanwhile, the lock is worth nothing, and is taken anew.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from guildbus.protocols.errors import BusError

WAIT_S: Final = 0.5
"""A warden that tidies up after a former swarm holds a lock for a moment."""


def lock_of(path: Path) -> Path:
    """The lock that guards a file: beside it, with a name of its own."""
    return path.with_name(path.name + ".lock")


def lock_file(path: Path, what: str, wait_s: float = WAIT_S) -> int:
    """Take an exclusive lock for the life of this process; BusError if someone else keeps it for `wait_s`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + wait_s
    while (handle := _try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise BusError(
                "in use by another broker",
                where=what,
                remedy="`guildbus down` stops it, or use another state folder",
            )
        time.sleep(0.02)
    return handle


def unlock_file(path: Path, handle: int) -> None:
    """Let go of a lock, and remove its file."""
    if _is_at(handle, path):
        path.unlink(missing_ok=True)
    os.close(handle)


def _try_lock(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    if _is_at(handle, path):
        return handle
    os.close(handle)
    return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is the one at its path; while it is locked, nobody else may change that."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), there)
