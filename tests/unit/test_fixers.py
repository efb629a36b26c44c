"""Each fixer alone, on messages as the compiler and vet print them, and the law that they all keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.fixers.complaint import Neighbours
from guildbus.agents.fixers.table import FIXERS, Fixed, apply_fixers
from guildbus.agents.golang.asserted import asserted
from guildbus.agents.golang.syntax import parse
from guildbus.protocols.messages.verification import Diagnostic

HERE = "‸"
"""Marks the place that a message names."""


def complain(marked: str, *messages: str, path: str = "p.go", **package: str) -> Fixed:
    """The source without its marks, mended after one message a mark."""
    parts = marked.split(HERE)
    source = "".join(parts)
    diagnostics, before = [], ""
    for part, message in zip(parts, messages, strict=False):
        before += part
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2].encode()) + 1
        diagnostics.append(Diagnostic(tool="build", file=path, line=line, column=column, message=message))
    others = {f"{name}.go": text for name, text in package.items()}
    return apply_fixers(source, diagnostics, Neighbours(path, others, "example.com/p"))


def body(statements: str) -> str:
    return f"package p\n\nfunc F(a int, f float64, r rune, s string) float64 {{\n{statements}\n}}\n"


def unfit(expression: str, given: str, wanted: str) -> str:
    return f"cannot use {expression} ({given}) as {wanted} value in return statement"


def unlike(expression: str, types: str) -> str:
    return f"invalid operation: {expression} (mismatched types {types})"


BOUND = "math.Max(float64(a), math.Min(2, float64(a)))"
COVERED = "\tif a < 0 {\n\t\treturn f\n\t} else if 0 <= a {\n\t\treturn 1\n\t}\n‸"
NEGATIVE = "invalid argument: index -1 (constant of type int) must not be negative"
FOO = "z.foo undefined (type T has no field or method foo, but does have field Foo)"

MENDED = [
    ("unused-variable", "\t‸x := 5\n\treturn f", "declared and not used: x", "\treturn f"),
    (
        "unused-variable",
        "\t‸x := G()\n\treturn f",
        "declared and not used: x",
        "\tx := G()\n_ = x\n\treturn f",
    ),
    ("unused-variable", "\tvar ‸x int\n\tx = 3", "declared and not used: x", "\tvar x int\n_ = x\n\tx = 3"),
    ("unused-variable", "\t‸x, y := G()\n\t_ = y", "declared and not used: x", "\t_, y := G()\n\t_ = y"),
    ("unused-variable", "\tfor ‸i := range s {\n\t}", "declared and not used: i", "\tfor range s {\n\t}"),
    (
        "unused-variable",
        "\tfor ‸i, c := range s {\n\t_ = c\n\t}",
        "declared and not used: i",
        "\tfor _, c :=",
    ),
    ("unused-variable", "\tswitch ‸v := z.(type) {\n\t}", "v declared and not used", "\tswitch z.(type) {"),
    ("no-new-variable", "\tf ‸:= 3.0\n\treturn f", "no new variables on left side of :=", "\tf = 3.0\n"),
    ("first-assignment", "\t‸w = 4\n\tG(w)", "undefined: w", "\tw := 4\n\tG(w)"),
    (
        "hoisted",
        '\tif a > 0 {\n\t\tw := ""\n\t\tG(w)\n\t} else {\n\t\t‸w = s\n\t}\n\tG(w)',
        "undefined: w",
        'var w string\nif a > 0 {\n\t\tw = ""\n\t\tG(w)\n\t} else {\n\t\tw = s\n\t}\n\tG(w)',
    ),
    (
        "hoisted",
        "\tif a > 0 {\n\t\tw := make([]int, a)\n\t\tG(w)\n\t}\n\tG(‸w)",
        "undefined: w",
        "var w []int\nif",
    ),
    ("unused-label", "‸L:\n\tfor a < 3 {\n\t}", "label L defined and not used", "\n\n\tfor a < 3 {"),
    ("other-case", "\treturn ‸mean(f)", "undefined: mean", "\treturn Mean(f)"),
    ("named-member", "\tz.‸foo = 3", FOO, "z.Foo"),
    (
        "named-member",
        "\tstrings.‸contains(s)",
        "undefined: strings.contains (but have Contains)",
        "s.Contains(",
    ),
    ("widened", "\treturn G(‸a)", unfit("a", "variable of type int", "float64"), "G(float64(a))"),
    ("widened", "\treturn ‸len(s)", unfit("len(s)", "value of type int", "float64"), "float64(len(s))"),
    ("widened", "\tG(‸r)", unfit("r", "variable of type rune", "string"), "G(string(r))"),
    ("matched", "\treturn ‸a * f", unlike("a * f", "int and float64"), "float64(a) * f"),
    ("matched", "\t‸f += a", unlike("f += a", "float64 and int"), "f += float64(a)"),
    ("matched", "\treturn ‸f / len(s)", unlike("f / len(s)", "float64 and int"), "f / float64(len(s))"),
    ("integer-bound", f"\tG(‸{BOUND})", unfit(BOUND, "value of type float64", "int"), "G(max(a, min(2, a)))"),
    ("rune-literal", '\tif ‸r == "\'" {\n\t}', unlike('r == "\'"', "rune and untyped string"), "r == '\\''"),
    ("one-byte", "\t‸s += s[a]", unlike("s += s[a]", "string and byte"), "s += s[a : a+1]"),
    ("one-byte", "\ts = ‸s + s[a+1]", unlike("s + s[a+1]", "string and byte"), "s + s[a+1 : a+1+1]"),
    ("one-byte", "\tG(‸s[0])", unfit("s[0]", "value of type byte", "string"), "G(s[0 : 0+1])"),
    ("one-character", "\t‸s += r", unlike("s += r", "string and rune"), "s += string(r)"),
    ("one-character", "\ts = ‸s + rs[0]", unlike("s + rs[0]", "string and rune"), "s = s + string(rs[0])"),
    ("one-character", "\ts = ‸r + s", unlike("r + s", "rune and string"), "s = string(r) + s"),
    ("text-literal", "\t‸s += '\"'", unlike("s += '\"'", "string and untyped rune"), 's += "\\""'),
    ("text-literal", "\ts = ‸'\\'' + s", unlike("'\\'' + s", "untyped rune and string"), 's = "\'" + s'),
    (
        "rune-literal",
        '\tif s[0] == ‸"," {\n\t}',
        unlike('s[0] == ","', "byte and untyped string"),
        "s[0] == ','",
    ),
    ("from-the-end", "\ta = z.list[‸-1].n", NEGATIVE, "z.list[len(z.list)-1].n"),
    ("from-the-end", "\tG(s[1:‸-1])", NEGATIVE, "s[1:len(s)-1]"),
    ("absolute-value", "\ta = ‸abs(a)", "undefined: abs", "func abs(n int) int {\n\tif n < 0 {"),
    ("unreached-end", COVERED, "missing return", 'panic("unreachable")'),
    ("unreached-end", "\tlog.Fatal(s)\n‸", "missing return", '\tlog.Fatal(s)\npanic("unreachable")'),
    ("unreached-end", "\tfor true {\n\t}\n‸", "missing return", "\tfor  {"),
]


@pytest.mark.parametrize(("fixer", "statements", "message", "after"), MENDED)
def test_a_precise_complaint_is_mended(fixer: str, statements: str, message: str, after: str) -> None:
    source = (
        body(statements).replace(f"{HERE}\n}}", f"{HERE}}}") + "\nfunc Mean(f float64) float64 { return f }\n"
    )
    fixed = complain(source, message)
    assert [fix.fixer for fix in fixed.fixes] == [fixer]
    assert after in fixed.content


LEFT = [
    ("\tG(‸f)", "cannot use f (variable of type float64) as int value in argument to G"),
    ("\treturn ‸a / 2", "cannot use a / 2 (value of type int) as float64 value in return statement"),
    ("\treturn ‸(a / 2) * f", "invalid operation: (a / 2) * f (mismatched types int and float64)"),
    ("\tif a < 0 {\n\t\treturn f\n\t}\n‸", "missing return"),
    ("\tif a < 0 {\n\t\treturn f\n\t} else if a > 0 {\n\t\treturn 1\n\t}\n‸", "missing return"),
    (COVERED.replace("a < 0", "f < 0").replace("0 <= a", "0 <= f"), "missing return"),
    ("\tif a < 0 {\n\t\treturn f\n\t}\n\tt.Fatal()\n‸", "missing return"),
    ("\tfor true {\n\t\tbreak\n\t}\n\treturn f\n‸", "missing return"),
    ("\treturn ‸lo", "undefined: lo"),
    ("\tif a > 0 {\n\t\t‸w = 4\n\t}\n\tG(w)", "undefined: w"),
    ("\t‸w = w + 4\n\tG(w)", "undefined: w"),
    ("\tif a > 0 {\n\t\tw := G(a)\n\t\tG(w)\n\t}\n\tG(‸w)", "undefined: w"),
    ("\tif a > 0 {\n\t\tw := 1\n\t\tG(w)\n\t} else {\n\t\tw := f\n\t}\n\tG(‸w)", "undefined: w"),
    ("\t‸s += s[G(a)]", unlike("s += s[G(a)]", "string and byte")),
    ("\treturn ‸abs(a, a)", "undefined: abs"),
    ("\treturn G(a)[‸-1]", NEGATIVE),
    ("\treturn ‸ErrFull", "undefined: ErrFull"),
    ("\t‸a == 3", "a == 3 (untyped bool value) is not used"),
    ('\tif ‸s[0] == "é" {\n\t}', unlike('s[0] == "é"', "byte and untyped string")),
]


@pytest.mark.parametrize(("statements", "message"), LEFT)
def test_what_is_not_certain_is_left(statements: str, message: str) -> None:
    source = body(statements).replace(f"{HERE}\n}}", f"{HERE}}}")
    assert complain(source, message) == Fixed(source.replace(HERE, ""))


def test_an_identical_second_copy_goes_and_a_different_one_stays() -> None:
    twice = "package p\n\nfunc F() int { return 1 }\n\nfunc ‸F() int { return 1 }\n"
    fixed = complain(twice, "F redeclared in this block\n\tp.go:3:6: other declaration of F")
    assert fixed.content == "package p\n\nfunc F() int { return 1 }\n\n"
    other = twice.replace("return 1 }\n\n", "return 2 }\n\n")
    assert not complain(other, "F redeclared in this block").fixes


def test_results_that_a_test_does_not_look_at_are_ignored_and_in_code_they_are_not() -> None:
    source = body("\tif got := ‸c.Get(s); got != 1 {\n\t\tt.Fail()\n\t}\n\treturn f")
    message = "assignment mismatch: 1 variable but c.Get returns 2 values"
    fixed = complain(source, message, path="p_test.go")
    assert "if got, _ := c.Get(s); got != 1 {" in fixed.content
    assert [fix.fixer for fix in fixed.fixes] == ["ignored-results"]
    assert complain(source, message).fixes == ()
    fewer = "assignment mismatch: 2 variables but c.Len returns 1 value"
    assert complain(body("\tn, ok := ‸c.Len()\n\treturn f"), fewer, path="p_test.go").fixes == ()


FAILING = """package p

