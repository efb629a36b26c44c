"""The rows that a test states, in every shape that small models write; what is not certain is left out."""

import pytest

from guildbus.agents.oracle.rows import Row, rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.spec import Signature

API = read_api(
    [
        Signature(name="GCD", text="func GCD(a, b int) int"),
        Signature(name="IsPalindrome", text="func IsPalindrome(s string) bool"),
        Signature(name="Reverse", text="func Reverse(s string) string"),
        Signature(name="Parse", text="func Parse(s string) (int, error)"),
        Signature(name="Sorted", text="func Sorted(xs []int) []int"),
        Signature(name="Sum", text="func Sum(xs ...int) int"),
        Signature(name="DivMod", text="func DivMod(a, b int) (int, int)"),
    ]
)
IF_GOT = 'if got := GCD(tt.a, tt.b); got != tt.want { t.Errorf("GCD(%d, %d) = %d", tt.a, tt.b, got) }'
FIELDS = "struct{ a, b, want int }"


def read(
    body: str, *, above: str = "", package: str = "p", imports: str = '"testing"; "reflect"'
) -> list[Row]:
    source = f"package {package}\n\nimport ({imports})\n\n{above}\nfunc TestX(t *testing.T) {{\n{body}\n}}\n"
    rows = list(rows_in(source, API))
    for row in rows:
        assert row.test == "TestX"
        for one in row.expected:
            literal = source.encode()[one.start : one.end].decode()
            assert literal, "an expectation has its literal's place"
            assert source.count("\n", 0, source.encode()[: one.start].decode().__len__()) + 1 == one.line
    return rows


def shown(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(row.case["call"], *row.case["args"], *(one.value for one in row.expected)) for row in rows]


@pytest.mark.parametrize(
    "body",
    [
        f"for _, tt := range []{FIELDS}{{{{8, 15, 1}}, {{0, 5, 5}}}} {{ {IF_GOT} }}",
        f"tests := []{FIELDS}{{\n{{8, 15, 1}},\n{{0, 5, 5}},\n}}\nfor _, tt := range tests {{ {IF_GOT} }}",
        (
            f"var tests = []{FIELDS}{{{{a: 8, b: 15, want: 1}}, {{b: 5, want: 5, a: 0}}}}\n"
            f"for _, tt := range tests {{ {IF_GOT} }}"
        ),
        (
            'tests := []struct {\nname string\na int\nb int\nwant int\n}{{"x", 8, 15, 1}, {"y", 0, 5, 5}}\n'
            "for _, tt := range tests {\nt.Run(tt.name, func(t *testing.T) {\ngot := GCD(tt.a, tt.b)\n"
            'if got != tt.want {\nt.Errorf("GCD(%d, %d) = %d, want %d", tt.a, tt.b, got, tt.want)\n}\n})\n}'
        ),
        f"for _, tt := range []*{FIELDS}{{{{8, 15, 1}}, {{0, 5, 5}}}} {{ tt := tt\n{IF_GOT} }}",
        (
            f'for name, tt := range map[string]{FIELDS}{{"x": {{8, 15, 1}}, "y": {{0, 5, 5}}}} {{\n'
            f"t.Run(name, func(t *testing.T) {{ {IF_GOT} }}) }}"
        ),
        'if got := GCD(8, 15); got != 1 { t.Error(got) }\nif 5 != GCD(0, 5) { t.Fatal("no") }',
        "got := GCD(8, 15)\nif got != 1 { t.Error(got) }\ngot = GCD(0, 5)\nif got != 5 { t.Error(got) }",
        (
            't.Run("a", func(t *testing.T) { if GCD(8, 15) != 1 { t.Fail() } })\n'
            't.Run("b", func(t *testing.T) { got := GCD(0, 5)\nwant := 5\nif got != want { t.FailNow() } })'
        ),
        (
            'if got := GCD(8, 15); got == 1 { t.Log("fine") } else { t.Error(got) }\n'
            "if got := GCD(0, 5); !(got == 5) { t.Error(got) }"
        ),
    ],
)
def test_every_shape_of_a_table_is_read(body: str) -> None:
    assert shown(read(body)) == [("GCD", 8, 15, 1), ("GCD", 0, 5, 5)]


def test_a_row_type_declared_by_name_is_read() -> None:
    above = "type gcdCase struct {\n\ta, b int\n\twant int\n}\n"
    body = f"for _, tt := range []gcdCase{{{{8, 15, 1}}, {{a: 0, b: 5, want: 5}}}} {{ {IF_GOT} }}"
    assert shown(read(body, above=above)) == [("GCD", 8, 15, 1), ("GCD", 0, 5, 5)]


def test_a_map_of_plain_values_is_a_table() -> None:
    body = 'for in, want := range map[string]bool{"aba": true, "ab": false} {\n'
    body += 'if got := IsPalindrome(in); got != want { t.Errorf("%q", in) } }'
    assert shown(read(body)) == [("IsPalindrome", "aba", True), ("IsPalindrome", "ab", False)]


def test_strings_are_read_with_their_escapes() -> None:
    body = 'tests := []struct{ in, want string }{{"a\\n\\u00e9", "é\\na"}, {`x"y`, "y\\"x"}}\n'
    body += "for _, tc := range tests { if got := Reverse(tc.in); got != tc.want { t.Error(got) } }"
    assert shown(read(body)) == [("Reverse", "a\né", "é\na"), ("Reverse", 'x"y', 'y"x')]


