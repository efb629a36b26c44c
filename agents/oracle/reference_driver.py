"""Runs a reference program over cases, inside the sandbox: plain Python, nothing of guildbus.

    python -I reference_driver.py MARKER job.json

The job holds the program's source, declarations that it may have left out, the types (as `py_driver.py`
writes them), and the cases. Each case runs twice: as written, and with `%` and `//` on integers rounding as
Go's do. Where the two differ the outcome depends on the language, and says so. An exception that a program
raises on purpose is an error value; one that shows a mistake of the program itself is no value at all. One
line is printed for each case.
"""

import ast
import base64
import bisect
import collections
import dataclasses
import functools
import heapq
import itertools
import json
import math
import re
import signal
import string
import sys
import typing
import unicodedata
from collections.abc import Callable
from typing import Any

CASE_S = 0.5
TOO_SLOW = f"no answer within {CASE_S} s"
PATIENCE = 3
"""A callable that took too long this often is not tried again."""
MISTAKES = (
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    NotImplementedError,
    RecursionError,
    TypeError,
    SyntaxError,
)


COMMON = {
    module.__name__: module
    for module in (bisect, collections, functools, heapq, itertools, math, re, string, unicodedata)
} | {
    "dataclass": dataclasses.dataclass,
    "field": dataclasses.field,
    "Callable": Callable,
    "Optional": typing.Optional,
    "List": list,
    "Dict": dict,
    "Tuple": tuple,
    "Set": set,
    "Any": typing.Any,
    "Counter": collections.Counter,
    "defaultdict": collections.defaultdict,
    "deque": collections.deque,
    "OrderedDict": collections.OrderedDict,
}
"""Names that programs use and forget to import."""


Space = dict[str, Any]


class NoValueError(Exception):
    """What came back is no value of the stated type."""


class TooSlowError(BaseException):
    """The case took longer than CASE_S."""


class GoRounding(ast.NodeTransformer):
    """`a % b` and `a // b` become calls that round towards zero for integers, as Go does."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        names = {ast.Mod: "_guildbus_mod", ast.FloorDiv: "_guildbus_div"}
        name = names.get(type(node.op))
        if name is None:
            return node
        call = ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def go_div(a: Any, b: Any) -> Any:
    """`//` as Go divides integers."""
    if type(a) is not int or type(b) is not int:
        return a // b
    whole = abs(a) // abs(b)
    return whole if (a < 0) == (b < 0) else -whole


def go_mod(a: Any, b: Any) -> Any:
    """`%` as Go has it for integers."""
    return a - go_div(a, b) * b if type(a) is int and type(b) is int else a % b


def load(source: str, preamble: str, *, rounding: bool) -> Space:
    """The program's names."""
    tree = ast.parse(source)
    if rounding:
        tree = ast.fix_missing_locations(GoRounding().visit(tree))
    space = {**COMMON, "__name__": "reference", "_guildbus_mod": go_mod, "_guildbus_div": go_div}
    sys.modules["reference"] = type(sys)("reference")
    exec(compile(preamble, "preamble", "exec"), space)
    exec(compile(tree, "reference", "exec"), space)
    return space


def decode(value: Any, of: Any, space: Space, clock: list[float]) -> Any:
    """A canonical value as the program wants it."""
    kind = of["kind"]
    if kind == "rune":
        return chr(value)
    if kind == "bytes":
        return base64.b64decode(value["bytes"])
    if kind == "float" and isinstance(value, str):
        return float(value)
    if kind in ("list", "array"):
        return [decode(each, of["elem"], space, clock) for each in value]
    if kind == "map":
        pairs = value["map"]
        return {decode(k, of["key"], space, clock): decode(v, of["elem"], space, clock) for k, v in pairs}
    if kind == "struct":
        fields = [decode(value[name], f, space, clock) for name, _, f in of["fields"]]
        return space[of["text"]](*fields)
    if kind == "pointer":
        return None if value is None else decode(value, of["elem"], space, clock)
    if kind == "clock":
        return lambda: clock[0]
    return value


