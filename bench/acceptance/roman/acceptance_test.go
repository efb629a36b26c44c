// Acceptance of specs/roman.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
//
// Left out, because the spec does not settle it: the other result beside an error.
package roman

import (
	"math"
	"strings"
	"testing"
)

// acceptanceNumeral writes a numeral place by place, in words of one, five and ten of that place.
func acceptanceNumeral(n int) string {
	numeral := ""
	for _, letters := range []string{"IVX", "XLC", "CDM", "M??"} {
		one, five, ten := letters[0:1], letters[1:2], letters[2:3]
		digit := n % 10
		n /= 10
		place := ""
		switch {
		case digit == 9:
			place = one + ten
		case digit >= 5:
			place = five + strings.Repeat(one, digit-5)
		case digit == 4:
			place = one + five
		default:
			place = strings.Repeat(one, digit)
		}
		numeral = place + numeral
	}
	return numeral
}

func acceptanceRows() []struct {
	n       int
	numeral string
} {
	return []struct {
		n       int
		numeral string
	}{
		{1, "I"}, {5, "V"}, {10, "X"}, {50, "L"}, {100, "C"}, {500, "D"}, {1000, "M"},
		{4, "IV"}, {9, "IX"}, {40, "XL"}, {90, "XC"}, {400, "CD"}, {900, "CM"},
		{2, "II"}, {3, "III"}, {6, "VI"}, {7, "VII"}, {8, "VIII"},
		{11, "XI"}, {14, "XIV"}, {15, "XV"}, {19, "XIX"}, {20, "XX"}, {29, "XXIX"},
		{30, "XXX"}, {39, "XXXIX"}, {44, "XLIV"}, {45, "XLV"}, {49, "XLIX"}, {59, "LIX"},
		{60, "LX"}, {69, "LXIX"}, {80, "LXXX"}, {88, "LXXXVIII"}, {89, "LXXXIX"}, {94, "XCIV"},
		{95, "XCV"}, {99, "XCIX"}, {101, "CI"}, {140, "CXL"}, {149, "CXLIX"}, {199, "CXCIX"},
		{246, "CCXLVI"}, {300, "CCC"}, {399, "CCCXCIX"}, {404, "CDIV"}, {444, "CDXLIV"},
		{449, "CDXLIX"}, {495, "CDXCV"}, {499, "CDXCIX"}, {555, "DLV"}, {600, "DC"},
		{666, "DCLXVI"}, {789, "DCCLXXXIX"}, {800, "DCCC"}, {888, "DCCCLXXXVIII"},
		{899, "DCCCXCIX"}, {904, "CMIV"}, {940, "CMXL"}, {949, "CMXLIX"}, {990, "CMXC"},
		{994, "CMXCIV"}, {999, "CMXCIX"}, {1004, "MIV"}, {1066, "MLXVI"}, {1444, "MCDXLIV"},
		{1666, "MDCLXVI"}, {1776, "MDCCLXXVI"}, {1888, "MDCCCLXXXVIII"}, {1900, "MCM"},
		{1954, "MCMLIV"}, {1984, "MCMLXXXIV"}, {1990, "MCMXC"}, {1994, "MCMXCIV"},
		{1999, "MCMXCIX"}, {2000, "MM"}, {2014, "MMXIV"}, {2024, "MMXXIV"}, {2421, "MMCDXXI"},
		{2999, "MMCMXCIX"}, {3000, "MMM"}, {3001, "MMMI"}, {3333, "MMMCCCXXXIII"},
		{3549, "MMMDXLIX"}, {3888, "MMMDCCCLXXXVIII"}, {3900, "MMMCM"}, {3949, "MMMCMXLIX"},
		{3994, "MMMCMXCIV"}, {3998, "MMMCMXCVIII"}, {3999, "MMMCMXCIX"},
	}
}

func TestAcceptanceRomanRows(t *testing.T) {
	for _, row := range acceptanceRows() {
		if got, err := ToRoman(row.n); got != row.numeral || err != nil {
			t.Errorf("ToRoman(%d) = %q, %v; want %q", row.n, got, err, row.numeral)
		}
		if got, err := FromRoman(row.numeral); got != row.n || err != nil {
			t.Errorf("FromRoman(%q) = %d, %v; want %d", row.numeral, got, err, row.n)
		}
	}
}

func TestAcceptanceToRomanAll(t *testing.T) {
	for n := 1; n <= 3999; n++ {
		if got, err := ToRoman(n); got != acceptanceNumeral(n) || err != nil {
			t.Fatalf("ToRoman(%d) = %q, %v; want %q", n, got, err, acceptanceNumeral(n))
		}
	}
}

func TestAcceptanceToRomanErrors(t *testing.T) {
	for _, n := range []int{0, -1, -4, -1000, -3999, 4000, 4001, 5000, 9000, 1 << 20, math.MaxInt, math.MinInt} {
		if got, err := ToRoman(n); err == nil {
			t.Errorf("ToRoman(%d) = %q without an error", n, got)
		}
	}
}

func TestAcceptanceFromRomanAll(t *testing.T) {
	for n := 1; n <= 3999; n++ {
		if got, err := FromRoman(acceptanceNumeral(n)); got != n || err != nil {
			t.Fatalf("FromRoman(%q) = %d, %v; want %d", acceptanceNumeral(n), got, err, n)
		}
	}
}

func TestAcceptanceFromRomanErrors(t *testing.T) {
	for _, s := range []string{
		"", " ", "i", "v", "iv", "xiv", "mcmxciv", "Iv", "iV", "MCMxciv", "IIII", "VV", "LL", "DD",
		"XXXX", "CCCC", "MMMM", "MMMMM", "MMMMCMXCIX", "VIIII", "LXXXX", "DCCCC", "VIV", "LXL", "DCD",
		"IL", "IC", "ID", "IM", "VX", "VL", "VC", "VD", "VM", "XD", "XM", "LC", "LD", "LM", "DM",
		"IIV", "IIX", "XXL", "XXC", "CCD", "CCM", "IVI", "IXI", "XLX", "XCX", "CDC", "CMC",
		"IVIV", "IXIX", "XLXL", "XCXC", "CDCD", "CMCM", "IXV", "XCL", "CMD", "IXIV", "XCXL", "CMCD",
		"IVX", "XLC", "CDM", "IXX", "XIVI", "MIM", "MXM", "MVM", "MCMC", "MDMC", "IVXLCDM",
		"N", "nulla", "0", "1", "12", "X1", "1X", "-I", "+I", "I.", "I,V", "A", "XA", "AX", "ABC",
		" I", "I ", "X I", "\tX", "X\n", "\u2160", "\u2169", "X\u0301", "\u0425", "\uff29", "I\x00", "\xff",
	} {
		if got, err := FromRoman(s); err == nil {
			t.Errorf("FromRoman(%q) = %d without an error", s, got)
		}
	}
}

// Every string of up to five of the seven letters: a numeral of a number, or an error.
func TestAcceptanceFromRomanEveryShortString(t *testing.T) {
	numbers := map[string]int{}
	for n := 1; n <= 3999; n++ {
		numbers[acceptanceNumeral(n)] = n
	}
	level := []string{""}
	for range 5 {
		var longer []string
		for _, s := range level {
			for _, letter := range "IVXLCDM" {
				longer = append(longer, s+string(letter))
			}
		}
		for _, s := range longer {
			got, err := FromRoman(s)
			if want, ok := numbers[s]; ok != (err == nil) || (ok && got != want) {
				t.Fatalf("FromRoman(%q) = %d, %v; a numeral of %d (0: of none)", s, got, err, want)
			}
		}
		level = longer
	}
}
