"""A whole guild in a folder of its own, for tests: the real `guildbus` command, real processes, a stub model.

Nothing is mocked but the endpoint, which is `stub_endpoint.py` in a process of its own. Whatever a test
leaves running is found by its state folder, in command lines and environments: `leftovers()`.
"""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from guildbus.launch.following import broker_health

ROOT = Path(__file__).resolve().parent.parent
GUILDBUS = Path(sys.executable).with_name("guildbus")
STUB = ROOT / "tests" / "stub_endpoint.py"
ROLES = ("planner", "go-dev", "go-test", "gate-keeper", "verifier", "repair-router")

GCD = """
func GCD(a, b int) int {
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
"""
CLAMP = """
func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	return max(lo, min(x, hi))
}
"""
NUMKIT = f"package numkit\n{GCD}{CLAMP}"
UNBUILT = f"{NUMKIT}\nvar unknown = nowhere\n"
"""It does not compile, and no function is to blame: other drafts of the file are what helps."""


def numkit_suite(gcd: str = "3003") -> str:
    """A suite of numkit; `gcd` is the expected value of GCD(6006, 9009), which no spec states."""
    return NUMKIT_SUITE.replace("3003", gcd)


def numkit_cases(gcd: str = "3003") -> str:
    """The same as single cases, for the case lines that go-test is asked for."""
    return f"""GCD(6006, 9009): the greatest common divisor => {gcd}
GCD(4, 6): 2 divides both => 2
Clamp(1, 2, 3): 1 < 2, so lo => 2
Clamp(9, 2, 3): 9 > 3, so hi => 3
"""


NUMKIT_SUITE = """package numkit

import "testing"

func TestGCD(t *testing.T) {
	for _, tt := range []struct{ a, b, want int }{
		{8, 15, 1}, {12, 18, 6}, {0, 5, 5}, {-12, 18, 6}, {6006, 9009, 3003},
	} {
		if got := GCD(tt.a, tt.b); got != tt.want {
			t.Errorf("GCD(%d, %d) = %d; want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestClamp(t *testing.T) {
	for _, tt := range []struct{ x, lo, hi, want int }{
		{1, 2, 3, 2}, {7, 2, 3, 3}, {7, 10, 0, 7},
	} {
		if got := Clamp(tt.x, tt.lo, tt.hi); got != tt.want {
			t.Errorf("Clamp(%d, %d, %d) = %d; want %d", tt.x, tt.lo, tt.hi, got, tt.want)
		}
	}
}
"""
STRINGKIT = """package stringkit

import "unicode"

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func IsPalindrome(s string) bool {
	var kept []rune
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			kept = append(kept, unicode.ToLower(r))
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		if kept[i] != kept[j] {
			return false
		}
	}
	return true
}
"""
STRINGKIT_SUITE = """package stringkit

import "testing"

func TestReverse(t *testing.T) {
	for _, tt := range []struct{ s, want string }{{"", ""}, {"abc", "cba"}, {"éa", "aé"}} {
		if got := Reverse(tt.s); got != tt.want {
			t.Errorf("Reverse(%q) = %q; want %q", tt.s, got, tt.want)
		}
	}
}

func TestIsPalindrome(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want bool
	}{{"Abba", true}, {"abc", false}, {"A man, a plan, a canal: Panama", true}} {
		if got := IsPalindrome(tt.s); got != tt.want {
			t.Errorf("IsPalindrome(%q) = %v; want %v", tt.s, got, tt.want)
		}
	}
}
"""


STRINGKIT_CASES = """Reverse("abc"): from the end to the start => "cba"
Reverse("éa"): by rune => "aé"
IsPalindrome("Abba"): abba both ways => true
IsPalindrome("abc"): cba is another word => false
"""
STRINGKIT_REFERENCE = """```python
def reverse(s: str) -> str:
    return s[::-1]


def is_palindrome(s: str) -> bool:
    kept = [c.lower() for c in s if c.isalpha() or c.isdigit()]
    return kept == kept[::-1]
```
"""


