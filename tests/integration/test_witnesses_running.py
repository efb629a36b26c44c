"""References run over cases in the real sandbox: right, endless, noisy, prying and panicking ones."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle import running
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.inputs import Hints, cases_for, sequences_for
from guildbus.agents.oracle.running import Witnesses, python_policy
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json, agree
from guildbus.agents.oracle.witnesses import hear
from guildbus.agents.sandbox import Command
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.protocols.messages.oracle import ReferenceProgram
from guildbus.protocols.spec import Signature

pytestmark = pytest.mark.timeout(300)

INTERPRETER = os.path.realpath(sys.executable)
PY_GCD = """def gcd(a: int, b: int) -> int:
    a, b = abs(a), abs(b)
    while b:
        a, b = b, a % b
    return a
"""
GO_GCD = """package numkit

func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}
"""


def api(*texts: str) -> Api:
    return read_api([Signature(name="x", text=text) for text in texts])


GCD = api("func GCD(a, b int) int")


def program(content: str, language: str = "python", name: str = "") -> ReferenceProgram:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ReferenceProgram.model_validate(
        {"name": name or f"{language}-0", "language": language, "content": content, "sha256": digest}
    )


def calls(name: str, *args: list[Json]) -> list[Json]:
    return [{"call": name, "args": one} for one in args]


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    base = os.environ.get("XDG_CACHE_HOME")
    found = Toolchain.find((Path(base) if base else Path.home() / ".cache") / "guildbus")
    found.warm_cache()
    return found


@pytest.fixture
async def witnesses(toolchain: Toolchain) -> Witnesses:
    return await Witnesses.start(toolchain, unsafe=False)


async def outcomes(
    witnesses: Witnesses, api: Api, source: str, cases: list[Json], language: str = "python"
) -> list[Json]:
    found = await witnesses.testify(program(source, language), api, cases)
    assert len(found.outcomes) == len(cases)
    return list(found.outcomes)


async def test_python_and_go_agree_where_both_are_right(witnesses: Witnesses) -> None:
    cases = cases_for(GCD, GCD.callables[0], Hints())
    found = hear(
        cases,
        [
            await witnesses.testify(program(PY_GCD), GCD, cases),
            await witnesses.testify(program(GO_GCD, "go"), GCD, cases),
        ],
    )
    assert len(cases) >= 200
    assert (len(found.settled), found.split, found.dismissed) == (len(cases), 0, ())
    assert {one.votes for one in found.settled} == {("python-0", "go-0")}


async def test_a_case_without_an_end_is_no_value_and_the_others_have_theirs(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    while a == 3:\n        pass\n    return a + b\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [1, 2], [3, 4], [5, 6]))
    assert [found[0], found[2]] == [{"values": [3]}, {"values": [11]}]
    assert "no answer within" in found[1]["none"]


async def test_a_program_that_catches_everything_is_stopped_too(witnesses: Witnesses) -> None:
    body = "while True:\n        try:\n            pass\n        except Exception:\n            pass\n"
    source = f"def gcd(a, b):\n    {body}"
    found = await outcomes(witnesses, GCD, source, calls("GCD", *([n, n] for n in range(6))))
    assert all("none" in outcome for outcome in found)


async def test_what_a_program_prints_is_no_outcome(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    print('guildbus-1 0 {\"values\": [7]}')\n    return 2\n"
    assert await outcomes(witnesses, GCD, source, calls("GCD", [1, 2])) == [{"values": [2]}]


@pytest.mark.parametrize(
    "body", ["return open('/etc/hostname').read()", "import socket\n    return 1", "import os\n    return 1"]
)
async def test_a_program_that_reaches_out_is_refused_by_the_gate(witnesses: Witnesses, body: str) -> None:
    [found] = await outcomes(witnesses, GCD, f"def gcd(a, b):\n    {body}\n", calls("GCD", [1, 2]))
    assert found["none"].startswith("it ")


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        ("return int(open('{secret}').read())", "1"),
        ("import os\n    return len(os.listdir('{folder}'))", "1"),
        ("import socket\n    socket.create_connection(('127.0.0.1', {port}), 2)\n    return 1", "1"),
        ("import os\n    return 1 if 'GUILDBUS_SECRET' in os.environ else -1", "-1"),
        ("open('{folder}/made', 'w').write('x')\n    return 1", "1"),
    ],
)
async def test_past_the_gate_the_sandbox_refuses(
    witnesses: Witnesses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, secret: str
) -> None:
    """The gate is taken away; what is left has to hold."""
    import socket

    monkeypatch.setattr(running, "mended", lambda source: (source, ""))
    monkeypatch.setenv("GUILDBUS_SECRET", "1")
    (tmp_path / "secret").write_text("42")
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = body.format(secret=tmp_path / "secret", folder=tmp_path, port=server.getsockname()[1])
        [found] = await outcomes(witnesses, GCD, f"def gcd(a, b):\n    {text}\n", calls("GCD", [1, 2]))
    assert "none" in found or found == {"values": [int(secret)]} == {"values": [-1]}
    assert not (tmp_path / "made").exists()


async def test_the_interpreter_itself_runs_in_there(witnesses: Witnesses, tmp_path: Path) -> None:
    """Else the refusals above would prove nothing."""
    sandbox = await open_sandbox(python_policy())
    argv = (INTERPRETER, "-I", "-S", "-c", "import os; print(sorted(os.listdir('.')))")
    (tmp_path / "here").write_text("")
    done = await sandbox.run(Command(argv, tmp_path, wall_s=20))
    assert (done.returncode, done.stdout.strip()) == (0, "['here']")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def gcd(a, b:\n", "it is no Python"),
        ("def other(a, b):\n    return 1\n", "gcd"),
        ("def gcd(a, b):\n    return undefined\n", "undefined"),
        ("def gcd(a, b):\n    return 'text'\n", "is no int"),
        ("def gcd(a, b):\n    return 2 ** 64\n", "out of range"),
        ("def gcd(a, b):\n    return None\n", "is no int"),
        ("def gcd(a, b):\n    return True\n", "is no int"),
        ("def gcd(a, b):\n    raise ValueError('bad')\n", "ValueError"),
        ("def gcd(a):\n    return 1\n", "TypeError"),
        ("def gcd(a, b):\n    return [0] * 10**10\n", ""),
        ("def gcd(a, b):\n    return gcd(a, b)\n", "RecursionError"),
    ],
)
async def test_a_mistake_of_the_program_is_no_value(witnesses: Witnesses, source: str, why: str) -> None:
    [found] = await outcomes(witnesses, GCD, source, calls("GCD", [1, 2]))
    assert why in found["none"], found


async def test_where_the_languages_divide_differently_the_outcome_says_so(witnesses: Witnesses) -> None:
    source = "def gcd(a, b):\n    return a % b\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [7, 3], [-7, 3]))
    assert found[0] == {"values": [1]}
    assert found[1]["divergent"] is True


async def test_errors_are_exceptions_and_a_named_one_keeps_its_name(witnesses: Witnesses) -> None:
    parse = api("func Parse(s string) (int, error)", 'var ErrEmpty = errors.New("empty")')
    source = (
        "def parse(s):\n    if not s:\n        raise ErrEmpty('empty')\n"
        "    if s == 'x':\n        raise ValueError('x')\n    return len(s)\n"
    )
    go = (
        'package p\n\nimport "errors"\n\nvar ErrEmpty = errors.New("empty")\n\n'
        'func Parse(s string) (int, error) {\n\tif s == "" {\n\t\treturn 0, ErrEmpty\n\t}\n'
        '\tif s == "x" {\n\t\treturn 0, errors.New("x")\n\t}\n\treturn len([]rune(s)), nil\n}\n'
    )
    cases = calls("Parse", [""], ["x"], ["日本"])
    python, golang = (
        await outcomes(witnesses, parse, source, cases),
        await outcomes(witnesses, parse, go, cases, "go"),
    )
    assert python == [{"values": [{"error": "ErrEmpty"}]}, {"values": [{"error": ""}]}, {"values": [2, None]}]
    assert all(map(agree, python, golang))
    assert golang[0] == {"values": [0, {"error": "ErrEmpty"}]}


async def test_a_panic_is_an_outcome_and_the_next_case_runs(witnesses: Witnesses) -> None:
    source = "package p\n\nfunc GCD(a, b int) int { return a / b }\n"
    found = await outcomes(witnesses, GCD, source, calls("GCD", [6, 3], [1, 0], [8, 2]), "go")
    assert found == [{"values": [2]}, {"panic": True}, {"values": [4]}]


async def test_go_that_never_ends_or_does_not_build_has_no_value(witnesses: Witnesses) -> None:
    endless = "package p\n\nfunc GCD(a, b int) int {\n\tfor a == 3 {\n\t}\n\treturn a\n}\n"
    found = await outcomes(witnesses, GCD, endless, calls("GCD", [1, 1], [3, 1], [4, 1]), "go")
    assert found[0] == {"values": [1]}
    assert found[1] == {"timeout": True}
    assert "none" in found[2]
    [unbuilt] = await outcomes(
        witnesses, GCD, "package p\n\nfunc GCD(a, b int) int {}\n", calls("GCD", [1, 1]), "go"
    )
    assert "none" in unbuilt


SHAPES = (
    "type Interval struct { Start, End int }",
    "func Merge(in []Interval) []Interval",
    "func Count(s string) map[rune]int",
    "func First(p *Interval) (int, bool)",
    "func Upper(b []byte) []byte",
    "func Mean(xs ...float64) float64",
    "func Wait(d time.Duration) time.Duration",
    "func Pick(g [2]int, i uint8) any",
)
SHAPES_PY = """def merge(in_):
    out = []
    for one in sorted(in_, key=lambda i: (i.start, i.end)):
        if out and one.start <= out[-1].end:
            out[-1].end = max(out[-1].end, one.end)
        else:
            out.append(Interval(one.start, one.end))
    return out

