"""The Go that carried code may need beside it: only what is used is put in. Pure."""

import re

_HELPERS = {
    "abs": """// abs returns the absolute value of n.
func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
""",
    "gcd": """// gcd returns the greatest common divisor of a and b.
func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}
""",
    "reversedText": """// reversedText returns s with its runes in the opposite order.
func reversedText(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}
""",
    "reversedList": """// reversedList returns a copy of list in the opposite order.
func reversedList[T any](list []T) []T {
	turned := slices.Clone(list)
	slices.Reverse(turned)
	return turned
}
""",
    "sum": """// sum adds up numbers.
func sum[T int | float64](numbers []T) T {
	var total T
	for _, number := range numbers {
		total += number
	}
	return total
}
""",
    "power": """// power returns base to the power of exponent, which is not negative.
func power(base, exponent int) int {
	result := 1
	for range exponent {
		result *= base
	}
	return result
}
""",
    "isEach": """// isEach reports whether s has runes and each of them is one of the kind.
func isEach(s string, kind func(rune) bool) bool {
	for _, r := range s {
		if !kind(r) {
			return false
		}
	}
	return s != ""
}
""",
    "isLetterOrDigit": """// isLetterOrDigit reports whether r is a letter or a digit.
func isLetterOrDigit(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
""",
    "orderedMap": """// orderedMap is a map that knows in which order its keys came.
type orderedMap[K comparable, V any] struct {
	keys   []K
	values map[K]V
}

// newOrderedMap returns an empty map.
func newOrderedMap[K comparable, V any]() *orderedMap[K, V] {
	return &orderedMap[K, V]{values: map[K]V{}}
}

// has reports whether key is there.
func (m *orderedMap[K, V]) has(key K) bool {
	_, ok := m.values[key]
	return ok
}

// set stores value; a new key comes last.
func (m *orderedMap[K, V]) set(key K, value V) {
	if !m.has(key) {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// remove deletes key.
func (m *orderedMap[K, V]) remove(key K) {
	if i := slices.Index(m.keys, key); i >= 0 {
		m.keys = slices.Delete(m.keys, i, i+1)
	}
	delete(m.values, key)
}

// moveToEnd makes key the last one.
func (m *orderedMap[K, V]) moveToEnd(key K) {
	value := m.values[key]
	m.remove(key)
	m.set(key, value)
}
""",
}


def needed(code: str) -> str:
    """The helpers that a text uses, and those that these use."""
    found: dict[str, str] = {}
    text = code
    while fresh := {name: _HELPERS[name] for name in _HELPERS if name not in found and _uses(text, name)}:
        found |= fresh
        text = "".join(fresh.values())
    return "".join(f"\n{helper}" for helper in found.values())


def _uses(text: str, name: str) -> bool:
    made = f"new{name[0].upper()}{name[1:]}"
    return re.search(rf"(?<![\w.])(?:{name}|{made})(?=[(\[,)])", text) is not None
