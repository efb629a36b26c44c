"""Calls: of the program's own functions, of Python's built-in ones, and of methods of its plain values. Pure.

Next: `helpers.py`, the Go that some of these need beside them.
"""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from guildbus.agents.carrying.types import (
    BOOL,
    CHAR,
    EMPTY_DICT,
    EMPTY_LIST,
    FLOAT,
    INT,
    RUNE,
    STRING,
    SUM,
    TIME,
    NotCarried,
    StillOpen,
    Value,
    empty_map,
    fitted,
    is_ordered,
    list_of,
    negated,
    settled,
    string_literal,
    tuple_of,
)
from guildbus.agents.oracle.gotypes import GoType

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer
    from guildbus.agents.carrying.routines import Routine

_KINDS_OF_RUNE = {
    "isalpha": "unicode.IsLetter",
    "isdigit": "unicode.IsDigit",
    "isdecimal": "unicode.IsDigit",
    "isspace": "unicode.IsSpace",
    "isupper": "unicode.IsUpper",
    "islower": "unicode.IsLower",
    "isalnum": "isLetterOrDigit",
}
_SAME_TEXT = {"lower": "strings.ToLower", "casefold": "strings.ToLower", "upper": "strings.ToUpper"}
_SAME_RUNE = {"lower": "unicode.ToLower", "casefold": "unicode.ToLower", "upper": "unicode.ToUpper"}
_MATH = {"sqrt": "math.Sqrt", "log": "math.Log", "exp": "math.Exp", "sin": "math.Sin", "cos": "math.Cos"}
_ROUNDED = {"floor": "math.Floor", "ceil": "math.Ceil", "trunc": "math.Trunc"}


def called(w: "Writer", node: ast.Call) -> Value:
    """Any call."""
    match node.func:
        case ast.Name(id=name) if name in w.program.functions:
            return _own(w, w.program.functions[name], name, node)
        case ast.Name(id=name) if w.program.struct(name) is not None:
            return _struct(w, name, node)
        case ast.Name(id=name) if w.types.get(name, BOOL).kind == "clock":
            return Value(f"{w.go(name)}()", TIME)
        case ast.Name(id=name) if name in _BUILT_IN:
            return _BUILT_IN[name](w, node)
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return _math(w, name, node.args)
        case ast.Attribute(value=owner, attr=name) if w.is_self(owner):
            routine = w.program.methods.get((w.routine.owner, name))
            if routine is not None:
                return _own(w, routine, f"{w.routine.receiver}.{routine.name.rpartition('.')[2]}", node)
            held = w.value(node.func)
            if held.type.kind == "clock":
                return Value(f"{held.text}()", TIME)
        case ast.Attribute(value=owner, attr=name):
            held = w.value(owner)
            kind = "string" if held.type.kind == "rune" else held.type.kind
            found = _METHODS.get((kind, name))
            if found is not None:
                return found(w, held, node)
    raise NotCarried(f"`{ast.unparse(node.func)}`")


def length(value: Value) -> str:
    """`len`."""
    if value.type.kind == "string":
        return f"utf8.RuneCountInString({value.text})"
    if value.type.kind in ("list", "map"):
        inner = f"{value.operand}.keys" if is_ordered(value.type) else value.text
        return f"len({inner})"
    raise NotCarried(f"the length of {value.type.text}")


def copied(value: Value) -> Value:
    """A list of its own, so that appending to it changes no other."""
    fresh = value.text.startswith((value.type.text, "slices.Clone", "slices.Sorted", "reversedList"))
    return value if fresh else Value(f"slices.Clone({value.text})", value.type)