def encode(value: Any, of: Any) -> Any:
    """What the program gave, as a canonical value. Raises NoValueError."""
    kind = of["kind"]
    if kind == "bool" and type(value) is bool:
        return value
    if kind in ("int", "byte") and type(value) is int:
        return value
    if kind in ("float", "time", "duration") and type(value) in (int, float):
        special = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
        return special.get(repr(float(value)), value)
    if kind == "string" and type(value) is str:
        value.encode("utf-8")
        return value
    if kind == "rune" and type(value) is str and len(value) == 1:
        return ord(value)
    if kind == "bytes" and isinstance(value, bytes | bytearray):
        return {"bytes": base64.b64encode(value).decode()}
    if kind in ("list", "array") and (value is None or isinstance(value, list | tuple)):
        return [encode(each, of["elem"]) for each in value or ()]
    if kind == "map" and (value is None or isinstance(value, dict)):
        pairs = [[encode(k, of["key"]), encode(v, of["elem"])] for k, v in (value or {}).items()]
        return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0], separators=(",", ":")))}
    if kind == "struct" and dataclasses.is_dataclass(value):
        return {name: encode(getattr(value, attribute), f) for name, attribute, f in of["fields"]}
    if kind == "pointer":
        return None if value is None else encode(value, of["elem"])
    if kind == "any" and (value is None or isinstance(value, bool | int | float | str)):
        return value
    if kind == "error" and (value is None or isinstance(value, Exception)):
        return None if value is None else {"error": type(value).__name__}
    raise NoValueError(f"{value!r:.80} is no {of['text']}")


def call(function: Callable[..., Any], shape: Any, args: Any, space: Space, clock: list[float]) -> Any:
    """The outcome of one call."""
    parts: list[Any] = []
    for parameter, value in zip(shape["parameters"], args, strict=True):
        decoded = decode(value, parameter["type"], space, clock)
        parts += decoded if parameter["variadic"] else [decoded]
    try:
        result = function(*parts)
    except MISTAKES as mistake:
        raise NoValueError(f"{type(mistake).__name__}: {mistake}") from mistake
    except Exception as error:
        if not shape["fails"]:
            raise NoValueError(f"{type(error).__name__}: {error}") from error
        name = type(error).__name__
        return {"values": [{"error": name if name.startswith("Err") else ""}]}, None
    results = shape["results"][:-1] if shape["fails"] else shape["results"]
    given = list(result) if len(results) > 1 and isinstance(result, tuple) else [result]
    if not results:
        given = []
    if len(given) != len(results):
        raise NoValueError(f"{len(given)} results where {len(results)} were stated")
    shown = [encode(value, of) for value, of in zip(given, results, strict=True)]
    return {"values": shown + [None] * shape["fails"]}, result


def run(case: Any, shapes: Any, space: Space) -> Any:
    """The outcome of one case."""
    clock = [0.0]
    if "call" in case:
        shape = shapes[case["call"]]
        return call(space[shape["python"]], shape, case["args"], space, clock)[0]
    name, args = case["new"]
    shape = shapes[name]
    made: dict[str, Any] = {}

    def construct(*parts: Any) -> None:
        made["it"] = space[shape["python"]](*parts)

    first, _ = call(
        construct, {**shape, "results": shape["results"][-1:] * shape["fails"]}, args, space, clock
    )
    steps = [first] if len(shape["results"]) > 1 else []
    if "it" not in made:
        return {"steps": steps}
    for method, given in case["steps"]:
        if method == "@advance":
            clock[0] += given[0]
            continue
        shape = shapes[f"{case['type']}.{method}"]
        steps.append(call(getattr(made["it"], shape["python"]), shape, given, space, clock)[0])
    return {"steps": steps}


def attempt(case: Any, shapes: Any, space: Space) -> Any:
    """The outcome of one case, whatever the program does."""
    signal.setitimer(signal.ITIMER_REAL, CASE_S)
    try:
        return run(case, shapes, space)
    except TooSlowError:
        return {"none": TOO_SLOW}
    except Exception as error:  # noqa: BLE001 - whatever a program raises, it is no value
        return {"none": f"{error}" or type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_slow(_number: int, _frame: object) -> None:
    """The case's time is over."""
    raise TooSlowError


def main() -> None:
    """Run all cases of the job."""
    marker = sys.argv[1]
    with open(sys.argv[2], encoding="utf-8") as file:
        job = json.load(file)
    out, sys.stdout = sys.stdout, sys.stderr
    signal.signal(signal.SIGALRM, too_slow)
    plain = load(job["source"], job["preamble"], rounding=False)
    rounded = load(job["source"], job["preamble"], rounding=True)
    slow: collections.Counter[str] = collections.Counter()
    for number, case in enumerate(job["cases"]):
        subject = case.get("call") or case["type"]
        if slow[subject] >= PATIENCE:
            continue
        outcome = attempt(case, job["shapes"], plain)
        if outcome == {"none": TOO_SLOW}:
            slow[subject] += 1
        elif "none" not in outcome and attempt(case, job["shapes"], rounded) != outcome:
            outcome["divergent"] = True
        print(marker, number, json.dumps(outcome), file=out, flush=True)


if __name__ == "__main__":
    main()
