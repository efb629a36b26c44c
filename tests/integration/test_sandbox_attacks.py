"""Attacks in Python and in Go, each really made in the sandboxes of both, and each refused.

docs/sandbox.md is the table of them. The Python programs run in the sandbox of references and in that of Go
drafts, whose walls are shown to be the same; the Go program is built once and tries what its name says.
"""

import asyncio
import contextlib
import dataclasses
import os
import platform
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle.running import python_policy
from guildbus.agents.sandbox import Command, Completed
from guildbus.agents.sandbox.policy import Limits, Policy
from guildbus.agents.sandbox.runners import BubblewrapSandbox, UnsandboxedRunner

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's sandbox"),
]
PYTHON = os.path.realpath(sys.executable)
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")


@pytest.fixture(scope="module")
def toolchain(go_cache: Path) -> Toolchain:
    return Toolchain.find(go_cache)


@pytest.fixture(params=["go", "python"])
def policy(request: pytest.FixtureRequest, toolchain: Toolchain) -> Policy:
    """What drafts in Go, and references in Python, may see; both with a Python to attack from."""
    python = python_policy()
    if request.param == "python":
        return python
    go = toolchain.policy()
    return dataclasses.replace(go, readable=(*go.readable, *python.readable))


@pytest.fixture
def sandbox(policy: Policy) -> BubblewrapSandbox:
    return BubblewrapSandbox(policy)


@pytest.fixture(scope="module")
def go_attacker(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `attack`, a static program."""
    folder = tmp_path_factory.mktemp("attacker")
    (folder / "go.mod").write_text("module attack\n\ngo 1.22\n")
    (folder / "main.go").write_text(GO_ATTACKS)
    cache = {"GOCACHE": str(toolchain.go_cache), "GOPATH": str(folder / "gopath"), "HOME": str(folder)}
    subprocess.run(
        [toolchain.go, "build", "-o", "attack", "."],
        cwd=folder,
        env=toolchain.environment() | cache,
        check=True,
    )
    return folder


GO_ATTACKS = """package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "calls":
		for _, number := range []uintptr{syscall.SYS_PTRACE, syscall.SYS_UNSHARE, syscall.SYS_MOUNT, 425} {
			_, _, errno := syscall.RawSyscall(number, 0, 0, 0)
			fmt.Println(errno.Error())
		}
		_, err := syscall.Socket(40, syscall.SOCK_STREAM, 0) // vsock, the way from a guest to its host
		fmt.Println(err)
	case "dial":
		for _, address := range []string{os.Args[2], "192.0.2.1:80"} {
			_, err := net.DialTimeout("tcp", address, 2*time.Second)
			fmt.Println(err != nil)
		}
	case "namespace":
		child := exec.Command("/bin/true")
		child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
		fmt.Println(child.Run())
	case "child":
		fmt.Println(exec.Command("/bin/true").Run())
	}
}
"""


async def attack(sandbox: BubblewrapSandbox, job: Path, source: str, wall_s: float = 30) -> Completed:
    """Run a Python program in there."""
    (job / "attack.py").write_text(textwrap.dedent(source))
    return await sandbox.run(Command((PYTHON, "-I", "-S", "attack.py"), job, wall_s=wall_s))


async def gone(word: str) -> None:
    """No process with this word on its command line is left (the kernel may need a moment)."""
    for _ in range(100):
        left = [p for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or ())]
        if not left:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"left behind: {left}")


# System calls

CALLS = """
    import ctypes, errno, os
    call = ctypes.CDLL(None, use_errno=True).syscall
    for number in {numbers}:
        ctypes.set_errno(0)
        call(number, *[ctypes.c_long(-1)] * 5)
        print(number, errno.errorcode.get(ctypes.get_errno(), "done"))
