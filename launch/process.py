"""One child process, started so that it can never be left behind.

`Lifeline` is the parent's end: a pipe that the kernel closes when the parent dies, and the
warden that then sweeps. `ChildProcess` is a child in its own session and process group, with
the lifeline and the swarm's token in its environment; ending it ends its whole group.

What keeps an orphan from remaining, in the order in which it acts: `stop` (SIGTERM, grace,
SIGKILL of the group); the child's own `watch_lifeline()`; the warden. When to start and stop
is not decided here: see `guildbus.launch.supervision`.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from guildbus.bus.lifeline import LIFELINE_VARIABLE
from guildbus.launch.forking import Nursery, Nursling, Request
from guildbus.launch.log_view import entry_of, shown
from guildbus.launch.supervision import Terms
from guildbus.launch.warden import TOKEN_VARIABLE

READY_LINE_LIMIT_BYTES = 65536
LAST_WORDS_S = 0.5


@dataclass(frozen=True)
class ChildSpec:
    """How to start one child.

    `env` is added to the parent's environment. `ready` says how the child shows that it can
    be used: "line" is one JSON line `{"ready": ...}` on its standard output, "none" counts it as
    ready at once. Children of a lower `stage` are started first. A `critical` child that is
    given up takes the swarm down. Standard error, and all else that it prints, goes to `log_path`.
    `preload` is for a module of ours that is started as `python -P -m MODULE`: what a nursery may import
    before it forks the child. Without it, or with an `env` or `cwd` of its own, the child is a new program.
    """

    name: str
    argv: tuple[str, ...]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Literal["line", "none"] = "line"
    ready_timeout_s: float = 10.0
    critical: bool = True
    stage: int = 0
    preload: tuple[str, ...] = ()

    @property
    def forks(self) -> Request | None:
        """What a nursery is to fork; None if it is to be a program."""
        if not self.preload or self.env or self.cwd is not None or self.argv[1:3] != ("-P", "-m"):
            return None
        return self.argv[3], self.argv[4:], self.name

    @property
    def terms(self) -> Terms:
        """What the restart policy has to know."""
        return Terms(self.name, self.stage, self.ready_timeout_s, self.critical)


class Lifeline:
    """The parent's end of its swarm's lifeline, and the warden beside it.

    The write end is close-on-exec and stays with this process alone. Open it before the first
    child is started, and close it when the last has ended.
    """

    def __init__(self, grace_s: float, traces: Mapping[Path, Sequence[Path]] | None = None) -> None:
        """`traces` are files that the warden removes at the end, by the locks that guard them. OSError."""
        self.token = uuid.uuid4().hex
        self._traces = {str(lock): [str(path) for path in files] for lock, files in (traces or {}).items()}
        self._grace_s = grace_s
        self.read_end, self._write_end = os.pipe()
        try:
            self._warden = self._start_warden()
        except OSError:
            os.close(self.read_end)
            os.close(self._write_end)
            raise

    @property
    def warden_pid(self) -> int:
        """The process that sweeps when this one dies."""
        return self._warden.pid

    def environment(self) -> dict[str, str]:
        """What a child has to find in its environment; `read_end` must be passed down too."""
        return {LIFELINE_VARIABLE: str(self.read_end), TOKEN_VARIABLE: self.token}

    def keep_warden(self) -> None:
        """Start the warden again if someone killed it."""
        if self._warden.poll() is not None:
            self._warden = self._start_warden()

    def close(self) -> None:
        """Break the lifeline and wait for the warden: nothing that carries the token is left then."""
        if self._write_end >= 0:
            os.close(self._write_end)
            os.close(self.read_end)
            self._write_end = -1
        self._warden.wait()

    def _start_warden(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        argv = [sys.executable, "-P", "-m", "guildbus.launch.warden"]
        argv += [self.token, str(self._grace_s), json.dumps(self._traces)]
        return subprocess.Popen(
            argv,
            stdin=self.read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,
        )


class ChildProcess:
    """A running child. Made by `start`; `tend` must run until the child has ended."""

    def __init__(
        self, spec: ChildSpec, process: asyncio.subprocess.Process | Nursling, stdout: int | None, log: int
    ) -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process
        self._stdout = stdout
        self._log = log
        self._ended = False

    @classmethod
    async def start(
        cls, spec: ChildSpec, lifeline: Lifeline, nursery: Nursery | None = None
    ) -> "ChildProcess":
        """Start the child. Raises OSError if its program or folder cannot be used."""
        spec.log_path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(spec.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # A pipe of our own: asyncio's would make wait() last until every grandchild has closed it.
        read_end, write_end = os.pipe() if spec.ready == "line" else (None, log)
        try:
            process = await _forked(spec, nursery, write_end, log) or await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=log,
                env={**os.environ, **spec.env, **lifeline.environment()},
                cwd=spec.cwd,
                start_new_session=True,
                pass_fds=(lifeline.read_end,),
            )
        except BaseException:
            os.close(log)
            if read_end is not None:
                os.close(read_end)
            raise
        finally:
            if write_end != log:
                os.close(write_end)
        return cls(spec, process, read_end, log)

    async def tend(self, on_ready: Callable[[object], None]) -> int:
        """Read what the child prints, call `on_ready` with the value of its ready line; give its exit code.

        When it has ended, whatever it left in its process group is killed.
        """
        reading = asyncio.create_task(self._read(on_ready))
        try:
            code = await self._process.wait()
            self.kill()
            await asyncio.wait([reading], timeout=LAST_WORDS_S)
        finally:
            self._ended = True
            if isinstance(self._process, Nursling):
                self._process.bury()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            os.close(self._log)
        return code

    async def stop(self, grace_s: float) -> None:
        """SIGTERM to the group, and after `grace_s` seconds SIGKILL."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the group, at once."""
        self._signal(signal.SIGKILL)
        if isinstance(self._process, Nursling):
            self._process.was_killed()

    def _signal(self, number: signal.Signals) -> None:
        if self._ended:
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:  # macOS says so of a group in which only zombies are left
            return

    async def _read(self, on_ready: Callable[[object], None]) -> None:
        if self._stdout is None:
            return
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(self._stdout, "rb", buffering=0)
        )
        try:
            pending: bytes | None = b""
            while chunk := await stream.read(READY_LINE_LIMIT_BYTES):
                os.write(self._log, chunk)
                if pending is None:
                    continue
                *lines, pending = (pending + chunk)[-2 * READY_LINE_LIMIT_BYTES :].split(b"\n")
                for line in lines:
                    said, value = parse_ready(line)
                    if said:
                        pending = None
                        on_ready(value)
                        break
        finally:
            transport.close()


async def _forked(spec: ChildSpec, nursery: Nursery | None, stdout: int, log: int) -> Nursling | None:
    """The child from the nursery; None if it is no child for one, or there is none that works."""
    request = spec.forks
    if nursery is None or request is None:
        return None
    try:
        return await nursery.fork(request, stdout, log)
    except OSError:
        return None


def parse_ready(line: bytes) -> tuple[bool, object]:
    """Whether this is a ready line `{"ready": value}`, and its value."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return False, None
    if not isinstance(said, dict) or "ready" not in said:
        return False, None
    return True, said["ready"]


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16384))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    last = text.splitlines()[-lines:]
    return "\n".join(shown(entry_of(path.stem, line)) if line.startswith("{") else line for line in last)


def cap_log(path: Path, limit_bytes: int) -> None:
    """Move a log that has outgrown `limit_bytes` to `<name>.1`; its writers append and go on."""
    try:
        if path.stat().st_size <= limit_bytes:
            return
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)
    except OSError:  # a full disk or a removed folder must not end the swarm
        return
