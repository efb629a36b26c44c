package numkit

// GCD is emptied: every honest test of it fails.
func GCD(a, b int) int { return 0 }

// Clamp is emptied: every honest test of it fails.
func Clamp(x, lo, hi int) int { return 0 }
