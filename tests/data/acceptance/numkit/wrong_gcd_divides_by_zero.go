// Wrong: panics when the second operand is zero.
package numkit

func GCD(a, b int) int {
	for a%b != 0 {
		a, b = b, a%b
	}
	if b < 0 {
		return -b
	}
	return b
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
