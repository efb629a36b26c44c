"""The walls of the sandbox, tried by shell, and how it fails closed; attacks: test_sandbox_attacks.py."""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle.running import python_policy
from guildbus.agents.sandbox import Command, Completed, Sandbox
from guildbus.agents.sandbox.policy import Limits, Policy
from guildbus.agents.sandbox.processes import run_bounded
from guildbus.agents.sandbox.runners import (
    BubblewrapSandbox,
    SeatbeltSandbox,
    UnsandboxedRunner,
    find_bwrap,
    open_sandbox,
)
from guildbus.launch.config import parse_config
from guildbus.launch.doctor import in_words
from guildbus.launch.places import Host
from guildbus.launch.scoring import score_folder
from guildbus.protocols.errors import SandboxError, UsageError

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's sandbox"),
]
PYTHON = os.path.realpath(sys.executable)
SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def toolchain(go_cache: Path) -> Toolchain:
    return Toolchain.find(go_cache)


@pytest.fixture
def policy(toolchain: Toolchain) -> Policy:
    return Policy((toolchain.goroot,), toolchain.go_cache, toolchain.environment())


@pytest.fixture
def sandbox(policy: Policy) -> Sandbox:
    return BubblewrapSandbox(policy)


async def shell(sandbox: Sandbox, job: Path, script: str, wall_s: float = 30) -> Completed:
    return await sandbox.run(Command(("sh", "-c", script), job, wall_s=wall_s))


async def test_the_walls_stand(policy: Policy) -> None:
    assert (await open_sandbox(policy)).name == "bubblewrap"


async def test_the_users_files_and_secrets_are_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    home = Path.home()
    done = await shell(sandbox, tmp_path, f"cat /etc/shadow; cat /etc/passwd; ls {home}; ls /home /root; env")
    assert done.stdout.count("\n") < 20
    for secret in ("root:", "SSH", "USER=", str(home) + "\n"):
        assert secret not in done.stdout
    assert "HOME=/tmp/none" in done.stdout


async def test_other_processes_cannot_be_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    done = await shell(sandbox, tmp_path, "ls -d /proc/[0-9]*; kill -9 -1; echo not reached")
    assert done.stdout.count("/proc/") < 10
    assert psutil.pid_exists(os.getpid())


async def test_only_tmp_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("package main\n")
    script = (
        "for place in /src /usr /usr/bin / /etc /home /var /dev /dev/shm /proc/sys/kernel $GOROOT ; do "
        "touch $place/x 2>/dev/null && echo wrote $place; done; "
        "echo x >> /src/main.go && echo changed; echo ok > /tmp/x && cat /tmp/x"
    )
    done = await shell(sandbox, tmp_path, script)
    assert done.stdout == "ok\n"
    assert (tmp_path / "main.go").read_text() == "package main\n"


async def test_nothing_is_left_for_the_next_run(sandbox: Sandbox, tmp_path: Path) -> None:
    await shell(sandbox, tmp_path, "echo x > /tmp/left")
    assert (await shell(sandbox, tmp_path, "cat /tmp/left")).returncode != 0


async def test_a_full_tmp_ends_at_its_size(policy: Policy, tmp_path: Path) -> None:
    limits = Limits(tmp_bytes=8 * 1024**2, file_bytes=4 * 1024**2)
    small = BubblewrapSandbox(Policy(policy.readable, None, policy.environment, limits))
    script = 'for i in 1 2 3 4; do head -c 3000000 /dev/zero > /tmp/$i || echo "full at $i"; done'
    assert "full at 3" in (await shell(small, tmp_path, script)).stdout
    assert (await shell(small, tmp_path, "head -c 5000000 /dev/zero > /tmp/big")).returncode != 0