// F fails.
func F(n int) (string, error) {
	if n < 0 {
		return "", ‸ErrOutOfRange
	}
	return "", nil
}
"""


def test_an_error_value_that_is_returned_where_an_error_is_due_is_declared() -> None:
    fixed = complain(FAILING, "undefined: ErrOutOfRange")
    assert [fix.fixer for fix in fixed.fixes] == ["error-value"]
    declared = 'var ErrOutOfRange = errors.New("p: out of range")\n\n// F fails.\nfunc F('
    assert declared in fixed.content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(string, error)", "(string, int)"),
        ("ErrOutOfRange", "Errors"),
        ('return "", ‸ErrOutOfRange', "return ‸ErrOutOfRange, nil"),
        ('return "", ‸ErrOutOfRange', "return func() (int, error) { return 0, ‸ErrOutOfRange }()"),
    ],
)
def test_any_other_name_is_not(before: str, after: str) -> None:
    source = FAILING.replace(before, after)
    assert not complain(source, f"undefined: {'Errors' if after == 'Errors' else 'ErrOutOfRange'}").fixes


def test_a_name_that_two_differ_from_by_case_is_left() -> None:
    source = body("\treturn ‸mean(f)") + "\nfunc Mean() {}\n\nfunc mEan() {}\n"
    assert not complain(source, "undefined: mean").fixes


def test_an_external_test_names_its_package() -> None:
    test = "func TestF(t *testing.T) {\n\tif ‸F() != 1 {\n\t\tt.Error()\n\t}\n}\n"
    source = f'package p_test\n\nimport "testing"\n\n{test}'
    fixed = complain(source, "undefined: F", path="p_test.go", p="package p\n\nfunc F() int { return 1 }\n")
    assert "p.F() != 1" in fixed.content
    assert 'import (\n\t"example.com/p"\n\t"testing"\n)\n' in fixed.content


SUITE = """package p

