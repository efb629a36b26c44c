// Wrong: compares differences, which overflow.
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
	if x-lo < 0 {
		return lo
	}
	if hi-x < 0 {
		return hi
	}
	return x
}
