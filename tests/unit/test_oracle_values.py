"""Values across languages: one text for what is equal, and what agrees with what."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.values import TOLERANCE, Json, agree, canonical, failure, fits, outcome_fits, same
from guildbus.protocols.spec import Signature

INT = GoType("int", "int8", least=-128, most=127)
STRING = GoType("string", "string")
POINT = GoType("struct", "Point", fields=(("X", INT), ("Name", STRING)))

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8)
values = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_survives_its_text(value: Json) -> None:
    again = json.loads(canonical(value))
    assert again == value
    assert same(value, again)
    assert canonical(again) == canonical(value)


@given(st.dictionaries(st.text(max_size=4), scalars, max_size=5))
def test_the_order_of_keys_makes_no_difference(value: dict[str, Json]) -> None:
    assert canonical(dict(reversed(list(value.items())))) == canonical(value)


@given(values, values)
def test_same_is_symmetric_and_true_of_itself(left: Json, right: Json) -> None:
    assert same(left, left)
    assert same(left, right) == same(right, left)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1.0, 1.0 + TOLERANCE / 2, True),
        (1.0, 1.0 + TOLERANCE * 10, False),
        (1e12, 1e12 + 1, True),
        (2**62, 2**62 + 1, False),
        (1, 1.0, True),
        (True, 1, False),
        (False, 0.0, False),
        (0, None, False),
        ("1", 1, False),
        ("NaN", "NaN", True),
        ("+Inf", "-Inf", False),
        ([1, [2.0]], [1, [2.0 + 1e-12]], True),
        ([1], [1, 1], False),
        ({"a": 1.0}, {"a": 1.0 + 1e-12}, True),
        ({"a": 1}, {"b": 1}, False),
        ([], {}, False),
    ],
)
def test_numbers_have_a_tolerance_and_nothing_else(left: Json, right: Json, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


def test_an_integer_is_never_rounded() -> None:
    assert not same(10**18, 10**18 + 1)
    assert math.isclose(10**18, 10**18 + 1)


def error(name: str, *before: Json) -> Json:
    return {"values": [*before, {"error": name}]}


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ({"values": [1]}, {"values": [1]}, True),
        ({"values": [1]}, {"values": [2]}, False),
        ({"values": [1, None]}, {"values": [1, None]}, True),
        (error("ErrX"), error("ErrX", 0), True),
        (error(""), error("ErrX", 0), True),
        (error("ErrX"), error("ErrY"), False),
        (error("ErrX"), {"values": [0, None]}, False),
        ({"panic": True}, {"panic": True}, True),
        ({"panic": True}, {"timeout": True}, False),
        ({"panic": True}, {"values": [0]}, False),
        ({"steps": [{"values": [1]}]}, {"steps": [{"values": [1]}]}, True),
        ({"steps": [{"values": [1]}]}, {"steps": [{"values": [2]}]}, False),
        ({"steps": [{"values": [1]}]}, {"steps": []}, False),
        ({"steps": []}, {"values": []}, False),
        ({"steps": [error("")]}, {"steps": [error("ErrFull", 0)]}, True),
    ],
)
def test_when_outcomes_agree(left: Json, right: Json, equal: bool) -> None:
    assert agree(left, right) is equal
    assert agree(right, left) is equal


def test_the_error_of_an_outcome_is_its_last_value() -> None:
    assert failure(error("ErrX", 3)) == "ErrX"
    assert failure(error("")) == ""
    assert failure({"values": [None]}) is None
    assert failure({"values": [{"error": "x"}, 3]}) is None
    assert failure({"panic": True}) is None


@pytest.mark.parametrize(
    ("value", "of", "fit"),
    [
        (True, GoType("bool", "bool"), True),
        (1, GoType("bool", "bool"), False),
        (127, INT, True),
        (128, INT, False),
        (-129, INT, False),
        (True, INT, False),
        (1.0, INT, False),
        (0x10FFFF, GoType("rune", "rune"), True),
        (0x110000, GoType("rune", "rune"), False),
        (256, GoType("byte", "byte"), False),
        (1, GoType("float", "float64"), True),
        ("NaN", GoType("float", "float64"), True),
        ("nan", GoType("float", "float64"), False),
        ("x", STRING, True),
        ({"bytes": "/w=="}, STRING, True),
        (3, STRING, False),
        ([1], GoType("bytes", "[]byte"), False),
        (None, GoType("error", "error"), True),
        ({"error": ""}, GoType("error", "error"), True),
        ("ErrX", GoType("error", "error"), False),
        ([1, 2], GoType("list", "[]int8", elem=INT), True),
        ([1, 200], GoType("list", "[]int8", elem=INT), False),
        (None, GoType("list", "[]int8", elem=INT), False),
        ([1], GoType("array", "[2]int8", elem=INT, length=2), False),
        ({"map": [["a", 1]]}, GoType("map", "map", elem=INT, key=STRING), True),
        ({"map": [["a"]]}, GoType("map", "map", elem=INT, key=STRING), False),
        ({"a": 1}, GoType("map", "map", elem=INT, key=STRING), False),
        ({"map": 3}, GoType("map", "map", elem=INT, key=STRING), False),
        ({"X": 1, "Name": "n"}, POINT, True),
        ({"X": 1}, POINT, False),
        ({"X": 1, "Name": "n", "more": 1}, POINT, False),
        (None, GoType("pointer", "*Point", elem=POINT), True),
        ({"X": 1, "Name": "n"}, GoType("pointer", "*Point", elem=POINT), True),
        (3, GoType("object", "Stack"), False),
    ],
)
def test_what_fits_a_type(value: Json, of: GoType, fit: bool) -> None:
    assert fits(value, of) is fit


def test_what_fits_as_an_outcome() -> None:
    parse = read_api([Signature(name="P", text="func P(s string) (int, error)")]).callables[0].results
    gcd = read_api([Signature(name="G", text="func G(a int) int8")]).callables[0].results
    assert outcome_fits({"values": [3, None]}, parse)
    assert outcome_fits({"values": [{"error": ""}]}, parse)
    assert outcome_fits({"panic": True}, gcd)
    assert outcome_fits({"timeout": True}, gcd)
    assert not outcome_fits({"values": [{"error": ""}]}, gcd)
    assert not outcome_fits({"values": [200]}, gcd)
    assert not outcome_fits({"values": [3, 4]}, gcd)
    assert not outcome_fits({"none": "why"}, gcd)
    assert not outcome_fits([3], gcd)
