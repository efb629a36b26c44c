"""Whether a reference heeds the prose: its comparisons (`conditions.py`), its orders (`orders.py`). Pure.

Programs that never compare an interval's end with its start agree on intervals that hold nothing, and all of
them are wrong there. So such a program is not heard where the clause bears. A comparison is the stated one or
its opposite, with the border on the same side: `start < end` is none of `End < Start`, `n <= 0` is one of
`n < 1`. A difference, `min`, `max`, `range` or `abs` over both sides will do as well. What a program does
then is not looked at: that is what votes are for.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tree_sitter import Node

from guildbus.agents.golang.syntax import declarations, find, parse, text_of
from guildbus.agents.oracle.conditions import OPPOSITE, Condition, conditions_in
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.orders import Order, orders_in
from guildbus.agents.oracle.pynames import function_name, snake
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Testimony, subject_of
from guildbus.protocols.messages.oracle import ReferenceProgram

_ORDERS = re.compile(r"sort|heap|bisect|insert")
_SIGNS: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_GO_BESIDE = ("-", "min", "max")
_BESIDE = ""
"""In place of a sign: both stand in one difference, or among the arguments of one call."""


@dataclass(frozen=True)
class _Side:
    """What one side of a comparison is made of: names, with what they are fields of, and numbers."""

    names: frozenset[tuple[str, str]]
    numbers: frozenset[int]

    def owners(self, name: str) -> set[str]:
        """What a name is a field of here: `merged[-1]`; '' for a variable."""
        return {owner for owner, found in self.names if found == name}


_Compared = tuple[_Side, str, _Side]


@dataclass(frozen=True)
class Said:
    """What the prose of a package says, and a program can be seen to forget."""

    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()

    @classmethod
    def of(cls, prose: str, api: Api) -> "Said":
        """Read it from the prose."""
        return cls(conditions_in(prose, api), orders_in(prose, api))


def heeding(
    program: ReferenceProgram, testimony: Testimony, cases: Sequence[Json], api: Api, said: Said
) -> Testimony:
    """The testimony without what a program gives of a function or type where it forgets what is said."""
    missed: dict[str, str] = {}
    for one in said.conditions:
        if one.subject not in missed and not heeds(program, api, one):
            missed[one.subject] = f"it never compares {one.left} with {one.right}"
    about = [subject_of(case) for case in cases]
    for order in said.orders:
        given = (o for name, o in zip(about, testimony.outcomes, strict=True) if name == order.subject)
        if not (sorts(program) and all(map(order.is_kept_by, given))):
            missed.setdefault(order.subject, f"it does not sort by {order.field}")
    outcomes = (
        {"none": missed[name]} if name in missed and "none" not in outcome else outcome
        for name, outcome in zip(about, testimony.outcomes, strict=True)
    )
    return replace(testimony, outcomes=tuple(outcomes)) if missed else testimony


def unheeded(programs: Sequence[ReferenceProgram], api: Api, said: Said) -> frozenset[str]:
    """The functions and types of which some program does not make a stated comparison."""
    return frozenset(
        one.subject for one in said.conditions if not all(heeds(program, api, one) for program in programs)
    )


def heeds(program: ReferenceProgram, api: Api, condition: Condition) -> bool:
    """Whether a program makes a stated comparison anywhere where it should; what cannot be read does not."""
    if program.language == "go":
        compared = _in_go(program.content, condition)
        left, right = condition.left, condition.right
    else:
        compared = _in_python(program.content, api, condition)
        left, right = snake(condition.left), snake(condition.right)
    return any(_is_of(one, condition, left, right) for one in compared)


def sorts(program: ReferenceProgram) -> bool:
    """Whether a program calls anything that puts things in order; what cannot be read does not.

    One that does not may give results in order all the same, since it has lost what was not.
    """
    if program.language == "go":
        calls = find(parse(program.content).root, "call_expression")
        called = [text_of(one) for call in calls if (one := call.child_by_field_name("function")) is not None]
    else:
        called = [
            ast.unparse(node.func)
            for unit in _units(program.content)
            for node in ast.walk(unit)
            if isinstance(node, ast.Call)
        ]
    return any(_ORDERS.search(name.lower()) for name in called)


def _is_of(compared: _Compared, condition: Condition, left: str, right: str) -> bool:
    """Whether this is the stated comparison, or the opposite one, either way round."""
    one, sign, other = compared
    ways = ((one, sign, other), (other, _TURNED.get(sign, sign), one))
    return any(_is_so(way, condition, left, right) for way in ways)


def _is_so(compared: _Compared, condition: Condition, left: str, right: str) -> bool:
    one, sign, other = compared
    owners = one.owners(left)
    if condition.number is not None:
        wanted = _bound(condition.sign, condition.number)
        beside = {number + step for number in other.numbers for step in (0, 1)}
        bounds = {_bound(sign, number) for number in other.numbers} if sign else beside
        return bool(owners) and wanted in bounds
    others = other.owners(right)
    told = sign in (_BESIDE, condition.sign, OPPOSITE[condition.sign])
    return told and bool(owners & others if condition.fields else owners and others)


def _bound(sign: str, number: int) -> int:
    """The least integer on the upper side: 1 for `n < 1`, `n >= 1`, `n <= 0` and `n > 0`."""
    return number if sign in ("<", ">=") else number + 1


def _in_python(source: str, api: Api, condition: Condition) -> Iterator[_Compared]:
    name = condition.owner if condition.owner in api.types else _python_name(api, condition.owner)
    for unit in _units(source):
        if condition.fields or getattr(unit, "name", "") == name:
            for node in ast.walk(unit):
                yield from _comparisons(node)


def _python_name(api: Api, full_name: str) -> str:
    return next((function_name(one) for one in api.callables if one.full_name == full_name), full_name)


def _comparisons(node: ast.AST) -> Iterator[_Compared]:
    """What is compared at a node: `a <= x <= b` compares a with x, and x with b."""
    match node:
        case ast.Compare(left=left, ops=signs, comparators=others):
            for (one, other), sign in zip(pairwise([left, *others]), signs, strict=True):
                if type(sign) in _SIGNS:
                    yield _python_side(one), _SIGNS[type(sign)], _python_side(other)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield _python_side(left), _BESIDE, _python_side(right)
        case ast.Call(func=ast.Name(id="abs"), args=arguments):
            yield _python_side(*arguments), _BESIDE, _python_side(ast.Constant(0))
        case ast.Call(func=ast.Name(id="min" | "max" | "range"), args=arguments):
            yield _python_side(*arguments), _BESIDE, _python_side(*arguments)


def _python_side(*nodes: ast.AST) -> _Side:
    names, numbers = set(), set()
    for part in (part for node in nodes for part in ast.walk(node)):
        match part:
            case ast.Name(id=name):
                names.add(("", name))
            case ast.Attribute(value=value, attr=name):
                names.add((ast.unparse(value), name))
            case ast.Constant(value=int(number)):
                numbers |= {number, -number}
    return _Side(frozenset(names), frozenset(numbers))


def _units(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _in_go(source: str, condition: Condition) -> Iterator[_Compared]:
    for one in declarations(parse(source)):
        if one.kind in ("func", "method") and (
            condition.fields
            or one.name.partition(".")[0] == condition.owner
            or _made_by(one.node, condition.owner)
        ):
            for node in find(one.node, "binary_expression", "call_expression"):
                yield from _go_comparisons(node)


def _made_by(function: Node, owner: str) -> bool:
    """Whether a function gives the type back: a constructor."""
    result = function.child_by_field_name("result")
    return result is not None and any(text_of(node) == owner for node in find(result, "type_identifier"))


def _go_comparisons(node: Node) -> Iterator[_Compared]:
    called = node.child_by_field_name("operator" if node.type == "binary_expression" else "function")
    sign = text_of(called) if called is not None else ""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is not None and right is not None and sign in _TURNED:
        yield _go_side(left), sign, _go_side(right)
    elif sign in _GO_BESIDE:
        yield _go_side(node), _BESIDE, _go_side(node)


def _go_side(node: Node) -> _Side:
    names = {("", text_of(one)) for one in find(node, "identifier")}
    for one in find(node, "selector_expression"):
        operand, field = one.child_by_field_name("operand"), one.child_by_field_name("field")
        if operand is not None and field is not None:
            names.add((text_of(operand), text_of(field)))
    numbers = {int(text) for one in find(node, "int_literal") if (text := text_of(one)).isdigit()}
    return _Side(frozenset(names), frozenset(numbers | {-number for number in numbers}))