def contained(w: "Writer", left: ast.expr, right: ast.expr) -> Value:
    """`left in right`."""
    if isinstance(right, ast.Tuple | ast.Set):
        right = ast.copy_location(ast.List(right.elts, ast.Load()), right)
    whole = w.value(right)
    if whole.type.kind == "list" and whole.type.elem is not None:
        item = w.value(left)
        if item.type.kind == "rune" and whole.type.elem == STRING:
            whole = w.value(right, list_of(RUNE)) if isinstance(right, ast.List) else whole
        elem = whole.type.elem
        return Value(f"slices.Contains({whole.text}, {fitted(item, elem).text})", BOOL)
    if whole.type.kind == "map":
        if whole.type.key is None:
            raise StillOpen("a dict that nothing was put into")
        key = w.value(left, whole.type.key)
        if is_ordered(whole.type):
            return Value(f"{whole.operand}.has({key.text})", BOOL)
        if whole.type.text.endswith("]bool"):
            return Value(f"{whole.operand}[{key.text}]", BOOL)
        name = w.fresh("found")
        w.emit(f"_, {name} := {whole.operand}[{key.text}]")
        return Value(name, BOOL)
    if whole.type.kind in ("string", "rune"):
        item = w.value(left)
        if item.type.kind == "rune":
            return Value(
                f"strings.ContainsRune({fitted(whole, STRING).text}, {fitted(item, RUNE).text})", BOOL
            )
        return Value(f"strings.Contains({fitted(whole, STRING).text}, {item.text})", BOOL)
    raise NotCarried(f"`in` of {whole.type.text}")


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


# -- loops -----------------------------------------------------------------------------------


def loop_head(w: "Writer", target: ast.expr, over: ast.expr) -> None:
    """The first line of a `for`, and what its variables are."""
    match over:
        case ast.Call(func=ast.Name(id="range"), args=bounds):
            _counted(w, target, bounds)
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner]) if isinstance(target, ast.Tuple):
            held = _walkable(w, inner, numbered=True)
            number, item = target.elts
            _each(w, _variable(w, number, INT), item, held)
        case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
            held = w.value(inner)
            turned = "reversedText" if held.type.kind == "string" else "reversedList"
            _each(w, "_", target, Value(f"{turned}({held.text})", held.type))
        case ast.Call(func=ast.Name(id="zip"), args=[first, second]) if isinstance(target, ast.Tuple):
            _side_by_side(w, target.elts, w.value(first), w.value(second))
        case ast.Call(func=ast.Attribute(value=inner, attr="items")) if isinstance(target, ast.Tuple):
            _pairs(w, target.elts, w.value(inner))
        case ast.Call(func=ast.Attribute(value=inner, attr="values"), args=[]):
            _pairs(w, [None, target], w.value(inner))
        case ast.Call(func=ast.Attribute(value=inner, attr="keys"), args=[]):
            _each(w, "_", target, _walkable(w, inner))
        case _:
            _each(w, "_", target, _walkable(w, over))


def element(of: GoType) -> GoType:
    """What a loop over such a value gives."""
    if of.kind in ("string", "rune"):
        return RUNE
    if of.kind == "list" and of.elem is not None:
        return of.elem
    if of.kind == "map" and of.key is not None:
        return of.key
    raise StillOpen(f"the elements of {of.text}")


def _walkable(w: "Writer", node: ast.expr, *, numbered: bool = False) -> Value:
    """What a loop goes over; a string by runes, a dict in the order of its keys."""
    held = w.value(node)
    if held.type.kind == "map":
        if not is_ordered(held.type):
            raise (
                StillOpen("a dict is gone through")
                if held.type.key is None
                else NotCarried("the order of a dict that Go does not keep")
            )
        return Value(f"{held.operand}.keys", list_of(element(held.type)))
    if held.type.kind in ("string", "rune") and numbered:
        return Value(f"[]rune({held.text})", list_of(RUNE))
    return fitted(held, STRING) if held.type == CHAR else held


def _variable(w: "Writer", target: ast.expr | None, of: GoType) -> str:
    """A loop's variable, known from now on."""
    if target is None:
        return "_"
    if not isinstance(target, ast.Name):
        raise NotCarried(f"`{ast.unparse(target)}` as a loop's variable")
    if target.id == "_":
        return "_"
    w.types[target.id] = of
    return w.go(target.id)


