"""The bench's end of the zygote: fork a child, hear what it says, kill it, learn how it ended."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from guildbus.protocols.errors import InfrastructureError

PRELOADED: Final = ("hosting", "workload")
BIRTH_S: Final = 30.0


class Child:
    """One forked process. `said` has what it told; `ended` is its exit code, negative for a signal."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ended_at = 0.0
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self.ended.done()

    def signal(self, number: int) -> None:
        """Send a signal, if it is there to take it."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def ended_at(self) -> float:
        """When it ended, by the monotonic clock; now, if it has not."""
        return self._ended_at or time.monotonic()

    def end(self, code: int) -> None:
        """The zygote buried it."""
        self._ended_at = time.monotonic()
        self.ended.set_result(code)

    async def ends(self, timeout_s: float) -> bool:
        """Whether it ends by itself in time."""
        await asyncio.wait((self.ended,), timeout=timeout_s)
        return not self.alive

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.signal(signal.SIGKILL)
        await self.ended

    async def hear(self, timeout_s: float = BIRTH_S) -> dict[str, Any]:
        """The next thing that it says. InfrastructureError when it ends or stays silent instead."""
        hearing = asyncio.ensure_future(self.said.get())
        await asyncio.wait((hearing, self.ended), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            return hearing.result()
        hearing.cancel()
        how = f"it ended with code {self.ended.result()}" if self.ended.done() else "it is silent"
        raise InfrastructureError(f"a child of the bench did not speak: {how}", where=f"pid {self.pid}")


class Nursery:
    """A zygote and its children. Use as an async context manager; leaving it kills them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._born: dict[int, asyncio.Future[Child]] = {}
        self._children: dict[int, Child] = {}
        self._requests = 0

    async def __aenter__(self) -> "Nursery":
        self._reader, self._writer = await asyncio.open_connection(sock=self._launch(), limit=1 << 24)
        self._listening = asyncio.create_task(self._listen())
        return self

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "guildbus.launch.bench.faults.zygote"]
        command += [str(theirs.fileno()), ",".join(PRELOADED)]
        with theirs, open(self._folder / "zygote.log", "ab") as log:
            self._zygote = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ours.setblocking(False)
        return ours

    async def __aexit__(self, *_: object) -> None:
        for child in list(self._children.values()):
            child.signal(signal.SIGKILL)
        self._writer.close()
        await asyncio.to_thread(self._zygote.wait, 30)
        await self._listening
        for child in self._children.values():
            # The zygote killed it and was gone before it could tell: nobody shall wait for that.
            child.end(-signal.SIGKILL)

    async def fork(
        self, target: str, plan: dict[str, Any], *, log: str = "", namespace: str = "", planted: str = ""
    ) -> Child:
        """Fork a child that runs `module:function` of this package with `plan` as its keywords."""
        self._requests += 1
        born: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._born[self._requests] = born
        request = {"request": self._requests, "target": target, "plan": plan, "namespace": namespace}
        request["planted"] = planted
        request["log"] = str(self._folder / log) if log else os.devnull
        self._writer.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(BIRTH_S):
            return await born

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            news = json.loads(line)
            match news:
                case {"born": pid, "request": request}:
                    child = self._children[pid] = Child(pid)
                    born = self._born.pop(request)
                    if not born.done():
                        born.set_result(child)
                case {"said": pid, "what": what}:
                    if pid in self._children:
                        self._children[pid].said.put_nowait(what)
                case {"ended": pid, "code": code}:
                    self._children.pop(pid).end(code)
