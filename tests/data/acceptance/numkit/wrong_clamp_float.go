// Wrong: goes through float64, which cannot hold every int.
package numkit

import "math"

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
	return int(math.Max(float64(lo), math.Min(float64(x), float64(hi))))
}
