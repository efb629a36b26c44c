"""Each mutation operator on a few lines of Go: exactly the changes that it makes, and none elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.golang.syntax import parse
from guildbus.agents.teeth.mutants import OPERATORS, Mutant, find_mutants, sampled
from guildbus.agents.teeth.shown import diff_of


def changes(code: str, operator: str) -> list[str]:
    """What an operator makes of `code`, the body of a function: `old -> new`."""
    source = f"package p\n\nfunc F(a, b int, s []int, ok bool) (int, error) {{\n{code}\n}}\n"
    found = [mutant for mutant in find_mutants("p.go", source) if mutant.operator == operator]
    assert all(mutant.function == "F" for mutant in found)
    data = source.encode()
    return [f"{data[m.start : m.end].decode()} -> {m.replacement}" for m in found]


@pytest.mark.parametrize(
    ("operator", "code", "expected"),
    [
        ("arithmetic", "a = a + b - a*b/a%b", ["+ -> -", "- -> +", "* -> /", "/ -> *", "% -> *"]),
        (
            "arithmetic",
            "a = a&b | a^b | a<<1>>2&^b",
            ["& -> |", "| -> &", "^ -> &", "| -> &", "<< -> >>", ">> -> <<", "&^ -> &"],
        ),
        ("arithmetic", "a += 1; b <<= 2; a++; b--", ["+= -> -=", "<<= -> >>=", "++ -> --", "-- -> ++"]),
        ("arithmetic", "a = -b; a = ^b; a = b", ["- -> ", "^ -> "]),
        ("arithmetic", "a = a**p", []),
        ("relational", "ok = a == b || a < b || a >= b", ["== -> !=", "< -> >=", ">= -> <"]),
        ("relational", "ok = a != b || a > b || a <= b", ["!= -> ==", "> -> <=", "<= -> >"]),
        ("boundary", "ok = a < b || a <= b || a > b || a >= b", ["< -> <=", "<= -> <", "> -> >=", ">= -> >"]),
        ("boundary", "ok = a == b", []),
        ("logical", "ok = ok && !ok || f()", ["&& -> ||", "! -> ", "|| -> &&"]),
        ("condition", "if ok && f() { g() }", ["ok && f() -> !(ok && f())"]),
        ("condition", "for ok { g() }; for i := 0; f(i); i++ {}", ["ok -> !(ok)", "f(i) -> !(f(i))"]),
        ("condition", "if a < b { g() }; if !ok { g() }; for range s {}; for {}", []),
        ("constant", "g(0, 1, 0x10)", ["0 -> 1", "1 -> 0", "1 -> 2", "0x10 -> 15", "0x10 -> 17"]),
        (
            "constant",
            "g(017, 1.5, 'a')",
            ["017 -> (017 + 1)", "017 -> (017 - 1)", "1.5 -> (1.5 + 1)", "'a' -> ('a' + 1)"],
        ),
        (
            "constant",
            'g(true, false, "x", "")',
            ["true -> false", "false -> true", '"x" -> ""', '"" -> "guildbus"'],
        ),
        ("constant", 'panic("no"); g(errors.New("no"), fmt.Errorf("no"), h("yes"))', ['"yes" -> ""']),
        ("slice-bound", "s = s[1:3]", ["1 -> ", "3 -> "]),
        ("slice-bound", "s = s[a:b]", ["a -> ", "a -> (a) + 1", "b -> ", "b -> (b) - 1"]),
        ("slice-bound", "s = s[:2:b]; a = s[1]", []),
        ("return-zero", "return a, err", ["a -> 0", "err -> nil"]),
        ("return-zero", "return 0, nil", []),
        ("return-zero", "return both()", ["both() -> 0, nil"]),
        (
            "return-zero",
            "g(func() (string, []T, T) { return x, y, z }); return",
            ['x -> ""', "y -> nil", "z -> *new(T)"],
        ),
        (
            "deletion",
            "a = b; a += 1; b--; f(); ch <- 1",
            ["a = b -> ", "a += 1 -> ", "b-- -> ", "f() -> ", "ch <- 1 -> "],
        ),
        ("deletion", "defer f(); go f()", ["defer f() -> ", "go f() -> "]),
        ("deletion", "x := 1; var y int; for i := 0; ok; i++ { return x, y }", []),
        ("jump", "for { if ok { break }; continue }", ["break -> continue", "continue -> break"]),
        ("jump", "switch { case ok: break }; for { func() { select { default: break } }() }", []),
        ("jump", "L: for { break L }", []),
    ],
)
def test_an_operator_changes_exactly_this(operator: str, code: str, expected: list[str]) -> None:
    assert sorted(changes(code, operator)) == sorted(expected)


def test_every_operator_has_a_case_above() -> None:
    [mark] = [m for m in test_an_operator_changes_exactly_this.pytestmark if m.name == "parametrize"]
    assert {row[0] for row in mark.args[1]} == {name for name, _ in OPERATORS}


def test_package_values_methods_and_untouchable_parts() -> None:
    source = """package p

import "os"

const Max, Min = 3, 1

var names = map[string]int{"é": 1}

type S struct {
	x [4]int `json:"x"`
}

func (s *S) Get() int { return s.x[2] }
"""
    found = find_mutants("a/p.go", source)
    assert {(m.function, m.line) for m in found} == {("Max", 5), ("names", 7), ("S.Get", 13)}
    assert {m.applied(source).splitlines()[6] for m in found if m.function == "names"} == {
        'var names = map[string]int{"": 1}',
        'var names = map[string]int{"é": 0}',
        'var names = map[string]int{"é": 2}',
    }
    assert [m for m in found if "json" in source.encode()[m.start : m.end].decode()] == []


def test_broken_go_has_no_mutants() -> None:
    assert find_mutants("p.go", "package p\n\nfunc F( { return 1 }\n") == ()


def test_a_mutant_is_shown_as_a_small_diff() -> None:
    source = "package p\n\nfunc F(a int) int {\n\tb := a\n\treturn b\n}\n\nfunc G() {}\n"
    [mutant] = find_mutants("p.go", source)
    assert diff_of(mutant, source) == (
        "--- a/p.go\n+++ b/p.go\n@@ -4,3 +4,3 @@\n \tb := a\n-\treturn b\n+\treturn 0\n }\n"
    )


def made(counts: dict[str, int]) -> list[Mutant]:
    return [
        Mutant("p.go", n, n + 1, "", "deletion", name, n) for name, of in counts.items() for n in range(of)
    ]


@given(
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 30), min_size=1),
    st.integers(1, 100),
    st.integers(0, 5),
)
def test_a_sample_is_even_over_functions_and_the_same_for_a_seed(
    counts: dict[str, int], cap: int, seed: int
) -> None:
    mutants = made(counts)
    chosen = sampled(mutants, cap, seed)
    assert chosen == sampled(list(reversed(mutants)), cap, seed)
    assert len(chosen) == len(set(chosen)) == min(cap, len(mutants))
    taken = {name: sum(m.function == name for m in chosen) for name in counts}
    most = max(taken.values())
    assert all(taken[name] >= min(counts[name], most - 1) for name in counts)


def test_what_is_found_always_parses() -> None:
    body = "\tfor i := range s[1:] {\n\t\ts[i] -= -*p\n\t}\n\treturn s[:len(s)-1]\n"
    source = f"package p\n\nfunc F(s []int, p *int) []int {{\n{body}}}\n"
    assert [m for m in find_mutants("p.go", source) if parse(m.applied(source)).root.has_error] == []
