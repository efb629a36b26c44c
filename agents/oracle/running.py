"""Running references over cases, in the sandbox: the edge of the oracle. Nothing here judges anything.

Python programs run under this installation's own interpreter, isolated and without site packages; Go programs
are built and run by the Go toolchain, as every draft is.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from guildbus.agents.golang.syntax import declarations, package_name, parse
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle.go_driver import (
    CASE_MS,
    EXAMINE_FILE,
    EXAMINE_TEST,
    read_examination,
    write_examination,
)
from guildbus.agents.oracle.go_imports import mended_imports
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.py_driver import DRIVER_FILE, blind_to, driver_source, read_outcomes, write_job
from guildbus.agents.oracle.references import ignored, mended
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Testimony, subject_of
from guildbus.agents.sandbox import Command, Sandbox
from guildbus.agents.sandbox.policy import Limits, Policy
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.protocols.messages.oracle import ReferenceProgram

WALL_S = 30.0


def python_policy() -> Policy:
    """What a Python reference may see: the interpreter and its standard library."""
    return Policy(
        readable=tuple(dict.fromkeys([Path(sys.base_prefix).resolve(), _interpreter().parent.parent])),
        environment={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=Limits(memory_bytes=1024**3, cpu_s=60),
    )


def _interpreter() -> Path:
    return Path(os.path.realpath(sys.executable))


class Witnesses:
    """Runs reference programs. `start` proves both sandboxes first; `go` is the one for Go."""

    def __init__(self, python: Sandbox, go: Sandbox, stdlib: frozenset[str]) -> None:
        self._python = python
        self.go = go
        self._stdlib = stdlib

    @classmethod
    async def start(cls, toolchain: Toolchain, *, unsafe: bool) -> "Witnesses":
        """Raises SandboxError: it fails closed."""
        python = await open_sandbox(python_policy(), unsafe=unsafe)
        go = await open_sandbox(toolchain.policy(), unsafe=unsafe)
        return cls(python, go, await asyncio.to_thread(toolchain.stdlib))

    async def testify(self, program: ReferenceProgram, api: Api, cases: Sequence[Json]) -> Testimony:
        """One program's outcome for each case; `{"none": why}` where it has none."""
        run = self._run_python if program.language == "python" else self._run_go
        return Testimony(program.name, program.language, tuple(await run(program, api, cases)))

    async def _run_python(self, program: ReferenceProgram, api: Api, cases: Sequence[Json]) -> list[Json]:
        source, fault = mended(program.content)
        if fault:
            return [{"none": fault} for _ in cases]
        marker = new_marker()
        with tempfile.TemporaryDirectory(prefix="guildbus-witness-") as folder:
            job = Path(folder)
            (job / DRIVER_FILE).write_text(driver_source(), encoding="utf-8")
            (job / "job.json").write_text(write_job(api, source, cases), encoding="utf-8")
            argv = (str(_interpreter()), "-I", "-S", DRIVER_FILE, marker, "job.json")
            done = await self._python.run(Command(argv, job, wall_s=WALL_S, output_bytes=32_000_000))
        outcomes = read_outcomes(api, marker, done.stdout, cases)
        if all("none" in outcome for outcome in outcomes) and done.returncode != 0:
            said = [done.stopped] if done.stopped else done.stderr.strip().splitlines()[-1:]
            said = said or ["it ended and said nothing"]
            return [{"none": said[0][:200]} for _ in cases]
        blind = blind_to(api, ignored(source))
        return [
            {"none": f"it never looks at {blind[subject]}"}
            if (subject := subject_of(case)) in blind and "none" not in outcome
            else outcome
            for case, outcome in zip(cases, outcomes, strict=True)
        ]

    async def _run_go(self, program: ReferenceProgram, api: Api, cases: Sequence[Json]) -> list[Json]:
        marker = new_marker()
        source = mended_imports(program.content, self._stdlib)
        package = package_name(parse(source)) or "reference"
        files = {
            "go.mod": "module reference\n\ngo 1.23\n",
            "reference.go": source,
            EXAMINE_FILE: write_examination(package, api, {"reference.go": source}, cases, marker),
        }
        with tempfile.TemporaryDirectory(prefix="guildbus-witness-") as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            argv = ("go", "test", "-json", "-vet=off", "-count=1", "-run", f"^{EXAMINE_TEST}$", ".")
            wall_s = WALL_S + CASE_MS / 1000
            done = await self.go.run(Command(argv, Path(folder), wall_s=wall_s, output_bytes=32_000_000))
        found = read_examination(marker, done.stdout)
        declared = {one.name for one in declarations(parse(source))}
        return [
            found.get(number, {"none": "the program does not build, or stopped"})
            if subject_of(case) in declared
            else {"none": "the program does not declare it"}
            for number, case in enumerate(cases)
        ]


def new_marker() -> str:
    """Something that a program cannot know."""
    return f"guildbus-{time.time_ns():x}-{os.urandom(6).hex()}"
