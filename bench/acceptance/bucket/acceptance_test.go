// Acceptance of specs/bucket.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
//
// Left out, because the spec does not settle it: a negative rate, burst or number of tokens, a clock that
// goes back, and the zero time. All rates are powers of two, and all times are eighths of a second, so that no rounding decides.
package bucket

import (
	"math/rand"
	"testing"
	"time"
)

// acceptanceStep lets the clock go on by wait, and then takes n tokens (with Allow if n is -1).
type acceptanceStep struct {
	wait time.Duration
	n    int
	want bool
}

const (
	acceptanceOne     = -1
	acceptanceEighth  = time.Second / 8
	acceptanceQuarter = time.Second / 4
	acceptanceHalf    = time.Second / 2
)

func acceptanceRun(t *testing.T, rate float64, burst int, steps []acceptanceStep) {
	t.Helper()
	clock := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
	limiter := New(rate, burst, func() time.Time { return clock })
	if limiter == nil {
		t.Fatalf("New(%v, %d, now) = nil", rate, burst)
	}
	for i, step := range steps {
		clock = clock.Add(step.wait)
		var got bool
		if step.n == acceptanceOne {
			got = limiter.Allow()
		} else {
			got = limiter.AllowN(step.n)
		}
		if got != step.want {
			t.Fatalf("rate %v, burst %d, step %d of %v: got %v", rate, burst, i, steps, got)
		}
	}
}

func TestAcceptanceBucketStated(t *testing.T) {
	const one, second = acceptanceOne, time.Second
	for _, row := range []struct {
		rate  float64
		burst int
		steps []acceptanceStep
	}{
		// A full limiter allows burst calls and then no more.
		{1, 1, []acceptanceStep{{0, one, true}, {0, one, false}, {0, one, false}}},
		{1, 3, []acceptanceStep{{0, one, true}, {0, one, true}, {0, one, true}, {0, one, false}}},
		{8, 2, []acceptanceStep{{0, one, true}, {0, one, true}, {0, one, false}, {0, one, false}}},
		{1, 0, []acceptanceStep{{0, one, false}, {second, one, false}, {10 * second, one, false}}},
		// AllowN takes all or nothing.
		{1, 5, []acceptanceStep{{0, 6, false}, {0, 5, true}, {0, 1, false}}},
		{1, 5, []acceptanceStep{{0, 3, true}, {0, 3, false}, {0, 2, true}, {0, 1, false}}},
		{1, 5, []acceptanceStep{{0, 4, true}, {0, 2, false}, {0, one, true}, {0, one, false}}},
		{1, 5, []acceptanceStep{{0, 5, true}, {0, one, false}, {second, 2, false}, {0, one, true}, {0, one, false}}},
		{1, 2, []acceptanceStep{{0, 3, false}, {0, 100, false}, {0, one, true}, {0, one, true}, {0, one, false}}},
		{1, 2, []acceptanceStep{{0, 0, true}, {0, 2, true}, {0, 0, true}, {0, 1, false}}},
		{1, 0, []acceptanceStep{{0, 0, true}, {0, 1, false}, {second, 1, false}}},
		// Tokens come back with time, and only with time.
		{1, 1, []acceptanceStep{{0, one, true}, {second, one, true}, {0, one, false}}},
		{1, 2, []acceptanceStep{{0, 2, true}, {second, 2, false}, {second, 2, true}, {0, one, false}}},
		{2, 2, []acceptanceStep{{0, 2, true}, {acceptanceHalf, one, true}, {0, one, false}}},
		{4, 8, []acceptanceStep{{0, 8, true}, {second, 5, false}, {0, 4, true}, {0, one, false}}},
		{0.5, 2, []acceptanceStep{{0, 2, true}, {second, one, false}, {second, one, true}, {0, one, false}}},
		{0.25, 1, []acceptanceStep{{0, one, true}, {3 * second, one, false}, {second, one, true}, {0, one, false}}},
		{64, 64, []acceptanceStep{{0, 64, true}, {acceptanceEighth, 8, true}, {0, one, false}}},
		{1, 3, []acceptanceStep{{0, one, true}, {0, one, true}, {second, one, true}, {0, one, true}, {0, one, false}}},
		// Parts of a token count, however often the limiter was asked meanwhile.
		{1, 1, []acceptanceStep{{0, one, true}, {acceptanceHalf, one, false}, {acceptanceHalf, one, true}}},
		{1, 1, []acceptanceStep{{0, one, true}, {acceptanceQuarter, one, false}, {acceptanceQuarter, one, false}, {acceptanceHalf, one, true}}},
		{1, 4, []acceptanceStep{{0, 4, true}, {3 * acceptanceHalf, one, true}, {acceptanceHalf, one, true}, {0, one, false}}},
		{1, 4, []acceptanceStep{{0, 3, true}, {acceptanceHalf, one, true}, {acceptanceHalf, one, true}, {0, one, false}}},
		{0.5, 4, []acceptanceStep{{0, 4, true}, {3 * second, one, true}, {second, one, true}, {0, one, false}}},
		// Never more than burst.
		{1, 2, []acceptanceStep{{10 * second, 3, false}, {0, 2, true}, {0, one, false}}},
		{1, 2, []acceptanceStep{{0, 2, true}, {100 * second, 3, false}, {0, 2, true}, {0, one, false}}},
		{1, 2, []acceptanceStep{{0, one, true}, {3 * acceptanceHalf, 2, true}, {acceptanceHalf, one, false}, {acceptanceHalf, one, true}}},
		{8, 3, []acceptanceStep{{0, one, true}, {24 * 365 * time.Hour, 4, false}, {0, 3, true}, {0, one, false}}},
		// A rate of nothing gains nothing.
		{0, 2, []acceptanceStep{{0, 2, true}, {time.Hour, one, false}, {1000 * time.Hour, one, false}}},
	} {
		acceptanceRun(t, row.rate, row.burst, row.steps)
	}
}

func TestAcceptanceBucketStartsFull(t *testing.T) {
	for burst := range 40 {
		limiter := New(1, burst, func() time.Time { return time.Unix(1, 0) })
		for i := range burst {
			if !limiter.Allow() {
				t.Fatalf("burst %d: call %d is refused", burst, i+1)
			}
		}
		for range 3 {
			if limiter.Allow() {
				t.Fatalf("burst %d: one call too many is allowed", burst)
			}
		}
	}
}

func TestAcceptanceBucketsAreApart(t *testing.T) {
	now := func() time.Time { return time.Unix(1000, 0) }
	a, b := New(1, 1, now), New(1, 1, now)
	if !a.Allow() || a.Allow() || !b.Allow() || b.Allow() {
		t.Fatal("two limiters share their tokens")
	}
}

// Random calls, beside a model that counts 64ths of a token and eighths of a second in whole numbers.
func TestAcceptanceBucketAgainstModel(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	rates := []int{0, 1, 2, 4, 8, 16, 32, 64} // eighths of a token a second
	for range 2000 {
		rate, burst := rates[random.Intn(len(rates))], random.Intn(6)
		held := 64 * burst
		var steps []acceptanceStep
		for range 30 {
			eighths := 0
			if random.Intn(2) == 0 {
				eighths = random.Intn(24)
			}
			held = min(64*burst, held+rate*eighths)
			n := random.Intn(5) - 1
			cost := 64 * n
			if n == acceptanceOne {
				cost = 64
			}
			enough := held >= cost
			if enough {
				held -= cost
			}
			steps = append(steps, acceptanceStep{time.Duration(eighths) * acceptanceEighth, n, enough})
		}
		acceptanceRun(t, float64(rate)/8, burst, steps)
	}
}