"""


async def test_refused_calls_are_refused_and_the_filter_does_it(policy: Policy, tmp_path: Path) -> None:
    """Calls whose wrong arguments the kernel names by another error when nobody filters them."""
    column = 0 if platform.machine() == "x86_64" else 1
    numbers = {
        "EPERM": [(135, 92), (312, 272), (310, 270), (250, 219), (323, 282), (279, 239)],
        "ENOSYS": [(435, 435), (425, 425), (319, 279), (29, 194)],
    }
    wanted = [(pair[column], code) for code, pairs in numbers.items() for pair in pairs]
    source = CALLS.format(numbers=[number for number, _ in wanted])
    done = await attack(BubblewrapSandbox(policy), tmp_path, source)
    assert done.stdout.split("\n")[:-1] == [f"{number} {code}" for number, code in wanted], done.stderr
    bare = await attack(BubblewrapSandbox(policy, machine="none"), tmp_path, source)
    assert not set(bare.stdout.splitlines()) >= set(done.stdout.splitlines())
    through = [line for line in bare.stdout.splitlines() if line not in done.stdout]
    assert len(through) >= 6, bare.stdout


async def test_sockets_to_the_host_and_the_kernel_are_refused(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    source = """
        import errno, socket
        for family, kind, protocol in ((40, 1, 0), (38, 5, 0), (17, 3, 0), (44, 3, 0), (16, 3, 12)):
            try:
                socket.socket(family, kind, protocol)
                print("open")
            except OSError as error:
                print(errno.errorcode[error.errno])
        socket.socketpair()
        print("a pair of its own")
    """
    done = await attack(sandbox, tmp_path, source)
    assert done.stdout.splitlines() == ["EAFNOSUPPORT"] * 5 + ["a pair of its own"]


@X86_64
@pytest.mark.parametrize("way", ["i386", "x32"])
async def test_the_calls_of_another_architecture_kill(
    sandbox: BubblewrapSandbox, tmp_path: Path, way: str
) -> None:
    source = """
        import ctypes, mmap, sys
        print("before", flush=True)
        if sys.argv[0] and "{way}" == "x32":
            ctypes.CDLL(None).syscall(0x40000000 | 39)
        else:  # mov eax, 20 (getpid); int 0x80; ret
            code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            code.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
            place = ctypes.addressof(ctypes.c_char.from_buffer(code))
            ctypes.CFUNCTYPE(ctypes.c_int)(place)()
        print("after")
    """
    done = await attack(sandbox, tmp_path, source.replace("{way}", way))
    assert (done.returncode, done.stdout) == (128 + signal.SIGSYS, "before\n")


async def test_go_is_refused_the_same_and_may_still_start_processes(
    toolchain: Toolchain, go_attacker: Path
) -> None:
    sandbox = BubblewrapSandbox(toolchain.policy())
    calls, namespace, child = [
        (await sandbox.run(Command(("./attack", name), go_attacker))).stdout.splitlines()
        for name in ("calls", "namespace", "child")
    ]
    no, absent = "operation not permitted", "function not implemented"
    assert calls == [no, no, no, absent, "address family not supported by protocol"]
    assert namespace[0].endswith(no)
    assert child == ["<nil>"]


async def test_go_reaches_no_network_either(toolchain: Toolchain, go_attacker: Path, tmp_path: Path) -> None:
    with listening(tmp_path) as (port, _, _):
        argv = ("./attack", "dial", f"127.0.0.1:{port}")
        done = await BubblewrapSandbox(toolchain.policy()).run(Command(argv, go_attacker))
    assert done.stdout.split() == ["true", "true"], done.stderr


# What the host has

SECRET = "s3cr3t-of-the-host"


async def test_home_state_and_keys_are_not_there(
    sandbox: BubblewrapSandbox, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is in a file, in the environment, and in that of another process. What there is of a
    home leads to the toolchain, and nowhere else."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.db").write_text(SECRET)
    job = tmp_path / "job"
    job.mkdir()
    other = await asyncio.create_subprocess_exec("sleep", "55.55")
    source = f"""
        import os
        found = [str(dict(os.environ))]
        for path in ({str(state)!r}, {str(Path.home())!r}, "/home", "/root", "/run", "/var", "/sys", "/etc",
                     "/src/../..{state}", "/proc/1/root{state}"):
            try:
                found.append(" ".join(["listed", *os.listdir(path)]))
            except OSError:
                pass
        for entry in os.listdir("/proc"):
            for name in ("environ", "cmdline"):
                try:
                    found.append(open(f"/proc/{{entry}}/{{name}}").read())
                except OSError:
                    pass
        for path in ("{state}/journal.db", "/proc/{os.getpid()}/environ", "/proc/{other.pid}/environ"):
            try:
                found.append(open(path).read())
            except OSError as error:
                found.append("refused")
        print("\\n".join(found))
    """
    try:
        done = await attack(sandbox, job, source)
    finally:
        other.kill()
        await other.wait()
    assert done.stdout.count("refused") == 3, done.stderr
    for secret in (SECRET, "API_KEY", "journal.db", "55.55"):
        assert secret not in done.stdout
    listed = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("listed")]
    assert {name for names in listed for name in names} <= {n for path in policy.readable for n in path.parts}


@contextlib.contextmanager
def listening(tmp_path: Path) -> Iterator[tuple[int, str, str]]:
    """(TCP port, path of a unix socket, abstract name) that really take connections on the host."""
    path, name = str(tmp_path / "bus.sock"), f"guildbus-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as bus,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        bus.bind(path)
        abstract.bind(f"\0{name}")
        bus.listen()
        abstract.listen()
        yield tcp.getsockname()[1], path, name


async def test_no_way_onto_a_network_or_to_a_hosts_socket(
    sandbox: BubblewrapSandbox, policy: Policy, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    job.mkdir()
    with listening(tmp_path) as (port, path, name):
        source = f"""
            import socket

            def tried(name, action):
                try:
                    action()
                    print(name, "open")
                except OSError:
                    print(name, "shut")

            def stream(family, address):
                with socket.socket(family) as one:
                    one.settimeout(2)
                    one.connect(address)

            def datagram():
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.53", 53))

            tried("loopback", lambda: stream(socket.AF_INET, ("127.0.0.1", {port})))
            tried("outside", lambda: stream(socket.AF_INET, ("192.0.2.1", 80)))
            tried("six", lambda: stream(socket.AF_INET6, ("2001:db8::1", 80)))
            tried("datagram", datagram)
            tried("name", lambda: socket.getaddrinfo("example.com", 80))
            tried("bus", lambda: stream(socket.AF_UNIX, {path!r}))
            tried("abstract", lambda: stream(socket.AF_UNIX, "\\0{name}"))
        """
        done = await attack(sandbox, job, source)
        names = ("loopback", "outside", "six", "datagram", "name", "bus", "abstract")
        assert done.stdout.splitlines() == [f"{name} shut" for name in names], done.stderr
        bare = await UnsandboxedRunner(policy).run(Command((PYTHON, "-I", "attack.py"), job))
    assert {"loopback open", "bus open", "abstract open"} <= set(bare.stdout.splitlines()), (
        "the attack is real"
    )


async def test_links_lead_nowhere_in_either_direction(
    sandbox: BubblewrapSandbox, policy: Policy, tmp_path: Path
) -> None:
    """A link in the tree that comes in, and links that the program makes, to a file of the host."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    job = tmp_path / "job"
    job.mkdir()
    (job / "linked.go").symlink_to(secret)
    (job / "up").symlink_to("../..")
    before = sorted(os.listdir(job))
    source = f"""
        import os
        out = []
        for path in ("linked.go", "up/secret", "up{secret}", "/oldroot{secret}", "/newroot{secret}"):
            try:
                out.append(open(path).read())
            except OSError:
                out.append("refused")
        for place in (".", "/src", "/cache", "/cache/00", "/tmp"):
            for make in (os.symlink, os.link):
                try:
                    make({str(secret)!r}, f"{{place}}/planted-{{make.__name__}}")
                except OSError:
                    pass
        try:
            os.rename("linked.go", "moved.go")
        except OSError:
            out.append("refused")
        open("/tmp/planted-symlink", "a") if os.path.exists("/tmp/planted-symlink") else None
        print(*out)
    """
    done = await attack(sandbox, job, source)
    assert done.stdout.split() == ["refused"] * 6, done.stderr
    assert sorted(os.listdir(job)) == sorted([*before, "attack.py"])
    if policy.go_cache is not None:
        assert not list(policy.go_cache.glob("planted*"))
        assert not list(policy.go_cache.glob("00/planted*"))
    assert secret.read_text() == SECRET


