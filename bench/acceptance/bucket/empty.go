package bucket

import "time"

// Limiter is emptied: every honest test of it fails.
type Limiter struct{}

// New is emptied.
func New(rate float64, burst int, now func() time.Time) *Limiter { return &Limiter{} }

// Allow is emptied.
func (l *Limiter) Allow() bool { return false }

// AllowN is emptied.
func (l *Limiter) AllowN(n int) bool { return false }
