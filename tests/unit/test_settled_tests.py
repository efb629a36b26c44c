"""The Go text of tests from settled cases: tables, lives of objects, and what is compared how."""

import pytest

from guildbus.agents.golang.syntax import parse, syntax_fault
from guildbus.agents.oracle.go_checks import concrete, differs, duration, literal, quoted, tolerance_of
from guildbus.agents.oracle.go_lives import first_steps, life_test
from guildbus.agents.oracle.go_tables import row, table_of, table_test
from guildbus.agents.oracle.gotypes import Api, GoType
from guildbus.agents.oracle.literals import NoLiteral
from guildbus.agents.oracle.sequences import lives_in
from guildbus.agents.oracle.values import Json
from testimony import api

INT = GoType("int", "int", least=-(2**63), most=2**63 - 1)
STRING = GoType("string", "string")
FLOAT = GoType("float", "float64")
INTS = GoType("list", "[]int", elem=INT)
FAILED: Json = {"values": [None, {"error": ""}]}
EMPTY: Json = {"values": [None, {"error": "ErrEmpty"}]}


def table(signature: str | Api, *cases: tuple[list[Json], Json], sentinels: tuple[str, ...] = ()) -> str:
    """The test of the last callable, from (arguments, outcome) pairs."""
    found = api(signature) if isinstance(signature, str) else signature
    callable_ = found.callables[-1]
    made = [({"call": callable_.full_name, "args": args}, outcome) for args, outcome in cases]
    layout = table_of(callable_, found, [outcome for _, outcome in made], sentinels)
    text = table_test("TestSettled", layout, made)
    assert syntax_fault(parse(f"package kit\n\n{text}")) is None
    return text


class TestTables:
    def test_one_type_throughout_is_a_struct_of_one_line(self) -> None:
        assert table("func Reverse(s string) string", (["abc"], {"values": ["cba"]})) == (
            "func TestSettled(t *testing.T) {\n"
            "\tfor _, tt := range []struct{ s, want string }{\n"
            '\t\t{"abc", "cba"},\n'
            "\t} {\n"
            "\t\tif got := Reverse(tt.s); got != tt.want {\n"
            '\t\t\tt.Errorf("Reverse(%q) = %q; want %q", tt.s, got, tt.want)\n'
            "\t\t}\n\t}\n}\n"
        )

    def test_two_results_of_which_the_second_is_a_truth(self) -> None:
        text = table("func Find(s string, r rune) (int, bool)", (["ab", 98], {"values": [1, True]}))
        assert "{\"ab\", 'b', 1, true}," in text
        assert "if got, ok := Find(tt.s, tt.r); got != tt.want || ok != tt.wantOK {" in text
        assert "\t\tr rune\n\t\twant int\n\t\twantOK bool\n" in text

    def test_several_results_are_numbered(self) -> None:
        text = table("func Split(n int) (a, b int)", ([7], {"values": [3, 4]}))
        assert "if got1, got2 := Split(tt.n); got1 != tt.want1 || got2 != tt.want2 {" in text

    def test_where_nothing_fails_an_error_is_asked_not_to_be_there(self) -> None:
        text = table("func Parse(s string) (int, error)", (["7"], {"values": [7, None]}))
        assert "if got, err := Parse(tt.s); err != nil || got != tt.want {" in text
        assert "wantErr" not in text

    def test_an_error_without_a_name_is_asked_for_by_its_presence(self) -> None:
        text = table("func Parse(s string) (int, error)", (["7"], {"values": [7, None]}), (["x"], FAILED))
        assert '{"7", 7, false},' in text
        assert '{"x", 0, true},' in text
        assert "if (err != nil) != tt.wantErr {" in text
        assert "} else if err == nil && got != tt.want {" in text

    def test_an_error_that_the_code_declares_is_asked_for_by_name(self) -> None:
        cases = ((["7"], {"values": [7, None]}), ([""], EMPTY))
        text = table("func Parse(s string) (int, error)", *cases, sentinels=("ErrEmpty",))
        assert '{"", 0, ErrEmpty},' in text
        assert "wantErr error" in text
        assert "if !errors.Is(err, tt.wantErr) {" in text
        assert "(err != nil) != tt.wantErr" in table("func Parse(s string) (int, error)", *cases)

    def test_a_function_that_gives_an_error_alone(self) -> None:
        text = table("func Check(s string) error", (["a"], {"values": [None]}))
        assert "if err := Check(tt.s); err != nil {" in text
        text = table("func Check(s string) error", ([""], {"values": [{"error": ""}]}))
        assert "\t\terr := Check(tt.s)\n\t\tif (err != nil) != tt.wantErr {" in text

    def test_slices_maps_floats_and_deeper_things_are_compared_as_witnesses_do(self) -> None:
        assert "!slices.Equal(got, tt.want)" in table("func Sorted(xs []int) []int", ([[]], {"values": [[]]}))
        counts = table("func Count(s string) map[string]int", (["a"], {"values": [{"map": [["a", 1]]}]}))
        assert "!maps.Equal(got, tt.want)" in counts
        grid = table("func Grid(n int) [][]int", ([1], {"values": [[[1]]]}))
        assert "!reflect.DeepEqual(got, tt.want)" in grid
        mean = table("func Mean(xs []float64) float64", ([[1.0, 2.0]], {"values": [1.5]}))
        assert "math.Abs(got-tt.want) > 1e-9*math.Max(1, math.Abs(tt.want))" in mean

    def test_type_parameters_and_variadic_parameters(self) -> None:
        text = table("func Last[T any](xs ...T) T", ([[1, 2]], {"values": [2]}))
        assert "xs []int\n" in text
        assert "Last[int](tt.xs...)" in text
        assert '"Last(%v) = %v; want %v"' in text

    def test_a_method_on_a_plain_value_has_its_value_in_the_row(self) -> None:
        found = api("type Span struct {\n\tStart, End int\n}", "func (s Span) Holds(x int) bool")
        text = table(found, ([{"Start": 1, "End": 3}, 2], {"values": [True]}))
        assert "{Span{Start: 1, End: 3}, 2, true}," in text
        assert "if got := tt.s.Holds(tt.x); got != tt.want {" in text

    def test_a_parameter_without_a_usable_name_is_numbered(self) -> None:
        text = table("func Max(_ int, want int) int", ([1, 2], {"values": [2]}))
        assert "struct{ arg1, arg2, want int }" in text

    def test_a_panic_has_no_row(self) -> None:
        found = api("func Must(n int) int")
        with pytest.raises(NoLiteral):
            row(table_of(found.callables[0], found, [], ()), ({"call": "Must", "args": [1]}, {"panic": True}))


