package csvline

// Parse is emptied: every honest test of it fails.
func Parse(line string) ([]string, error) { return nil, nil }
