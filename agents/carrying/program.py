"""One function or type of a Python program, in Go: the way in. Pure.

    carried(program, "IsPalindrome", api)     the function and what it needs, without a package clause

What a program has beside it is carried along if it is used. What the spec states is called by its stated name
and taken for given. Next: `routines.py`.
"""

import ast
from collections.abc import Mapping
from types import MappingProxyType

from guildbus.agents.carrying.expressions import Writer
from guildbus.agents.carrying.helpers import needed
from guildbus.agents.carrying.routines import (
    Program,
    Routine,
    go_name,
    own_routine,
    python_name,
    stated_routine,
)
from guildbus.agents.carrying.statements import Body
from guildbus.agents.carrying.types import NotCarried, StillOpen, settled
from guildbus.agents.oracle.excerpt import excerpt
from guildbus.agents.oracle.gotypes import Api, Callable, makes

MOST_PASSES = 8
NO_COMMENTS: Mapping[str, str] = MappingProxyType({})


def carried(source: str, subject: str, api: Api, comments: Mapping[str, str] = NO_COMMENTS) -> str:
    """The Go of `subject`, a function or a type with its methods.

    `comments` are doc comments by Go's full names. Raises NotCarried with the reason.
    """
    try:
        tree = _plain(ast.parse(excerpt(source, subject, api)))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotCarried(f"it is no Python: {error}") from error
    program = Program(api, ordered=_ordered(tree))
    stated = {
        python_name(one, api): one for one in api.callables if not one.receiver or not _is_object(one, api)
    }
    bodies: list[Body] = []
    written: list[tuple[Routine, Body]] = []
    values = [node for node in tree.body if isinstance(node, ast.Assign)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            routine = (
                stated_routine(stated[node.name], node) if node.name in stated else own_routine(node, program)
            )
            program.functions[node.name] = routine
    classes = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and program.struct(node.name) is None
    ]
    for cls in classes:
        _declare(cls, program)
    module = Writer(program, _MODULE)
    for routine in (*program.functions.values(), *program.methods.values()):
        body = Body(Writer(program, routine))
        bodies.append(body)
        others = routine.node.name in stated and stated[routine.node.name].full_name != subject
        if not others:
            written.append((routine, body))
    known: object = None
    for _ in range(MOST_PASSES):
        _learn_values(values, module, program)
        for body in bodies:
            body.learn()
        now = [body.known for body in bodies], {name: dict(fields) for name, fields in program.fields.items()}
        if now == known:
            break
        known = now
    parts = [_value(node, module) for node in values]
    parts += [f"{comments.get(cls.name, '')}{_struct(cls.name, program)}" for cls in classes]
    for routine, body in written:
        owner = f"{routine.owner}." if routine.owner and routine.node.name != "__init__" else ""
        parts.append(
            f"{comments.get(f'{owner}{routine.name.rpartition(chr(46))[2]}', '')}{_function(routine, body)}"
        )
    code = "\n".join(parts)
    return f"{code}{needed(code)}"


def _function(routine: Routine, body: Body) -> str:
    """A declaration; gofmt does the indenting."""
    lines = [*_own_copies(routine), *body.lines()]
    if routine.node.name == "__init__":
        made = "&" if f"*{routine.owner}" in routine.head else ""
        lines = [f"{routine.receiver} := {made}{routine.owner}{{}}", *lines]
        lines.append(f"return {routine.receiver}{', nil' if routine.fails else ''}")
    return "\n".join([f"{routine.head} {{", *lines, "}", ""])


