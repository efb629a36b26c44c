"""Keep one model server for as long as somebody uses it, and not a moment longer.

    python -P -m guildbus.launch.model_guard HOLDERS RECORD -- PROGRAM ARGUMENTS...

Whoever uses the server keeps a shared lock on the file HOLDERS. The guard waits for the exclusive
one: the kernel grants it when the last user has let go or died, however it died, so there are
no process ids to go stale and nothing to poll. Then the guard ends the server, unless RECORD
says `keep_alive`. It holds the lock until it is gone itself, so a new user waits instead of
finding a server that is about to die.

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
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from guildbus.bus.lifeline import LIFELINE_VARIABLE

GRACE_S = 2.0


def guard(holders: Path, record: Path, argv: Sequence[str]) -> int:
    """Run `argv` and give its exit code; ended by SIGTERM, or when nobody holds it."""
    descriptor = os.open(holders, os.O_RDWR | os.O_CREAT, 0o600)
    read_end, _write_end = os.pipe()
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        env={**os.environ, LIFELINE_VARIABLE: str(read_end)},
        pass_fds=(read_end,),
    )

    def end(_number: int = 0, _frame: FrameType | None = None) -> None:
        threading.Thread(target=_end, args=(child,), daemon=True).start()

    def wait_for_last_holder() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _kept(record):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        else:
            _end(child)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=wait_for_last_holder, name="holders", daemon=True).start()
    return child.wait()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    child.kill()


def _kept(record: Path) -> bool:
    try:
        return bool(json.loads(record.read_text(encoding="utf-8")).get("keep_alive"))
    except (OSError, ValueError):
        return False


def main() -> None:
    """See the module's docstring."""
    holders, record, dashes, *argv = sys.argv[1:]
    if dashes != "--" or not argv:
        sys.exit("usage: model_guard HOLDERS RECORD -- PROGRAM ARGUMENTS...")
    code = guard(Path(holders), Path(record), argv)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