def fenced(source: str) -> str:
    """A model's reply with this file in it."""
    return f"Here is the file.\n\n```go\n{source}```\n"


def whole(implementation: str, suite: str, cases: str) -> str:
    """A reply that serves whatever is asked for: the implementation, the test file, or single cases."""
    return f"{cases}\n{fenced(implementation)}\n{fenced(suite)}"


def numkit(gcd: str = "3003", implementation: str = NUMKIT) -> str:
    """Such a reply for numkit."""
    return whole(implementation, numkit_suite(gcd), numkit_cases(gcd))


def rule(*texts: str, match: str = "", **reply: Any) -> dict[str, Any]:
    """A rule of the stub's script: prompts that hold `match` get these texts, in order, the last for ever."""
    return {"match": match, "replies": [{"text": text, **reply} for text in texts]}


def wrong_at_first(**reply: Any) -> list[dict[str, Any]]:
    """go-test's rules: a wrong value for GCD(6006, 9009) in a first draft, the right one when asked again.

    No spec states that call, so a prompt that names it is about the test's own row.
    """
    return [rule(numkit(), match="6006"), rule(numkit("77"), **reply)]


def until(condition: Callable[[], Any], timeout_s: float = 30.0, what: str = "") -> Any:
    """The first true value of `condition`; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what or condition}"
        time.sleep(0.1)
    return found


@dataclass
class Guild:
    """One folder with its `guild.toml`, state and outputs, and the command run in it."""

    folder: Path
    cache: Path
    environ: dict[str, str] = field(default_factory=dict)
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The state folder: short, since a socket's path has at most 100 bytes."""
        return self.folder / "s"

    def requests(self, role: str) -> list[dict[str, Any]]:
        """What the stub of a specialist was asked: its log, chat completions only."""
        log = self.folder / f"{role}.jsonl"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        return [found for line in lines if "prompt" in (found := json.loads(line))]

    def serve(
        self,
        dev: Sequence[Mapping[str, Any]],
        test: Sequence[Mapping[str, Any]] | None = None,
        *,
        config: str = "",
        **more: Any,
    ) -> "list[subprocess.Popen[str]]":
        """Start a stub for each specialist, with its rules, and name them in `guild.toml`.

        Two endpoints, so that no rule has to guess from a prompt's words who is asking.
        """
        stubs = [self._stub("go-dev", dev, more), self._stub("go-test", dev if test is None else test, more)]
        urls = [stub.stdout.readline().strip() for stub in stubs if stub.stdout is not None]
        tester = f'[models.tester]\nbase_url = "{urls[1]}"\nmodel = "stub"\n'
        self.configure(urls[0], f'{config}\n{tester}[[agents]]\nrole = "go-test"\nmodel = "tester"\n')
        return stubs

    def stub(self, name: str, rules: Sequence[Mapping[str, Any]]) -> str:
        """Start one more endpoint with these rules; where it listens."""
        started = self._stub(name, rules, {})
        assert started.stdout is not None
        return started.stdout.readline().strip()

    def _stub(
        self, role: str, rules: Sequence[Mapping[str, Any]], more: dict[str, Any]
    ) -> "subprocess.Popen[str]":
        script, log = self.folder / f"{role}.json", self.folder / f"{role}.jsonl"
        script.write_text(json.dumps({"model": "stub", "rules": list(rules), **more}), encoding="utf-8")
        argv = [sys.executable, str(STUB), "--script", str(script), "--log", str(log)]
        self._started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        return self._started[-1]

    def configure(self, base_url: str, more: str = "") -> None:
        """A `guild.toml` whose default model is at this endpoint."""
        text = f'{more}\n[models.default]\nbase_url = "{base_url}"\nmodel = "stub"\n'
        if "[build]" not in text:
            # Some seconds and two processes a build, where a test is not about them.
            text += "[build]\nteeth_seconds = 0\nsettle = false\nexamine = false\n"
        (self.folder / "guild.toml").write_text(text, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """This process's, with the guild's own folders."""
        own = {"GUILDBUS_STATE_DIR": str(self.state), "GUILDBUS_CACHE_DIR": str(self.cache)}
        return (
            {name: value for name, value in os.environ.items() if name != "GUILDBUS_CONFIG"}
            | own
            | self.environ
        )

    def run(
        self, *words: object, before: Sequence[str] = (), timeout_s: float = 100.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `guildbus WORDS` to its end. `before` goes before the command line.

        AssertionError, with what the guild's processes were at, if that takes longer than `timeout_s`.
        """
        process = subprocess.Popen(
            [*before, str(GUILDBUS), *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        with process:
            try:
                output, error = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                situation = self.situation()
                process.kill()
                raise AssertionError(f"{words} has not ended after {timeout_s} s\n{situation}") from None
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, error)

    def situation(self) -> str:
        """Every process of the guild, and the last lines of every log."""
        told = [f"{one.pid} {one.name()} {one.status()} {one.cmdline()[-3:]}" for one in self.processes()]
        for log in sorted((self.state / "logs").glob("*.log")):
            told += [f"-- {log.name}", *log.read_text("utf-8", "replace").splitlines()[-8:]]
        return "\n".join(told)

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Start `guildbus WORDS` in a session of its own, and go on."""
        process = subprocess.Popen(
            [str(GUILDBUS), *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def json(self, *words: object) -> Any:
        """What `guildbus WORDS` prints, read as JSON."""
        done = self.run(*words)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}") from None

    def build(self, spec: Path, *words: object) -> tuple[int, dict[str, Any]]:
        """Exit code and report of `guildbus build SPEC --json`."""
        done = self.run("build", spec, "--json", *words)
        assert done.returncode in (0, 1, 3), done.stderr
        assert done.stderr == ""
        report: dict[str, Any] = json.loads(done.stdout)
        assert "run_id" in report, report
        return done.returncode, report

    def working(self, *roles: str) -> dict[str, Any]:
        """`status --json`, taken when all six agents are in and one of `roles` (the specialists) is at work.

        The moment is watched for without the command: it may be shorter than a process takes to start.
        """
        endpoint = f"ipc://{self.state}/run/bus.sock"

        def at_work() -> bool:
            health = asyncio.run(broker_health(endpoint, 2.0)) if (self.state / "run").is_dir() else None
            agents = [agent for agent in health["agents"] if agent["role"] in ROLES] if health else []
            wanted = roles or ("go-dev", "go-test")
            return len(agents) == 6 and any(a["role"] in wanted and a["handling"] for a in agents)

        until(at_work, 60, "six agents, one at work")
        status: dict[str, Any] = self.json("status", "--json")
        return status

    def processes(self) -> list[psutil.Process]:
        """Every living process that was started for this guild, but for the stub."""
        marks = (str(self.state),)
        stubs = {process.pid for process in self._started if STUB.name in str(process.args)}
        found = []
        for process in psutil.process_iter():
            try:
                text = "\0".join([*process.cmdline(), process.environ().get("GUILDBUS_STATE_DIR", "")])
                dead = process.status() == psutil.STATUS_ZOMBIE
            except (psutil.Error, OSError):
                continue
            if any(mark in text for mark in marks) and not dead and process.pid not in stubs:
                found.append(process)
        return [process for process in found if process.pid != os.getpid()]

    def leftovers(self, *, files: bool = True, timeout_s: float = 15.0) -> list[str]:
        """What is left of a guild that has ended: processes, locks, a socket, a record.

        A guild that was killed cannot tidy up: without `files` the last two do not count.
        """
        deadline = time.monotonic() + timeout_s
        while (left := self._left(files=files)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _left(self, *, files: bool) -> list[str]:
        left = [f"process {process.pid}" for process in self.processes()]
        left += [str(path) for path in self.state.rglob("*.lock") if _is_held(path)]
        if files:
            names = ("*.sock", "*.sock.lock", "journal.db.lock", "swarm.lock", "swarm.json")
            left += [str(path) for name in names for path in self.state.rglob(name)]
        return left

    def close(self) -> None:
        """End whatever still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            with process:
                process.wait()
        for left in self.processes():
            left.kill()
        self._started.clear()


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
