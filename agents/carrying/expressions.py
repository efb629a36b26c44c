"""Expressions. What needs statements of its own (a comprehension, `a if b else c`) emits them first. Pure.

`Writer` holds one function in the making. Next: `calls.py`.
"""

import ast
from collections.abc import Callable as Function
from collections.abc import Sequence
from typing import TypeVar

from guildbus.agents.carrying import calls, functions, loops
from guildbus.agents.carrying.routines import Program, Routine, go_name
from guildbus.agents.carrying.types import (
    AND,
    ATOM,
    BOOL,
    CHAR,
    EMPTY_DICT,
    EMPTY_LIST,
    FLOAT,
    INT,
    NOTHING,
    OR,
    STRING,
    SUM,
    TEST,
    NotCarried,
    StillOpen,
    Value,
    copied,
    fitted,
    is_ordered,
    joined,
    length,
    list_of,
    map_of,
    negated,
    set_of,
    settled,
    string_literal,
    tuple_of,
    zero,
)
from guildbus.agents.oracle.gotypes import GoType
from guildbus.agents.oracle.pynames import snake

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
                return self._logical(node)
            case ast.Compare(left=left, ops=operators, comparators=others):
                return self._compared(left, operators, others)
            case ast.Subscript(value=held, slice=index):
                return self._part(held, index)
            case ast.Call():
                return calls.called(self, node)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._either(test, body, other, wanted)
            case ast.List(elts=elements):
                return self._list(elements, wanted)
            case ast.Tuple(elts=elements):
                return self._tuple(elements, wanted)
            case ast.Set(elts=elements):
                return self._set(elements)
            case ast.Dict():
                return self._dict(node)
            case (
                ast.ListComp(elt=element, generators=generators)
                | ast.GeneratorExp(elt=element, generators=generators)
            ):
                return self.collected(element, generators)
            case ast.JoinedStr(values=parts):
                return self._formatted(parts)
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
        return self.combined(first, operator, second)

    def combined(self, first: Value, operator: ast.operator, second: Value) -> Value:
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
            return functions.power(first, second)
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

    def _logical(self, node: ast.BoolOp) -> Value:
        """`and` and `or`; what needs statements first is only worked out where Python would."""
        both = isinstance(node.op, ast.And)
        sign, rank = ("&&", AND) if both else ("||", OR)
        text = self.condition(node.values[0])
        for other in node.values[1:]:
            following, lines = self.apart(lambda other=other: self.condition(other))  # type: ignore[misc]
            if not lines:
                text = Value(f"{text.within(rank)} {sign} {following.within(rank)}", BOOL, rank)
                continue
            known = self.kept(text, "ok")
            self.emit(f"if {known.text if both else negated(known).text} {{")
            self.lines += lines
            self.emit(f"{known.text} = {following.text}")
            self.emit("}")
            text = known
        return text

    def _compared(self, left: ast.expr, operators: list[ast.cmpop], others: list[ast.expr]) -> Value:
        sides = [left, *others]
        if len(operators) > 1 and not all(self.steady(side) for side in sides[1:-1]):
            raise NotCarried("a chain of comparisons over a call")
        parts = [
            self._comparison(first, operator, second)
            for first, operator, second in zip(sides, operators, others, strict=False)
        ]
        return parts[0] if len(parts) == 1 else Value(" && ".join(p.within(AND) for p in parts), BOOL, AND)

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Value:
        if isinstance(operator, ast.In | ast.NotIn):
            found = calls.contained(self, left, right)
            return found if isinstance(operator, ast.In) else negated(found)
        first, second = self.value(left), self.value(right)
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

    def _either(self, test: ast.expr, body: ast.expr, other: ast.expr, wanted: GoType | None) -> Value:
        """`a if b else c`: a variable that gets one of the two."""
        condition = self.condition(test)
        (first, before), (second, behind) = (
            self.apart(lambda: self.value(body)),
            self.apart(lambda: self.value(other)),
        )
        of = wanted if wanted is not None else settled(joined(first.type, second.type))
        name = self.fresh("chosen")
        for line in (
            f"var {name} {of.text}",
            f"if {condition.text} {{",
            *before,
            f"{name} = {fitted(first, of).text}",
            "} else {",
            *behind,
            f"{name} = {fitted(second, of).text}",
            "}",
        ):
            self.emit(line)
        return Value(name, of)

    def _list(self, elements: list[ast.expr], wanted: GoType | None) -> Value:
        if not elements:
            return Value("", EMPTY_LIST)
        of = wanted.elem if wanted is not None and wanted.kind == "list" else None
        found = [self.value(element, of) for element in elements]
        for one in found:
            of = joined(of, one.type)
        assert of is not None
        elem = settled(of)
        texts = [_bare(fitted(one, elem), elem) for one in found]
        return Value(f"{list_of(elem).text}{{{', '.join(texts)}}}", list_of(elem))

    def _tuple(self, elements: list[ast.expr], wanted: GoType | None) -> Value:
        parts = [of for _, of in wanted.fields] if wanted is not None and wanted.kind == "struct" else []
        if len(parts) != len(elements):
            parts = [settled(value.type) for value in self.values(elements)]
        of = tuple_of(tuple(parts))
        texts = [self.value(element, part).text for element, part in zip(elements, parts, strict=True)]
        return Value(f"{of.text}{{{', '.join(texts)}}}", of)

    def _set(self, elements: list[ast.expr]) -> Value:
        found = self.values(elements)
        of: GoType | None = None
        for one in found:
            of = joined(of, one.type)
        key = settled(of) if of is not None else STRING
        return Value(
            f"{set_of(key).text}{{{', '.join(f'{fitted(v, key).text}: true' for v in found)}}}", set_of(key)
        )

    def _dict(self, node: ast.Dict) -> Value:
        if not node.keys:
            return Value("", EMPTY_DICT)
        keys = self.values([key for key in node.keys if key is not None])
        elements = self.values(node.values)
        if len(keys) != len(elements):
            raise NotCarried("a dict inside a dict's display")
        key: GoType | None = None
        elem: GoType | None = None
        for one, other in zip(keys, elements, strict=True):
            key, elem = joined(key, one.type), joined(elem, other.type)
        assert key is not None
        assert elem is not None
        key, elem = settled(key), settled(elem)
        of = map_of(key, elem)
        pairs = zip(keys, elements, strict=True)
        shown = ", ".join(
            f"{fitted(k, settled(key)).text}: {fitted(v, settled(elem)).text}" for k, v in pairs
        )
        return Value(f"{of.text}{{{shown}}}", of)

    def _formatted(self, parts: list[ast.expr]) -> Value:
        """An f-string without formats."""
        text, given = "", []
        for part in parts:
            match part:
                case ast.Constant(value=str(fixed)):
                    text += fixed.replace("%", "%%")
                case ast.FormattedValue(value=inner, format_spec=None):
                    shown = self.value(inner)
                    text += "%v"
                    given.append(fitted(shown, STRING).text if shown.type.kind == "rune" else shown.text)
                case _:
                    raise NotCarried("a format")
        return Value(f"fmt.Sprintf({', '.join([string_literal(text), *given])})", STRING)

    # -- loops in expressions ------------------------------------------------------------------

    def collected(self, element: ast.expr, generators: list[ast.comprehension]) -> Value:
        """A comprehension: a loop that appends to a list."""
        name = self.fresh("kept")
        held: list[GoType] = []

        def body() -> None:
            found = self.value(element)
            held.append(settled(found.type))
            self.emit(f"{name} = append({name}, {fitted(found, held[0]).text})")

        _, lines = self.apart(lambda: self.looped(generators, body))
        self.emit(f"{name} := {list_of(held[0]).text}{{}}")
        self.lines += lines
        return Value(name, list_of(held[0]))

    def looped(self, generators: list[ast.comprehension], body: Function[[], None]) -> None:
        """The loops of a comprehension around a body; its variables are its own."""
        if len(generators) != 1:
            raise NotCarried("a comprehension over several things")
        generator = generators[0]
        shadowed = {n.id: self.types.get(n.id) for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
        try:
            loops.loop_head(self, generator.target, generator.iter)
            for test in generator.ifs:
                self.emit(f"if {self.condition(test).text} {{")
            body()
            self.lines += ["}"] * (len(generator.ifs) + 1)
        finally:
            for name, of in shadowed.items():
                if of is None:
                    self.types.pop(name, None)
                else:
                    self.types[name] = of

    def failure(self, error: str) -> str:
        """The statement that returns with an error."""
        if not self.routine.fails:
            raise NotCarried("an exception where Go returns no error")
        results = [*map(zero, self.routine.results), error]
        if self.routine.node.name == "__init__":
            results = ["nil", error]
        return f"return {', '.join(results)}"


def _bare(value: Value, of: GoType) -> str:
    """A value as an element: a struct without a name needs no type before it."""
    prefix = f"{of.text}{{"
    return (
        value.text[len(of.text) :]
        if of.text.startswith("struct{") and value.text.startswith(prefix)
        else value.text
    )


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
