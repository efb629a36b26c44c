package stringkit

// Reverse is emptied: every honest test of it fails.
func Reverse(s string) string { return "" }

// IsPalindrome is emptied: every honest test of it fails.
func IsPalindrome(s string) bool { return false }
