// Right: a table for each place, read back place by place.
package roman

import (
	"fmt"
	"strings"
)

var places = [4][]string{
	{"", "M", "MM", "MMM"},
	{"", "C", "CC", "CCC", "CD", "D", "DC", "DCC", "DCCC", "CM"},
	{"", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"},
	{"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"},
}

func ToRoman(n int) (string, error) {
	if n <= 0 || n >= 4000 {
		return "", fmt.Errorf("no numeral for %d", n)
	}
	return places[0][n/1000] + places[1][n/100%10] + places[2][n/10%10] + places[3][n%10], nil
}

func FromRoman(s string) (int, error) {
	n, rest := 0, s
	for _, digits := range places {
		best := 0
		for digit, text := range digits {
			if strings.HasPrefix(rest, text) && len(text) > len(digits[best]) {
				best = digit
			}
		}
		n = n*10 + best
		rest = rest[len(digits[best]):]
	}
	if n == 0 || rest != "" {
		return 0, fmt.Errorf("%q is no numeral", s)
	}
	return n, nil
}
