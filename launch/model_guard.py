"""Keep one model server for as long as somebody uses it, and not a moment longer.

    python -P -m guildbus.launch.model_guard HOLDERS RECORD -- PROGRAM ARGUMENTS...

Whoever uses the server keeps a shared lock on the file HOLDERS. The guard waits for the exclusive
one: the kernel grants it when the last user has let go or died, however it died, so there are
no process ids to go stale and nothing to poll. Then the guard ends the server, unless RECORD
says `keep_alive`. It holds the lock until it is gone itself, so a new user waits instead of
finding a server that is about to die.

A server that dies while it is held is started again, on the same port and with the same adapter: callers try
again meanwhile (`guildbus.agents.retrying`). One that never served, or dies a sixth time within a minute,
stays down, and the guard ends with its exit code.

The guard is between the two because a server may be a program of someone else's (mlx_lm.server),
and because two builds that share one server are not related as parent and child.
`guildbus.launch.model_servers` starts it.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from guildbus.bus.lifeline import LIFELINE_VARIABLE

GRACE_S = 2.0
MOST_RESTARTS = 5
RESTART_WINDOW_S = 60.0
FIRST_PAUSE_S = 0.5


class Guard:
    """One server, and whoever holds it."""

    def __init__(self, holders: Path, record: Path, argv: Sequence[str]) -> None:
        self._record = record
        self._argv = argv
        self._holders = os.open(holders, os.O_RDWR | os.O_CREAT, 0o600)
        self._read_end, self._write_end = os.pipe()
        self._ending = threading.Event()
        self._child = self._start()

    def run(self) -> int:
        """The server's exit code, once it is over: nobody holds it, SIGTERM came, or it cannot be kept up."""
        signal.signal(signal.SIGTERM, self._told_to_end)
        threading.Thread(target=self._wait_for_last_holder, name="holders", daemon=True).start()
        deaths: list[float] = []
        while True:
            code = self._child.wait()
            deaths.append(time.monotonic())
            pause_s = restart_pause_s(deaths)
            if self._ending.is_set() or not self._has_served() or pause_s is None:
                return code
            sys.stderr.write(f"the model server ended (exit code {code}); again in {pause_s:g} s\n")
            if self._ending.wait(pause_s):
                return code
            self._child = self._start()
            if self._ending.is_set():  # while it was being started
                _end(self._child)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            env={**os.environ, LIFELINE_VARIABLE: str(self._read_end)},
            pass_fds=(self._read_end,),
        )

    def _told_to_end(self, _number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=self._end, daemon=True).start()

    def _wait_for_last_holder(self) -> None:
        fcntl.flock(self._holders, fcntl.LOCK_EX)
        if _told(self._record).get("keep_alive"):
            fcntl.flock(self._holders, fcntl.LOCK_UN)
        else:
            self._end()

    def _end(self) -> None:
        self._ending.set()
        _end(self._child)

    def _has_served(self) -> bool:
        """The record is written once the server answers; one that never did is not tried again."""
        return bool(_told(self._record).get("pid") == os.getpid())


def restart_pause_s(deaths: Sequence[float]) -> float | None:
    """How long to wait before a server that died at these moments is started again; None: it stays down."""
    lately = [at for at in deaths if deaths[-1] - at < RESTART_WINDOW_S]
    return None if len(lately) > MOST_RESTARTS else float(FIRST_PAUSE_S * 2 ** (len(lately) - 1))


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    child.kill()


def _told(record: Path) -> dict[str, Any]:
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def main() -> None:
    """See the module's docstring."""
    holders, record, dashes, *argv = sys.argv[1:]
    if dashes != "--" or not argv:
        sys.exit("usage: model_guard HOLDERS RECORD -- PROGRAM ARGUMENTS...")
    code = Guard(Path(holders), Path(record), argv).run()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