async def test_a_fork_bomb_dies_with_its_sandbox(policy: Policy, tmp_path: Path) -> None:
    """The bomb doubles six times and then sleeps: were the wall broken, it would do no harm."""
    limits = Limits(processes=40)
    small = BubblewrapSandbox(Policy(policy.readable, None, policy.environment, limits))
    (tmp_path / "bomb").write_text(
        'if [ "$1" -gt 0 ]; then sh /src/bomb $(($1 - 1)) & sh /src/bomb $(($1 - 1)) & fi\nsleep 77.77\n'
    )
    done = await shell(small, tmp_path, "sh /src/bomb 6; echo survived", wall_s=20)
    if os.getuid() == 0:
        assert done.exceeded == "processes", (
            "the kernel does not hold root to prlimit: the census must see it"
        )
        assert done.wall_s < 10
    else:
        assert done.exceeded or "fork" in done.stderr.lower()
    await gone("77.77")


async def gone(word: str) -> None:
    """No process with this word on its command line is left (the kernel may need a moment)."""
    for _ in range(50):
        left = [p for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or ())]
        if not left:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"left behind: {left}")


async def test_an_infinite_loop_meets_the_wall_clock(sandbox: Sandbox, tmp_path: Path) -> None:
    done = await shell(sandbox, tmp_path, "echo before; sleep 88.88 & while :; do :; done", wall_s=1.5)
    assert (done.timed_out, done.stdout) == (True, "before\n")
    assert not done.ok
    await gone("88.88")


async def test_cancelling_kills_all_of_it(sandbox: Sandbox, tmp_path: Path) -> None:
    task = asyncio.create_task(shell(sandbox, tmp_path, "sleep 99.99 & sleep 99.99"))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if any("99.99" in (p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])):
            break
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 5
    await gone("99.99")


async def test_the_go_cache_cannot_be_poisoned(
    sandbox: Sandbox, toolchain: Toolchain, tmp_path: Path
) -> None:
    victim = next(path for path in toolchain.go_cache.glob("0*/*-d") if path.is_file())
    before, count = victim.read_bytes(), sum(1 for _ in toolchain.go_cache.glob("*/*"))
    name = victim.relative_to(toolchain.go_cache)
    script = f"echo poison > $GOCACHE/{name}; touch $GOCACHE/00/new; cat $GOCACHE/{name}; rm -rf $GOCACHE/1*"
    done = await shell(sandbox, tmp_path, script)
    assert done.stdout == "poison\n", "inside, the attack must seem to work"
    assert victim.read_bytes() == before
    assert sum(1 for _ in toolchain.go_cache.glob("*/*")) == count


async def test_it_fails_closed_and_says_why(policy: Policy, tmp_path: Path) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    with pytest.raises(SandboxError, match="uid map") as caught:
        await BubblewrapSandbox(policy, bwrap=refusing).probe()
    assert "userns" in caught.value.remedy
    with pytest.raises(SandboxError, match="cannot start"):
        await BubblewrapSandbox(policy, bwrap=tmp_path / "absent").probe()


async def test_walls_that_do_not_hold_are_noticed(policy: Policy, tmp_path: Path) -> None:
    """A bwrap that runs the command without any wall must not pass the probe."""
    hollow = tmp_path / "bwrap"
    hollow.write_text('#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift\nTMPDIR=/tmp exec "$@"\n')
    hollow.chmod(0o755)
    with pytest.raises(SandboxError):
        await BubblewrapSandbox(policy, bwrap=hollow).probe()


def test_without_bubblewrap_nothing_runs() -> None:
    """A Python that sees no packages, and a PATH with no programs."""
    program = (
        "import asyncio\n"
        "from guildbus.agents.sandbox.policy import Policy\n"
        "from guildbus.agents.sandbox.runners import open_sandbox\n"
        "asyncio.run(open_sandbox(Policy()))\n"
    )
    environment = {"PATH": "", "PYTHONPATH": str(SOURCE / "src")}
    argv = [sys.executable, "-S", "-c", program]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "bubblewrap is not installed" in done.stderr


async def test_where_namespaces_cannot_be_made_it_says_so(tmp_path: Path) -> None:
    """bubblewrap inside of the sandbox meets a kernel that really refuses."""
    bwrap = find_bwrap()
    packages = bwrap.parents[2]
    policy = python_policy()
    outer = BubblewrapSandbox(replace(policy, readable=(*policy.readable, SOURCE, packages)))
    (tmp_path / "inner.py").write_text(
        f"""
import asyncio, sys
sys.path.insert(0, {str(SOURCE / "src")!r})
from pathlib import Path
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import BubblewrapSandbox
from guildbus.protocols.errors import SandboxError
try:
    asyncio.run(BubblewrapSandbox(Policy(), bwrap=Path({str(bwrap)!r})).probe())
except SandboxError as error:
    print(error.what, error.remedy)
"""
    )
    done = await outer.run(Command((PYTHON, "-I", "-S", "inner.py"), tmp_path, wall_s=60))
    assert "namespace" in done.stdout, done.stderr
    assert "--unsafe-no-sandbox" in done.stdout


