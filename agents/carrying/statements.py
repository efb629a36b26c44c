"""Statements, and finding out by them of what types the variables are. Pure.

A function is written several times: at first what is not known yet is left out, and each time more is known
of what its variables hold; then once for good. Next: `expressions.py`.
"""

import ast
from collections.abc import Sequence

from guildbus.agents.carrying import calls, loops
from guildbus.agents.carrying.assignments import Assignments, settled_part
from guildbus.agents.carrying.expressions import Writer
from guildbus.agents.carrying.types import (
    BOOL,
    NotCarried,
    StillOpen,
    fitted,
    is_open,
    negated,
    settled,
)
from guildbus.agents.oracle.gotypes import GoType

_FILLING = {"append": 0, "add": 0, "insert": 1}


class Body(Assignments):
    """The statements of one function. `write` is called until `known` stays the same, and then for good."""

    @property
    def known(self) -> dict[str, GoType]:
        """The types of the variables so far."""
        return dict(self._w.types)

    def learn(self) -> None:
        """Once more, for the types."""
        self._tolerant = True
        self._w.apart(lambda: self._block(self._function.body))

    def lines(self) -> list[str]:
        """For good. Raises NotCarried."""
        self._tolerant = False
        w = Writer(self._w.program, self._w.routine)
        w.types = {name: settled(of) for name, of in self._w.types.items()}
        w.pointers, self._w = self._w.pointers, w
        for name, home in self._homes.items():
            if home is None:
                w.emit(f"var {w.go(name)} {self._type(name).text}")
        self._block(self._function.body)
        return w.lines

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            try:
                self._statement(statement)
            except StillOpen:
                if not self._tolerant:
                    raise

    def _statement(self, statement: ast.stmt) -> None:
        w = self._w
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return
            case ast.Break():
                w.emit("break")
            case ast.Continue():
                w.emit("continue")
            case ast.Assign(targets=[target], value=value):
                self._assign(statement, target, value)
            case ast.AugAssign():
                self._change(statement)
            case ast.If():
                self._if(statement)
            case ast.While():
                self._while(statement)
            case ast.For():
                self._for(statement)
            case ast.Return(value=ast.IfExp(test=test, body=body, orelse=other)):
                self._if(ast.If(test, [ast.Return(body)], []))
                self._statement(ast.Return(other))
            case ast.Return(value=value):
                self._return(value)
            case ast.Raise(exc=raised):
                w.emit(w.failure(calls.error_text(w, raised)))
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case ast.Delete(targets=[ast.Subscript(value=held, slice=index)]):
                self._delete(w.value(held), held, index)
            case _:
                raise NotCarried(f"`{ast.unparse(statement).partition(chr(10))[0]}`")

    def _if(self, statement: ast.If) -> None:
        w = self._w
        w.emit(f"if {w.condition(statement.test).text} {{")
        self._block(statement.body)
        following = statement.orelse
        while len(following) == 1 and isinstance(following[0], ast.If):
            other = following[0]
            test, lines = w.condition_apart(other.test)
            if lines:
                break
            w.emit(f"}} else if {test.text} {{")
            self._block(other.body)
            following = other.orelse
        if following:
            w.emit("} else {")
            self._block(following)
        w.emit("}")

    def _while(self, statement: ast.While) -> None:
        w = self._w
        test, lines = w.condition_apart(statement.test)
        if lines:
            w.emit("for {")
            w.lines += lines
            w.emit(f"if {negated(test).text} {{")
            w.emit("break")
            w.emit("}")
        else:
            w.emit("for {" if test.text == "true" else f"for {test.text} {{")
        self._block(statement.body)
        w.emit("}")

    def _for(self, statement: ast.For) -> None:
        """A variable that the body does not use is left out: Go takes none that is idle."""
        w = self._w
        used = {n.id for one in statement.body for n in ast.walk(one) if isinstance(n, ast.Name)}
        changed = {
            n.id
            for one in statement.body
            for n in ast.walk(one)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        gone = {n.id for n in ast.walk(statement.iter) if isinstance(n, ast.Name)}
        if isinstance(statement.iter, ast.Name) and gone & changed:
            raise NotCarried("what a loop goes over is changed in it")
        loops.loop_head(w, _idle(statement.target, used), statement.iter)
        self._block(statement.body)
        w.emit("}")

    def _return(self, value: ast.expr | None) -> None:
        w = self._w
        results = w.routine.results
        last = ["nil"] * w.routine.fails
        if value is None or (isinstance(value, ast.Constant) and value.value is None and not results):
            if results:
                raise NotCarried("a return without a value")
            texts = [] if w.routine.node.name != "__init__" else [w.routine.receiver]
        elif len(results) > 1:
            if not isinstance(value, ast.Tuple) or len(value.elts) != len(results):
                raise NotCarried(f"`return {ast.unparse(value)}`")
            texts = [w.value(one, of).text for one, of in zip(value.elts, results, strict=True)]
        elif len(results) == 1:
            found = w.condition(value) if results[0] == BOOL else w.value(value, None)
            if results[0].kind == "list" and isinstance(value, ast.Name) and is_open(found.type):
                w.learn(value, results[0])
            texts = [fitted(found, results[0]).text]
        else:
            raise NotCarried("a value where nothing is returned")
        w.emit(" ".join(["return", ", ".join([*texts, *last])]).rstrip())

    def _call(self, call: ast.Call) -> None:
        w = self._w
        match call.func:
            case ast.Attribute(value=held, attr=name) if name in _FILLING and len(call.args) > _FILLING[name]:
                kind = w.value(held).type.kind
                if kind in ("list", "map"):
                    w.learn_part(held, settled_part(w.value(call.args[_FILLING[name]]).type))
            case ast.Attribute(value=held, attr="extend") if call.args:
                w.learn(held, w.value(call.args[0]).type)
        w.wants_result = False
        try:
            found = calls.called(w, call)
        finally:
            w.wants_result = True
        if found.text.endswith(")"):
            w.emit(found.text)


def _idle(target: ast.expr, used: set[str]) -> ast.expr:
    """A loop's target with `_` for what nobody uses."""
    if isinstance(target, ast.Name):
        return target if target.id in used else ast.Name("_", ast.Store())
    if isinstance(target, ast.Tuple):
        return ast.Tuple([_idle(part, used) for part in target.elts], ast.Store())
    return target
