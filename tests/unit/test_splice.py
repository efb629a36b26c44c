"""One function of a reply goes into a file, and the rest of the file stays as it is."""

import pytest

from guildbus.agents.golang.splice import with_function, without_leftovers
from guildbus.agents.golang.syntax import declarations, parse

FILE = """package p

import "strings"

// A is first.
func A(n int) int {
	return n
}

// B is second.
func B(s string) string {
	return strings.ToUpper(s)
}

// T is a type.
type T struct{ n int }

func (t *T) Get() int { return t.n }
"""


def names(source: str) -> list[str]:
    file = parse(source)
    assert not file.root.has_error
    return [found.name for found in declarations(file)]


def test_the_function_is_exchanged_and_nothing_else() -> None:
    reply = "package p\n\n// A doubles.\n// Steps: add n to n.\nfunc A(n int) int {\n\treturn n + n\n}\n"
    found = with_function(FILE, "A", reply)
    old = "// A is first.\nfunc A(n int) int {\n\treturn n\n}"
    new = "// A doubles.\n// Steps: add n to n.\nfunc A(n int) int {\n\treturn n + n\n}"
    assert found.split() == FILE.replace(old, new).split()
    assert FILE[FILE.index("// B is") :].strip() in found
    assert names(found) == names(FILE)


@pytest.mark.parametrize("head", ["", 'package other\n\nimport "sort"\n\n'])
def test_a_reply_may_be_a_file_or_declarations(head: str) -> None:
    found = with_function(FILE, "A", f"{head}func A(n int) int {{ return 7 }}\n")
    assert "return 7" in found
    assert "// A is first." not in found
    assert "sort" not in found
    assert found.startswith("package p\n")


def test_other_functions_of_the_reply_do_not_replace_ours() -> None:
    found = with_function(
        FILE, "A", 'func A(n int) int { return 7 }\n\nfunc B(s string) string { return "x" }\n'
    )
    assert 'return "x"' not in found
    assert "strings.ToUpper(s)" in found
    assert names(found).count("B") == 1


def test_helpers_that_the_file_lacks_come_along() -> None:
    reply = (
        "func A(n int) int { return twice(n) }\n\n// twice doubles.\nfunc twice(n int) int { return n * 2 }\n"
    )
    found = with_function(FILE, "A", reply)
    assert names(found) == [*names(FILE), "twice"]
    assert "// twice doubles." in found


def test_values_and_methods_that_helpers_need_come_along_and_what_is_there_stays() -> None:
    reply = """var table = []int{1, 2}

var ErrOut, n = errors.New("out"), 1

type T struct{ other string }

type odd struct{ n int }

func (o odd) Error() string { return "odd" }

func (t *T) half() int { return t.n / 2 }

func A(n int) int { return table[n] }
"""
    found = with_function(FILE, "A", reply)
    assert names(found) == [*names(FILE), "table", "ErrOut", "n", "odd", "odd.Error", "T.half"]
    assert "other string" not in found
    assert found.count("ErrOut") == 1


def test_a_method_is_spliced_by_its_full_name() -> None:
    found = with_function(FILE, "T.Get", "func (t *T) Get() int { return t.n + 1 }\n")
    assert "t.n + 1" in found
    assert sorted(names(found)) == sorted(names(FILE))


def test_a_function_that_the_file_lacks_is_added() -> None:
    found = with_function(FILE, "C", "func C() int { return 3 }\n")
    assert names(found) == [*names(FILE), "C"]
    assert found.startswith(FILE.rstrip())


@pytest.mark.parametrize(
    "reply", ["", "func B(s string) string { return s }", "func A(n int) int { return n", "I cannot do that."]
)
def test_a_reply_without_the_function_gives_nothing(reply: str) -> None:
    assert with_function(FILE, "A", reply) == ""


BEFORE = """package p

func init() { prepare() }

func prepare() {}

// turned is called by swapped alone.
func turned(r []rune) []rune { return r }

func swapped(r []rune) []rune { return swapped(turned(r)) }

func spare() {}

func Reverse(s string) string { return string(swapped([]rune(s))) }
"""


def test_what_only_replaced_code_called_goes_with_it() -> None:
    after = BEFORE.replace("string(swapped([]rune(s)))", "s")
    left = without_leftovers(BEFORE, after)
    names = [one.name for one in declarations(parse(left))]
    assert names == ["init", "prepare", "spare", "Reverse"], "what nobody called before is not ours to judge"
    assert "turned is called" not in left


def test_nothing_goes_that_is_still_called() -> None:
    assert without_leftovers(BEFORE, BEFORE) == BEFORE
    shadowed = BEFORE.replace(
        "string(swapped([]rune(s)))", "func() string { swapped := s; return swapped }()"
    )
    assert "func swapped(" in without_leftovers(BEFORE, shadowed), "a mention is enough to keep it"
