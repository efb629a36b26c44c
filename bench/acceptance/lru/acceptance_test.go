// Acceptance of specs/lru.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
package lru

import (
	"fmt"
	"math"
	"math/rand"
	"testing"
)

// acceptanceStep is one call: "put" stores v, "get" gives v and ok, "len" gives v.
type acceptanceStep struct {
	call string
	key  string
	v    int
	ok   bool
}

func acceptanceRun(t *testing.T, capacity int, steps []acceptanceStep) {
	t.Helper()
	c := New(capacity)
	if c == nil {
		t.Fatalf("New(%d) = nil", capacity)
	}
	for i, step := range steps {
		v, ok := step.v, step.ok
		switch step.call {
		case "put":
			c.Put(step.key, step.v)
		case "get":
			v, ok = c.Get(step.key)
		case "len":
			v = c.Len()
		default:
			t.Fatalf("no such call: %q", step.call)
		}
		if v != step.v || ok != step.ok {
			t.Fatalf("capacity %d, step %d of %v: got %d, %v", capacity, i, steps, v, ok)
		}
	}
}

func acceptancePut(key string, v int) acceptanceStep { return acceptanceStep{"put", key, v, false} }
func acceptanceHit(key string, v int) acceptanceStep { return acceptanceStep{"get", key, v, true} }
func acceptanceMiss(key string) acceptanceStep       { return acceptanceStep{"get", key, 0, false} }
func acceptanceLen(n int) acceptanceStep             { return acceptanceStep{"len", "", n, false} }

func TestAcceptanceCacheStated(t *testing.T) {
	put, hit, miss, size := acceptancePut, acceptanceHit, acceptanceMiss, acceptanceLen
	for _, row := range []struct {
		capacity int
		steps    []acceptanceStep
	}{
		{2, []acceptanceStep{size(0), miss("a"), miss(""), size(0)}},
		{2, []acceptanceStep{put("a", 1), hit("a", 1), hit("a", 1), size(1)}},
		{2, []acceptanceStep{put("a", 1), miss("b"), miss("A"), hit("a", 1), size(1)}},
		{2, []acceptanceStep{put("a", 0), hit("a", 0), size(1)}},
		{2, []acceptanceStep{put("", 5), hit("", 5), miss(" "), size(1)}},
		{2, []acceptanceStep{put("a", -3), hit("a", -3), put("a", math.MinInt), hit("a", math.MinInt)}},
		{2, []acceptanceStep{put("a", 1), put("a", 2), size(1), hit("a", 2), size(1)}},
		{2, []acceptanceStep{put("a", 1), put("b", 2), size(2), hit("a", 1), hit("b", 2), size(2)}},
		// A Get makes its key the most recent one.
		{2, []acceptanceStep{put("a", 1), put("b", 2), hit("a", 1), put("c", 3), miss("b"), hit("a", 1), hit("c", 3), size(2)}},
		// Without it, the key that was stored first goes.
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("c", 3), miss("a"), hit("b", 2), hit("c", 3), size(2)}},
		// So does a Put of a key that is there, and it removes nothing.
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("a", 9), size(2), hit("b", 2), hit("a", 9)}},
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("a", 9), put("c", 3), miss("b"), hit("a", 9), hit("c", 3)}},
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("b", 9), put("c", 3), miss("a"), hit("b", 9), hit("c", 3)}},
		// A Get of an unknown key changes nothing.
		{2, []acceptanceStep{put("a", 1), put("b", 2), miss("z"), size(2), put("c", 3), miss("a"), hit("b", 2)}},
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("c", 3), miss("a"), put("d", 4), miss("b"), hit("c", 3), hit("d", 4)}},
		// A key that was removed comes back as a new one.
		{2, []acceptanceStep{put("a", 1), put("b", 2), put("c", 3), put("a", 7), miss("b"), hit("c", 3), hit("a", 7), size(2)}},
		{3, []acceptanceStep{put("a", 1), put("b", 2), put("c", 3), hit("a", 1), hit("b", 2), put("d", 4), miss("c"), size(3)}},
		{3, []acceptanceStep{put("a", 1), put("b", 2), put("c", 3), hit("b", 2), put("d", 4), put("e", 5), miss("a"), miss("c"), hit("b", 2)}},
		{1, []acceptanceStep{put("a", 1), put("b", 2), miss("a"), hit("b", 2), size(1)}},
		{1, []acceptanceStep{put("a", 1), put("a", 2), hit("a", 2), put("b", 3), miss("a"), hit("b", 3), size(1)}},
	} {
		acceptanceRun(t, row.capacity, row.steps)
	}
}

func TestAcceptanceCacheSmallCapacitiesAreOne(t *testing.T) {
	put, hit, miss, size := acceptancePut, acceptanceHit, acceptanceMiss, acceptanceLen
	for _, capacity := range []int{1, 0, -1, -5, math.MinInt} {
		acceptanceRun(t, capacity, []acceptanceStep{size(0), miss("a"), put("a", 1), hit("a", 1), size(1)})
		acceptanceRun(t, capacity, []acceptanceStep{put("a", 1), put("b", 2), size(1), miss("a"), hit("b", 2)})
	}
}

func TestAcceptanceCacheKeepsTheNewest(t *testing.T) {
	for _, capacity := range []int{1, 2, 10, 500} {
		c := New(capacity)
		for i := range 3 * capacity {
			c.Put(fmt.Sprint("key ", i), i)
			if want := min(i+1, capacity); c.Len() != want {
				t.Fatalf("capacity %d: Len() = %d after %d keys; want %d", capacity, c.Len(), i+1, want)
			}
		}
		for i := range 3 * capacity {
			v, ok := c.Get(fmt.Sprint("key ", i))
			if kept := i >= 2*capacity; ok != kept || (kept && v != i) || (!kept && v != 0) {
				t.Fatalf("capacity %d: Get of key %d = %d, %v", capacity, i, v, ok)
			}
		}
	}
}

func TestAcceptanceCachesAreApart(t *testing.T) {
	a, b := New(2), New(2)
	a.Put("k", 1)
	if v, ok := b.Get("k"); v != 0 || ok || b.Len() != 0 {
		t.Fatalf("what one cache holds is seen in another: %d, %v", v, ok)
	}
}

// Random calls, beside the plainest model: entries from the least to the most recently used.
func TestAcceptanceCacheAgainstModel(t *testing.T) {
	type entry struct {
		key string
		v   int
	}
	random := rand.New(rand.NewSource(1))
	keys := []string{"a", "b", "c", "d", "e", "f", ""}
	for range 2000 {
		capacity := random.Intn(6) - 1
		var model []entry
		var steps []acceptanceStep
		for range 40 {
			key, v := keys[random.Intn(len(keys))], random.Intn(9)-4
			found := -1
			for i, e := range model {
				if e.key == key {
					found = i
				}
			}
			old := entry{key, 0}
			call := random.Intn(5)
			if found >= 0 && call < 4 {
				old = model[found]
				model = append(append([]entry{}, model[:found]...), model[found+1:]...)
			}
			switch {
			case call < 2:
				if found < 0 && len(model) == max(1, capacity) {
					model = model[1:]
				}
				model = append(model, entry{key, v})
				steps = append(steps, acceptancePut(key, v))
			case call < 4 && found >= 0:
				model = append(model, old)
				steps = append(steps, acceptanceHit(key, old.v))
			case call < 4:
				steps = append(steps, acceptanceMiss(key))
			default:
				steps = append(steps, acceptanceLen(len(model)))
			}
		}
		acceptanceRun(t, capacity, steps)
	}
}
