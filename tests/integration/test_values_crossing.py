"""Values of every shape cross between Go and Python, types with state step by step: in the real sandbox."""

import pytest

from guildbus.agents.oracle.hints import Hints
from guildbus.agents.oracle.inputs import cases_for, sequences_for
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.values import agree
from testimony import api, outcomes

pytestmark = pytest.mark.timeout(300)

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
