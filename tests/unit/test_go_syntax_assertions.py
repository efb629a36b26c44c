"""What a test file really checks: the light data flow, helpers, guards, counted cases."""

import pytest

from guildbus.agents.golang.assertions import Suite, count_cases
from guildbus.agents.golang.comparisons import early_ends, empty_tables, self_comparisons
from guildbus.agents.golang.flow import UnderTest
from guildbus.agents.golang.syntax import parse, syntax_fault

CODE = UnderTest(frozenset({"GCD", "Parse", "Stack", "NewStack", "Sort", "ErrEmpty", "Must"}))


def suite(body: str, rest: str = "") -> Suite:
    file = parse(f"package kit\n\nfunc TestX(t *testing.T) {{\n{body}\n}}\n\n{rest}\n")
    assert syntax_fault(file) is None, syntax_fault(file)
    return Suite(file, CODE)


ASSERTING = {
    "direct": "if GCD(2, 4) != 2 { t.Error() }",
    "through a variable": "got := GCD(2, 4)\nif got != 2 { t.Fatalf(`x`) }",
    "init statement": "if got := GCD(2, 4); got != 2 { t.Fail() }",
    "a table": "for _, c := range []struct{a, w int}{{1, 1}} { if g := GCD(c.a, 1); g != c.w { t.Error() } }",
    "a subtest": "t.Run(`x`, func(t *testing.T) { if GCD(1, 1) != 1 { t.FailNow() } })",
    "early return": "if GCD(1, 1) == 1 { return }\nt.Error(`wrong`)",
    "continue": "for i := 0; i < 3; i++ { if GCD(i, i) == i { continue }\nt.Error(`wrong`) }",
    "else": "if GCD(1, 1) == 1 { t.Log() } else { t.Error() }",
    "switch": "switch got := GCD(1, 1); got { case 1: default: t.Error() }",
    "tagless switch": "got := GCD(1, 1)\nswitch { case got != 1: t.Error() }",
    "a method": "s := NewStack()\ns.Push(1)\nif s.Len() != 1 { t.Error() }",
    "a zero value": "var s Stack\ns.Push(1)\nif s.Len() != 1 { t.Error() }",
    "an error": "_, err := Parse(``)\nif !errors.Is(err, ErrEmpty) { t.Error() }",
    "in place": "xs := []int{2, 1}\nSort(xs)\nif xs[0] != 1 { t.Error() }",
    "through a pointer": "var n int\nGCD(1, &n)\nif n != 1 { t.Error() }",
    "a field": "var r struct{ got int }\nr.got = GCD(1, 1)\nif r.got != 1 { t.Error() }",
    "a channel": "ch := make(chan int)\ngo func() { ch <- GCD(1, 1) }()\nif <-ch != 1 { t.Error() }",
    "a closure": "check := func(got, want int) { if got != want { t.Error() } }\ncheck(GCD(1, 1), 1)",
    "a failing closure": "fail := func() { t.Error() }\nif GCD(1, 1) != 1 { fail() }",
    "a panic": "defer func() { if recover() == nil { t.Error() } }()\nMust(``)",
    "a table of functions": "for _, f := range []func(int, int) int{GCD} { if f(1, 1) != 1 { t.Error() } }",
    "counting": "n := 0\nfor range Parse(`a`) { n++ }\nif n != 1 { t.Error() }",
    "a set": "seen := map[int]bool{}\nseen[GCD(3, 1)] = true\nif len(seen) != 1 { t.Error() }",
    "a flag": "ok := true\nif GCD(1, 1) != 1 { ok = false }\nif !ok { t.Error() }",
    "reflection": "if !reflect.DeepEqual(Parse(`a`), 3) { t.Error() }",
    "false as a value": "ok := Parse(`a`)\nif ok == false && true == ok { t.Error() }",
}

IDLE = {
    "nothing": "GCD(1, 1)",
    "only a log": "if GCD(1, 1) != 1 { t.Log() }",
    "constants": "got := GCD(1, 1)\n_ = got\nif 1 != 1 { t.Error() }",
    "other variables": "GCD(1, 1)\nwant := 6\nif want != 6 { t.Error() }",
    "always": "GCD(1, 1)\nt.Error()",
    "a dead condition": "if false && GCD(1, 1) != 1 { t.Error() }",
    "constant true": "GCD(1, 1)\nif true { t.Error() }",
    "a local copy": "GCD := func(a, b int) int { return a }\nif GCD(1, 1) != 1 { t.Error() }",
    "counting rows": "n := 0\nfor _, c := range []int{1} { n++; GCD(c, 1) }\nif n != 1 { t.Error() }",
    "the error's text": "err := Parse(``)\nif err != nil { err.Error() }",
    "another handle": "log := logger{}\nif GCD(1, 1) != 1 { log.Error() }",
    "table columns": "for _, c := range []struct{a, w int}{{1, 1}} { GCD(c.a); if c.a != c.w { t.Error() } }",
    "a keyed field": "for _, tc := range []struct{GCD int}{{GCD: 1}} { if tc.GCD != 1 { t.Error() } }",
}


@pytest.mark.parametrize("body", ASSERTING.values(), ids=ASSERTING.keys())
def test_it_asserts(body: str) -> None:
    (summary,) = suite(body).tests()
    assert summary.reaches_code
    assert summary.asserts
    assert summary.cases >= 1


@pytest.mark.parametrize("body", IDLE.values(), ids=IDLE.keys())
def test_it_does_not_assert(body: str) -> None:
    (summary,) = suite(body).tests()
    assert not summary.asserts
    assert summary.cases == 0


