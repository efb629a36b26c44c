"""Operators: arithmetic, `and` and `or`, comparisons. Pure.

Next: `displays.py`.
"""

import ast
from typing import TYPE_CHECKING

from guildbus.agents.carrying.calls import contained
from guildbus.agents.carrying.functions import power
from guildbus.agents.carrying.types import (
    AND,
    ATOM,
    BOOL,
    FLOAT,
    NOTHING,
    OR,
    STRING,
    SUM,
    TEST,
    NotCarried,
    Value,
    copied,
    fitted,
    joined,
    negated,
)

if TYPE_CHECKING:
    from guildbus.agents.carrying.expressions import Writer

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "/",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "==",
    ast.IsNot: "!=",
}


def combined(first: Value, operator: ast.operator, second: Value) -> Value:
    """Two values and an operator between them."""
    kinds = (first.type.kind, second.type.kind)
    if isinstance(operator, ast.Sub) and kinds == ("time", "time"):
        return Value(f"{first.operand}.Sub({second.text}).Seconds()", FLOAT)
    if isinstance(operator, ast.Add) and kinds == ("list", "list"):
        of = joined(first.type, second.type)
        whole = copied(fitted(first, of))
        return Value(f"append({whole.text}, {fitted(second, of).text}...)", of)
    if isinstance(operator, ast.Mult) and kinds[0] in ("string", "rune") and kinds[1] == "int":
        return Value(f"strings.Repeat({fitted(first, STRING).text}, {second.text})", STRING)
    if isinstance(operator, ast.Mult) and kinds[0] == "list" and kinds[1] == "int":
        return Value(f"slices.Repeat({first.text}, {second.text})", first.type)
    if isinstance(operator, ast.Pow):
        return power(first, second)
    if isinstance(operator, ast.Add) and set(kinds) <= {"string", "rune"}:
        shown = fitted(first, STRING), fitted(second, STRING)
        return Value(f"{shown[0].within(SUM)} + {shown[1].operand}", STRING, SUM)
    if not set(kinds) <= {"int", "float"}:
        raise NotCarried(f"`{type(operator).__name__}` between {first.type.text} and {second.type.text}")
    if isinstance(operator, ast.Div):
        shown = fitted(first, FLOAT), fitted(second, FLOAT)
        return Value(f"{shown[0].operand} / {shown[1].operand}", FLOAT, SUM)
    of = joined(first.type, second.type)
    if of.kind == "float" and isinstance(operator, ast.FloorDiv | ast.Mod):
        raise NotCarried("a rest of floats")
    sign = _OPERATORS.get(type(operator))
    if sign is None:
        raise NotCarried(f"the operator {type(operator).__name__}")
    left = fitted(first, of).within(SUM if sign in "+-" else ATOM)
    return Value(f"{left} {sign} {fitted(second, of).operand}", of, SUM)


def logical(w: "Writer", node: ast.BoolOp) -> Value:
    """`and` and `or`; what needs statements first is only worked out where Python would."""
    both = isinstance(node.op, ast.And)
    sign, rank = ("&&", AND) if both else ("||", OR)
    text = w.condition(node.values[0])
    for other in node.values[1:]:
        following, lines = w.condition_apart(other)
        if not lines:
            text = Value(f"{text.within(rank)} {sign} {following.within(rank)}", BOOL, rank)
            continue
        known = w.kept(text, "ok")
        w.emit(f"if {known.text if both else negated(known).text} {{")
        w.lines += lines
        w.emit(f"{known.text} = {following.text}")
        w.emit("}")
        text = known
    return text


def compared(w: "Writer", left: ast.expr, operators: list[ast.cmpop], others: list[ast.expr]) -> Value:
    sides = [left, *others]
    if len(operators) > 1 and not all(w.steady(side) for side in sides[1:-1]):
        raise NotCarried("a chain of comparisons over a call")
    parts = [
        _comparison(w, first, operator, second)
        for first, operator, second in zip(sides, operators, others, strict=False)
    ]
    return parts[0] if len(parts) == 1 else Value(" && ".join(p.within(AND) for p in parts), BOOL, AND)


def _comparison(w: "Writer", left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Value:
    if isinstance(operator, ast.In | ast.NotIn):
        found = contained(w, left, right)
        return found if isinstance(operator, ast.In) else negated(found)
    first, second = w.value(left), w.value(right)
    sign = _COMPARISONS[type(operator)]
    if {first.type.kind, second.type.kind} == {"time"} and sign in ("<", ">"):
        return Value(f"{first.operand}.{'Before' if sign == '<' else 'After'}({second.text})", BOOL)
    of = joined(first.type, second.type)
    shown = fitted(first, of), fitted(second, of)
    if of.kind == "list" and sign in ("==", "!=") and NOTHING not in (first.type, second.type):
        equal = Value(f"slices.Equal({shown[0].text}, {shown[1].text})", BOOL)
        return equal if sign == "==" else Value(f"!{equal.text}", BOOL)
    if of.kind in ("map", "list") and NOTHING not in (first.type, second.type):
        raise NotCarried(f"a comparison of {of.text}")
    return Value(f"{shown[0].within(SUM)} {sign} {shown[1].within(SUM)}", BOOL, TEST)
