"""The supervisor with real processes: order, readiness, logs, restarts, refusals."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from guildbus.launch.process import ChildSpec, cap_log, log_tail, parse_ready
from guildbus.launch.supervision import Phase, RestartPolicy
from guildbus.launch.supervisor import ChildStatus, Supervisor
from guildbus.protocols.errors import InfrastructureError

READY = """
import json, os, sys, time
print("warming up", flush=True)
print(json.dumps({"ready": {"pid": os.getpid()}}), flush=True)
print("on standard output", flush=True)
print("on standard error", file=sys.stderr, flush=True)
time.sleep(600)
"""


def child(tmp_path: Path, name: str, script: str = READY, **terms: object) -> ChildSpec:
    argv = (sys.executable, "-c", script)
    return ChildSpec(name, argv, tmp_path / f"{name}.log", **terms)  # type: ignore[arg-type]


async def until(condition: object, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def status(supervisor: Supervisor, name: str) -> ChildStatus:
    return next(status for status in supervisor.statuses() if status.name == name)


async def test_it_starts_in_order_reports_and_stops_in_reverse(tmp_path: Path) -> None:
    seen: list[tuple[str, Phase]] = []
    specs = [child(tmp_path, "agent", stage=1), child(tmp_path, "broker")]
    supervisor = Supervisor(specs, on_event=lambda status: seen.append((status.name, status.phase)))
    async with supervisor:
        for status in supervisor.statuses():
            assert status.phase is Phase.READY
            assert status.ready == {"pid": status.pid}
        pids = [status.pid for status in supervisor.statuses()]
        assert len(set(pids)) == 2
        await until(lambda: "on standard output" in log_tail(tmp_path / "broker.log"))
        assert "on standard error" in log_tail(tmp_path / "broker.log")
    assert seen == [
        ("broker", Phase.STARTING),
        ("broker", Phase.READY),
        ("agent", Phase.STARTING),
        ("agent", Phase.READY),
        ("agent", Phase.STOPPING),
        ("agent", Phase.STOPPED),
        ("broker", Phase.STOPPING),
        ("broker", Phase.STOPPED),
    ]
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)
    assert supervisor.warden_pid is not None
    assert not psutil.pid_exists(supervisor.warden_pid)


async def test_a_child_without_a_ready_line_is_ready_at_once(tmp_path: Path) -> None:
    spec = child(tmp_path, "server", "print('hello', flush=True); import time; time.sleep(600)", ready="none")
    async with Supervisor([spec]) as supervisor:
        assert status(supervisor, "server").phase is Phase.READY
        await until(lambda: log_tail(spec.log_path) == "hello")


async def test_environment_and_folder_reach_the_child(tmp_path: Path) -> None:
    script = (
        "import json, os, time\n"
        "print(json.dumps({'ready': [os.environ['SHADE'], os.listdir()]}), flush=True)\n"
        "time.sleep(600)"
    )
    spec = child(tmp_path, "one", script, env={"SHADE": "green"}, cwd=tmp_path)
    async with Supervisor([spec]) as supervisor:
        assert status(supervisor, "one").ready == ["green", ["one.log"]]


async def test_a_child_that_is_killed_three_times_is_started_three_times(tmp_path: Path) -> None:
    async with Supervisor([child(tmp_path, "agent")]) as supervisor:
        pids: list[int] = []
        for restarts in range(4):
            await until(lambda n=restarts: status(supervisor, "agent").restarts == n)  # type: ignore[misc]
            await until(lambda: status(supervisor, "agent").phase is Phase.READY)
            now = status(supervisor, "agent")
            assert now.pid is not None
            pids.append(now.pid)
            if restarts < 3:
                os.kill(now.pid, signal.SIGKILL)
        assert len(set(pids)) == 4
        assert status(supervisor, "agent").reason == "was killed by SIGKILL"


async def test_what_a_killed_child_started_is_gone_before_the_next_start(tmp_path: Path) -> None:
    script = (
        "import json, subprocess, sys, time\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(json.dumps({'ready': grandchild.pid}), flush=True)\n"
        "time.sleep(600)"
    )
    async with Supervisor([child(tmp_path, "agent", script)]) as supervisor:
        first = status(supervisor, "agent")
        assert first.pid is not None
        assert isinstance(first.ready, int)
        grandchild = psutil.Process(first.ready)
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: status(supervisor, "agent").restarts == 1)
        assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_a_child_that_ends_before_it_is_ready_says_its_last_words(tmp_path: Path) -> None:
    specs = [
        child(tmp_path, "broker"),
        child(tmp_path, "agent", "import sys; sys.exit('no such bus: tin can')", stage=1),
    ]
    supervisor = Supervisor(specs)
    with pytest.raises(InfrastructureError) as caught:
        await supervisor.start()
    assert "agent ended with exit code 1 before it was ready" in caught.value.what
    assert "no such bus: tin can" in caught.value.what
    assert caught.value.where == str(tmp_path / "agent.log")
    assert status(supervisor, "broker").phase is Phase.STOPPED
    assert "agent.log" in status(supervisor, "agent").reason


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    spec = ChildSpec("engine", (str(tmp_path / "nowhere"),), tmp_path / "engine.log")
    with pytest.raises(InfrastructureError, match=r"engine cannot be started .*nowhere"):
        await Supervisor([spec]).start()


async def test_a_silent_child_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    spec = child(tmp_path, "agent", "import time; time.sleep(600)", ready_timeout_s=0.4)
    began = time.monotonic()
    with pytest.raises(InfrastructureError, match=r"agent was silent for 0\.4 s"):
        await Supervisor([spec]).start()
    assert time.monotonic() - began < 5


async def test_a_start_that_can_start_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = child(tmp_path, "agent")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))  # the warden is started with it
    async with asyncio.timeout(10):
        with pytest.raises(InfrastructureError, match="no process can be started"):
            await Supervisor([spec]).start()


async def test_a_critical_child_that_keeps_dying_ends_the_swarm(tmp_path: Path) -> None:
    script = "print('{\"ready\": 1}', flush=True); import time; time.sleep(0.05); raise SystemExit('tired')"
    policy = RestartPolicy(limit=2, first_delay_s=0.01)
    supervisor = Supervisor([child(tmp_path, "other"), child(tmp_path, "agent", script)], policy=policy)
    with pytest.raises(InfrastructureError, match=r"ended 3 times within 60 s.*\n(.*\n)*tired"):
        async with supervisor:
            await asyncio.wait_for(supervisor.wait(), 20)
    assert status(supervisor, "other").phase is Phase.STOPPED
    assert status(supervisor, "agent").restarts == 2


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY
    async with Supervisor([child(tmp_path, "stubborn", script)], grace_s=0.3) as supervisor:
        pid = status(supervisor, "stubborn").pid
        began = time.monotonic()
    assert 0.3 <= time.monotonic() - began < 3
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor([child(tmp_path, "slow", "import time; time.sleep(600)")])
    starting = asyncio.create_task(supervisor.start())
    await until(lambda: status(supervisor, "slow").pid is not None)
    pid = status(supervisor, "slow").pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_killed_warden_is_replaced(tmp_path: Path) -> None:
    async with Supervisor([child(tmp_path, "agent")]) as supervisor:
        first = supervisor.warden_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.warden_pid != first)


def test_only_a_json_object_with_ready_is_a_ready_line() -> None:
    assert parse_ready(b'{"ready": null}') == (True, None)
    for line in (b"", b"ready", b'{"level": "info"}', b"[1]", b"\xff\xfe", b"[" * 100_000):
        assert parse_ready(line) == (False, None)


def test_a_log_that_grows_too_long_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    with path.open("a") as writer:
        writer.write("old\n" * 100)
        writer.flush()
        cap_log(path, 1000)
        assert path.stat().st_size == 400
        cap_log(path, 100)
        writer.write("new\n")
    assert path.read_text() == "new\n"
    assert (tmp_path / "agent.log.1").read_text() == "old\n" * 100
