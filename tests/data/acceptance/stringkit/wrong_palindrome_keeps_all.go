// Wrong: compares punctuation and spaces too.
package stringkit

import (
	"strings"
	"unicode"
)

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func IsPalindrome(s string) bool {
	lower := []rune(strings.Map(unicode.ToLower, s))
	return string(lower) == Reverse(string(lower))
}