_CHANGING = frozenset(["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "update"])


def _own_copies(routine: Routine) -> list[str]:
    """What leaves its caller's lists and maps alone, where the body changes them.

    References are given copies of their own, so whether they change them says nothing of what is due; a
    function with a result that changes what it was given surprises whoever calls it in Go.
    """
    if not routine.results or routine.owner:
        return []
    changed: set[str] = set()
    for node in ast.walk(routine.node):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in _CHANGING:
                changed.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                changed.add(name)
            case ast.Attribute(value=ast.Subscript(value=ast.Name(id=name)), ctx=ast.Store()):
                changed.add(name)
    package = {"list": "slices", "map": "maps"}
    return [
        f"{go} = {package[of.kind]}.Clone({go})"
        for python, go, of in routine.parameters
        if python in changed and of.kind in package
    ]


def _declare(cls: ast.ClassDef, program: Program) -> None:
    """The methods of a class that the spec states as a type."""
    of = program.api.types.get(cls.name)
    if of is None or of.kind != "object":
        raise NotCarried(f"the class {cls.name}")
    program.fields[cls.name] = {}
    by_name = {python_name(one, program.api): one for one in program.api.methods(cls.name)}
    receiver = next((one.text.split()[1].lstrip("(") for one in by_name.values()), cls.name[0].lower())
    makers = program.api.constructors(cls.name)
    for node in cls.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            raise NotCarried(f"`{ast.unparse(node).partition(chr(10))[0]}` in {cls.name}")
        if node.name == "__init__":
            routine = _constructor(makers, node, cls.name)
        elif node.name in by_name:
            routine = stated_routine(by_name[node.name], node, cls.name)
        else:
            routine = own_routine(node, program, cls.name, receiver)
        program.methods[cls.name, node.name] = routine


def _constructor(makers: tuple[Callable, ...], node: ast.FunctionDef, name: str) -> Routine:
    if not makers:
        raise NotCarried(f"no function that makes a {name} is stated")
    taken = {parameter.name for parameter in makers[0].parameters}
    receiver = next(one for one in (name[0].lower(), "made", "fresh") if one not in taken)
    routine = stated_routine(makers[0], node, name)
    return Routine(
        node,
        makers[0].name,
        makers[0].text,
        routine.parameters,
        (),
        routine.fails,
        owner=name,
        receiver=receiver,
    )


def _struct(name: str, program: Program) -> str:
    fields = [f"{go_name(field)} {settled(of).text}" for field, of in program.fields[name].items()]
    return "\n".join([f"type {name} struct {{", *fields, "}", ""])


def _learn_values(nodes: list[ast.Assign], module: Writer, program: Program) -> None:
    """The types of the program's own constants and tables."""
    for node in nodes:
        [target] = node.targets
        orderly = isinstance(target, ast.Name) and target.id in program.ordered
        if not isinstance(target, ast.Name) or (orderly and isinstance(node.value, ast.Dict)):
            raise NotCarried(f"`{ast.unparse(node)}`")
        try:
            found, lines = module.value_apart(node.value)
        except StillOpen:
            continue
        if lines:
            raise NotCarried(f"`{ast.unparse(node)}`")
        program.values[target.id] = settled(found.type)


def _value(node: ast.Assign, module: Writer) -> str:
    [target] = node.targets
    assert isinstance(target, ast.Name)
    of = module.program.values.get(target.id)
    return f"var {module.go(target.id)} = {module.value(node.value, of).text}\n"


class _Plain(ast.NodeTransformer):
    """`x: T = v` is `x = v`, and a text that stands alone is a comment."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _plain(tree: ast.Module) -> ast.Module:
    found = ast.fix_missing_locations(_Plain().visit(tree))
    assert isinstance(found, ast.Module)
    return found


def _ordered(tree: ast.Module) -> frozenset[str]:
    """The names of dicts whose order a program looks at."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=held, attr="move_to_end" | "popitem" | "items" | "keys" | "values")
            ):
                found.add(_called(held))
            case ast.Call(func=ast.Name(id="iter"), args=[held]):
                found.add(_called(held))
            case ast.For(iter=ast.Name() | ast.Attribute() as held):
                found.add(_called(held))
    return frozenset(found)


def _called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


def _is_object(callable_: Callable, api: Api) -> bool:
    of = api.types.get(callable_.receiver)
    return bool(makes(callable_)) or (of is not None and of.kind == "object")


_MODULE = Routine(
    ast.FunctionDef("", ast.arguments([], [], None, [], [], None, []), [], [], None, lineno=0, col_offset=0),
    "",
    "",
    (),
    (),
)
