"""Python's built-in functions, and the few of package math that small programs use. Pure.

Next: `methods.py`.
"""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from guildbus.agents.carrying.displays import looped
from guildbus.agents.carrying.loops import walkable
from guildbus.agents.carrying.types import (
    BOOL,
    EMPTY_DICT,
    EMPTY_LIST,
    FLOAT,
    INT,
    RUNE,
    STRING,
    NotCarried,
    StillOpen,
    Value,
    by_runes,
    copied,
    element,
    fitted,
    is_ordered,
    length,
    list_of,
    negated,
)
from guildbus.agents.oracle.gotypes import GoType

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer

_MATH = {"sqrt": "math.Sqrt", "log": "math.Log", "exp": "math.Exp", "sin": "math.Sin", "cos": "math.Cos"}
_ROUNDED = {"floor": "math.Floor", "ceil": "math.Ceil", "trunc": "math.Trunc"}


def power(first: Value, second: Value) -> Value:
    """`**`."""
    if first.type.kind == second.type.kind == "int":
        return Value(f"power({first.text}, {second.text})", INT)
    return Value(f"math.Pow({fitted(first, FLOAT).text}, {fitted(second, FLOAT).text})", FLOAT)


def constant_of_math(name: str) -> Value:
    """`math.pi` and its like."""
    found = {"pi": "math.Pi", "e": "math.E", "inf": "math.Inf(1)", "nan": "math.NaN()"}.get(name)
    if found is None:
        raise NotCarried(f"math.{name}")
    return Value(found, FLOAT)


def math_call(w: "Writer", name: str, args: list[ast.expr]) -> Value:
    if name == "gcd" and len(args) == 2:
        return Value(f"gcd({w.value(args[0], INT).text}, {w.value(args[1], INT).text})", INT)
    if name in _ROUNDED and len(args) == 1:
        return Value(f"int({_ROUNDED[name]}({w.value(args[0], FLOAT).text}))", INT)
    if name in _MATH and len(args) == 1:
        return Value(f"{_MATH[name]}({w.value(args[0], FLOAT).text})", FLOAT)
    raise NotCarried(f"math.{name}")


def only(node: ast.Call) -> ast.expr:
    if len(node.args) != 1 or node.keywords:
        raise NotCarried(f"`{ast.unparse(node)}`")
    return node.args[0]


def _len(w: "Writer", node: ast.Call) -> Value:
    held = w.value(only(node))
    return Value(length(fitted(held, STRING) if held.type.kind == "rune" else held), INT)


def _abs(w: "Writer", node: ast.Call) -> Value:
    held = w.value(only(node))
    name = "math.Abs" if held.type.kind == "float" else "abs"
    return Value(f"{name}({held.text})", held.type)


def _extreme(name: str) -> Callable[["Writer", ast.Call], Value]:
    """`min` and `max`: of two or more values, or of a list."""

    def write(w: "Writer", node: ast.Call) -> Value:
        if node.keywords:
            raise NotCarried(f"{name} by a key")
        if len(node.args) == 1:
            held = w.value(node.args[0])
            return Value(f"slices.{name.capitalize()}({held.text})", element(held.type))
        found = w.values(node.args)
        of = FLOAT if any(one.type.kind == "float" for one in found) else found[0].type
        return Value(f"{name}({', '.join(fitted(one, of).text for one in found)})", of)

    return write


def _divided(w: "Writer", node: ast.Call) -> Value:
    """`divmod`, where it is taken apart."""
    first, second = (w.value(arg, INT).operand for arg in node.args)
    fields = (("quotient", INT), ("remainder", INT))
    return Value(f"{first} / {second}, {first} % {second}", GoType("struct", "", fields=fields))


def _sum(w: "Writer", node: ast.Call) -> Value:
    held = w.value(only(node))
    if element(held.type).kind not in ("int", "float"):
        raise NotCarried(f"the sum of {held.type.text}")
    return Value(f"sum({held.text})", element(held.type))


def _quantified(every: bool) -> Callable[["Writer", ast.Call], Value]:
    """`all` and `any` of a generator: a loop that ends where it is decided."""

    def write(w: "Writer", node: ast.Call) -> Value:
        over = only(node)
        if not isinstance(over, ast.GeneratorExp | ast.ListComp):
            raise NotCarried(f"`{ast.unparse(node)}`")
        name = w.fresh("each" if every else "some")
        w.emit(f"{name} := {'true' if every else 'false'}")

        def body() -> None:
            test = w.condition(over.elt)
            w.emit(f"if {negated(test).text if every else test.text} {{")
            w.emit(f"{name} = {'false' if every else 'true'}")
            w.emit("break")
            w.emit("}")

        looped(w, over.generators, body)
        return Value(name, BOOL)

    return write


def _sorted(w: "Writer", node: ast.Call) -> Value:
    held = w.value(node.args[0])
    if held.type.kind == "map":
        if held.type.key is None:
            raise StillOpen("a dict is gone through")
        keys = f"{held.operand}.keys" if is_ordered(held.type) else f"slices.Collect(maps.Keys({held.text}))"
        held = Value(keys, list_of(held.type.key))
    held = by_runes(held)
    element(held.type)
    name = w.kept(Value(copied(held).text, held.type), "sorted")
    sort_in_place(w, name, node.keywords)
    return name


