// Acceptance of specs/stack.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
//
// Left out: capacities so large that memory for all of them cannot be had at once.
package stack

import (
	"math"
	"math/rand"
	"testing"
)

// acceptanceStep is one call: "push" gives ok, "pop" and "peek" give v and ok, "len" gives v.
type acceptanceStep struct {
	call string
	v    int
	ok   bool
}

func acceptanceRun(t *testing.T, capacity int, steps []acceptanceStep) {
	t.Helper()
	s := New(capacity)
	if s == nil {
		t.Fatalf("New(%d) = nil", capacity)
	}
	for i, step := range steps {
		v, ok := step.v, step.ok
		switch step.call {
		case "push":
			ok = s.Push(step.v)
		case "pop":
			v, ok = s.Pop()
		case "peek":
			v, ok = s.Peek()
		case "len":
			v = s.Len()
		default:
			t.Fatalf("no such call: %q", step.call)
		}
		if v != step.v || ok != step.ok {
			t.Fatalf("capacity %d, step %d of %v: got %d, %v", capacity, i, steps, v, ok)
		}
	}
}

func TestAcceptanceStackStated(t *testing.T) {
	for _, row := range []struct {
		capacity int
		steps    []acceptanceStep
	}{
		{3, []acceptanceStep{{"len", 0, false}, {"pop", 0, false}, {"peek", 0, false}, {"len", 0, false}}},
		{3, []acceptanceStep{{"push", 7, true}, {"len", 1, false}, {"peek", 7, true}, {"len", 1, false}}},
		{3, []acceptanceStep{{"push", 7, true}, {"pop", 7, true}, {"pop", 0, false}, {"len", 0, false}}},
		{2, []acceptanceStep{{"push", 1, true}, {"push", 2, true}, {"push", 3, false}, {"len", 2, false}}},
		{2, []acceptanceStep{{"push", 1, true}, {"push", 2, true}, {"push", 3, false}, {"peek", 2, true}}},
		{2, []acceptanceStep{{"push", 1, true}, {"push", 2, true}, {"push", 3, false}, {"pop", 2, true}}},
		{3, []acceptanceStep{{"push", 1, true}, {"push", 2, true}, {"pop", 2, true}, {"pop", 1, true}}},
		{3, []acceptanceStep{{"push", 1, true}, {"push", 2, true}, {"peek", 2, true}, {"peek", 2, true}}},
		{1, []acceptanceStep{{"push", 1, true}, {"push", 2, false}, {"pop", 1, true}, {"push", 3, true}, {"peek", 3, true}}},
		{1, []acceptanceStep{{"push", 1, true}, {"pop", 1, true}, {"push", 2, true}, {"pop", 2, true}, {"pop", 0, false}}},
		{2, []acceptanceStep{{"pop", 0, false}, {"push", 1, true}, {"len", 1, false}, {"pop", 1, true}}},
		{2, []acceptanceStep{{"peek", 0, false}, {"push", 1, true}, {"push", 2, true}, {"push", 3, false}}},
		{2, []acceptanceStep{{"pop", 0, false}, {"push", 1, true}, {"push", 2, true}, {"push", 3, false}}},
		{4, []acceptanceStep{{"push", 5, true}, {"push", 5, true}, {"len", 2, false}, {"pop", 5, true}, {"pop", 5, true}}},
		{2, []acceptanceStep{{"push", 0, true}, {"len", 1, false}, {"peek", 0, true}, {"pop", 0, true}, {"pop", 0, false}}},
		{2, []acceptanceStep{{"push", -1, true}, {"peek", -1, true}, {"pop", -1, true}, {"peek", 0, false}}},
		{2, []acceptanceStep{{"push", math.MaxInt, true}, {"push", math.MinInt, true}, {"pop", math.MinInt, true}, {"pop", math.MaxInt, true}}},
	} {
		acceptanceRun(t, row.capacity, row.steps)
	}
}

func TestAcceptanceStackWithoutRoom(t *testing.T) {
	for _, capacity := range []int{0, -1, -2, -100, math.MinInt} {
		acceptanceRun(t, capacity, []acceptanceStep{{"len", 0, false}, {"push", 1, false}, {"len", 0, false}})
		acceptanceRun(t, capacity, []acceptanceStep{{"push", 1, false}, {"pop", 0, false}, {"peek", 0, false}})
		acceptanceRun(t, capacity, []acceptanceStep{{"pop", 0, false}, {"push", 1, false}, {"push", 2, false}})
	}
}

func TestAcceptanceStackFillsAndEmpties(t *testing.T) {
	for _, capacity := range []int{1, 2, 3, 10, 1000} {
		s := New(capacity)
		for round := range 3 {
			for v := range capacity {
				if !s.Push(v*10 + round) {
					t.Fatalf("capacity %d: Push number %d = false", capacity, v+1)
				}
			}
			for range 3 {
				if s.Push(-1) || s.Len() != capacity {
					t.Fatalf("capacity %d: a full stack took a value; Len() = %d", capacity, s.Len())
				}
			}
			for v := capacity - 1; v >= 0; v-- {
				if got, ok := s.Pop(); got != v*10+round || !ok {
					t.Fatalf("capacity %d: Pop() = %d, %v; want %d, true", capacity, got, ok, v*10+round)
				}
			}
			if got, ok := s.Pop(); got != 0 || ok || s.Len() != 0 {
				t.Fatalf("capacity %d: an empty stack gives %d, %v; Len() = %d", capacity, got, ok, s.Len())
			}
		}
	}
}

func TestAcceptanceStacksAreApart(t *testing.T) {
	a, b := New(2), New(2)
	a.Push(1)
	if b.Len() != 0 {
		t.Fatalf("a push on one stack is seen on another: Len() = %d", b.Len())
	}
	b.Push(2)
	b.Push(3)
	if v, ok := a.Peek(); v != 1 || !ok || a.Len() != 1 {
		t.Fatalf("pushes on one stack are seen on another: Peek() = %d, %v", v, ok)
	}
}

// Random calls, beside the plainest model: a slice whose last value is the top.
func TestAcceptanceStackAgainstModel(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 2000 {
		capacity := random.Intn(7) - 1
		var model []int
		var steps []acceptanceStep
		for range 40 {
			top := acceptanceStep{"peek", 0, len(model) > 0}
			if top.ok {
				top.v = model[len(model)-1]
			}
			switch random.Intn(6) {
			case 0, 1, 2:
				v := random.Intn(9) - 4
				room := len(model) < capacity
				if room {
					model = append(model, v)
				}
				steps = append(steps, acceptanceStep{"push", v, room})
			case 3:
				if top.ok {
					model = model[:len(model)-1]
				}
				steps = append(steps, acceptanceStep{"pop", top.v, top.ok})
			case 4:
				steps = append(steps, top)
			default:
				steps = append(steps, acceptanceStep{"len", len(model), false})
			}
		}
		acceptanceRun(t, capacity, steps)
	}
}
