"""Counting from outside what a sandbox uses in all, and ending it when that is too much.

Limits of prlimit hold for one process each, and the kernel does not hold root to `--nproc` (containers and
CI often run as root). So the runner counts as well: processes, threads, resident memory, and what was
written to the file systems that live in memory. Cheaply: one listing of the sandbox's own /proc and a line
a process, some thirty times a second. Cheap is the point: beside thousands of runnable processes, anything
that costs more than a time slice comes too late.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.03
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Bounds:
    """What all processes of one command may use together.

    Memory is resident pages, shared ones counted for each holder, and what was written to `storage`, the
    paths inside where a file system in memory is mounted.
    """

    processes: int
    threads: int
    memory_bytes: int
    storage_bytes: int
    storage_files: int
    storage: tuple[str, ...]


@dataclass(frozen=True)
class Usage:
    """What they use at one moment."""

    processes: int = 0
    threads: int = 0
    memory_bytes: int = 0
    storage_bytes: int = 0
    storage_files: int = 0

    def exceeded(self, bounds: Bounds) -> str:
        """What there is too much of, in words for a person; '' if nothing."""
        if self.processes > bounds.processes or self.threads > bounds.threads:
            return "processes"
        if self.memory_bytes + self.storage_bytes > bounds.memory_bytes:
            return "memory"
        if self.storage_bytes > bounds.storage_bytes or self.storage_files > bounds.storage_files:
            return "disk space"
        return ""


def look(bwrap_pid: int, bounds: Bounds) -> Usage:
    """Count once. All zero while there is no sandbox to see; of too many processes, only how many."""
    try:
        children = Path(f"/proc/{bwrap_pid}/task/{bwrap_pid}/children").read_text(encoding="ascii").split()
        root = f"/proc/{children[0]}/root"
        if os.path.samestat(os.stat(root), os.stat("/")):
            return Usage()  # bubblewrap has not left the host's file system yet
        processes = [name for name in os.listdir(f"{root}/proc") if name.isdigit()]
    except (OSError, IndexError):
        return Usage()
    if len(processes) > bounds.processes:
        return Usage(len(processes))
    held = [_held(root, name) for name in processes]
    stored = [_stored(f"{root}{path}") for path in bounds.storage]
    return Usage(
        processes=len(processes),
        threads=sum(threads for threads, _ in held),
        memory_bytes=sum(pages for _, pages in held) * PAGE_BYTES,
        storage_bytes=sum(size for size, _ in stored),
        storage_files=sum(files for _, files in stored),
    )


async def overrun(bwrap_pid: int, bounds: Bounds) -> str:
    """Return what the sandbox of `bwrap_pid` has too much of once it has; wait for ever otherwise."""
    while not (found := look(bwrap_pid, bounds).exceeded(bounds)):  # noqa: ASYNC110 - the kernel has no event
        await asyncio.sleep(LOOK_S)
    return found


def _held(root: str, process: str) -> tuple[int, int]:
    """(threads, resident pages) of one process: fields 20 and 24 of its stat line (proc(5))."""
    try:
        with open(f"{root}/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[17]), int(fields[21])
    except (OSError, IndexError):
        return 0, 0


def _stored(path: str) -> tuple[int, int]:
    """(bytes, files) on the file system mounted there; an overlay gives those of its upper layer."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 0, 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_files - found.f_ffree
