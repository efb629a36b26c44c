"""The nursery: a process that has imported what our processes need, and forks them when it is told to.

Seven Python processes that each import the same modules take three seconds of processor time before the
last of them says HELLO. This one imports them once, and a fork costs some milliseconds. It has one thread, no
event loop and no ZeroMQ context, so that a fork is safe; a child then runs its module's `main` as if it had
been started by itself, in a session of its own, with its own standard streams.

    python -P -m guildbus.launch.nursery DESCRIPTOR MODULE...

DESCRIPTOR is a SOCK_SEQPACKET socket to the parent. A request is `{"module", "args", "name"}` with two file
descriptors, standard output and standard error; the answer is `{"born": pid}`. `{"ended": pid, "code"}` says
that a child has ended; it stays a zombie, so that its process id is nobody else's, until the parent says
`{"bury": pid}`. When the parent's end closes, the nursery ends; its children see that by their own lifeline.
The parent's end is `forking.py`.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

MESSAGE_BYTES: Final = 1 << 17


def serve(channel: socket.socket) -> Callable[[], object] | None:
    """Fork on request until the parent is gone. Returns None then; in a child, its `main`."""
    wake_in, wake_out = os.pipe()
    for end in (wake_in, wake_out):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_out)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([channel.fileno(), wake_in], [], [])
        if wake_in in ready:
            os.read(wake_in, 4096)
            _tell_ended(channel, children)
        if channel.fileno() not in ready:
            continue
        data, streams, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 2)
        if not data:
            return None
        request = json.loads(data)
        if "bury" in request:
            os.waitpid(request["bury"], 0)
            continue
        pid = _fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for end in (wake_in, wake_out):
                os.close(end)
            channel.close()
            return _become(request, streams)
        children.add(pid)
        for stream in streams:
            os.close(stream)
        channel.send(json.dumps({"born": pid}).encode())


def _fork() -> int:
    """Fork; return when the child leads its own session, so that its group can be signalled from now on."""
    told_in, told_out = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(told_in)
        os.close(told_out)
        return 0
    os.close(told_out)
    os.read(told_in, 1)
    os.close(told_in)
    return pid


def _tell_ended(channel: socket.socket, children: set[int]) -> None:
    for pid in sorted(children):
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            children.remove(pid)
            code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            channel.send(json.dumps({"ended": pid, "code": code}).encode())


def _become(request: dict[str, Any], streams: list[int]) -> Callable[[], object]:
    """In the child: its own streams, signals, name and arguments."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, *streams)):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Path("/proc/self/comm").write_text(request["name"][:15], encoding="utf-8")
    sys.argv = [request["module"], *request["args"]]
    module = importlib.import_module(request["module"])
    main: Callable[[], object] = module.main
    return main


def main() -> None:
    """Import, then serve; a child of ours leaves this function by running its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    if threading.active_count() > 1:
        sys.exit(f"a module that was imported has started a thread: {threading.enumerate()}")
    gc.freeze()  # what is there now is never garbage: collecting would only unshare its pages
    child = serve(channel)
    if child is not None:
        child()


if __name__ == "__main__":
    main()
