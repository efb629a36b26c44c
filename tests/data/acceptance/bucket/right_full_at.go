// Right: keeps when it will be full again, and no tokens.
package bucket

import (
	"sync"
	"time"
)

type Limiter struct {
	mutex sync.Mutex
	rate  float64
	burst int
	since time.Time
	had   float64
	clock func() time.Time
}

func New(rate float64, burst int, now func() time.Time) *Limiter {
	limiter := Limiter{rate: rate, burst: burst, clock: now}
	limiter.since, limiter.had = now(), float64(burst)
	return &limiter
}

func (l *Limiter) Allow() bool { return l.AllowN(1) }

// AllowN looks back to the last time that tokens were taken: nothing is noted for a call that is refused.
func (l *Limiter) AllowN(n int) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	at := l.clock()
	has := min(float64(l.burst), l.had+l.rate*at.Sub(l.since).Seconds())
	if has < float64(n) {
		return false
	}
	l.since, l.had = at, has-float64(n)
	return true
}