def _each(w: "Writer", number: str, target: ast.expr, held: Value) -> None:
    """`for number, item := range held`, taken apart if the target has parts."""
    of = element(held.type)
    if isinstance(target, ast.Tuple):
        name = w.fresh("each")
        w.emit(f"for {number}, {name} := range {held.text} {{")
        if of.kind != "struct" or len(of.fields) != len(target.elts):
            raise NotCarried(f"{of.text} taken apart")
        for part, (field, kind) in zip(target.elts, of.fields, strict=True):
            variable = _variable(w, part, kind)
            if variable != "_":
                w.emit(f"{variable} := {name}.{field}")
        return
    item = _variable(w, target, of)
    if item == "_":
        w.emit(f"for range {held.text} {{" if number == "_" else f"for {number} := range {held.text} {{")
    else:
        w.emit(f"for {number}, {item} := range {held.text} {{")


def _counted(w: "Writer", target: ast.expr, bounds: list[ast.expr]) -> None:
    """`range`."""
    step = 1
    if len(bounds) == 3:
        step = _step(bounds[2])
    first = w.value(bounds[0], INT) if len(bounds) > 1 else Value("0", INT)
    last = w.value(bounds[1 if len(bounds) > 1 else 0], INT)
    name = _variable(w, target, INT)
    if first.text == "0" and step == 1:
        w.emit(f"for range {last.text} {{" if name == "_" else f"for {name} := range {last.text} {{")
        return
    name = w.fresh("i") if name == "_" else name
    sign, change = ("<", f"{name}++" if step == 1 else f"{name} += {step}")
    if step < 0:
        sign, change = (">", f"{name}--" if step == -1 else f"{name} -= {-step}")
    w.emit(f"for {name} := {first.text}; {name} {sign} {last.within(SUM)}; {change} {{")


def _step(node: ast.expr) -> int:
    try:
        step = ast.literal_eval(node)
    except ValueError:
        step = 0
    if not isinstance(step, int) or step == 0:
        raise NotCarried("a range whose step is worked out")
    return step


def _side_by_side(w: "Writer", targets: list[ast.expr], first: Value, second: Value) -> None:
    """`zip`."""
    shown = [
        Value(f"[]rune({v.text})", list_of(RUNE)) if v.type.kind == "string" else v for v in (first, second)
    ]
    shown = [one if one.text.isidentifier() else w.kept(one, "side") for one in shown]
    index = w.fresh("i")
    w.emit(f"for {index} := range min(len({shown[0].text}), len({shown[1].text})) {{")
    for target, held in zip(targets, shown, strict=True):
        name = _variable(w, target, element(held.type))
        if name != "_":
            w.emit(f"{name} := {held.text}[{index}]")


def _by_runes(held: Value) -> Value:
    """A string as a list of its runes; anything else as it is."""
    return Value(f"[]rune({held.text})", list_of(RUNE)) if held.type.kind == "string" else held


def _pairs(w: "Writer", targets: "list[ast.expr | None] | list[ast.expr]", held: Value) -> None:
    """`.items()`, in the order of the keys."""
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict is gone through")
    if not is_ordered(held.type):
        raise NotCarried("the order of a dict that Go does not keep")
    key = _variable(w, targets[0], held.type.key)
    key = w.fresh("key") if key == "_" else key
    w.emit(f"for _, {key} := range {held.operand}.keys {{")
    item = targets[1]
    assert item is not None
    name = _variable(w, item, held.type.elem)
    if name != "_":
        w.emit(f"{name} := {held.operand}.values[{key}]")


# -- functions --------------------------------------------------------------------------------