import "testing"

func TestF(t *testing.T) {
	for _, c := range []struct{ in, want int }{{%(a)d, %(b)d}, {-1, 1}} {
		if got := F(c.in); got != c.want {
			t.Errorf("F(%%s) = %%d", c.in, got)
		}
	}
	‸extra := %(b)d
	if ‸F(%(a)d) == "x" {
		t.Fatal("no")
	}
}
"""


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_a_test_asserts_survives_every_complaint_at_every_place(a: int, b: int) -> None:
    source = SUITE % {"a": a, "b": b}
    fixed = complain(
        source,
        "declared and not used: extra",
        f'invalid operation: F({a}) == "x" (mismatched types rune and untyped string)',
        path="p_test.go",
    )
    assert [fix.fixer for fix in fixed.fixes] == ["unused-variable"]
    assert f"extra := {b}\n_ = extra" in fixed.content
    assert asserted(parse(fixed.content)) == asserted(parse(source.replace(HERE, "")))


@pytest.mark.parametrize(
    ("before", "after"),
    [("got != c.want", "got == c.want"), ("{-1, 1}", "{1, 1}"), ("t.Errorf", "t.Logf"), ("F(7)", "F(8)")],
)
def test_the_law_sees_what_is_asserted(before: str, after: str) -> None:
    source = (SUITE % {"a": 7, "b": 8}).replace(HERE, "")
    assert asserted(parse(source.replace(before, after))) != asserted(parse(source))


def test_vets_complaint_about_a_verb_changes_the_message_alone() -> None:
    source = (SUITE % {"a": 7, "b": 8}).replace(HERE, "").replace("t.Errorf(", "‸t.Errorf(")
    message = "(*testing.common).Errorf format %s has arg c.in of wrong type int"
    fixed = complain(source, message, path="p_test.go")
    assert 't.Errorf("F(%v) = %d", c.in, got)' in fixed.content
    plain = source.replace("Errorf(", "Error(")
    message = "(*testing.common).Error call has possible Printf formatting directive %s"
    assert 't.Errorf("F(%s) = %d", c.in, got)' in complain(plain, message, path="p_test.go").content


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ('t.Errorf("F(%d) = %d", c.in, got, c.want, ok)', 't.Errorf("F(%d) = %d", c.in, got)'),
        ('t.Errorf("F: 100%% of %v", c.in, got)', 't.Errorf("F: 100%% of %v", c.in)'),
        ('t.Errorf("F failed", c.in)', None),
        ("t.Errorf(format, c.in, got)", None),
    ],
)
def test_arguments_that_no_verb_prints_are_dropped(call: str, after: str | None) -> None:
    """Without any verb it is more likely that the format is wrong."""
    source = (
        (SUITE % {"a": 7, "b": 8}).replace(HERE, "").replace('t.Errorf("F(%s) = %d", c.in, got)', f"‸{call}")
    )
    count = call.count(",")
    message = f"(*testing.common).Errorf call needs {count - 1} args but has {count} args"
    fixed = complain(source, message, path="p_test.go")
    assert fixed.content == source.replace(HERE, "").replace(call, after or call)
    assert asserted(parse(fixed.content)) == asserted(parse(source.replace(HERE, "")))


def test_a_place_that_is_not_there_and_a_file_that_is_no_go_are_left_alone() -> None:
    lost = Diagnostic(tool="build", file="p.go", line=99, column=1, message="missing return")
    assert not apply_fixers("package p\n", [lost], Neighbours("p.go")).fixes
    assert apply_fixers("func {", [lost], Neighbours("p.go")) == Fixed("func {")


def test_every_fixer_is_tried_here() -> None:
    tried = {name for name, *_ in MENDED} | {"second-copy", "external-name", "wrong-verb"}
    tried |= {"plain-print", "spare-arguments", "ignored-results", "error-value"}
    assert tried == {name for name, _, _ in FIXERS}
