"""The parent's end of a nursery: children that are forked instead of started anew. See `nursery.py`.

A nursery that dies is told like the death of all of its children; the next fork starts another. Where there
is none (not Linux, or it does not come up), children are started as programs: `process.py` decides. So they
are when it is alive and does not answer: whoever waits for its news waits for a while, and not for ever.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from guildbus.launch.nursery import MESSAGE_BYTES

KILLED: Final = -9
END_TIMEOUT_S: Final = 2.0
FULL_PAUSE_S: Final = 0.01
BIRTH_TIMEOUT_S: Final = 30.0
NEWS_TIMEOUT_S: Final = 5.0

Request = tuple[str, tuple[str, ...], str]
"""What to fork: module, arguments, name."""


def can_fork() -> bool:
    """Whether forking without a new program is safe here: macOS's own libraries do not survive it."""
    return sys.platform == "linux"


class Nursling:
    """A forked child. Its process id stays its own until `bury`."""

    def __init__(self, pid: int, nursery: "Nursery") -> None:
        self.pid = pid
        self._nursery = nursery
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Its exit code, negative for a signal."""
        return await asyncio.shield(self._ended)

    def was_killed(self) -> None:
        """It cannot live on; if the nursery does not tell of its end soon, it has ended all the same."""
        if not self._ended.done():
            asyncio.get_running_loop().call_later(NEWS_TIMEOUT_S, self.has_ended, KILLED)

    def bury(self) -> None:
        """Nothing will be sent to its process id any more."""
        self._nursery.bury(self.pid)

    def has_ended(self, code: int) -> None:
        """For the nursery: it is over."""
        if not self._ended.done():
            self._ended.set_result(code)


class Nursery:
    """Starts with the first fork. `environment` is what it and its children get on top of this process's."""

    def __init__(self, preload: Sequence[str], environment: Mapping[str, str], pass_fd: int) -> None:
        self._preload = tuple(dict.fromkeys(preload))
        self._environment = dict(environment)
        self._pass_fd = pass_fd
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._births: list[asyncio.Future[int]] = []
        self._children: dict[int, Nursling] = {}
        self._given_up = False

    async def fork(self, request: Request, stdout: int, stderr: int) -> Nursling:
        """A new child.

        Raises OSError if the nursery cannot be started, or ends before it has forked, or is silent for too
        long: then it is killed, and there will be no other.
        """
        if self._given_up:
            raise ConnectionResetError("the nursery was given up")
        if self._channel is None:
            self._start()
        module, args, name = request
        data = json.dumps({"module": module, "args": args, "name": name}).encode()
        born: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._births.append(born)
        try:
            async with asyncio.timeout(BIRTH_TIMEOUT_S):
                await self._send(data, [stdout, stderr])
                pid = await born
        except TimeoutError:
            self._give_up()
            raise
        finally:
            if born in self._births:
                self._births.remove(born)
        return self._children[pid]

    def bury(self, pid: int) -> None:
        """Let go of a child that has ended."""
        if self._children.pop(pid, None) is not None and self._channel is not None:
            try:
                self._channel.send(json.dumps({"bury": pid}).encode())
            except OSError:  # it is gone, and init buries its children
                return

    def close(self) -> None:
        """End the nursery; children that still live are not ended by that."""
        self._lost()
        self._reap(END_TIMEOUT_S)

    def _reap(self, timeout_s: float) -> None:
        if self._process is not None:
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _start(self) -> None:
        self._reap(0)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [
                sys.executable,
                "-P",
                "-m",
                "guildbus.launch.nursery",
                str(theirs.fileno()),
                *self._preload,
            ]
            try:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, **self._environment},
                    pass_fds=(theirs.fileno(), self._pass_fd),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._channel = ours
        asyncio.get_running_loop().add_reader(ours, self._read, ours)

    async def _send(self, data: bytes, streams: list[int]) -> None:
        while True:
            if self._channel is None:
                raise ConnectionResetError("the nursery has ended")
            try:
                socket.send_fds(self._channel, [data], streams)
                return
            except BlockingIOError:
                await asyncio.sleep(FULL_PAUSE_S)

    def _read(self, channel: socket.socket) -> None:
        try:
            data = channel.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        told = json.loads(data)
        if "born" in told:
            self._children[told["born"]] = Nursling(told["born"], self)
            born = self._births.pop(0)
            if not born.done():
                born.set_result(told["born"])
        elif (child := self._children.get(told["ended"])) is not None:
            child.has_ended(told["code"])

    def _give_up(self) -> None:
        """It lives and does not answer. What it forked too late sees by its lifeline when all is over."""
        self._given_up = True
        if self._process is not None:
            self._process.kill()
        self._lost()

    def _lost(self) -> None:
        """The nursery is gone, and with it all that it could tell: whoever waits hears the worst."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        asyncio.get_running_loop().remove_reader(channel)
        channel.close()
        for born in self._births:
            if not born.done():
                born.set_exception(ConnectionResetError("the nursery has ended"))
        self._births.clear()
        children, self._children = self._children, {}
        for child in children.values():
            child.has_ended(KILLED)
