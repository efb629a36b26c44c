"""Run one process group under a wall clock and an output cap, and leave nothing behind.

The process leads its own session, so one signal reaches all that it started. Whatever ends the
run (its own exit, the clock, the caps, a cancelled task) the group is killed before we return.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from guildbus.agents.sandbox import Completed
from guildbus.agents.sandbox.census import Bounds, overrun
from guildbus.protocols.errors import SandboxError

CHUNK = 65_536
DRAIN_S = 2.0


class _Capture:
    """Keeps the first `limit` bytes of a stream; sets `full` when more come, and reads on."""

    def __init__(self, limit: int, full: asyncio.Event) -> None:
        self.limit = limit
        self.full = full
        self.kept = bytearray()

    async def drain(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(CHUNK):
            room = self.limit - len(self.kept)
            self.kept += chunk[:room]
            if len(chunk) > room:
                self.full.set()

    def text(self) -> str:
        return self.kept.decode("utf-8", errors="replace")


async def run_bounded(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    wall_s: float,
    output_bytes: int,
    bounds: Bounds | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Completed:
    """Run `argv` to its end, at most `wall_s` seconds, `output_bytes` bytes a stream.

    `bounds` is for bubblewrap: using more than that inside its PID namespace ends the run. `pass_fds`
    are the only open files that it gets besides its output.

    Raises SandboxError when the program cannot be started at all.
    """
    started = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise SandboxError(
            f"cannot start it: {error.strerror}", where=argv[0], remedy="run `guildbus doctor`"
        ) from error
    assert process.stdout is not None
    assert process.stderr is not None
    full = asyncio.Event()
    out, err = _Capture(output_bytes, full), _Capture(output_bytes, full)
    readers = [asyncio.create_task(out.drain(process.stdout)), asyncio.create_task(err.drain(process.stderr))]
    over = asyncio.create_task(process.wait())
    overflowing = asyncio.create_task(full.wait())
    overused = asyncio.create_task(_overrun(process.pid, bounds))
    try:
        ends = (over, overflowing, overused)
        done, _ = await asyncio.wait(ends, timeout=wall_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _kill_group(process.pid)
        for task in (overflowing, overused):  # at once: whoever waits below may be cancelled again
            task.cancel()
        await asyncio.wait(readers, timeout=DRAIN_S)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, overflowing, overused, return_exceptions=True)
        await over
    return Completed(
        returncode=process.returncode if process.returncode is not None else -signal.SIGKILL,
        stdout=out.text(),
        stderr=err.text(),
        wall_s=time.monotonic() - started,
        timed_out=not done,
        truncated=full.is_set(),
        exceeded=overused.result() if overused in done else "",
    )


async def _overrun(pid: int, bounds: Bounds | None) -> str:
    if bounds is None:
        await asyncio.Event().wait()
        return ""
    return await overrun(pid, bounds)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