async def test_other_systems_and_a_missing_seatbelt_fail_closed(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no sandbox for plan9"):
        await open_sandbox(Policy(), system="plan9")
    with pytest.raises(SandboxError, match="cannot start"):
        await open_sandbox(Policy(), system="darwin")  # this Linux has no sandbox-exec
    with pytest.raises(SandboxError, match="cannot start"):
        await shell(SeatbeltSandbox(Policy()), tmp_path, "echo ran")


WITHOUT_FILTERS = """#!/bin/sh
case " $* " in
*" --seccomp "*) echo 'bwrap: prctl(PR_SET_SECCOMP): Invalid argument' >&2; exit 1 ;;
esac
exec {bwrap} "$@"
"""
DROPS_FILTERS = """#!/bin/sh
left=$#
while [ $left -gt 0 ]; do
    word=$1; shift; left=$((left - 1))
    if [ "$word" = --seccomp ]; then shift; left=$((left - 1)); else set -- "$@" "$word"; fi
done
exec {bwrap} "$@"
"""


async def test_a_kernel_without_filters_is_gone_along_with_and_said(policy: Policy, tmp_path: Path) -> None:
    old = tmp_path / "bwrap"
    old.write_text(WITHOUT_FILTERS.format(bwrap=find_bwrap()))
    old.chmod(0o755)
    sandbox = BubblewrapSandbox(policy, bwrap=old)
    await sandbox.probe()
    assert sandbox.protections["seccomp"] == "off: bwrap: prctl(PR_SET_SECCOMP): Invalid argument"
    assert (await shell(sandbox, tmp_path, "echo ran")).stdout == "ran\n"
    assert in_words(sandbox.protections).startswith("on: namespaces, prlimit, census; seccomp off: bwrap")


@pytest.mark.skipif(
    sys.platform == "linux" and "Seccomp:\t0" not in Path("/proc/self/status").read_text(),
    reason="this process is under a filter of somebody else's already",
)
async def test_a_filter_that_was_dropped_silently_is_noticed(policy: Policy, tmp_path: Path) -> None:
    silent = tmp_path / "bwrap"
    silent.write_text(DROPS_FILTERS.format(bwrap=find_bwrap()))
    silent.chmod(0o755)
    with pytest.raises(SandboxError, match="not filtered"):
        await BubblewrapSandbox(policy, bwrap=silent).probe()


async def test_no_sandbox_has_to_be_asked_for_by_name(policy: Policy, tmp_path: Path) -> None:
    runner = await open_sandbox(policy, unsafe=True)
    assert isinstance(runner, UnsandboxedRunner)
    done = await shell(runner, tmp_path, 'echo "$HOME"; pwd; touch "$TMPDIR/x"; sleep 66.66', wall_s=1)
    assert done.timed_out
    assert done.stdout.splitlines()[1] == str(tmp_path)
    assert done.stdout.splitlines()[0] != str(Path.home())
    await gone("66.66")


async def test_the_state_folder_is_never_part_of_what_is_scored(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module mine\n\ngo 1.22\n")
    config = parse_config(f'state_dir = "{tmp_path}/state"', "guild.toml", Host.here(), tmp_path)
    with pytest.raises(UsageError, match="state folder"):
        await score_folder(config, tmp_path)


async def test_of_a_run_that_is_cancelled_twice_no_task_is_left() -> None:
    before = asyncio.all_tasks()
    argv = ["sleep", "66.68"]
    running = asyncio.create_task(run_bounded(argv, cwd=None, env=os.environ, wall_s=60, output_bytes=1000))
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.sleep(0)  # now it waits for the end of what it has killed
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await gone("66.68")
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before
