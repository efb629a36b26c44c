package stringkit

// Reverse reverses a string by rune.
func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// IsPalindrome reports whether s reads the same both ways.
func IsPalindrome(s string) bool {
	return s == Reverse(s)
}