def sort_in_place(w: "Writer", held: Value, keywords: list[ast.keyword]) -> None:
    """`list.sort`, which keeps the order of equals."""
    given = {keyword.arg: keyword.value for keyword in keywords}
    backwards = given.pop("reverse", None)
    if backwards is not None and not isinstance(backwards, ast.Constant):
        raise NotCarried("an order that is worked out")
    downwards = isinstance(backwards, ast.Constant) and bool(backwards.value)
    key = given.pop("key", None)
    if given:
        raise NotCarried("sorting in another way")
    elem = element(held.type)
    if key is None and elem.kind in ("int", "float", "string", "rune") and not downwards:
        w.emit(f"slices.Sort({held.text})")
        return
    sides = [f"{held.text}[i]", f"{held.text}[j]"]
    if key is None:
        keys = [[side] for side in sides]
    elif isinstance(key, ast.Lambda) and len(key.args.args) == 1:
        keys = [_keys(w, key, side, elem) for side in sides]
    else:
        raise NotCarried(f"sorting by `{ast.unparse(key)}`")
    w.emit(f"sort.SliceStable({held.text}, func(i, j int) bool {{")
    sign = ">" if downwards else "<"
    for first, second in list(zip(*keys, strict=True))[:-1]:
        w.emit(f"if {first} != {second} {{")
        w.emit(f"return {first} {sign} {second}")
        w.emit("}")
    w.emit(f"return {keys[0][-1]} {sign} {keys[1][-1]}")
    w.emit("})")


def _keys(w: "Writer", key: ast.Lambda, side: str, elem: GoType) -> list[str]:
    """What a lambda gives for one element, written out."""
    name = key.args.args[0].arg
    parts = key.body.elts if isinstance(key.body, ast.Tuple) else [key.body]
    with w.shadowing([name]):
        w.types[name], w.names[name] = elem, side
        found, lines = w.apart(lambda: w.values(parts))
    if lines or any(one.type.kind not in ("int", "float", "string", "rune") for one in found):
        raise NotCarried("sorting by what is worked out")
    return [one.operand for one in found]


def _int(w: "Writer", node: ast.Call) -> Value:
    held = w.value(only(node))
    if held.type.kind in ("int", "float"):
        return held if held.type == INT else Value(f"int({held.text})", INT)
    if held.type.kind == "rune":
        return Value(f"int({fitted(held, RUNE).operand} - '0')", INT)
    if held.type.kind == "bool":
        raise NotCarried("a truth value as a number")
    number, error = w.fresh("number"), w.fresh("err")
    w.emit(f"{number}, {error} := strconv.Atoi({held.text})")
    w.emit(f"if {error} != nil {{")
    w.emit(w.failure(error))
    w.emit("}")
    return Value(number, INT)


def _float(w: "Writer", node: ast.Call) -> Value:
    match only(node):
        case ast.Constant(value="inf"):
            return Value("math.Inf(1)", FLOAT)
        case ast.Constant(value="-inf"):
            return Value("math.Inf(-1)", FLOAT)
        case other:
            return fitted(w.value(other), FLOAT)


def _str(w: "Writer", node: ast.Call) -> Value:
    held = w.value(only(node))
    if held.type.kind == "int":
        return Value(f"strconv.Itoa({held.text})", STRING)
    return fitted(held, STRING)


def _list(w: "Writer", node: ast.Call) -> Value:
    if not node.args:
        return Value("", EMPTY_LIST)
    held = walkable(w, only(node), numbered=True)
    return copied(held) if not held.text.startswith("[]rune(") else held


def _ord(w: "Writer", node: ast.Call) -> Value:
    return Value(f"int({w.value(only(node), RUNE).text})", INT)


def _chr(w: "Writer", node: ast.Call) -> Value:
    return Value(f"rune({w.value(only(node), INT).text})", RUNE)


def _bool(w: "Writer", node: ast.Call) -> Value:
    return w.condition(only(node))


def _empty_dict(w: "Writer", node: ast.Call) -> Value:
    if node.args and not isinstance(node.args[0], ast.Name):
        raise NotCarried(f"`{ast.unparse(node)}`")
    return Value("", EMPTY_DICT)


def _next(w: "Writer", node: ast.Call) -> Value:
    """`next(iter(d))`: its oldest key."""
    match only(node):
        case ast.Call(func=ast.Name(id="iter"), args=[inner]):
            held = walkable(w, inner)
            return Value(f"{held.operand}[0]", element(held.type))
    raise NotCarried(f"`{ast.unparse(node)}`")


BUILT_IN: dict[str, Callable[["Writer", ast.Call], Value]] = {
    "len": _len,
    "abs": _abs,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sum": _sum,
    "divmod": _divided,
    "all": _quantified(every=True),
    "any": _quantified(every=False),
    "sorted": _sorted,
    "int": _int,
    "float": _float,
    "str": _str,
    "list": _list,
    "ord": _ord,
    "chr": _chr,
    "bool": _bool,
    "dict": _empty_dict,
    "set": _empty_dict,
    "OrderedDict": _empty_dict,
    "defaultdict": _empty_dict,
    "next": _next,
}
