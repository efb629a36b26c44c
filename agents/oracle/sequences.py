"""The cases that a test states step by step: an object is made, used, and looked at in between. Pure.

    c := New(2)                                    new     New(2)
    c.Put("a", 1)                                  step 0
    if got, ok := c.Get("a"); got != 1 || !ok {    step 1  expected: 1, true
        t.Errorf(...)
    }

A test function is read as a whole or not at all: after a loop, a branch that does anything but fail, or a
call of something else nobody could say in which state the object is. Next: `rows.py`, which reads tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from guildbus.agents.golang.signatures import is_test_name
from guildbus.agents.golang.syntax import GoFile, declarations, find, text_of
from guildbus.agents.oracle.gotypes import Api, Callable, GoType
from guildbus.agents.oracle.literals import NoLiteral, case_of, read_literal
from guildbus.agents.oracle.values import Json


@dataclass(frozen=True)
class Looked:
    """A result that is compared: of which step, which one, with what. `spelled`: see `Expectation`."""

    step: int
    result: int
    type: GoType
    value: Json
    node: Node
    spelled: tuple[str, str] | tuple[()] = ()


@dataclass
class Life:
    """One object of a test function: how it was made, what was done with it, what was looked at."""

    type: str
    maker: Callable
    args: list[Json]
    steps: list[Json] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)

    @property
    def case(self) -> Json:
        """As witnesses run it."""
        return {"type": self.type, "new": [self.maker.full_name, self.args], "steps": self.steps}


@dataclass(frozen=True)
class _Result:
    life: Life
    step: int
    result: int
    type: GoType


def lives_in(file: GoFile, api: Api) -> Iterator[tuple[str, Life]]:
    """Each object that can be followed with certainty, with the test function that it lives in."""
    for found in declarations(file):
        body = found.node.child_by_field_name("body")
        if found.kind != "func" or not is_test_name(found.name) or body is None:
            continue
        reader = _Reader(api)
        try:
            reader.block(body)
        except NoLiteral:
            continue
        yield from ((found.name, life) for life in reader.lives.values() if life.looked)


class _Reader:
    """Goes through a test's statements in order. Raises NoLiteral at the first that is not understood."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._makers = {c.name: (name, c) for name in api.types for c in api.constructors(name)}
        self._results: dict[str, _Result] = {}
        self.lives: dict[str, Life] = {}

    def block(self, body: Node) -> None:
        for holder in [child for child in body.named_children if child.type == "statement_list"] or [body]:
            for statement in holder.named_children:
                if statement.type != "comment":
                    self._statement(statement)

    def _statement(self, statement: Node) -> None:
        match statement.type:
            case "short_var_declaration" | "assignment_statement":
                self._bind(statement)
            case "expression_statement":
                call = statement.named_children[0]
                if (
                    not text_of(call).startswith(("t.Helper(", "t.Parallel(", "t.Log"))
                    and self._step(call) is None
                ):
                    raise NoLiteral(text_of(statement))
            case "if_statement":
                self._check(statement)
            case _:
                raise NoLiteral(statement.type)

    def _bind(self, statement: Node) -> None:
        """`c := New(2)`, `got, ok := c.Get("a")`."""
        left, right = statement.child_by_field_name("left"), statement.child_by_field_name("right")
        if left is None or right is None or right.named_child_count != 1:
            raise NoLiteral(text_of(statement))
        names, call = [text_of(node) for node in left.named_children], right.named_children[0]
        head = call.child_by_field_name("function")
        made = (
            self._makers.get(text_of(head)) if head is not None and call.type == "call_expression" else None
        )
        if made is not None:
            if len(names) != len(made[1].results) or any(name != "_" for name in names[1:]):
                raise NoLiteral(text_of(statement))
            given = call.child_by_field_name("arguments")
            args = case_of(made[1], [n for n in given.named_children if n.type != "comment"] if given else [])
            self.lives[names[0]] = Life(made[0], made[1], args["args"])
            return
        found = self._step(call)
        if found is None or len(names) != len(found[2].results):
            raise NoLiteral(text_of(statement))
        for number, (name, of) in enumerate(zip(names, found[2].results, strict=True)):
            self._results[name] = _Result(found[0], found[1], number, of)

    def _step(self, call: Node) -> tuple[Life, int, Callable] | None:
        """A call of a method of an object that is followed; None for any other expression."""
        head = call.child_by_field_name("function") if call.type == "call_expression" else None
        if head is None or head.type != "selector_expression":
            return None
        operand, name = head.child_by_field_name("operand"), head.child_by_field_name("field")
        life = self.lives.get(text_of(operand)) if operand is not None else None
        if life is None or name is None:
            return None
        method = next((c for c in self._api.methods(life.type) if c.name == text_of(name)), None)
        if method is None or method.obstacle:
            raise NoLiteral(text_of(head))
        given = call.child_by_field_name("arguments")
        args = case_of(method, [n for n in given.named_children if n.type != "comment"] if given else [])
        life.steps.append([method.name, args["args"]])
        return life, len(life.steps) - 1, method

    def _check(self, statement: Node) -> None:
        """An `if` whose body fails the test: each part of its condition is an expectation."""
        before = statement.child_by_field_name("initializer")
        condition, body = (statement.child_by_field_name(name) for name in ("condition", "consequence"))
        if condition is None or body is None or statement.child_by_field_name("alternative") is not None:
            raise NoLiteral("a branch")
        called = [text_of(n.child_by_field_name("function") or n) for n in find(body, "call_expression")]
        if not called or not called[0].startswith(("t.Error", "t.Fatal", "t.Fail")):
            raise NoLiteral("a branch that does not fail")
        if before is not None:
            self._bind(before)
        for part in _alternatives(condition):
            self._expect(part)

    def _expect(self, part: Node) -> None:
        if part.type == "binary_expression" and text_of(part.child_by_field_name("operator") or part) == "!=":
            left, right = part.child_by_field_name("left"), part.child_by_field_name("right")
            for value, literal in ((left, right), (right, left)):
                found = self._result(value) if value is not None else None
                if found is not None and literal is not None:
                    wanted = read_literal(literal, found.type)
                    looked = Looked(found.step, found.result, found.type, wanted, literal)
                    found.life.looked.append(looked)
                    return
            raise NoLiteral(text_of(part))
        plain = part.named_children[-1] if part.type == "unary_expression" else part
        found = self._result(plain)
        if found is None or found.type.kind != "bool" or (plain is not part and text_of(part)[0] != "!"):
            raise NoLiteral(text_of(part))
        asked = text_of(plain)
        spelled = (f"!{asked}", asked)
        looked = Looked(found.step, found.result, found.type, plain is not part, part, spelled)
        found.life.looked.append(looked)

    def _result(self, node: Node) -> _Result | None:
        """What an expression is the result of: a variable that was bound, or a call with one result."""
        if node.type == "identifier":
            return self._results.get(text_of(node))
        found = self._step(node)
        if found is None or len(found[2].results) != 1:
            return None
        return _Result(found[0], found[1], 0, found[2].results[0])


def _alternatives(condition: Node) -> list[Node]:
    """The parts of `a || b || c`."""
    if condition.type == "parenthesized_expression":
        return _alternatives(condition.named_children[0])
    sign = condition.child_by_field_name("operator")
    left, right = condition.child_by_field_name("left"), condition.child_by_field_name("right")
    if (
        condition.type == "binary_expression"
        and sign is not None
        and text_of(sign) == "||"
        and left
        and right
    ):
        return [*_alternatives(left), *_alternatives(right)]
    return [condition]