@pytest.mark.parametrize("equal", ["reflect.DeepEqual", "slices.Equal"])
def test_slices_are_compared_through_a_call(equal: str) -> None:
    body = "tests := []struct{ in, want []int }{{[]int{2, 1}, []int{1, 2}}, {nil, []int{}}}\n"
    body += (
        f"for _, tt := range tests {{ if got := Sorted(tt.in); !{equal}(got, tt.want) {{ t.Error(got) }} }}"
    )
    assert shown(read(body)) == [("Sorted", [2, 1], [1, 2]), ("Sorted", [], [])]


def test_an_error_beside_a_value_is_not_the_value() -> None:
    body = 'got, err := Parse("3")\nif err != nil { t.Fatal(err) }\nif got != 3 { t.Error(got) }\n'
    body += 'if v, err := Parse("4"); err != nil || v != 4 { t.Error(v, err) }\n'
    body += 'if v, err := Parse("5"); err == nil && v != 5 { t.Error(v, err) }'
    assert shown(read(body)) == [("Parse", "3", 3), ("Parse", "4", 4), ("Parse", "5", 5)]


def test_two_results_are_two_expectations() -> None:
    body = "q, r := DivMod(7, 2)\nif q != 3 || r != 1 { t.Error(q, r) }"
    [row] = read(body)
    assert [(one.result, one.value) for one in row.expected] == [(0, 3), (1, 1)]


def test_a_variadic_call_has_one_list() -> None:
    assert shown(read("if Sum(1, 2, 3) != 6 { t.Fail() }\nif Sum() != 0 { t.Fail() }")) == [
        ("Sum", [1, 2, 3], 6),
        ("Sum", [], 0),
    ]


def test_an_external_test_package_names_the_code_by_its_package() -> None:
    imports = '"testing"; "strings"; "example.com/p"'
    body = "if p.GCD(8, 15) != 1 { t.Fail() }\nif strings.GCD(1, 2) != 3 { t.Fail() }"
    assert shown(read(body, package="p_test", imports=imports)) == [("GCD", 8, 15, 1)]


@pytest.mark.parametrize(
    "body",
    [
        'if GCD(8, 15) == 4 { t.Error("must not be") }',
        'if IsPalindrome("ab") == true { t.Fail() }',
        "if reflect.DeepEqual(Sorted([]int{1}), []int{2}) { t.Fail() }",
        "got := GCD(8, 15)\nif got != 1 && got != -1 { t.Fail() }",
        "got := GCD(8, 15)\nif got != 1 || got != 2 { t.Fail() }",
        "got := GCD(8, 15)\nif got != 1 { t.Log(got) }",
        "got := GCD(8, 15)\nif got != 1 { found = true }",
        "got := GCD(8, 15)\ngot++\nif got != 2 { t.Fail() }",
        "got := GCD(8, 15)\ngot--\nif got != 2 { t.Fail() }",
        "got := GCD(8, 15)\ngot += 2\nif got != 2 { t.Fail() }",
        "got := GCD(8, 15) * 2\nif got != 2 { t.Fail() }",
        "if GCD(8, 15) < 1 { t.Fail() }",
        "if GCD(GCD(8, 4), 15) != 1 { t.Fail() }",
        "if GCD(n, 15) != 1 { t.Fail() }",
        "if GCD(8, 15) != compute() { t.Fail() }",
        "if GCD(8) != 1 { t.Fail() }",
        "if GCD(8, 15, 3) != 1 { t.Fail() }",
        'if GCD(8, "15") != 1 { t.Fail() }',
        "if GCD(8, 99999999999999999999) != 1 { t.Fail() }",
        "GCD := func(a, b int) int { return 7 }\nif GCD(8, 15) != 1 { t.Fail() }",
        "want := 1\nwant++\nif GCD(8, 15) != want { t.Fail() }",
        f"for _, tt := range []{FIELDS}{{{{8, 15, 1}}}} {{ tt.want++\n{IF_GOT} }}",
        f"tests := []{FIELDS}{{{{8, 15, 1}}}}\ntests[0].want = 3\nfor _, tt := range tests {{ {IF_GOT} }}",
        f"for _, tt := range []{FIELDS}{{{{8, 15}}}} {{ {IF_GOT} }}",
        'for _, in := range []string{"a", "b"} { if IsPalindrome(in) != true { t.Fail() } }',
        (
            "for _, n := range []int{3, 4} { for _, tt := range []struct{ want int }{{1}} {\n"
            "if GCD(n, 2) != tt.want { t.Fail() } } }"
        ),
    ],
)
def test_what_is_not_certain_is_left_out(body: str) -> None:
    assert read(body) == []


def test_a_case_in_a_function_that_is_no_test_is_left_out() -> None:
    above = "func check(t *testing.T) { if GCD(8, 15) != 1 { t.Fail() } }"
    assert read("check(t)", above=above) == []


def test_an_unreadable_row_does_not_hide_its_neighbours() -> None:
    body = f"for _, tt := range []{FIELDS}{{{{8, 15, 1}}, {{n, 1, 1}}, {{0, 5, 5}}}} {{ {IF_GOT} }}"
    assert shown(read(body)) == [("GCD", 8, 15, 1), ("GCD", 0, 5, 5)]