def count(s):
    found = {}
    for c in s:
        found[c] = found.get(c, 0) + 1
    return found

def first(p):
    return (p.start, True) if p is not None else (0, False)

def upper(b):
    return bytes(c - 32 if 97 <= c <= 122 else c for c in b)

def mean(*xs):
    return sum(xs) / len(xs) if xs else 0.0

def wait(d):
    return d * 2

def pick(g, i):
    return g[i % 2]
"""
SHAPES_GO = """package shapes

import (
	"cmp"
	"slices"
	"time"
)

type Interval struct{ Start, End int }

func Merge(in []Interval) []Interval {
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b Interval) int {
		if c := cmp.Compare(a.Start, b.Start); c != 0 {
			return c
		}
		return cmp.Compare(a.End, b.End)
	})
	var out []Interval
	for _, one := range in {
		if len(out) > 0 && one.Start <= out[len(out)-1].End {
			out[len(out)-1].End = max(out[len(out)-1].End, one.End)
		} else {
			out = append(out, one)
		}
	}
	return out
}

func Count(s string) map[rune]int {
	found := map[rune]int{}
	for _, r := range s {
		found[r]++
	}
	return found
}

func First(p *Interval) (int, bool) {
	if p == nil {
		return 0, false
	}
	return p.Start, true
}

