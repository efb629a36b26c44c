"""Expressions. What needs statements of its own (a comprehension, `a if b else c`) emits them first. Pure.

`Writer` holds one function in the making. Next: `operators.py`.
"""

import ast
from collections.abc import Callable as Function
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from guildbus.agents.carrying import calls, displays, functions, operators
from guildbus.agents.carrying.routines import Program, Routine, go_name
from guildbus.agents.carrying.types import (
    BOOL,
    CHAR,
    FLOAT,
    INT,
    NOTHING,
    STRING,
    SUM,
    TEST,
    NotCarried,
    StillOpen,
    Value,
    fitted,
    is_ordered,
    joined,
    length,
    list_of,
    map_of,
    negated,
    set_of,
    string_literal,
    zero,
)
from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.pynames import snake

_STEADY = (
    ast.Name,
    ast.Constant,
    ast.Attribute,
    ast.Subscript,
    ast.BinOp,
    ast.UnaryOp,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
)
ResultT = TypeVar("ResultT")


class Writer:
    """One function in the making: its lines so far, and what is known of its variables."""

    def __init__(self, program: Program, routine: Routine) -> None:
        self.program = program
        self.routine = routine
        self.lines: list[str] = []
        self.types: dict[str, GoType] = {py: of for py, _, of in routine.parameters}
        self.names: dict[str, str] = {py: go for py, go, _ in routine.parameters}
        self.pointers: frozenset[str] = frozenset()
        self.wants_result = True
        self._made: dict[str, int] = {}
        nodes = [node for node in ast.walk(routine.node) if isinstance(node, ast.Name)]
        names = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        self._reserved = {go_name(name) for name in names} | {go for _, go, _ in routine.parameters}

    # -- places ------------------------------------------------------------------------------

    def emit(self, line: str) -> None:
        """One more line."""
        self.lines.append(line)

    def apart(self, write: Function[[], ResultT]) -> tuple[ResultT, list[str]]:
        """What a step gives, and the lines that it would have emitted."""
        kept, self.lines = self.lines, []
        try:
            result = write()
            return result, self.lines
        finally:
            self.lines = kept

    def value_apart(self, node: ast.expr) -> tuple[Value, list[str]]:
        """An expression, and the lines that have to come before it."""
        return self.apart(lambda: self.value(node))

    def condition_apart(self, node: ast.expr) -> tuple[Value, list[str]]:
        """The same as `if` asks it."""
        return self.apart(lambda: self.condition(node))

    @contextmanager
    def shadowing(self, names: Collection[str]) -> Iterator[None]:
        """What is learnt of these variables in here is forgotten afterwards: they are another's."""
        types = {name: self.types[name] for name in names if name in self.types}
        spelled = {name: self.names[name] for name in names if name in self.names}
        try:
            yield
        finally:
            for name in names:
                self.types.pop(name, None)
                self.names.pop(name, None)
            self.types |= types
            self.names |= spelled

    def fresh(self, stem: str) -> str:
        """A name that nothing else has."""
        while True:
            number = self._made[stem] = self._made.get(stem, 0) + 1
            name = stem if number == 1 else f"{stem}{number}"
            if name not in self._reserved and name != self.routine.receiver:
                return name

    def go(self, name: str) -> str:
        """The Go name of a variable."""
        if name not in self.names:
            self.names[name] = go_name(name, self.routine.receiver, *self.program.functions)
        return self.names[name]

    def is_self(self, node: ast.expr) -> bool:
        """Whether it is the value of the method."""
        return isinstance(node, ast.Name) and bool(self.routine.owner) and node.id == self.routine.self_name

    def learn(self, place: ast.expr, of: GoType) -> None:
        """Something of this type is put into a variable or a field."""
        match place:
            case ast.Name(id=name):
                self.types[name] = joined(self.types.get(name), of)
            case ast.Attribute(value=owner, attr=name) if self.is_self(owner):
                fields = self.program.fields.setdefault(self.routine.owner, {})
                fields[name] = joined(fields.get(name), of)

    def learn_part(self, place: ast.expr, elem: GoType, key: GoType | None = None) -> None:
        """Something is put into a list, a set or a dict."""
        held = self.value(place).type
        if held.kind == "map" and key is not None:
            self.learn(place, map_of(key, elem, ordered=is_ordered(held) or self._is_ordered(place)))
        elif held.kind == "list":
            self.learn(place, list_of(elem))
        elif held.kind == "map" and held.elem is None:
            self.learn(place, set_of(elem))

    def _is_ordered(self, place: ast.expr) -> bool:
        return (
            place.attr if isinstance(place, ast.Attribute) else ast.unparse(place)
        ) in self.program.ordered

    # -- values ------------------------------------------------------------------------------

    def value(self, node: ast.expr, wanted: GoType | None = None) -> Value:
        """An expression, as one of the wanted type if one is named."""
        return fitted(self._value(node, wanted), wanted)

    def values(self, nodes: Sequence[ast.expr]) -> list[Value]:
        """Several, in order."""
        return [self.value(node) for node in nodes]

    def _value(self, node: ast.expr, wanted: GoType | None) -> Value:
        match node:
            case ast.Constant(value=constant):
                return _constant(constant)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.BinOp(left=left, op=operator, right=right):
                return self._binary(left, operator, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negated(self.condition(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.value(operand)
                return Value(f"-{inner.operand}", inner.type)
            case ast.BoolOp():
                return operators.logical(self, node)
            case ast.Compare(left=left, ops=signs, comparators=others):
                return operators.compared(self, left, signs, others)
            case ast.Subscript(value=held, slice=index):
                return self._part(held, index)
            case ast.Call():
                return calls.called(self, node)
            case ast.IfExp(test=test, body=body, orelse=other):
                return displays.either(self, test, body, other, wanted)
            case ast.List(elts=elements):
                return displays.list_display(self, elements, wanted)
            case ast.Tuple(elts=elements):
                return displays.tuple_display(self, elements, wanted)
            case ast.Set(elts=elements):
                return displays.set_display(self, elements)
            case ast.Dict():
                return displays.dict_display(self, node)
            case (
                ast.ListComp(elt=element, generators=generators)
                | ast.GeneratorExp(elt=element, generators=generators)
            ):
                return displays.collected(self, element, generators)
            case ast.JoinedStr(values=parts):
                return displays.formatted(self, parts)
        raise NotCarried(f"`{ast.unparse(node)}`")

    def condition(self, node: ast.expr) -> Value:
        """An expression as `if` asks it: of anything but a truth value, whether it is empty."""
        found = self.value(node)
        match found.type.kind:
            case "bool":
                return found
            case "int" | "float":
                return Value(f"{found.within(SUM)} != 0", BOOL, TEST)
            case "string":
                return Value(f'{found.within(SUM)} != ""', BOOL, TEST)
            case "list" | "map":
                return Value(f"{length(found)} > 0", BOOL, TEST)
            case "pointer" | "error":
                return Value(f"{found.operand} != nil", BOOL, TEST)
        raise NotCarried(f"`{ast.unparse(node)}` as a condition")

    def steady(self, node: ast.expr) -> bool:
        """Whether it may be said twice."""
        return all(isinstance(inner, _STEADY) for inner in ast.walk(node))

    def kept(self, value: Value, stem: str) -> Value:
        """The value in a variable of its own."""
        name = self.fresh(stem)
        self.emit(f"{name} := {value.text}")
        return Value(name, value.type)

    def _name(self, name: str) -> Value:
        found = self.types.get(name) or self.program.values.get(name)
        if found is None:
            raise StillOpen(f"the type of {name}")
        return Value(self.go(name), found)

    def _attribute(self, node: ast.Attribute) -> Value:
        if self.is_self(node.value):
            of = self.program.fields.get(self.routine.owner, {}).get(node.attr)
            if of is None:
                raise StillOpen(f"the type of {node.attr}")
            return Value(f"{self.routine.receiver}.{go_name(node.attr)}", of)
        if isinstance(node.value, ast.Name) and node.value.id == "math":
            return functions.constant_of_math(node.attr)
        held = self.value(node.value)
        struct = held.type.elem if held.type.kind == "pointer" and held.type.elem is not None else held.type
        for name, of in struct.fields if struct.kind == "struct" else ():
            if snake(name) == node.attr:
                return Value(f"{held.operand}.{name}", of)
        raise NotCarried(f"`{ast.unparse(node)}`")

    def _binary(self, left: ast.expr, operator: ast.operator, right: ast.expr) -> Value:
        first, second = self.value(left), self.value(right)
        return operators.combined(first, operator, second)

    def _part(self, held: ast.expr, index: ast.expr) -> Value:
        whole = self.value(held)
        if isinstance(index, ast.Slice):
            return self._stretch(whole, held, index)
        if whole.type.kind == "struct" and isinstance(index, ast.Constant) and isinstance(index.value, int):
            name, of = whole.type.fields[index.value]
            return Value(f"{whole.operand}.{name}", of)
        if whole.type.kind == "map":
            if whole.type.key is None or whole.type.elem is None:
                raise StillOpen("a dict that nothing was put into")
            inner = f"{whole.operand}.values" if is_ordered(whole.type) else whole.operand
            return Value(f"{inner}[{self.value(index, whole.type.key).text}]", whole.type.elem)
        place = self.position(index, whole, held)
        if whole.type.kind in ("string", "rune"):
            return Value(f"[]rune({whole.text})[{place}]", GoType("rune", "rune"))
        if whole.type.kind == "list":
            if whole.type.elem is None:
                raise StillOpen("a list that nothing was put into")
            return Value(f"{whole.operand}[{place}]", whole.type.elem)
        raise NotCarried(f"an index of {whole.type.text}")

    def position(self, index: ast.expr, whole: Value, held: ast.expr) -> str:
        """An index; one that counts from the end becomes one from the beginning."""
        match index:
            case ast.UnaryOp(op=ast.USub(), operand=back):
                if not self.steady(held):
                    raise NotCarried("an index from the end of what is worked out")
                return f"{length(whole)}-{self.value(back, INT).operand}"
        return self.value(index, INT).text

    def _stretch(self, whole: Value, held: ast.expr, stretch: ast.Slice) -> Value:
        """A slice of a string or a list, always a copy."""
        of = STRING if whole.type.kind in ("string", "rune") else whole.type
        if of.kind not in ("string", "list"):
            raise NotCarried(f"a slice of {of.text}")
        match stretch:
            case ast.Slice(
                lower=None, upper=None, step=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))
            ):
                return Value(f"{'reversedText' if of == STRING else 'reversedList'}({whole.text})", of)
            case ast.Slice(step=None):
                ends = [
                    self.position(end, whole, held) if end is not None else ""
                    for end in (stretch.lower, stretch.upper)
                ]
                if of == STRING:
                    return Value(f"string([]rune({whole.text})[{ends[0]}:{ends[1]}])", STRING)
                return Value(f"slices.Clone({whole.operand}[{ends[0]}:{ends[1]}])", of)
        raise NotCarried("a slice with a step")

    def failure(self, error: str) -> str:
        """The statement that returns with an error."""
        if not self.routine.fails:
            raise NotCarried("an exception where Go returns no error")
        results = [*map(zero, self.routine.results), error]
        if self.routine.node.name == "__init__":
            results = ["nil", error]
        return f"return {', '.join(results)}"


def _constant(constant: object) -> Value:
    match constant:
        case bool():
            return Value("true" if constant else "false", BOOL)
        case int():
            return Value(str(constant), INT)
        case float():
            return Value(repr(constant), FLOAT)
        case str() if len(constant) == 1:
            return Value(string_literal(constant), CHAR)
        case str():
            return Value(string_literal(constant), STRING)
        case None:
            return Value("nil", NOTHING)
    raise NotCarried(f"the constant {constant!r}")
