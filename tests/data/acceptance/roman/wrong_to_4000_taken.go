// Wrong: takes 4000.
package roman

import "errors"

var numerals = []struct {
	value int
	text  string
}{
	{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"},
	{50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
}

func ToRoman(n int) (string, error) {
	if n < 1 || n > 4000 {
		return "", errors.New("roman: out of range")
	}
	text := ""
	for _, numeral := range numerals {
		for n >= numeral.value {
			text += numeral.text
			n -= numeral.value
		}
	}
	return text, nil
}

func FromRoman(s string) (int, error) {
	values := map[rune]int{'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
	n, last := 0, 0
	for _, letter := range s {
		value, ok := values[letter]
		if !ok {
			return 0, errors.New("roman: not a letter of a numeral")
		}
		n += value
		if value > last {
			n -= 2 * last
		}
		last = value
	}
	if text, err := ToRoman(n); err != nil || text != s {
		return 0, errors.New("roman: not a numeral")
	}
	return n, nil
}
