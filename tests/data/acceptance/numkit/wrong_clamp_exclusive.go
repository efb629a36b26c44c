// Wrong: the upper bound is not included.
package numkit

func GCD(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

func Clamp(x, lo, hi int) int {
	if lo > hi {
		return x
	}
	if x < lo {
		return lo
	}
	if x >= hi {
		return hi - 1
	}
	return x
}
