// Wrong: only ASCII letters and digits count.
package stringkit

func Reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func IsPalindrome(s string) bool {
	var kept []rune
	for _, r := range s {
		switch {
		case 'A' <= r && r <= 'Z':
			kept = append(kept, r-'A'+'a')
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			kept = append(kept, r)
		}
	}
	return string(kept) == Reverse(string(kept))
}
