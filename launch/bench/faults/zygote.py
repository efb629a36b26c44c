"""A process that has everything imported and forks the processes that are to be killed.

Starting an interpreter costs a third of a second, forking this one a few milliseconds: that is the
difference between minutes and an hour for a thousand kills. One thread, no ZeroMQ context and no event
loop, so that a fork is safe. Requests and answers are JSON lines on a socket; `children.py` is the other
end. When that end closes, every child is killed.
"""

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

PACKAGE: Final = "guildbus.launch.bench.faults"
CLONE_NEWNET: Final = 0x40000000

Say = Callable[[dict[str, Any]], None]


def say_on(channel: socket.socket) -> Say:
    """How a child tells the bench something: `{"said": pid, ...}` in one line."""
    return lambda what: channel.sendall(json.dumps({"said": os.getpid(), "what": what}).encode() + b"\n")


def main(descriptor: int, preload: list[str]) -> None:
    """Serve requests until the bench is gone, however it went."""
    for name in preload:
        importlib.import_module(f"{PACKAGE}.{name}")
    channel = socket.socket(fileno=descriptor)
    children: set[int] = set()
    try:
        _serve(channel, children)
    except ConnectionError:
        return
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _serve(channel: socket.socket, children: set[int]) -> None:
    wake_in, wake_out = os.pipe()
    os.set_blocking(wake_in, False)
    os.set_blocking(wake_out, False)
    signal.set_wakeup_fd(wake_out)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = b""
    while True:
        ready, _, _ = select.select([channel.fileno(), wake_in], [], [], 1.0)
        if wake_in in ready:
            os.read(wake_in, 4096)
        _bury(channel, children)
        if channel.fileno() not in ready:
            continue
        received = channel.recv(1 << 20)
        if not received:
            return
        *lines, waiting = (waiting + received).split(b"\n")
        for line in lines:
            children.add(_fork(channel, json.loads(line)))


def _fork(channel: socket.socket, request: dict[str, Any]) -> int:
    """The child speaks only after its birth was told: it waits for the end of a pipe."""
    told_in, told_out = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told_out)
        os.read(told_in, 1)
        os.close(told_in)
        signal.set_wakeup_fd(-1)
        _become(channel, request)
    channel.sendall(json.dumps({"born": pid, "request": request["request"]}).encode() + b"\n")
    os.close(told_in)
    os.close(told_out)
    return pid


def _bury(channel: socket.socket, children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        channel.sendall(json.dumps({"ended": pid, "code": code}).encode() + b"\n")


def _become(channel: socket.socket, request: dict[str, Any]) -> None:
    """In the child, for good: run the target in its network namespace, its output in its own file."""
    code = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for output in (1, 2):
            os.dup2(log, output)
        if request["namespace"]:
            _enter(request["namespace"])
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        if request["planted"]:
            importlib.import_module(f"{PACKAGE}.planted").plant(request["planted"])
        module, _, function = request["target"].partition(":")
        target = getattr(importlib.import_module(f"{PACKAGE}.{module}"), function)
        target(say_on(channel), **request["plan"])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001  (the outermost frame: it must not return into the zygote)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _enter(namespace: str) -> None:
    """setns(2): Python has it from 3.12 on only."""
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns", namespace)
    os.close(handle)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(71)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(","))
