"""Starting, idling and ending a swarm, measured: how soon it is ready, what it costs at rest, what it leaves.

A swarm of its own is started with `guildbus up` in a folder of its own, again and again, and ended in turn by
`guildbus down` and by SIGKILL: of its parent, of children and then the parent, of everything at once. After
each end this looks for whatever is left: processes, sockets, locks, temporary files. The model's endpoint
is a thread of this process that says it is there: a model's loading time is not the swarm's.
"""

import contextlib
import fcntl
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal

import psutil

from guildbus.protocols.errors import InfrastructureError

End = Literal["down", "parent", "children", "everything"]

ENDS: Final[tuple[End, ...]] = ("parent", "down", "children", "down", "everything", "down")
"""How swarms are ended, in turn: every second one by SIGKILL."""
READY_TARGET_S: Final = 2.0
IDLE_TARGET: Final = 0.01
GONE_TIMEOUT_S: Final = 20.0
COMMAND_TIMEOUT_S: Final = 120.0
SETTLE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Start:
    """How a swarm came up, in seconds; see `Cycle`."""

    command_s: float
    ready_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Cycle:
    """One life of a swarm. Times in seconds.

    `command_s` is what a person waits for `guildbus up`, `ready_s` the swarm's part of it: from the first
    process to the last agent's WELCOME. `start_cpu_s` is the processor time that its processes took for that,
    which a busy machine changes little. `gone_s` is how long after its end the last process was there.
    """

    end: End
    command_s: float
    ready_s: float
    start_cpu_s: float
    gone_s: float
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What was measured. `idle_cpu` is a part of one processor, all processes of the swarm together."""

    cycles: tuple[Cycle, ...]
    idle_cpu: float
    idle_s: float
    processes: int
    load: float
    left: tuple[str, ...] = field(default=())

    @property
    def ready_s(self) -> float:
        """The median time until all agents are in."""
        return statistics.median(cycle.ready_s for cycle in self.cycles)

    @property
    def misses(self) -> list[str]:
        """The targets that were missed, in words; empty if all were reached."""
        found = []
        if self.ready_s >= READY_TARGET_S:
            found.append(f"ready in {self.ready_s:.2f} s, not under {READY_TARGET_S:g} s")
        if self.idle_cpu >= IDLE_TARGET:
            found.append(f"{self.idle_cpu:.2%} CPU at rest, not under {IDLE_TARGET:.0%}")
        for number, cycle in enumerate(self.cycles, 1):
            found += [f"start {number}, ended by {cycle.end}: left {one}" for one in cycle.left]
        return found + [f"at the very end: left {one}" for one in self.left]


def measure(
    count: int, idle_s: float, cache_dir: Path, seed: int = 1, say: Callable[[str], None] = lambda text: None
) -> Lifecycle:
    """Start and end a swarm `count` times; watch it idle for `idle_s` seconds in its first life."""
    dice = random.Random(seed)
    cycles: list[Cycle] = []
    load = os.getloadavg()[0]
    idle, processes = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="guildbus-life-") as name, _endpoint() as url:
        arena = Arena(Path(name).resolve(), cache_dir, url)
        try:
            for number in range(count):
                start = arena.up()
                if number == 0:
                    processes = len(arena.processes())
                    idle = arena.idle_cpu(idle_s)
                    say(f"{processes} processes, {idle:.2%} CPU at rest")
                cycles.append(arena.end(ENDS[number % len(ENDS)], start, dice))
                say(f"{number + 1}/{count}  {cycles[-1].end}: ready in {start.ready_s:.2f} s")
            last = arena.end("down", arena.up(), dice)
        finally:
            arena.close()
    return Lifecycle(tuple(cycles), idle, idle_s, processes, load, last.left)


class Arena:
    """One folder with a `guild.toml`, a state folder and a folder for temporary files."""

    def __init__(self, folder: Path, cache_dir: Path, url: str) -> None:
        self.folder = folder
        self.state = folder / "s"
        self.temporary = folder / "t"
        self.temporary.mkdir()
        self._seen: set[psutil.Process] = set()
        (folder / "guild.toml").write_text(f'[models.default]\nbase_url = "{url}"\nmodel = "none"\n', "utf-8")
        own = {"GUILDBUS_STATE_DIR": str(self.state), "GUILDBUS_CACHE_DIR": str(cache_dir)}
        self._environment = {**os.environ, **own, "TMPDIR": str(self.temporary)}
        self._environment.pop("GUILDBUS_CONFIG", None)

    def up(self) -> Start:
        """Start a swarm."""
        start = time.monotonic()
        self._command("up")
        command_s = time.monotonic() - start
        record = json.loads((self.state / "run" / "swarm.json").read_text("utf-8"))
        ready_at = max(process["since"] for process in record["processes"])
        return Start(command_s, ready_at - record["started_at"], sum(self._cpu_s().values()))

    def idle_cpu(self, idle_s: float) -> float:
        """The processor time that the swarm takes while it has nothing to do, as a part of one processor."""
        time.sleep(SETTLE_S)
        before, start = self._cpu_s(), time.monotonic()
        time.sleep(idle_s)
        after, took_s = self._cpu_s(), time.monotonic() - start
        return sum(after[pid] - before.get(pid, 0.0) for pid in after) / took_s

    def end(self, how: End, up: Start, dice: random.Random) -> Cycle:
        """End the swarm, wait until it is gone, and see what is left of it."""
        start = time.monotonic()
        if how == "down":
            self._command("down")
        else:
            self._kill(how, dice)
        while self.processes() and time.monotonic() - start < GONE_TIMEOUT_S:
            time.sleep(0.02)
        gone_s = time.monotonic() - start
        left = tuple(self.left(nobody_could_tidy=how == "everything"))
        return Cycle(how, up.command_s, up.ready_s, up.cpu_s, gone_s, left)

    def left(self, *, nobody_could_tidy: bool = False) -> list[str]:
        """What is there although nothing runs. What only a living process could remove may be excused."""
        found = [f"process {process.pid} ({_command_of(process)})" for process in self.processes()]
        found += [f"temporary file {path.name}" for path in self.temporary.iterdir()]
        for path in sorted(self.state.rglob("*")):
            name = str(path.relative_to(self.state))
            if path.is_socket() and not nobody_could_tidy:
                found.append(f"socket {name}")
            if path.suffix == ".lock":
                if _is_held(path):
                    found.append(f"held lock {name}")
                elif not nobody_could_tidy:
                    found.append(f"lock file {name}")
            if path.name.startswith(".") and path.is_file():
                found.append(f"half-written file {name}")
            if path.name == "swarm.json" and not nobody_could_tidy:
                found.append(f"record {name}")
        return found

    def processes(self) -> list[psutil.Process]:
        """Every living process of this arena's swarms, found by what it was started with.

        One that dies loses that before it loses its locks, so whoever was seen is watched to its end.
        """
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get("GUILDBUS_STATE_DIR") == str(self.state):
                    self._seen.add(process)
        self._seen = {process for process in self._seen if not _is_gone(process)}
        return list(self._seen)

    def close(self) -> None:
        """End whatever still runs."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _cpu_s(self) -> dict[int, float]:
        found: dict[int, float] = {}
        for process in self.processes():
            with contextlib.suppress(psutil.Error, OSError):
                found[process.pid] = _cpu_s(process)
        return found

    def _kill(self, how: End, dice: random.Random) -> None:
        parent = json.loads((self.state / "run" / "swarm.json").read_text("utf-8"))["pid"]
        children = [process for process in self.processes() if process.pid != parent]
        victims = {
            "parent": [],
            "children": dice.sample(children, dice.randint(1, 3)),
            "everything": children,
        }
        order = [psutil.Process(parent)] if how == "everything" else []
        order += victims[how] + ([] if how == "everything" else [psutil.Process(parent)])
        for victim in order:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()

    def _command(self, word: str) -> None:
        done = subprocess.run(
            [sys.executable, "-P", "-c", "from guildbus.launch.cli import main; main()", word],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise InfrastructureError(
                f"`guildbus {word}` failed: {done.stderr.strip()[-500:]}", where=str(self.state)
            )


def as_json(found: Lifecycle) -> dict[str, Any]:
    """The figures, for scripts."""
    kills = [cycle for cycle in found.cycles if cycle.end != "down"]
    return {
        "starts": len(found.cycles),
        "by_sigkill": len(kills),
        "ready_s": {"median": round(found.ready_s, 3), "worst": round(_worst(found, "ready_s"), 3)},
        "command_s": {
            "median": round(statistics.median(cycle.command_s for cycle in found.cycles), 3),
            "worst": round(_worst(found, "command_s"), 3),
        },
        "start_cpu_s": round(statistics.median(cycle.start_cpu_s for cycle in found.cycles), 3),
        "gone_s": {"worst": round(_worst(found, "gone_s"), 3)},
        "idle_cpu": round(found.idle_cpu, 5),
        "idle_s": found.idle_s,
        "processes": found.processes,
        "load": round(found.load, 2),
        "left": sum(len(cycle.left) for cycle in found.cycles) + len(found.left),
        "misses": found.misses,
    }


def lines(found: Lifecycle) -> Iterator[str]:
    """The figures, for people."""
    told = as_json(found)
    ready, command = told["ready_s"], told["command_s"]
    rest = f"{found.processes} processes watched for {found.idle_s:g} s"
    yield f"starts and ends          {told['starts']}, {told['by_sigkill']} of them by SIGKILL"
    yield f"all agents in            median {ready['median']:.2f} s, worst {ready['worst']:.2f} s"
    yield f"`guildbus up` returns    median {command['median']:.2f} s, worst {command['worst']:.2f} s"
    yield f"processor time of that   median {told['start_cpu_s']:.2f} s, the swarm's processes only"
    yield f"the last process gone    worst {told['gone_s']['worst']:.2f} s after the end"
    yield f"CPU at rest              {found.idle_cpu:.2%} of one processor, {rest}"
    yield f"left behind              {told['left']}"
    yield f"load when it began       {found.load:.2f} on {os.cpu_count()} processors"
    for miss in found.misses:
        yield f"missed: {miss}"


def _worst(found: Lifecycle, name: str) -> float:
    return float(max(getattr(cycle, name) for cycle in found.cycles))


def _cpu_s(process: psutil.Process) -> float:
    """Its processor time so far; on Linux in nanoseconds: a process at rest takes less than a tick."""
    threads = _threads(process.pid)
    if threads:
        return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


def _is_gone(process: psutil.Process) -> bool:
    """Whether a process holds nothing any more. Its first thread may be dead while others still let go."""
    try:
        if not process.is_running():
            return True
        return process.status() == psutil.STATUS_ZOMBIE and len(_threads(process.pid)) <= 1
    except psutil.NoSuchProcess:
        return True


def _command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "dying"


def _threads(pid: int) -> list[Path]:
    """On Linux, what the kernel knows of each thread of a process."""
    return list(Path(f"/proc/{pid}/task").glob("*"))


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextlib.contextmanager
def _endpoint() -> Iterator[str]:
    """The URL of an endpoint that lists one model and can do nothing else."""

    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"object": "list", "data": [{"id": "none", "object": "model"}]}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