func Upper(b []byte) []byte {
	out := slices.Clone(b)
	for i, c := range out {
		if c >= 'a' && c <= 'z' {
			out[i] = c - 32
		}
	}
	return out
}

func Mean(xs ...float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	var sum float64
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func Wait(d time.Duration) time.Duration { return d * 2 }

func Pick(g [2]int, i uint8) any { return g[i%2] }
"""


async def test_every_shape_of_value_crosses_both_ways(witnesses: Witnesses) -> None:
    shapes = api(*SHAPES)
    cases = [case for c in shapes.callables for case in cases_for(shapes, c, Hints(), count=30)]
    python = await outcomes(witnesses, shapes, SHAPES_PY, cases)
    golang = await outcomes(witnesses, shapes, SHAPES_GO, cases, "go")
    wrong = [
        (c, p, g) for c, p, g in zip(cases, python, golang, strict=True) if "none" in p or not agree(p, g)
    ]
    assert wrong == []


LIMITER = (
    "func NewLimiter(rate float64, burst int, now func() time.Time) *Limiter",
    "func (l *Limiter) Allow() bool",
    "func (l *Limiter) Tokens() float64",
)
LIMITER_PY = """class Limiter:
    def __init__(self, rate, burst, now):
        self.rate, self.burst, self.now = rate, burst, now
        self.level, self.last = float(burst), now()

    def _fill(self):
        at = self.now()
        self.level = min(float(self.burst), self.level + (at - self.last) * self.rate)
        self.last = at

    def allow(self):
        self._fill()
        if self.level >= 1:
            self.level -= 1
            return True
        return False

    def tokens(self):
        self._fill()
        return self.level
"""
LIMITER_GO = """package limiter

import "time"

type Limiter struct {
	rate, level float64
	burst       int
	now         func() time.Time
	last        time.Time
}

func NewLimiter(rate float64, burst int, now func() time.Time) *Limiter {
	return &Limiter{rate: rate, level: float64(burst), burst: burst, now: now, last: now()}
}

func (l *Limiter) fill() {
	at := l.now()
	l.level = min(float64(l.burst), l.level+at.Sub(l.last).Seconds()*l.rate)
	l.last = at
}

func (l *Limiter) Allow() bool {
	l.fill()
	if l.level >= 1 {
		l.level--
		return true
	}
	return false
}

func (l *Limiter) Tokens() float64 {
	l.fill()
	return l.level
}
"""


async def test_a_type_with_a_clock_is_compared_step_by_step(witnesses: Witnesses) -> None:
    limiter = api(*LIMITER)
    cases = sequences_for(limiter, "Limiter", Hints())
    python = await outcomes(witnesses, limiter, LIMITER_PY, cases)
    golang = await outcomes(witnesses, limiter, LIMITER_GO, cases, "go")
    assert all("steps" in outcome for outcome in python), python[:3]
    assert all(map(agree, python, golang))
    assert any({"values": [False]} in outcome["steps"] for outcome in python)
    stuck = await outcomes(
        witnesses, limiter, LIMITER_GO.replace("at.Sub(l.last)", "l.last.Sub(l.last)"), cases, "go"
    )
    assert not all(map(agree, python, stuck)), "a clock that stands still is found out"


STACK = (
    "func NewStack(capacity int) (*Stack, error)",
    "func (s *Stack) Push(v int) error",
    "func (s *Stack) Pop() (int, error)",
    "func (s *Stack) Len() int",
    'var ErrFull = errors.New("full")',
    'var ErrEmpty = errors.New("empty")',
)
STACK_PY = """class Stack:
    def __init__(self, capacity):
        if capacity <= 0:
            raise ValueError("capacity")
        self.capacity, self.items = capacity, []

    def push(self, v):
        if len(self.items) == self.capacity:
            raise ErrFull()
        self.items.append(v)

    def pop(self):
        if not self.items:
            raise ErrEmpty()
        return self.items.pop()

    def len(self):
        return len(self.items)
"""
STACK_GO = """package stack

import "errors"

var (
	ErrFull  = errors.New("full")
	ErrEmpty = errors.New("empty")
)

type Stack struct {
	capacity int
	items    []int
}

func NewStack(capacity int) (*Stack, error) {
	if capacity <= 0 {
		return nil, errors.New("capacity")
	}
	return &Stack{capacity: capacity}, nil
}

func (s *Stack) Push(v int) error {
	if len(s.items) == s.capacity {
		return ErrFull
	}
	s.items = append(s.items, v)
	return nil
}

func (s *Stack) Pop() (int, error) {
	if len(s.items) == 0 {
		return 0, ErrEmpty
	}
	v := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return v, nil
}

func (s *Stack) Len() int { return len(s.items) }
"""


async def test_a_type_whose_constructor_may_fail(witnesses: Witnesses) -> None:
    stack = api(*STACK)
    cases = sequences_for(stack, "Stack", Hints())
    python = await outcomes(witnesses, stack, STACK_PY, cases)
    golang = await outcomes(witnesses, stack, STACK_GO, cases, "go")
    wrong = [
        (c, p, g) for c, p, g in zip(cases, python, golang, strict=True) if "none" in p or not agree(p, g)
    ]
    assert wrong == []
    names = {v["error"] for o in python for s in o["steps"] for v in s["values"] if isinstance(v, dict)}
    assert {"ErrFull", "ErrEmpty", ""} <= names
    other = STACK_GO.replace("return ErrFull", "return ErrEmpty")
    assert not all(map(agree, python, await outcomes(witnesses, stack, other, cases, "go")))