def _own(w: "Writer", routine: "Routine", name: str, node: ast.Call) -> Value:
    """A function of the program. One that fails hands its error on."""
    if node.keywords or len(node.args) != len(routine.parameters):
        raise NotCarried(f"the arguments of {name}")
    given = [w.value(arg, of).text for arg, (_, _, of) in zip(node.args, routine.parameters, strict=True)]
    call = f"{routine.name if not routine.owner else name}({', '.join(given)})"
    if not routine.results and not routine.fails:
        return Value(call, GoType("any", ""))
    if routine.fails:
        names = [w.fresh("got") for _ in routine.results]
        error = w.fresh("err")
        w.emit(f"{', '.join([*names, error])} := {call}")
        w.emit(f"if {error} != nil {{")
        w.emit(w.failure(error))
        w.emit("}")
        if len(names) != 1:
            raise NotCarried(f"several results of {name}")
        return Value(names[0], routine.results[0])
    if len(routine.results) > 1:
        return Value(
            call,
            GoType("struct", "", fields=tuple((f"result{i}", of) for i, of in enumerate(routine.results))),
        )
    return Value(call, routine.results[0])


def _struct(w: "Writer", name: str, node: ast.Call) -> Value:
    """A struct of the spec, made by its fields."""
    struct = w.program.struct(name)
    assert struct is not None
    from guildbus.agents.oracle.pynames import snake

    given = dict(zip([field for field, _ in struct.fields], node.args, strict=False))
    named = {snake(field): field for field, _ in struct.fields}
    given |= {named[k.arg]: k.value for k in node.keywords if k.arg in named}
    shown = [f"{field}: {w.value(given[field], of).text}" for field, of in struct.fields if field in given]
    return Value(f"{name}{{{', '.join(shown)}}}", struct)


def _one(node: ast.Call) -> ast.expr:
    if len(node.args) != 1 or node.keywords:
        raise NotCarried(f"`{ast.unparse(node)}`")
    return node.args[0]


def _len(w: "Writer", node: ast.Call) -> Value:
    held = w.value(_one(node))
    return Value(length(fitted(held, STRING) if held.type.kind == "rune" else held), INT)


def _abs(w: "Writer", node: ast.Call) -> Value:
    held = w.value(_one(node))
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
    held = w.value(_one(node))
    if element(held.type).kind not in ("int", "float"):
        raise NotCarried(f"the sum of {held.type.text}")
    return Value(f"sum({held.text})", element(held.type))


def _quantified(every: bool) -> Callable[["Writer", ast.Call], Value]:
    """`all` and `any` of a generator: a loop that ends where it is decided."""

    def write(w: "Writer", node: ast.Call) -> Value:
        over = _one(node)
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

        w.looped(over.generators, body)
        return Value(name, BOOL)

    return write


def _sorted(w: "Writer", node: ast.Call) -> Value:
    held = w.value(node.args[0])
    if held.type.kind == "map":
        if held.type.key is None:
            raise StillOpen("a dict is gone through")
        keys = f"{held.operand}.keys" if is_ordered(held.type) else f"slices.Collect(maps.Keys({held.text}))"
        held = Value(keys, list_of(held.type.key))
    held = _by_runes(held)
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
    before = (w.types.get(name), w.names.get(name))
    w.types[name], w.names[name] = elem, side
    try:
        parts = key.body.elts if isinstance(key.body, ast.Tuple) else [key.body]
        found, lines = w.apart(lambda: w.values(parts))
    finally:
        for table, value in zip((w.types, w.names), before, strict=True):
            if value is None:
                table.pop(name, None)  # type: ignore[attr-defined]
            else:
                table[name] = value  # type: ignore[index]
    if lines or any(one.type.kind not in ("int", "float", "string", "rune") for one in found):
        raise NotCarried("sorting by what is worked out")
    return [one.operand for one in found]


def _int(w: "Writer", node: ast.Call) -> Value:
    held = w.value(_one(node))
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
    match _one(node):
        case ast.Constant(value="inf"):
            return Value("math.Inf(1)", FLOAT)
        case ast.Constant(value="-inf"):
            return Value("math.Inf(-1)", FLOAT)
        case other:
            return fitted(w.value(other), FLOAT)


def _str(w: "Writer", node: ast.Call) -> Value:
    held = w.value(_one(node))
    if held.type.kind == "int":
        return Value(f"strconv.Itoa({held.text})", STRING)
    return fitted(held, STRING)