HELPERS = """
func equal(t *testing.T, got, want int) { t.Helper(); if got != want { t.Errorf(`x`) } }
func report(t testing.TB) { t.Errorf(`x`) }
func deep(t *testing.T, got int) { equal(t, got, 1) }
func own(a, b int) int { return a }
func twice(a int) int { return GCD(a, a) }
func loop(t *testing.T, n int) { if n > 0 { loop(t, n-1) } }
"""


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("equal(t, GCD(1, 1), 1)", True),
        ("deep(t, GCD(1, 1))", True),
        ("if GCD(1, 1) != 1 { report(t) }", True),
        ("if twice(1) != 1 { t.Error() }", True),
        ("GCD(1, 1)\nequal(t, 1, 1)", False),
        ("GCD(1, 1)\nequal(t, own(1, 2), 1)", False),
        ("GCD(1, 1)\nreport(t)", False),
        ("loop(t, GCD(1, 1))", False),
    ],
)
def test_helpers_carry_what_they_check(body: str, asserts: bool) -> None:
    (summary,) = suite(body, HELPERS).tests()
    assert summary.asserts is asserts


METHODS = """
type assert struct{ t *testing.T }
func (a assert) Equal(want, got any) bool {
	if !reflect.DeepEqual(want, got) { a.t.Errorf(`x`); return false }
	return true
}
func (a assert) True(ok bool) { a.Equal(true, ok) }
"""


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("a := assert{t}\na.Equal(1, GCD(1, 1))", True),
        ("a := assert{t}\na.True(GCD(1, 1) == 1)", True),
        ("a := assert{t}\na.Equal(1, 1)\nGCD(1, 1)", False),
    ],
)
def test_method_helpers_carry_what_they_check(body: str, asserts: bool) -> None:
    (summary,) = suite(body, METHODS).tests()
    assert summary.asserts is asserts


def test_helpers_of_another_test_file_count() -> None:
    file = parse("package kit\nfunc TestX(t *testing.T) { equal(t, GCD(1, 1), 1) }\n")
    other = parse("package kit\n" + HELPERS)
    assert [test.asserts for test in Suite(file, CODE, [other]).tests()] == [True]


def test_a_table_at_top_level() -> None:
    (summary,) = suite(
        "for _, c := range table { if GCD(c.a, 1) != c.w { t.Error() } }",
        "var table = []struct{ a, w int }{{1, 1}, {2, 1}, {2, 1}}",
    ).tests()
    assert summary.asserts
    assert summary.cases == 2, "equal rows are one case"


def test_cases_are_rows_and_direct_checks() -> None:
    source = """package kit

func TestA(t *testing.T) {
	tests := []struct{ a, want int }{{1, 1}, {2, 1}, {3, 1}}
	for _, tc := range tests {
		t.Run("x", func(t *testing.T) {
			got, err := GCD(tc.a, 1)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Error(got)
			}
		})
	}
	if GCD(4, 6) != 2 {
		t.Error("4, 6")
		t.Error("again")
	}
}

func TestB(t *testing.T) {
	equal(t, GCD(1, 1), 1)
	equal(t, GCD(2, 2), 2)
	if 1 != 1 {
		t.Error("idle")
	}
}

func equal(t *testing.T, got, want int) {
	if got != want {
		t.Error(got)
	}
}
"""
    assert count_cases(source) == 6


def test_cases_of_an_external_test_package() -> None:
    source = """package kit_test

import "example.com/kit"

func TestA(t *testing.T) {
	if kit.GCD(1, 1) != 1 {
		t.Error()
	}
	if GCD(1, 1) != 1 {
		t.Error()
	}
}
"""
    assert count_cases(source) == 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("if x != x { t.Error() }", True),
        ("if GCD(1, 2) != GCD(1,  2) { t.Error() }", True),
        ("if !reflect.DeepEqual(got, got) { t.Error() }", True),
        ("got := GCD(1, 2)\nwant := GCD(1, 2)\nif got != want { t.Error() }", True),
        ("if GCD(1, 2) != GCD(2, 1) { t.Error() }", False),
        ("a, b := GCD(1, 2), GCD(2, 1)\nif a != b { t.Error() }", False),
        ("before := c.Get(1)\nafter := c.Get(1)\nif before != after { t.Error() }", False),
        ("a := NewStack()\nb := NewStack()\nif a == b { t.Error() }", False),
        ("x = x + x", False),
    ],
)
def test_comparisons_with_itself(body: str, found: bool) -> None:
    assert bool(list(self_comparisons(suite(body).file))) is found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            "tests := []struct{ a int }{}\nfor _, tc := range tests { if GCD(tc.a, 1) != 1 { t.Error() } }",
            True,
        ),
        ("var tests []struct{ a int }\nfor _, tc := range tests { t.Run(`x`, nil) }", True),
        ("for _, s := range []string{} { if GCD(s) != 1 { t.Error() } }", True),
        (
            "tests := []struct{ a int }{}\ntests = append(tests, x)\nfor _, c := range tests { t.Error(c) }",
            False,
        ),
        ("want := []int{}\nfor i := range want { if GCD(i, 1) != want[i] { t.Error() } }", False),
        ("tests := []struct{ a int }{{1}}\nfor _, tc := range tests { t.Error(tc) }", False),
    ],
)
def test_empty_tables(body: str, found: bool) -> None:
    assert bool(list(empty_tables(suite(body)))) is found


def test_early_ends() -> None:
    body = "t.Skip()\nos.Exit(0)\nlog.Fatal(1)\ntb.SkipNow()\nr.Skip = 3\ns.Skipping()"
    found = [what for _, what in early_ends(suite(body).file)]
    assert found == ["t.Skip", "os.Exit", "log.Fatal", "tb.SkipNow"]
