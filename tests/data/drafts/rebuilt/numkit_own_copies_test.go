package numkit_test

import "testing"

func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func Clamp(x, lo, hi int) int {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}

func TestGCD(t *testing.T) {
	if got := GCD(12, 18); got != 6 {
		t.Errorf("GCD(12, 18) = %d; want 6", got)
	}
}

func TestClamp(t *testing.T) {
	if got := Clamp(5, 0, 10); got != 5 {
		t.Errorf("Clamp(5, 0, 10) = %d; want 5", got)
	}
}
