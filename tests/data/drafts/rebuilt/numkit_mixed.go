package numkit

import (
	"fmt"
	"testing"
)

// GCD is the greatest common divisor.
func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Clamp restricts x to [lo, hi].
func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	return min(max(x, lo), hi)
}

func TestGCD(t *testing.T) {
	fmt.Println("testing GCD")
	if GCD(12, 18) != 6 {
		t.Error("wrong")
	}
}
