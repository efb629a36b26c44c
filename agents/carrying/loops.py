"""What a `for` goes over: ranges, strings by runes, lists, dicts in the order of their keys. Pure.

Next: `calls.py`.
"""

import ast
from typing import TYPE_CHECKING

from guildbus.agents.carrying.types import (
    CHAR,
    INT,
    RUNE,
    STRING,
    SUM,
    NotCarried,
    StillOpen,
    Value,
    element,
    fitted,
    is_ordered,
    list_of,
)
from guildbus.agents.oracle.gotypes import GoType

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer


def loop_head(w: "Writer", target: ast.expr, over: ast.expr) -> None:
    """The first line of a `for`, and what its variables are."""
    match over:
        case ast.Call(func=ast.Name(id="range"), args=bounds):
            _counted(w, target, bounds)
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner]) if isinstance(target, ast.Tuple):
            held = walkable(w, inner, numbered=True)
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
            _each(w, "_", target, walkable(w, inner))
        case _:
            _each(w, "_", target, walkable(w, over))


def walkable(w: "Writer", node: ast.expr, *, numbered: bool = False) -> Value:
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
