package roman

// ToRoman is emptied: every honest test of it fails.
func ToRoman(n int) (string, error) { return "", nil }

// FromRoman is emptied: every honest test of it fails.
func FromRoman(s string) (int, error) { return 0, nil }
