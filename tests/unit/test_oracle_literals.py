"""Go literals of values: what is written is read again, through the real grammar."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.go_fragments import expression
from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.literals import (
    NoLiteral,
    read_call,
    read_literal,
    write_call,
    write_literal,
    zero,
)
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import Json, fits, same
from guildbus.protocols.spec import Signature

BOOL = GoType("bool", "bool")
INT = GoType("int", "int", least=-(2**63), most=2**63 - 1)
SMALL = GoType("int", "int8", least=-128, most=127)
FLOAT = GoType("float", "float64")
STRING = GoType("string", "string")
RUNE = GoType("rune", "rune")
BYTE = GoType("byte", "byte")
ERROR = GoType("error", "error")
BYTES = GoType("bytes", "[]byte")

leaves = st.sampled_from([BOOL, INT, SMALL, FLOAT, STRING, RUNE, BYTE])
letters = st.characters(exclude_categories=("Cs",))


def listed(of: GoType) -> GoType:
    return GoType("list", f"[]{of.text}", elem=of)


def struct(parts: list[GoType]) -> GoType:
    return GoType("struct", "Row", fields=tuple((f"F{n}", part) for n, part in enumerate(parts)))


types = st.recursive(
    leaves,
    lambda inner: (
        inner.map(listed)
        | inner.map(lambda of: GoType("array", f"[2]{of.text}", elem=of, length=2))
        | inner.map(lambda of: GoType("map", f"map[string]{of.text}", key=STRING, elem=of))
        | st.lists(inner, min_size=1, max_size=3).map(struct)
        | st.lists(leaves, min_size=1, max_size=2)
        .map(struct)
        .map(lambda of: GoType("pointer", "*Row", elem=of))
    ),
    max_leaves=4,
)


def values(of: GoType) -> st.SearchStrategy[Json]:
    plain: dict[str, st.SearchStrategy[Json]] = {
        "bool": st.booleans(),
        "int": st.integers(of.least, of.most),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "string": st.text(letters, max_size=8),
        "rune": letters.map(ord),
        "byte": st.integers(0, 255),
    }
    if of.kind in plain:
        return plain[of.kind]
    if of.kind == "struct":
        return st.fixed_dictionaries({name: values(part) for name, part in of.fields})
    assert of.elem is not None
    if of.kind == "list":
        return st.lists(values(of.elem), max_size=3)
    if of.kind == "array":
        return st.lists(values(of.elem), min_size=of.length, max_size=of.length)
    if of.kind == "pointer":
        return st.none() | values(of.elem)
    pairs = st.lists(
        st.tuples(st.text("abc", max_size=2), values(of.elem)), max_size=3, unique_by=lambda p: p[0]
    )
    return pairs.map(lambda found: {"map": [list(pair) for pair in sorted(found)]})


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    of = data.draw(types)
    value = data.draw(values(of))
    text = write_literal(value, of)
    again = read_literal(text, of)
    assert fits(again, of)
    assert same(again, value), text


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_zero_value_is_a_value_and_has_a_literal(data: st.DataObject) -> None:
    of = data.draw(types)
    assert fits(zero(of), of)
    assert same(read_literal(write_literal(zero(of), of), of), zero(of))


@pytest.mark.parametrize(
    ("text", "of", "value"),
    [
        ("0x1F", INT, 31),
        ("0b101", INT, 5),
        ("0o17", INT, 15),
        ("017", INT, 15),
        ("1_000", INT, 1000),
        ("-5", INT, -5),
        ("+5", INT, 5),
        ("-(5)", INT, -5),
        ("math.MaxInt64", INT, 2**63 - 1),
        ("math.MinInt64", INT, -(2**63)),
        ("int(7)", INT, 7),
        ("3", FLOAT, 3.0),
        ("-1.5e3", FLOAT, -1500.0),
        (".5", FLOAT, 0.5),
        ('"a\\tb\\u00e9"', STRING, "a\tbé"),
        ("`a\\tb`", STRING, "a\\tb"),
        ("'é'", RUNE, 233),
        ("'\\n'", RUNE, 10),
        ("'\\''", RUNE, 39),
        ("'\"'", RUNE, 34),
        ("'a'", INT, 97),
        ("[]int{1, -2}", listed(INT), [1, -2]),
        ("[]int(nil)", listed(INT), []),
        ("nil", listed(INT), []),
        ("[][]int{{1}, nil, {}}", listed(listed(INT)), [[1], [], []]),
        ('map[string]int{"b": 2, "a": 1}', GoType("map", "map[string]int", key=STRING, elem=INT),
         {"map": [["a", 1], ["b", 2]]}),
        ("Row{1, true}", struct([INT, BOOL]), {"F0": 1, "F1": True}),
        ("Row{F1: true}", struct([INT, BOOL]), {"F0": 0, "F1": True}),
        ("Row{}", struct([INT, BOOL]), {"F0": 0, "F1": False}),
        ("[]Row{{1}, {F0: 2}}", listed(struct([INT])), [{"F0": 1}, {"F0": 2}]),
        ("&Row{1}", GoType("pointer", "*Row", elem=struct([INT])), {"F0": 1}),
        ("nil", GoType("pointer", "*Row", elem=struct([INT])), None),
        ('[]byte("é")', BYTES, {"bytes": "w6k="}),
        ("nil", ERROR, None),
    ],
)  # fmt: skip
def test_what_people_write_is_read(text: str, of: GoType, value: Json) -> None:
    assert read_literal(text, of) == value


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("x", INT),
        ("1 + 2", INT),
        ("len(s)", INT),
        ("128", SMALL),
        ("-129", SMALL),
        ("true", INT),
        ("1", BOOL),
        ('"1"', INT),
        ("1", STRING),
        ("1.5", INT),
        ("-true", INT),
        ('-"a"', STRING),
        ('"\\xff"', STRING),
        ("'ab'", RUNE),
        ("nil", INT),
        ("nil", STRING),
        ('errors.New("x")', ERROR),
        ("ErrX", ERROR),
        ("[]int{1, x}", listed(INT)),
        ("[]int{2: 1}", listed(INT)),
        ("Row{1}", struct([INT, BOOL])),
        ("Row{Other: 1}", struct([INT])),
        ("[2]int{1}", GoType("array", "[2]int", elem=INT, length=2)),
        ("1 2", INT),
        ("", INT),
        ("strconv.Itoa(3)", STRING),
        ("time.Now()", GoType("time", "time.Time")),
    ],
)
def test_what_is_not_certain_is_no_literal(text: str, of: GoType) -> None:
    with pytest.raises(NoLiteral):
        read_literal(text, of)


@pytest.mark.parametrize(
    ("value", "of"),
    [
        ({"error": "ErrX"}, ERROR),
        (3.0, GoType("time", "time.Time")),
        ("NaN", FLOAT),
        ({"bytes": "/w=="}, STRING),
        (None, GoType("object", "Stack")),
    ],
)
def test_what_go_has_no_literal_for_is_not_written(value: Json, of: GoType) -> None:
    with pytest.raises(NoLiteral):
        write_literal(value, of)


def test_a_call_is_read_and_shown() -> None:
    found = read_api([Signature(name="J", text="func Join(sep string, parts ...string) string")]).callables[0]
    node = expression('Join(",", "a", "b")')
    assert node is not None
    case = read_call(node, found)
    assert case == {"call": "Join", "args": [",", ["a", "b"]]}
    assert write_call(found, case["args"]) == 'Join(",", "a", "b")'


@pytest.mark.parametrize("text", ["GCD(1)", "GCD(1, 2, 3)", "GCD()", "GCD(a, 2)"])
def test_a_call_with_other_arguments_is_no_case(text: str) -> None:
    found = read_api([Signature(name="G", text="func GCD(a, b int) int")]).callables[0]
    node = expression(text)
    assert node is not None
    with pytest.raises(NoLiteral):
        read_call(node, found)
