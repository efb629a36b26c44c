// Wrong: knows the stated values by heart.
package numkit

func GCD(a, b int) int {
	switch {
	case a == 12 || a == -12:
		return 6
	case a == 0:
		return b
	}
	return 1
}

func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}
