"""Counting the processes of a sandbox from outside, so that a fork bomb ends early for root too.

`prlimit --nproc` is the wall for ordinary users, but the kernel does not hold root to it (containers and
CI often run as root). So the runner counts as well, and cheaply: one listing of the sandbox's own
/proc. Cheap is the point: beside thousands of runnable processes, anything that costs more than a
time slice comes too late.
"""

import asyncio
import os
from pathlib import Path

LOOK_S = 0.03


def sandbox_processes(bwrap_pid: int) -> int | None:
    """How many processes live in the PID namespace that bwrap made; None while there is none to see."""
    try:
        children = Path(f"/proc/{bwrap_pid}/task/{bwrap_pid}/children").read_text(encoding="ascii").split()
        names = os.listdir(f"/proc/{children[0]}/root/proc")
    except (OSError, IndexError):
        return None
    return sum(name.isdigit() for name in names)


async def crowded(bwrap_pid: int, limit: int) -> None:
    """Return once the sandbox of `bwrap_pid` has more than `limit` processes; wait for ever otherwise."""
    while (sandbox_processes(bwrap_pid) or 0) <= limit:  # noqa: ASYNC110 - the kernel has no event for it
        await asyncio.sleep(LOOK_S)
