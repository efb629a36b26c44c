"""The warden: one small process that outlives its swarm, and leaves nothing of it behind.

A child of ours ends by itself when its lifeline breaks (`guildbus.bus.lifeline`). That is not
enough for "no orphan, ever": a model server is someone else's program, a child can be stopped,
stuck, or ignore SIGTERM, and grandchildren may have sessions of their own. So every process of
a swarm carries the swarm's token in its environment, from its first instant and down to its
grandchildren, and the warden, in a session of its own, waits for the same lifeline to break.
Then it asks (SIGTERM), waits, and kills (SIGKILL) every process that carries the token.

Last it removes what the swarm's processes would have removed themselves: the socket, the locks, the record.
Each such file is guarded by a lock (`guildbus.bus.locks`); if somebody holds that, a new swarm has taken the
place over already, and its files are let be.

Finding them by token needs no registration, so there is no moment at which a child exists that
the warden does not know. It runs as `python -P -m guildbus.launch.warden TOKEN GRACE_S TRACES`, where
TRACES is a JSON object {lock: [files that it guards]}, with the lifeline as its standard input.
`guildbus.launch.process` starts it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from guildbus.bus.locks import lock_file, unlock_file
from guildbus.protocols.errors import BusError

TOKEN_VARIABLE = "GUILDBUS_SWARM"
"""The environment variable by which a process is known to belong to a swarm."""

SWEEP_INTERVAL_S = 0.1
UNKILLABLE_S = 10.0


def carriers(token: str) -> list[psutil.Process]:
    """The living processes that were started with this token in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN_VARIABLE) == token:
                found.append(process)
        except (psutil.Error, OSError):  # gone meanwhile, a zombie, or another user's
            continue
    return found


def sweep(token: str, grace_s: float) -> None:
    """End every carrier of the token: SIGTERM once, SIGKILL after `grace_s` seconds, until none is left.

    A process that even SIGKILL does not end (stuck in the kernel) is let be after a while.
    """
    asked: set[psutil.Process] = set()
    deadline = time.monotonic() + grace_s
    while (left := carriers(token)) and time.monotonic() < deadline + UNKILLABLE_S:
        for process in left:
            try:
                if time.monotonic() >= deadline:
                    process.kill()
                elif process not in asked:
                    process.terminate()
            except psutil.Error:
                continue
        asked.update(left)
        time.sleep(SWEEP_INTERVAL_S)


def tidy(traces: Mapping[Path, Sequence[Path]]) -> None:
    """Remove the files of a swarm that is gone, and their locks, unless another swarm holds these."""
    for lock, guarded in traces.items():
        if not any(path.exists() for path in (lock, *guarded)):
            continue
        try:
            handle = lock_file(lock, str(lock), wait_s=0)
        except (BusError, OSError):
            continue
        for path in guarded:
            path.unlink(missing_ok=True)
        unlock_file(lock, handle)


def main() -> None:
    """Wait until the lifeline (standard input) ends, then sweep and tidy up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    token, grace_s, traces = sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3])
    while os.read(0, 1):
        pass
    sweep(token, grace_s)
    tidy({Path(lock): [Path(name) for name in guarded] for lock, guarded in traces.items()})


if __name__ == "__main__":
    main()
