"""One process of an arm, and its parent's end.

The child prints `{"ready": ...}` and then answers each JSON line on its standard input with one on its
standard output. A child ends with its parent, whatever happens to that: see `guildbus.bus.lifeline`.
Started as `python -P -m guildbus.launch.bench.bus.process '{"part": ...}'`.
"""

import asyncio
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from guildbus.bus.lifeline import watch_lifeline
from guildbus.launch.bench.bus import arms
from guildbus.launch.bench.bus.load import Load
from guildbus.launch.bench.bus.sides import (
    AsyncAnswerer,
    AsyncAsker,
    BenchError,
    PlainAnswerer,
    PlainAsker,
    drive_async,
    drive_plain,
    pump,
)
from guildbus.launch.process import Lifeline, log_tail

Part = Literal["server", "asker", "answerer", "deep"]
GRACE_S: Final = 3.0


class Child:
    """The parent's end of one process."""

    def __init__(self, lifeline: Lifeline, log: Path, part: Part, **settings: Any) -> None:
        """Start it. `settings` are those of `main`."""
        argv = [sys.executable, "-P", "-m", "guildbus.launch.bench.bus.process"]
        self.name = f"{part} of {settings['arm']}"
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*argv, json.dumps({"part": part, **settings})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **lifeline.environment()},
                pass_fds=(lifeline.read_end,),
                start_new_session=True,
                bufsize=0,
            )

    @property
    def pid(self) -> int:
        """For its memory and its CPU time."""
        return self._process.pid

    def ask(self, timeout_s: float, **question: Any) -> dict[str, Any]:
        """One line there, one line back. Raises BenchError if it dies or is silent."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
        return self.answer(timeout_s)

    def answer(self, timeout_s: float) -> dict[str, Any]:
        """The next line that it prints."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(timeout_s) else b""
        if not line:
            state = "died" if self._process.poll() is not None else f"said nothing for {timeout_s:.0f} s"
            raise BenchError(f"it {state}\n{log_tail(self._log)}", where=self.name)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """SIGTERM, and after a while SIGKILL, for it and what it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def main() -> None:
    """Be what the one argument says: `part, arm, kind, address, agents, folder`."""
    watch_lifeline()
    settings = json.loads(sys.argv[1])
    part, kind, address = settings["part"], settings["kind"], settings["address"]
    if part == "server":
        from guildbus.launch.bench.bus import servers

        servers.serve(kind, address, Path(settings["folder"]))
        return
    if part == "deep":
        from guildbus.launch.bench.bus import depth

        depth.work(address, sys.stdin, _say)
        return
    if part == "asker":
        asker = arms.askers(kind, address, settings["agents"])
        if isinstance(asker, Sequence):
            _ask_plainly(asker)
        else:
            asyncio.run(_ask_async(asker, settings["agents"]))
        return
    answerer = arms.answerers(kind, address, settings["agents"])
    if isinstance(answerer, Sequence):
        _answer_plainly(answerer)
    else:
        asyncio.run(_answer_async(answerer))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _ask_plainly(askers: Sequence[PlainAsker]) -> None:
    _say({"ready": True})
    for line in sys.stdin:
        _say(drive_plain(askers, Load(**json.loads(line))).as_dict())


async def _ask_async(asker: AsyncAsker, agents: int) -> None:
    await asker.open()
    _say({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        _say((await drive_async(asker, agents, Load(**json.loads(line)))).as_dict())
    await asker.close()


def _answer_plainly(answerers: Sequence[PlainAnswerer]) -> None:
    answered = 0

    def tell() -> None:
        for _ in sys.stdin:
            _say({"answered": answered})

    def took(_: PlainAnswerer, requests: list[bytes]) -> None:
        nonlocal answered
        answered += len(requests)

    _say({"ready": True})
    threading.Thread(target=tell, daemon=True).start()
    pump(answerers, took, lambda: True)


async def _answer_async(answerer: AsyncAnswerer) -> None:
    await answerer.open()
    _say({"ready": True})
    while await asyncio.to_thread(sys.stdin.readline):
        _say({"answered": answerer.answered})
    await answerer.close()


if __name__ == "__main__":
    main()
