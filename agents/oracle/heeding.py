"""Whether a reference heeds the prose: its comparisons (`conditions.py`), its orders (`orders.py`). Pure.

Programs that never compare an interval's end with its start agree on intervals that hold nothing, and all of
them are wrong there. So such a program is not heard where the clause bears. What counts as comparing is read
generously: a comparison, a difference, `min`, `max`, `range` or `abs` over both sides; a number may be one
off, as `n <= 0` is `n < 1`. What it does then is not looked at: that is what votes are for.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tree_sitter import Node

from guildbus.agents.golang.syntax import declarations, find, parse, text_of
from guildbus.agents.oracle.conditions import Condition, conditions_in
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.orders import Order, orders_in
from guildbus.agents.oracle.pynames import function_name, snake
from guildbus.agents.oracle.values import Json
from guildbus.agents.oracle.witnesses import Testimony, subject_of
from guildbus.protocols.messages.oracle import ReferenceProgram

_ORDERS = re.compile(r"sort|heap|bisect|insert")
_GO_COMPARES = frozenset({"<", "<=", ">", ">=", "==", "!=", "-", "min", "max"})


@dataclass(frozen=True)
class _Compared:
    """What stands in one comparison: names, with what they are fields of (`merged[-1]`), and numbers."""

    names: frozenset[tuple[str, str]]
    numbers: frozenset[int]


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
        called = [ast.unparse(node.func) for node in _nodes(program.content) if isinstance(node, ast.Call)]
    return any(_ORDERS.search(name.lower()) for name in called)


def _nodes(source: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return


def _is_of(compared: _Compared, condition: Condition, left: str, right: str) -> bool:
    owners = {owner for owner, name in compared.names if name == left}
    if condition.number is not None:
        return bool(owners) and any(abs(number - condition.number) <= 1 for number in compared.numbers)
    others = {owner for owner, name in compared.names if name == right}
    return bool(owners & others if condition.fields else owners and others)


def _in_python(source: str, api: Api, condition: Condition) -> Iterator[_Compared]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    name = condition.owner if condition.owner in api.types else _python_name(api, condition.owner)
    for unit in tree.body:
        if condition.fields or getattr(unit, "name", "") == name:
            yield from (_python_parts(part) for node in ast.walk(unit) for part in _comparisons(node))


def _python_name(api: Api, full_name: str) -> str:
    return next((function_name(one) for one in api.callables if one.full_name == full_name), full_name)


def _comparisons(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    """What is compared at a node: `a <= x <= b` compares a with x, and x with b."""
    match node:
        case ast.Compare(left=left, comparators=others):
            yield from pairwise([left, *others])
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield left, right
        case ast.Call(func=ast.Name(id="abs"), args=arguments):
            yield *arguments, ast.Constant(0)
        case ast.Call(func=ast.Name(id="min" | "max" | "range"), args=arguments):
            yield arguments


def _python_parts(compared: Sequence[ast.AST]) -> _Compared:
    names, numbers = set(), set()
    for part in (part for node in compared for part in ast.walk(node)):
        match part:
            case ast.Name(id=name):
                names.add(("", name))
            case ast.Attribute(value=value, attr=name):
                names.add((ast.unparse(value), name))
            case ast.Constant(value=int(number)):
                numbers |= {number, -number}
    return _Compared(frozenset(names), frozenset(numbers))


def _in_go(source: str, condition: Condition) -> Iterator[_Compared]:
    for one in declarations(parse(source)):
        if one.kind in ("func", "method") and (
            condition.fields
            or one.name.partition(".")[0] == condition.owner
            or _made_by(one.node, condition.owner)
        ):
            yield from (_go_parts(node) for node in find(one.node, "binary_expression", "call_expression"))


def _made_by(function: Node, owner: str) -> bool:
    """Whether a function gives the type back: a constructor."""
    result = function.child_by_field_name("result")
    return result is not None and any(text_of(node) == owner for node in find(result, "type_identifier"))


def _go_parts(node: Node) -> _Compared:
    sign = node.child_by_field_name("operator" if node.type == "binary_expression" else "function")
    if sign is None or text_of(sign) not in _GO_COMPARES:
        return _Compared(frozenset(), frozenset())
    names = {("", text_of(one)) for one in find(node, "identifier")}
    for one in find(node, "selector_expression"):
        operand, field = one.child_by_field_name("operand"), one.child_by_field_name("field")
        if operand is not None and field is not None:
            names.add((text_of(operand), text_of(field)))
    numbers = {int(text) for one in find(node, "int_literal") if (text := text_of(one)).isdigit()}
    return _Compared(frozenset(names), frozenset(numbers | {-number for number in numbers}))