CACHE = api(
    "type Cache struct {\n\t// unexported fields\n}",
    "func New(capacity int) *Cache",
    "func (c *Cache) Put(key string, value int)",
    "func (c *Cache) Get(key string) (int, bool)",
    "func (c *Cache) Keys() []string",
    "func (c *Cache) Take(key string) (int, error)",
)
GATE = api(
    "type Timer struct {\n\t// unexported fields\n}",
    "func Open(limit time.Duration, now func() time.Time) (*Timer, error)",
    "func (t *Timer) Over() bool",
)


def life(found: Api, new: Json, steps: Json, *outcomes: Json, sentinels: tuple[str, ...] = ()) -> str:
    """The test of a sequence; an outcome is its values."""
    kind = next(iter(found.types))
    case = {"type": kind, "new": new, "steps": steps}
    text = life_test("TestSettled", case, {"steps": [{"values": one} for one in outcomes]}, found, sentinels)
    assert syntax_fault(parse(f"package kit\n\n{text}")) is None
    return text


class TestLives:
    def test_a_life_is_told_step_by_step(self) -> None:
        text = life(
            CACHE,
            ["New", [2]],
            [["Put", ["a", 1]], ["Get", ["a"]], ["Get", ["b"]]],
            [],
            [1, True],
            [0, False],
        )
        assert text == (
            "func TestSettled(t *testing.T) {\n"
            "\tc := New(2)\n"
            '\tc.Put("a", 1)\n'
            '\tif got, ok := c.Get("a"); got != 1 || !ok {\n'
            '\t\tt.Errorf(`Get("a") = %v, %v; want 1, true`, got, ok)\n\t}\n'
            '\tif got, ok := c.Get("b"); got != 0 || ok {\n'
            '\t\tt.Errorf(`Get("b") = %v, %v; want 0, false`, got, ok)\n\t}\n}\n'
        )

    def test_it_is_a_form_that_the_oracle_reads_again(self) -> None:
        steps = [["Put", ["a", 1]], ["Get", ["a"]]]
        text = life(CACHE, ["New", [2]], steps, [], [1, True])
        ((_, read),) = lives_in(parse(f"package kit\n\n{text}"), CACHE)
        assert read.case == {"type": "Cache", "new": ["New", [2]], "steps": steps}
        assert [one.value for one in read.looked] == [1, True]

    def test_slices_and_errors(self) -> None:
        steps = [["Keys", []], ["Take", ["a"]], ["Take", ["%"]]]
        gives: list[Json] = [["a"]], [4, None], [0, {"error": "ErrGone"}]
        text = life(CACHE, ["New", [1]], steps, *gives, sentinels=("ErrGone",))
        assert 'if got := c.Keys(); !slices.Equal(got, []string{"a"}) {' in text
        assert 'if got, err := c.Take("a"); got != 4 || err != nil {' in text
        assert 'if _, err := c.Take("%"); !errors.Is(err, ErrGone) {' in text
        assert '`Take("%%"): error %v; want ErrGone`' in text
        assert 'if _, err := c.Take("%"); err == nil {' in life(CACHE, ["New", [1]], steps, *gives)

    def test_a_clock_is_set_on_by_hand(self) -> None:
        steps = [["Over", []], ["@advance", [1.5]], ["Over", []]]
        text = life(GATE, ["Open", [1.5, None]], steps, [None], [False], [True])
        assert "\tnow := time.Unix(0, 0)\n" in text
        assert "timer, err := Open(1500*time.Millisecond, func()" in text.replace(" * ", "*")
        assert "\tif got := timer.Over(); got {\n" in text
        assert "\tnow = now.Add(1500 * time.Millisecond)\n" in text
        assert "\tif got := timer.Over(); !got {\n" in text

    def test_a_constructor_that_fails_or_is_all_that_is_asked(self) -> None:
        text = life(GATE, ["Open", [0, None]], [], [{"error": ""}])
        assert "if _, err := Open(0, func() time.Time { return now }); err == nil {" in text
        assert "\t_, err := Open(1 * time.Second, " in life(GATE, ["Open", [1, None]], [], [None])

    def test_a_life_in_which_nothing_is_looked_at_or_that_panics_is_not_written(self) -> None:
        with pytest.raises(NoLiteral):
            life(CACHE, ["New", [1]], [["Put", ["a", 1]]], [])
        case = {"type": "Cache", "new": ["New", [1]], "steps": [["Get", ["a"]]]}
        with pytest.raises(NoLiteral):
            life_test("TestSettled", case, {"steps": [{"panic": True}]}, CACHE, ())

    def test_a_beginning_has_the_steps_of_its_outcomes(self) -> None:
        steps = [["Over", []], ["@advance", [1.5]], ["Over", []], ["Over", []]]
        case = {"type": "Timer", "new": ["Open", [1, None]], "steps": steps}
        outcome = {"steps": [{"values": [one]} for one in (None, False, True, True)]}
        assert first_steps(case, outcome, 1, GATE)[0]["steps"] == []
        assert first_steps(case, outcome, 2, GATE)[0]["steps"] == steps[:1]
        cut, wanted = first_steps(case, outcome, 3, GATE)
        assert (cut["steps"], wanted) == (steps[:3], {"steps": outcome["steps"][:3]})


