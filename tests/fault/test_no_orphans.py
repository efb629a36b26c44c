"""No orphan, ever: the supervising process is killed in every way, and nothing of its swarm lives on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

OBEDIENT = """
import json, os, time
from guildbus.bus.lifeline import watch_lifeline
watch_lifeline()
print(json.dumps({"ready": [os.getpid()]}), flush=True)
time.sleep(600)
"""

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"

STUBBORN_WITH_GRANDCHILDREN = f"""
import json, os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", {DEAF!r}]
pids = [subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]
print(json.dumps({{"ready": [os.getpid(), *pids]}}), flush=True)
time.sleep(600)
"""

LEAVES_A_GRANDCHILD = f"""
import json, os, subprocess, sys, time
from guildbus.bus.lifeline import watch_lifeline
watch_lifeline()
sleep = [sys.executable, "-c", {DEAF!r}]
print(json.dumps({{"ready": [os.getpid(), subprocess.Popen(sleep).pid]}}), flush=True)
time.sleep(600)
"""

NEVER_READY = """
import pathlib, os, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""

PARENT = """
import asyncio, json, sys
from pathlib import Path
from guildbus.launch.process import ChildSpec
from guildbus.launch.supervisor import Supervisor

async def main():
    folder, *scripts = sys.argv[1:]
    specs = [
        ChildSpec(f"child-{n}", (sys.executable, "-c", script, f"{folder}/pid-{n}"), Path(folder, f"{n}.log"))
        for n, script in enumerate(scripts)
    ]
    async with Supervisor(specs, grace_s=1.0) as supervisor:
        pids = [pid for status in supervisor.statuses() for pid in status.ready]
        print(json.dumps({"warden": supervisor.warden_pid, "pids": pids}), flush=True)
        await supervisor.wait()

asyncio.run(main())
"""

Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start the supervising process with children that run these scripts."""
    started: list[subprocess.Popen[str]] = []

    def start(*scripts: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-P", "-c", PARENT, str(tmp_path), *scripts]
        parent = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(parent)
        return parent

    yield start
    for parent in started:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def swarm_of(parent: subprocess.Popen[str]) -> tuple[list[psutil.Process], psutil.Process]:
    assert parent.stdout is not None
    said = json.loads(parent.stdout.readline())
    return [psutil.Process(pid) for pid in said["pids"]], psutil.Process(said["warden"])


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie that nobody has reaped is dead."""
    alive = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive


def gone(processes: list[psutil.Process], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while living(processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_kill_9_of_the_parent_leaves_nothing(spawn: Spawn) -> None:
    parent = spawn(OBEDIENT, STUBBORN_WITH_GRANDCHILDREN, LEAVES_A_GRANDCHILD)
    processes, warden = swarm_of(parent)
    assert len(living([*processes, warden])) == 7
    parent.kill()
    assert gone([*processes, warden])


def test_stopped_children_are_swept_too(spawn: Spawn) -> None:
    parent = spawn(OBEDIENT)
    processes, warden = swarm_of(parent)
    os.kill(processes[0].pid, signal.SIGSTOP)
    parent.kill()
    assert gone([*processes, warden])


def test_without_the_warden_the_lifeline_alone_ends_our_own_children(spawn: Spawn) -> None:
    parent = spawn(OBEDIENT)
    processes, warden = swarm_of(parent)
    parent.send_signal(signal.SIGSTOP)  # so that it cannot replace the warden
    warden.kill()
    parent.kill()
    assert gone(processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_runs(spawn: Spawn, number: signal.Signals) -> None:
    parent = spawn(OBEDIENT, STUBBORN_WITH_GRANDCHILDREN)
    processes, warden = swarm_of(parent)
    parent.send_signal(number)
    assert gone([*processes, warden])
    assert parent.wait(5) != 0


def test_ctrl_c_twice(spawn: Spawn) -> None:
    parent = spawn(OBEDIENT, STUBBORN_WITH_GRANDCHILDREN)
    processes, warden = swarm_of(parent)
    parent.send_signal(signal.SIGINT)
    time.sleep(0.2)
    parent.send_signal(signal.SIGINT)
    assert gone([*processes, warden])
    assert parent.wait(5) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_or_kill_during_the_start(spawn: Spawn, tmp_path: Path, number: signal.Signals) -> None:
    parent = spawn(NEVER_READY, OBEDIENT)
    pid_file = tmp_path / "pid-0"
    deadline = time.monotonic() + 10
    while not (pid_file.exists() and pid_file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    processes = psutil.Process(parent.pid).children(recursive=True)
    assert int(pid_file.read_text()) in {process.pid for process in processes}
    assert len(processes) == 3
    parent.send_signal(number)
    assert gone(processes)
    assert parent.wait(5) != 0
