// Wrong: loses the upper half of its operands.
package numkit

func GCD(a, b int) int {
	x, y := int32(a), int32(b)
	for y != 0 {
		x, y = y, x%y
	}
	if x < 0 {
		x = -x
	}
	return int(x)
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
