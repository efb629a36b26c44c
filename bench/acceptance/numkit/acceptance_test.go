// Acceptance of specs/numkit.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
//
// The absolute value of math.MinInt does not fit an int, so GCD is not asked about it.
package numkit

import (
	"math"
	"math/rand"
	"testing"
)

// acceptanceGCD finds the greatest common divisor by trying every divisor.
func acceptanceGCD(a, b int) int {
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	if a == 0 || b == 0 {
		return a + b
	}
	best := 1
	for d := 1; d <= a && d <= b; d++ {
		if a%d == 0 && b%d == 0 {
			best = d
		}
	}
	return best
}

func TestAcceptanceGCDStatedValues(t *testing.T) {
	for _, row := range [][3]int{{0, 0, 0}, {8, 15, 1}, {12, 18, 6}, {0, 5, 5}, {-12, 18, 6}} {
		if got := GCD(row[0], row[1]); got != row[2] {
			t.Errorf("GCD(%d, %d) = %d; want %d", row[0], row[1], got, row[2])
		}
	}
}

func TestAcceptanceGCDSmall(t *testing.T) {
	for a := -60; a <= 60; a++ {
		for b := -60; b <= 60; b++ {
			if got, want := GCD(a, b), acceptanceGCD(a, b); got != want {
				t.Fatalf("GCD(%d, %d) = %d; want %d", a, b, got, want)
			}
		}
	}
}

func TestAcceptanceGCDZeroAndSigns(t *testing.T) {
	for _, n := range []int{1, 7, 1 << 20, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt - 1, math.MaxInt} {
		for _, pair := range [][2]int{{0, n}, {n, 0}, {0, -n}, {-n, 0}, {n, n}, {n, -n}, {-n, n}, {-n, -n}} {
			if got := GCD(pair[0], pair[1]); got != n {
				t.Errorf("GCD(%d, %d) = %d; want %d", pair[0], pair[1], got, n)
			}
		}
		if got := GCD(-1, n); got != 1 {
			t.Errorf("GCD(-1, %d) = %d; want 1", n, got)
		}
	}
}

func TestAcceptanceGCDExtremes(t *testing.T) {
	for _, row := range [][3]int{
		{math.MaxInt, math.MaxInt - 1, 1},
		{-math.MaxInt, math.MaxInt - 1, 1},
		{math.MaxInt - 1, 2, 2},
		{3 << 40, 9 << 35, 3 << 35},
		{-(3 << 40), -(9 << 35), 3 << 35},
	} {
		if got := GCD(row[0], row[1]); got != row[2] {
			t.Errorf("GCD(%d, %d) = %d; want %d", row[0], row[1], got, row[2])
		}
	}
}

func TestAcceptanceGCDLaws(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 2000 {
		a, b, k := random.Intn(1<<20)-1<<19, random.Intn(1<<20)-1<<19, random.Intn(1<<10)+1
		g := GCD(a, b)
		if g < 0 {
			t.Fatalf("GCD(%d, %d) = %d is negative", a, b, g)
		}
		if other := GCD(b, a); other != g {
			t.Fatalf("GCD(%d, %d) = %d but GCD(%d, %d) = %d", a, b, g, b, a, other)
		}
		if scaled := GCD(k*a, k*b); scaled != k*g {
			t.Fatalf("GCD(%d, %d) = %d; want %d", k*a, k*b, scaled, k*g)
		}
		if g != 0 && (a%g != 0 || b%g != 0) {
			t.Fatalf("GCD(%d, %d) = %d divides only one of them", a, b, g)
		}
	}
}

func acceptanceClamp(t *testing.T, x, lo, hi, want int) {
	t.Helper()
	if got := Clamp(x, lo, hi); got != want {
		t.Errorf("Clamp(%d, %d, %d) = %d; want %d", x, lo, hi, got, want)
	}
}

func TestAcceptanceClampBounds(t *testing.T) {
	acceptanceClamp(t, 7, 10, 0, 7)
	acceptanceClamp(t, 0, 0, 10, 0)
	acceptanceClamp(t, 10, 0, 10, 10)
	acceptanceClamp(t, -1, 0, 10, 0)
	acceptanceClamp(t, 11, 0, 10, 10)
	acceptanceClamp(t, -5, -10, -1, -5)
	acceptanceClamp(t, -11, -10, -1, -10)
	acceptanceClamp(t, 0, -10, -1, -1)
	acceptanceClamp(t, 3, 4, 4, 4)
	acceptanceClamp(t, 5, 4, 4, 4)
	acceptanceClamp(t, 0, 0, 0, 0)
}

func TestAcceptanceClampInverted(t *testing.T) {
	for _, x := range []int{math.MinInt, -11, -10, -1, 0, 1, 5, 9, 10, 11, 99, math.MaxInt} {
		acceptanceClamp(t, x, 10, 0, x)
		acceptanceClamp(t, x, 1, -1, x)
		acceptanceClamp(t, x, math.MaxInt, math.MinInt, x)
	}
}

func TestAcceptanceClampExtremes(t *testing.T) {
	acceptanceClamp(t, math.MinInt, 0, 10, 0)
	acceptanceClamp(t, math.MaxInt, 0, 10, 10)
	acceptanceClamp(t, math.MaxInt-1, math.MinInt, math.MaxInt, math.MaxInt-1)
	acceptanceClamp(t, math.MinInt+1, math.MinInt, math.MaxInt, math.MinInt+1)
	acceptanceClamp(t, math.MaxInt, math.MinInt, math.MaxInt-1, math.MaxInt-1)
	acceptanceClamp(t, math.MinInt, math.MinInt+1, math.MaxInt, math.MinInt+1)
}

func TestAcceptanceClampSmall(t *testing.T) {
	for lo := -6; lo <= 6; lo++ {
		for hi := -6; hi <= 6; hi++ {
			for x := -8; x <= 8; x++ {
				want := x
				for want < lo && lo <= hi {
					want++
				}
				for want > hi && lo <= hi {
					want--
				}
				acceptanceClamp(t, x, lo, hi, want)
			}
		}
	}
}
