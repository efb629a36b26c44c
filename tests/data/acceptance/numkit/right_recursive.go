// Right: recursive, on absolute values; Clamp with the built-in min and max.
package numkit

func GCD(a, b int) int {
	if a < 0 {
		return GCD(-a, b)
	}
	if b < 0 {
		return GCD(a, -b)
	}
	if b == 0 {
		return a
	}
	return GCD(b, a%b)
}

func Clamp(x, lo, hi int) int {
	if lo <= hi {
		x = max(lo, min(x, hi))
	}
	return x
}
