// Wrong: skips both sides when one side is punctuation.
package stringkit

import "unicode"

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func IsPalindrome(s string) bool {
	runes := []rune(s)
	counts := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		if !counts(runes[i]) || !counts(runes[j]) {
			continue
		}
		if unicode.ToLower(runes[i]) != unicode.ToLower(runes[j]) {
			return false
		}
	}
	return true
}