def _list(w: "Writer", node: ast.Call) -> Value:
    if not node.args:
        return Value("", EMPTY_LIST)
    held = _walkable(w, _one(node), numbered=True)
    return copied(held) if not held.text.startswith("[]rune(") else held


def _ord(w: "Writer", node: ast.Call) -> Value:
    return Value(f"int({w.value(_one(node), RUNE).text})", INT)


def _chr(w: "Writer", node: ast.Call) -> Value:
    return Value(f"rune({w.value(_one(node), INT).text})", RUNE)


def _bool(w: "Writer", node: ast.Call) -> Value:
    return w.condition(_one(node))


def _empty_dict(w: "Writer", node: ast.Call) -> Value:
    if node.args and not isinstance(node.args[0], ast.Name):
        raise NotCarried(f"`{ast.unparse(node)}`")
    return Value("", EMPTY_DICT)


def _next(w: "Writer", node: ast.Call) -> Value:
    """`next(iter(d))`: its oldest key."""
    match _one(node):
        case ast.Call(func=ast.Name(id="iter"), args=[inner]):
            held = _walkable(w, inner)
            return Value(f"{held.operand}[0]", element(held.type))
    raise NotCarried(f"`{ast.unparse(node)}`")


_BUILT_IN: dict[str, Callable[["Writer", ast.Call], Value]] = {
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


def _math(w: "Writer", name: str, args: list[ast.expr]) -> Value:
    if name == "gcd" and len(args) == 2:
        return Value(f"gcd({w.value(args[0], INT).text}, {w.value(args[1], INT).text})", INT)
    if name in _ROUNDED and len(args) == 1:
        return Value(f"int({_ROUNDED[name]}({w.value(args[0], FLOAT).text}))", INT)
    if name in _MATH and len(args) == 1:
        return Value(f"{_MATH[name]}({w.value(args[0], FLOAT).text})", FLOAT)
    raise NotCarried(f"math.{name}")


# -- methods -----------------------------------------------------------------------------------

Method = Callable[["Writer", Value, ast.Call], Value]


def _is_kind(name: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        kind = _KINDS_OF_RUNE[name]
        if held.type.kind == "rune":
            return Value(f"{kind}({fitted(held, RUNE).text})", BOOL)
        return Value(f"isEach({held.text}, {kind})", BOOL)

    return write


def _changed_case(name: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        if held.type.kind == "rune":
            return Value(f"{_SAME_RUNE[name]}({fitted(held, RUNE).text})", RUNE)
        return Value(f"{_SAME_TEXT[name]}({held.text})", STRING)

    return write


def _by_strings(function: str, of: GoType) -> Method:
    """A method whose arguments are strings, and which is a function of package strings."""

    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        given = [w.value(arg, STRING).text for arg in node.args]
        return Value(f"strings.{function}({', '.join([fitted(held, STRING).text, *given])})", of)

    return write


def _stripped(plain: str, cut: str) -> Method:
    def write(w: "Writer", held: Value, node: ast.Call) -> Value:
        text = fitted(held, STRING).text
        if not node.args:
            ends = "" if plain == "TrimSpace" else ", unicode.IsSpace"
            return Value(f"strings.{plain}({text}{ends})", STRING)
        return Value(f"strings.{cut}({text}, {w.value(_one(node), STRING).text})", STRING)

    return write


def _split(w: "Writer", held: Value, node: ast.Call) -> Value:
    if not node.args:
        return Value(f"strings.Fields({held.text})", list_of(STRING))
    return Value(f"strings.Split({held.text}, {w.value(_one(node), STRING).text})", list_of(STRING))


def _join(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`sep.join(parts)`; runes are a string already."""
    parts = _by_runes(w.value(_one(node)))
    elem = element(parts.type)
    if elem.kind == "rune" and held.text == '""':
        return Value(f"string({parts.text})", STRING)
    if elem.kind != "string":
        raise NotCarried(f"{elem.text} joined")
    return Value(f"strings.Join({parts.text}, {fitted(held, STRING).text})", STRING)


def _appended(w: "Writer", held: Value, node: ast.Call) -> Value:
    """As a statement; `statements.py` has put the type in already."""
    elem = settled(element(held.type))
    w.emit(f"{held.text} = append({held.text}, {w.value(_one(node), elem).text})")
    return _NO_VALUE


def _extended(w: "Writer", held: Value, node: ast.Call) -> Value:
    more = w.value(_one(node))
    more = _by_runes(more)
    w.emit(f"{held.text} = append({held.text}, {fitted(more, held.type).text}...)")
    return _NO_VALUE


def _inserted(w: "Writer", held: Value, node: ast.Call) -> Value:
    place, item = node.args
    text = w.value(item, element(held.type)).text
    w.emit(f"{held.text} = slices.Insert({held.text}, {w.value(place, INT).text}, {text})")
    return _NO_VALUE


def _popped(w: "Writer", held: Value, node: ast.Call) -> Value:
    """The element, in a variable, since the list is a shorter one then."""
    last = not node.args or ast.unparse(node.args[0]) == "-1"
    place = f"len({held.text})-1" if last else w.value(_one(node), INT).text
    item = Value(f"{held.text}[{place}]", element(held.type))
    item = w.kept(item, "taken") if w.wants_result else _NO_VALUE
    if last:
        w.emit(f"{held.text} = {held.text}[:{place}]")
    else:
        w.emit(f"{held.text} = slices.Delete({held.text}, {place}, {place}+1)")
    return item


def _removed(w: "Writer", held: Value, node: ast.Call) -> Value:
    item = w.value(_one(node), element(held.type))
    index = w.fresh("at")
    w.emit(f"if {index} := slices.Index({held.text}, {item.text}); {index} >= 0 {{")
    w.emit(f"{held.text} = slices.Delete({held.text}, {index}, {index}+1)")
    w.emit("}")
    return _NO_VALUE


def _index(w: "Writer", held: Value, node: ast.Call) -> Value:
    return Value(f"slices.Index({held.text}, {w.value(_one(node), element(held.type)).text})", INT)


def _sort(w: "Writer", held: Value, node: ast.Call) -> Value:
    sort_in_place(w, held, node.keywords)
    return _NO_VALUE


def _reverse(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"slices.Reverse({held.text})")
    return _NO_VALUE


def _copy(w: "Writer", held: Value, node: ast.Call) -> Value:
    return copied(held)


def _clear(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"{held.text} = {empty_map(held.type) if held.type.kind == 'map' else 'nil'}")
    return _NO_VALUE


def _got(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`d.get(key, default)`."""
    if len(node.args) != 2 or not isinstance(node.func, ast.Attribute):
        raise NotCarried("`get` without a default")
    if held.type.key is None:
        w.learn_part(
            node.func.value, settled(w.value(node.args[1]).type), settled(w.value(node.args[0]).type)
        )
        held = w.value(node.func.value)
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    inner = f"{held.operand}.values" if is_ordered(held.type) else held.operand
    key = w.value(node.args[0], held.type.key)
    default = w.value(node.args[1], held.type.elem)
    if default.text in ("0", '""', "false"):
        return Value(f"{inner}[{key.text}]", held.type.elem)
    found, ok = w.fresh("found"), w.fresh("ok")
    w.emit(f"{found}, {ok} := {inner}[{key.text}]")
    w.emit(f"if !{ok} {{")
    w.emit(f"{found} = {default.text}")
    w.emit("}")
    return Value(found, held.type.elem)


def delete_key(w: "Writer", held: Value, key: ast.expr) -> None:
    """`del d[key]`."""
    if held.type.key is None:
        raise StillOpen("a dict that nothing was put into")
    text = w.value(key, held.type.key).text
    w.emit(f"{held.operand}.remove({text})" if is_ordered(held.type) else f"delete({held.text}, {text})")


def _popped_key(w: "Writer", held: Value, node: ast.Call) -> Value:
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    inner = f"{held.operand}.values" if is_ordered(held.type) else held.operand
    key = w.value(node.args[0], held.type.key)
    item = Value(f"{inner}[{key.text}]", held.type.elem)
    item = w.kept(item, "taken") if w.wants_result else _NO_VALUE
    delete_key(w, held, node.args[0])
    return item


def _moved(w: "Writer", held: Value, node: ast.Call) -> Value:
    if held.type.key is None:
        raise StillOpen("a dict that nothing was put into")
    if node.keywords or not is_ordered(held.type):
        raise NotCarried("moving to the front")
    w.emit(f"{held.operand}.moveToEnd({w.value(_one(node), held.type.key).text})")
    return _NO_VALUE


def _popped_item(w: "Writer", held: Value, node: ast.Call) -> Value:
    """`popitem(last=False)`: the oldest key goes, as a statement."""
    if held.type.key is None or held.type.elem is None:
        raise StillOpen("a dict that nothing was put into")
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    first = len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is False
    place = f"{held.operand}.keys[{'0' if first else f'len({held.operand}.keys)-1'}]"
    key = w.kept(Value(place, held.type.key), "key")
    if not w.wants_result:
        w.emit(f"{held.operand}.remove({key.text})")
        return _NO_VALUE
    item = w.kept(Value(f"{held.operand}.values[{key.text}]", held.type.elem), "taken")
    w.emit(f"{held.operand}.remove({key.text})")
    of = tuple_of((held.type.key, held.type.elem))
    return Value(f"{of.text}{{{key.text}, {item.text}}}", of)


def _added(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"{held.operand}[{w.value(_one(node), element(held.type)).text}] = true")
    return _NO_VALUE


def _discarded(w: "Writer", held: Value, node: ast.Call) -> Value:
    w.emit(f"delete({held.text}, {w.value(_one(node), element(held.type)).text})")
    return _NO_VALUE


_NO_VALUE = Value("", GoType("any", ""))

_METHODS: dict[tuple[str, str], Method] = {
    **{("string", name): _is_kind(name) for name in _KINDS_OF_RUNE},
    **{("string", name): _changed_case(name) for name in _SAME_TEXT},
    ("string", "strip"): _stripped("TrimSpace", "Trim"),
    ("string", "lstrip"): _stripped("TrimLeftFunc", "TrimLeft"),
    ("string", "rstrip"): _stripped("TrimRightFunc", "TrimRight"),
    ("string", "startswith"): _by_strings("HasPrefix", BOOL),
    ("string", "endswith"): _by_strings("HasSuffix", BOOL),
    ("string", "replace"): _by_strings("ReplaceAll", STRING),
    ("string", "count"): _by_strings("Count", INT),
    ("string", "split"): _split,
    ("string", "join"): _join,
    ("list", "append"): _appended,
    ("list", "extend"): _extended,
    ("list", "insert"): _inserted,
    ("list", "pop"): _popped,
    ("list", "remove"): _removed,
    ("list", "index"): _index,
    ("list", "sort"): _sort,
    ("list", "reverse"): _reverse,
    ("list", "copy"): _copy,
    ("list", "clear"): _clear,
    ("map", "get"): _got,
    ("map", "pop"): _popped_key,
    ("map", "move_to_end"): _moved,
    ("map", "popitem"): _popped_item,
    ("map", "clear"): _clear,
    ("map", "add"): _added,
    ("map", "discard"): _discarded,
    ("map", "remove"): _discarded,
}


def error_text(w: "Writer", node: ast.expr | None) -> str:
    """What a `raise` makes: a sentinel of the spec, or an error with the words of the exception."""
    match node:
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if name in w.program.api.sentinels:
            return name
        case ast.Call(args=[ast.Constant(value=str(text)), *_]):
            return f"errors.New({string_literal(text)})"
        case ast.Call(args=[ast.JoinedStr() as text]):
            shown = w.value(text).text
            return f"fmt.Errorf({shown.removeprefix('fmt.Sprintf(').removesuffix(')')})"
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            return f'errors.New("{name}")'
    raise NotCarried("a raise of something else")
