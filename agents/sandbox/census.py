"""Counting the processes of a run, so that a fork bomb ends early.

`prlimit --nproc` is the wall for ordinary users, but the kernel does not hold root to it (containers and
CI often run as root). So the runner looks too, cheaply: the kernel's total of threads is one small
read, and only when that has grown are the run's own processes counted.
"""

import asyncio
import contextlib
import os
from pathlib import Path

LOOK_S = 0.1
LOADAVG = Path("/proc/loadavg")


def threads_on_machine() -> int | None:
    """How many threads exist, from /proc/loadavg (`0.1 0.2 0.3 running/TOTAL last`); None elsewhere."""
    try:
        return int(LOADAVG.read_text(encoding="ascii").split()[3].partition("/")[2])
    except (OSError, IndexError, ValueError):
        return None


def processes_of(pid: int) -> int:
    """Descendants of `pid`, and members of its group that lost their parent."""
    import psutil

    found: set[int] = set()
    with contextlib.suppress(psutil.Error):
        found = {child.pid for child in psutil.Process(pid).children(recursive=True)}
    for other in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getpgid(other) == pid:
                found.add(other)
    return len(found)


async def crowded(pid: int, limit: int) -> None:
    """Return once the run of `pid` has more than `limit` processes; wait for ever otherwise."""
    before = threads_on_machine()
    while True:
        await asyncio.sleep(LOOK_S)
        now = threads_on_machine()
        grown = now is None or before is None or now - before > limit // 2
        if grown and await asyncio.to_thread(processes_of, pid) > limit:
            return
