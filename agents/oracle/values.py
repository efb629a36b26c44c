"""Values that cross between Go and Python, as canonical JSON, and when two of them are the same.

By type (`gotypes.py`):

    bool, string, int, rune (its code point), byte     true, "x", 5, 12371, 65
    float, time, duration (the last two in seconds)    1.5, "NaN", "+Inf", "-Inf"
    []byte, and a string that is no UTF-8              {"bytes": base64}
    slice, array (nil is empty)                        [..]
    map                                                {"map": [[key, value], ..]} sorted by key
    struct, pointer to a struct (nil is null)          {"Start": 1, "End": 2}
    error (nil is null)                                {"error": "ErrEmpty"}, or "" for one without a name

An outcome of one call is `{"values": [..]}`, `{"panic": true}` or `{"timeout": true}`; of a sequence
`{"steps": [..]}`. Next: `literals.py` (Go source of these values), `go_driver.py` and `py_driver.py`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from guildbus.agents.oracle.gotypes import GoType

TOLERANCE = 1e-9
"""Floats are the same to this relative (and, near zero, absolute) difference."""

Json = Any


def canonical(value: Json) -> str:
    """One text for equal values: sorted keys, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def same(left: Json, right: Json) -> bool:
    """Whether two values are equal; numbers to TOLERANCE, everything else exactly."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, int) and isinstance(right, int):
            return left == right
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def agree(left: Json, right: Json) -> bool:
    """Whether two outcomes are the same. An error without a name agrees with any error of its place.

    Beside an error the other results say nothing: Go gives zero values there, Python none.
    """
    if "steps" in left or "steps" in right:
        mine, yours = left.get("steps"), right.get("steps")
        return bool(mine is not None and yours is not None and len(mine) == len(yours)) and all(
            map(agree, mine, yours)
        )
    a, b = failure(left), failure(right)
    if a is None or b is None:
        return a is b and same(left, right)
    return not a or not b or a == b


def failure(outcome: Json) -> str | None:
    """The name of the error that an outcome ends in ('' for one without a name); None for no error."""
    values = outcome.get("values")
    last = values[-1] if values else None
    return str(last["error"]) if isinstance(last, Mapping) and last.keys() == {"error"} else None


def fits(value: Json, of: GoType) -> bool:
    """Whether a value that came from outside can be one of this type: kinds, ranges, lengths."""
    match of.kind:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return type(value) is int and of.least <= value <= of.most
        case "rune":
            return type(value) is int and 0 <= value <= 0x10FFFF
        case "byte":
            return type(value) is int and 0 <= value <= 255
        case "float" | "time" | "duration":
            return (type(value) in (int, float)) or value in ("NaN", "+Inf", "-Inf")
        case "string":
            return isinstance(value, str) or _is_tagged(value, "bytes")
        case "bytes":
            return _is_tagged(value, "bytes")
        case "error":
            return value is None or _is_tagged(value, "error")
        case "any":
            return value is None or isinstance(value, bool | int | float | str)
        case "list" | "array":
            length = of.length if of.kind == "array" else None
            return isinstance(value, list) and length in (None, len(value)) and _all_fit(value, of.elem)
        case "map":
            if not _is_tagged(value, "map") or not isinstance(value["map"], list):
                return False
            pairs = [pair for pair in value["map"] if isinstance(pair, list) and len(pair) == 2]
            keys, values = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            return len(pairs) == len(value["map"]) and _all_fit(keys, of.key) and _all_fit(values, of.elem)
        case "struct":
            names = dict(of.fields)
            return (
                isinstance(value, Mapping)
                and value.keys() == names.keys()
                and all(fits(value[name], names[name]) for name in names)
            )
        case "pointer":
            return value is None or (of.elem is not None and fits(value, of.elem))
    return False


def outcome_fits(outcome: Json, results: Sequence[GoType]) -> bool:
    """Whether an outcome of one call can be read as these results; errors and panics always can."""
    if not isinstance(outcome, Mapping):
        return False
    if outcome.keys() != {"values"}:
        return outcome.keys() in ({"panic"}, {"timeout"})
    values = outcome["values"]
    if failure(outcome) is not None:
        return bool(results) and results[-1].kind == "error"
    return len(values) == len(results) and all(map(fits, values, results))


def _all_fit(values: Sequence[Json], of: GoType | None) -> bool:
    return of is not None and all(fits(value, of) for value in values)


def _is_tagged(value: Json, tag: str) -> bool:
    return isinstance(value, Mapping) and value.keys() == {tag}


def breaks_off(outcome: Json) -> bool:
    """Whether a call, or some step of a sequence, ended in a panic or not at all."""
    return any("panic" in one or "timeout" in one for one in (outcome, *outcome.get("steps", ())))
