"""Where generated code runs, and the only place where it may.

A `Sandbox` runs one `Command` and says how it ended. What is shut off and by how much is data:

    policy.py      limits and paths -> the argument vector of bubblewrap (pure)
    seccomp.py     the filter of system calls, as bytes (pure); syscalls.py is its table
    seatbelt.py    the same for macOS: the text of a sandbox-exec profile (pure)
    processes.py   start, read, cap, time out and kill a process group (the edge)
    census.py      count what a run uses in all (the edge)
    runners.py     BubblewrapSandbox, SeatbeltSandbox, UnsandboxedRunner, and `open_sandbox`

docs/sandbox.md lists the attacks that are tried. Read policy.py next. Nothing here knows about Go beyond the
build cache that it lays in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Command:
    """One process to run.

    `job` is a host directory that the process sees read-only as its world; `cwd` is relative to
    it. `argv[0]` is found on the sandbox's own PATH. `wall_s` and `output_bytes` (of stdout and
    of stderr, each) end the process when they are exceeded.
    """

    argv: tuple[str, ...]
    job: Path
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 60.0
    output_bytes: int = 8_000_000


@dataclass(frozen=True)
class Completed:
    """How a process ended. `returncode` is negative for a signal.

    It was killed if it `timed_out`, if its output was `truncated`, or if all of its processes together
    `exceeded` what they may use: "processes", "memory" or "disk space".
    """

    returncode: int
    stdout: str
    stderr: str
    wall_s: float
    timed_out: bool = False
    truncated: bool = False
    exceeded: str = ""

    @property
    def ok(self) -> bool:
        """It ended by itself, with code 0, and all of its output is here."""
        return self.returncode == 0 and not self.stopped

    @property
    def stopped(self) -> str:
        """Why it was killed, in words for a person; '' if it ended by itself."""
        if self.timed_out:
            return f"stopped after {self.wall_s:.0f} s of wall time"
        if self.exceeded:
            return f"stopped because it took too much of the machine: {self.exceeded}"
        return "stopped because it printed too much" if self.truncated else ""


class Sandbox(Protocol):
    """Runs commands shut off from the machine."""

    name: str

    @property
    def protections(self) -> Mapping[str, str]:
        """What guards the machine, by name: "on", or why it is off."""
        ...

    async def run(self, command: Command) -> Completed:
        """Run to the end; cancelling kills the whole process group. SandboxError if it cannot start."""
        ...

    async def probe(self) -> None:
        """Prove that the walls stand. Raises SandboxError that says why not and what to do."""
        ...
