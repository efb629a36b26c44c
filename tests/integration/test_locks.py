"""Locks that remove themselves: one holder at a time, nothing left behind, a crash holds nobody up."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.launch.warden import tidy
from guildbus.protocols.errors import BusError


def test_one_holder_at_a_time_and_no_file_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    held = lock_file(path, "a thing")
    with pytest.raises(BusError, match="in use"):
        lock_file(path, "a thing", wait_s=0.05)
    unlock_file(path, held)
    assert not path.exists()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = lock_file(path, "a thing")
    threading.Timer(0.1, unlock_file, (path, held)).start()
    unlock_file(path, lock_file(path, "a thing", wait_s=10))


def test_what_a_dead_holder_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    os.close(lock_file(path, "a thing"))  # as the kernel does for a process that was killed
    assert path.exists()
    unlock_file(path, lock_file(path, "a thing", wait_s=0))
    assert not path.exists()


def test_a_file_that_is_somebody_elses_is_let_be(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    mine = lock_file(path, "a thing")
    path.unlink()
    theirs = lock_file(path, "a thing", wait_s=0)
    unlock_file(path, mine)
    assert path.exists()
    unlock_file(path, theirs)


RIVAL = """
import os, sys
from pathlib import Path
from guildbus.bus.locks import lock_file, unlock_file

lock, inside = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    handle = lock_file(lock, "a thing", wait_s=60)
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if somebody else is in here
    os.unlink(inside)
    unlock_file(lock, handle)
"""


def test_many_that_take_and_remove_it_never_meet_inside(tmp_path: Path) -> None:
    argv = [sys.executable, "-P", "-c", RIVAL, str(tmp_path / "a.lock"), str(tmp_path / "inside"), "200"]
    rivals = [subprocess.Popen(argv) for _ in range(3)]
    assert [rival.wait(100) for rival in rivals] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


def test_a_warden_removes_what_nobody_holds_and_nothing_else(tmp_path: Path) -> None:
    left, taken, never = tmp_path / "left", tmp_path / "taken", tmp_path / "never"
    left.touch()
    taken.touch()
    held = lock_file(lock_of(taken), "a thing")
    tidy({lock_of(left): [left], lock_of(taken): [taken], lock_of(never): [never]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "taken.lock"]
    unlock_file(lock_of(taken), held)