def test_what_cannot_be_seen_is_escaped() -> None:
    assert literal("a\ufeffb\u00a0é\u200d🙂", STRING) == '"a\\ufeffb\\u00a0é\\u200d🙂"'
    assert literal("\U000e0001", STRING) == '"\\U000e0001"'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0"),
        (3600.0, "3600 * time.Second"),
        (0.25, "250 * time.Millisecond"),
        (1e-9, "1 * time.Nanosecond"),
    ],
)
def test_durations_are_whole_numbers_of_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_tolerance_grows_with_what_it_is_about() -> None:
    assert (tolerance_of(0.5), tolerance_of(250.0)) == ("1e-9", "2.5e-7")
    assert differs("got", "250.0", FLOAT, 250.0) == "math.Abs(got-250.0) > 2.5e-7"


def test_a_struct_in_the_head_of_an_if_is_in_parentheses() -> None:
    point = GoType("struct", "Point", fields=(("X", INT),))
    assert differs("got", "Point{X: 1}", point, {"X": 1}) == "got != (Point{X: 1})"


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (GoType("list", "[]float64", elem=FLOAT), [1.0]),
        (GoType("list", "[][]int", elem=INTS), []),
        (GoType("list", "[][]int", elem=INTS), [[1], []]),
        (GoType("struct", "Row", fields=(("Cells", INTS),)), {"Cells": []}),
        (GoType("time", "time.Time"), 1.0),
    ],
)
def test_what_go_would_tell_apart_and_a_witness_would_not_is_not_compared(of: GoType, value: Json) -> None:
    with pytest.raises(NoLiteral):
        differs("got", "want", of, value)


def test_type_parameters_are_filled_in() -> None:
    pairs = GoType("map", "map[K][]V", key=STRING, elem=GoType("list", "[]V", elem=INT))
    assert concrete(pairs).text == "map[string][]int"
    assert concrete(GoType("list", "Row", elem=INT)).text == "Row"


def test_a_message_is_in_back_quotes_where_that_spares_escapes() -> None:
    assert (quoted("a"), quoted('a "b"'), quoted('`a` "b"')) == ('"a"', '`a "b"`', '"`a` \\"b\\""')
