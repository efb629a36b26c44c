"""The child's end of the lifeline: a process of the guild notices that its parent is gone.

Whoever starts a child keeps the write end of a pipe and hands down the read end. Nobody ever
writes; when the parent dies, however it dies, the kernel closes its end and the child reads
EOF. Unlike Linux's PR_SET_PDEATHSIG that works on macOS too, is not bound to the parent's
*thread*, and has no gap between fork and the call.

The broker and each agent call `watch_lifeline()` first thing in their main. The parent's end,
and a warden for programs that are not ours or do not obey, are in `guildbus.launch.process`
and `guildbus.launch.warden`.
"""

import os
import signal
import stat
import threading
import time

LIFELINE_VARIABLE = "GUILDBUS_LIFELINE_FD"
"""The environment variable that holds the number of the inherited read end."""


def watch_lifeline(grace_s: float = 2.0) -> bool:
    """Watch the inherited lifeline in a daemon thread; False if this process was given none.

    At its end this process gets SIGTERM, and `grace_s` seconds later SIGKILL for itself and
    its process group. SIGTERM may come a second time (from the warden): handlers must not mind.
    The variable and the descriptor are not handed on to programs that this process starts.
    """
    text = os.environ.pop(LIFELINE_VARIABLE, "")
    if not text.isdecimal():
        return False
    lifeline = int(text)
    try:
        if not stat.S_ISFIFO(os.fstat(lifeline).st_mode):
            return False
    except OSError:  # the variable was inherited by way of a program that closed the descriptor
        return False
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_end_with, args=(lifeline, grace_s), name="lifeline", daemon=True).start()
    return True


def _end_with(lifeline: int, grace_s: float) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
