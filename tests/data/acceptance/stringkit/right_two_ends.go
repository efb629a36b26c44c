// Right: two fingers that skip on their own, and simple folding.
package stringkit

import (
	"strings"
	"unicode"
)

func Reverse(s string) string {
	var out strings.Builder
	runes := []rune(s)
	for i := len(runes) - 1; i >= 0; i-- {
		out.WriteRune(runes[i])
	}
	return out.String()
}

func IsPalindrome(s string) bool {
	runes := []rune(s)
	counts := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	i, j := 0, len(runes)-1
	for i < j {
		switch {
		case !counts(runes[i]):
			i++
		case !counts(runes[j]):
			j--
		case !strings.EqualFold(string(runes[i]), string(runes[j])):
			return false
		default:
			i, j = i+1, j-1
		}
	}
	return true
}
