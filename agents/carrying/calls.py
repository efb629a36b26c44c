"""Calls: of the program's own functions, and of what Python brings along. Pure.

Next: `functions.py`.
"""

import ast
from typing import TYPE_CHECKING

from guildbus.agents.carrying.functions import BUILT_IN, math_call
from guildbus.agents.carrying.methods import METHODS
from guildbus.agents.carrying.types import (
    BOOL,
    RUNE,
    STRING,
    TIME,
    NotCarried,
    StillOpen,
    Value,
    fitted,
    is_ordered,
    list_of,
    string_literal,
)
from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.pynames import snake

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer
    from guildbus.agents.carrying.routines import Routine


def called(w: "Writer", node: ast.Call) -> Value:
    """Any call."""
    match node.func:
        case ast.Name(id=name) if name in w.program.functions:
            return _own(w, w.program.functions[name], name, node)
        case ast.Name(id=name) if w.program.struct(name) is not None:
            return _struct(w, name, node)
        case ast.Name(id=name) if w.types.get(name, BOOL).kind == "clock":
            return Value(f"{w.go(name)}()", TIME)
        case ast.Name(id=name) if name in BUILT_IN:
            return BUILT_IN[name](w, node)
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return math_call(w, name, node.args)
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
            found = METHODS.get((kind, name))
            if found is not None:
                return found(w, held, node)
    raise NotCarried(f"`{ast.unparse(node.func)}`")


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
    given = dict(zip([field for field, _ in struct.fields], node.args, strict=False))
    named = {snake(field): field for field, _ in struct.fields}
    given |= {named[k.arg]: k.value for k in node.keywords if k.arg in named}
    shown = [f"{field}: {w.value(given[field], of).text}" for field, of in struct.fields if field in given]
    return Value(f"{name}{{{', '.join(shown)}}}", struct)


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
