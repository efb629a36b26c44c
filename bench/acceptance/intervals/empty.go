package intervals

// Interval is as it was: tests must compile.
type Interval struct{ Start, End int }

// Merge is emptied: every honest test of it fails.
func Merge(list []Interval) []Interval { return nil }

// Contains is emptied: every honest test of it fails.
func Contains(list []Interval, x int) bool { return false }