async def test_no_open_file_of_the_host_comes_along(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    """A folder of the host, open and inheritable, would be a door past every mount."""
    door = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(door, True)
    source = """
        import os
        print(*[fd for fd in range(3, 1024) if os.path.exists(f"/proc/self/fd/{fd}")])
        for fd in range(3, 1024):
            try:
                print(os.open("etc", os.O_RDONLY, dir_fd=fd))
            except OSError:
                pass
    """
    try:
        done = await attack(sandbox, tmp_path, source)
    finally:
        os.close(door)
    assert done.stdout.strip() == "", done.stdout


# Too much of something


def limited(policy: Policy, **limits: int) -> BubblewrapSandbox:
    return BubblewrapSandbox(dataclasses.replace(policy, limits=Limits(**limits)))


@pytest.mark.parametrize("stream", [1, 2])
async def test_printing_for_ever_ends_early_and_is_bounded(
    policy: Policy, tmp_path: Path, stream: int
) -> None:
    (tmp_path / "attack.py").write_text(f"import os\nwhile True:\n    os.write({stream}, b'x' * 65536)\n")
    argv = (PYTHON, "-I", "-S", "attack.py")
    before = psutil.Process().memory_info().rss
    done = await BubblewrapSandbox(policy).run(Command(argv, tmp_path, wall_s=60, output_bytes=1_000_000))
    assert len(done.stdout if stream == 1 else done.stderr) == 1_000_000
    assert (done.truncated, done.timed_out) == (True, False)
    assert done.stopped == "stopped because it printed too much"
    assert psutil.Process().memory_info().rss - before < 50_000_000


@pytest.mark.parametrize("place", ["/tmp", "/cache"])
async def test_filling_what_can_be_written_ends_at_its_size(
    toolchain: Toolchain, tmp_path: Path, place: str
) -> None:
    """bubblewrap sizes /tmp; what is written over the cache is counted."""
    go = toolchain.policy()
    policy = dataclasses.replace(go, readable=(*go.readable, *python_policy().readable))
    source = f"""
        import time
        for number in range(40):
            with open(f"{place}/fill-{{number}}", "wb") as file:
                file.write(bytes(4_000_000))
        time.sleep(30)
    """
    done = await attack(limited(policy, tmp_bytes=64_000_000), tmp_path, source)
    if place == "/tmp":
        assert "No space left" in done.stderr
    else:
        assert done.exceeded == "disk space"
        assert done.stopped.endswith("disk space")
    assert not done.ok


async def test_making_files_without_end_is_stopped(policy: Policy, tmp_path: Path) -> None:
    """20,000 empty files hold no byte that a size would count."""
    source = """
        import os, time
        for number in range(20_000):
            os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
        time.sleep(30)
    """
    done = await attack(limited(policy, files=10_000), tmp_path, source)
    assert done.exceeded == "disk space"


async def test_a_memory_hog_is_stopped(policy: Policy, tmp_path: Path) -> None:
    source = "hog = []\nwhile True:\n    hog.append(b'x' * 10_000_000)\n"
    done = await attack(limited(policy, memory_bytes=300_000_000), tmp_path, source)
    assert "MemoryError" in done.stderr


async def test_hogs_that_each_keep_to_their_limit_are_stopped_together(
    policy: Policy, tmp_path: Path
) -> None:
    """Eight processes of 100 MB, in memory that they share with nobody."""
    share = 500_000_000 / psutil.virtual_memory().total
    limits = Limits(memory_bytes=300_000_000, memory_share=share)
    source = """
        import os, time
        for _ in range(8):
            if not os.fork():
                hog = bytearray(os.urandom(1000) * 100_000)
                time.sleep(30)
        time.sleep(30)
    """
    done = await attack(BubblewrapSandbox(dataclasses.replace(policy, limits=limits)), tmp_path, source)
    assert done.exceeded == "memory"


async def test_threads_without_end_are_stopped(policy: Policy, tmp_path: Path) -> None:
    source = """
        import threading, time
        threading.stack_size(65536)
        for _ in range(300):
            threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        time.sleep(30)
    """
    done = await attack(limited(policy, threads=200), tmp_path, source)
    assert done.exceeded == "processes"


# Outliving

STUBBORN = """
    import os, signal, sys, time
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execv({python!r}, [{python!r}, "-I", "-S", "-c", "import time; time.sleep(60)", {word!r}])
        os._exit(0)
    print("started", flush=True)
    time.sleep({rest})
"""


async def test_ignored_signals_new_sessions_and_double_forks_do_not_outlive_the_clock(
    sandbox: BubblewrapSandbox, policy: Policy, tmp_path: Path
) -> None:
    word = f"stubborn-{os.getpid()}-clock"
    source = STUBBORN.format(python=PYTHON, word=word, rest=60)
    done = await attack(sandbox, tmp_path, source, wall_s=2)
    assert (done.timed_out, done.stdout) == (True, "started\n")
    assert done.wall_s < 30
    await gone(word)


async def test_a_daemon_does_not_outlive_the_program_that_left_it(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    word = f"stubborn-{os.getpid()}-exit"
    done = await attack(sandbox, tmp_path, STUBBORN.format(python=PYTHON, word=word, rest=0.2))
    assert (done.ok, done.stdout) == (True, "started\n")
    assert done.wall_s < 30
    await gone(word)


async def test_a_sandbox_does_not_outlive_a_runner_that_is_killed(tmp_path: Path) -> None:
    word = f"stubborn-{os.getpid()}-runner"
    (tmp_path / "attack.py").write_text(textwrap.dedent(STUBBORN.format(python=PYTHON, word=word, rest=60)))
    runner = f"""
import asyncio
from pathlib import Path
from guildbus.agents.oracle.running import python_policy
from guildbus.agents.sandbox import Command
from guildbus.agents.sandbox.runners import BubblewrapSandbox, UnsandboxedRunner
command = Command(({PYTHON!r}, "-I", "-S", "attack.py"), Path({str(tmp_path)!r}))
asyncio.run(BubblewrapSandbox(python_policy()).run(command))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", runner)
    deadline = time.monotonic() + 60
    while not any(word in (p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline
        assert process.returncode is None
        await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
    await gone(word)


# The cache

POISON = """package victim

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestPoison(t *testing.T) {
	written := 0
	for _, root := range []string{os.Getenv("GOCACHE"), os.Getenv("GOROOT") + "/src/fmt"} {
		filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && os.WriteFile(path, []byte("poison"), 0o644) == nil {
				written++
			}
			return nil
		})
	}
	os.MkdirAll(filepath.Join(os.Getenv("GOPATH"), "pkg/mod/cache/download/evil"), 0o755)
	if written == 0 || Two() != 2 {
		t.Fatal("the attack itself did not work")
	}
}
"""


async def test_a_test_that_poisons_the_cache_harms_no_later_build(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    """It overwrites every entry that its build reads; the next build must not notice."""
    (tmp_path / "go.mod").write_text("module victim\n\ngo 1.22\n")
    (tmp_path / "victim.go").write_text("package victim\n\nfunc Two() int { return 2 }\n")
    (tmp_path / "victim_test.go").write_text(POISON)
    sandbox = BubblewrapSandbox(toolchain.policy())
    before = {path: path.stat().st_mtime_ns for path in toolchain.go_cache.glob("*/*")}
    run = Command(("go", "test", "-vet=off", "-count=1", "."), tmp_path, wall_s=120)
    for _ in range(2):
        done = await sandbox.run(run)
        assert done.ok, done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in toolchain.go_cache.glob("*/*")} == before
