"""Children that are forked from a nursery are children like any other: sessions, streams, ends, restarts."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from guildbus.launch import forking
from guildbus.launch.forking import can_fork
from guildbus.launch.process import ChildSpec
from guildbus.launch.supervision import Phase
from guildbus.launch.supervisor import Supervisor

pytestmark = pytest.mark.skipif(not can_fork(), reason="children are programs here")

CHILD = """
import atexit, json, os, sys, threading, time
import uuid_utils
from guildbus.bus.lifeline import watch_lifeline

def main():
    watch_lifeline()
    atexit.register(sys.stderr.write, "left in good order\\n")
    told = {
        "args": sys.argv[1:], "session": os.getsid(0), "parent": os.getppid(), "id": str(uuid_utils.uuid7()),
        "name": threading.main_thread().name, "stdin": os.readlink("/proc/self/fd/0"),
    }
    print(json.dumps({"ready": told}), flush=True)
    if sys.argv[1] == "exit":
        sys.exit(7)
    while True:
        time.sleep(60)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ChildSpec]:
    (tmp_path / "forked_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    def spec(name: str, *args: str, preload: tuple[str, ...] = ("forked_child",), **more: Any) -> ChildSpec:
        argv = (sys.executable, "-P", "-m", "forked_child", *args)
        return ChildSpec(name, argv, tmp_path / f"{name}.log", preload=preload, **more)

    return spec


def ready_of(supervisor: Supervisor) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(status.ready)) for status in supervisor.statuses()]


def lives(pid: int) -> bool:
    """An orphan that has ended may stay a zombie, where process 1 is no init."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


async def test_forked_children_are_their_own_people(child: Callable[..., ChildSpec], tmp_path: Path) -> None:
    async with Supervisor([child("a", "x", "y"), child("b", "z")]) as supervisor:
        a, b = ready_of(supervisor)
        pids = [status.pid for status in supervisor.statuses()]
        assert (a["args"], b["args"]) == (["x", "y"], ["z"])
        assert a["parent"] == b["parent"] != os.getpid()
        assert [a["session"], b["session"]] == pids
        assert a["id"] != b["id"]
        assert a["stdin"] == os.devnull
        assert [psutil.Process(pid).name() for pid in pids] == ["a", "b"]
        nursery = psutil.Process(a["parent"])
    assert not any(pid is not None and psutil.pid_exists(pid) for pid in pids)
    assert not nursery.is_running()


async def test_an_exit_code_comes_back_and_the_interpreter_ends_in_good_order(
    child: Callable[..., ChildSpec], tmp_path: Path
) -> None:
    async with Supervisor([child("a", "exit", critical=False), child("b", "stay")]) as supervisor:
        await until(lambda: supervisor.statuses()[0].restarts > 0)
        assert "7" in supervisor.statuses()[0].reason
    assert "left in good order" in (tmp_path / "a.log").read_text()


async def test_a_killed_child_is_forked_anew(child: Callable[..., ChildSpec]) -> None:
    async with Supervisor([child("a", "x")]) as supervisor:
        (before,) = ready_of(supervisor)
        os.kill(before["session"], signal.SIGKILL)
        await until(lambda: supervisor.statuses()[0].restarts == 1)
        await until(lambda: supervisor.statuses()[0].phase is Phase.READY)
        (after,) = ready_of(supervisor)
        assert after["parent"] == before["parent"]
        assert after["session"] != before["session"]


async def test_a_nursery_that_dies_is_replaced_with_all_of_its_children(
    child: Callable[..., ChildSpec],
) -> None:
    async with Supervisor([child("a", "x"), child("b", "y")]) as supervisor:
        before = ready_of(supervisor)
        os.kill(before[0]["parent"], signal.SIGKILL)
        await until(lambda: all(status.restarts == 1 for status in supervisor.statuses()))
        await until(lambda: all(status.phase is Phase.READY for status in supervisor.statuses()))
        after = ready_of(supervisor)
        assert after[0]["parent"] == after[1]["parent"] != before[0]["parent"]
        assert not any(lives(one["session"]) for one in before)


async def test_without_a_nursery_that_works_a_child_is_a_program(child: Callable[..., ChildSpec]) -> None:
    async with Supervisor([child("a", "x", preload=("no_such_module",))]) as supervisor:
        (told,) = ready_of(supervisor)
        assert told["parent"] == os.getpid()


async def test_a_nursery_that_never_answers_is_given_up(
    child: Callable[..., ChildSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(forking, "BIRTH_TIMEOUT_S", 0.5)
    specs = [child(name, "x", preload=("endless",)) for name in ("a", "b")]
    async with asyncio.timeout(30), Supervisor(specs) as supervisor:
        assert [told["parent"] for told in ready_of(supervisor)] == [os.getpid()] * 2


async def test_a_nursery_that_stands_still_does_not_hold_up_the_end(
    child: Callable[..., ChildSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "NEWS_TIMEOUT_S", 0.2)
    async with asyncio.timeout(30), Supervisor([child("a", "x")], grace_s=0.3) as supervisor:
        (told,) = ready_of(supervisor)
        os.kill(told["parent"], signal.SIGSTOP)
    assert not lives(told["session"])


async def test_a_child_with_an_environment_of_its_own_is_a_program(child: Callable[..., ChildSpec]) -> None:
    async with Supervisor([child("a", "x", env={"OWN": "1"})]) as supervisor:
        (told,) = ready_of(supervisor)
        assert told["parent"] == os.getpid()
