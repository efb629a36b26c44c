"""The variables of a function: where Go declares each, and of what type it is. Pure.

Python has one variable a function, Go one a block. A variable is declared where it is first assigned, if all
its uses are in that block behind it; else before everything. Next: `statements.py`.
"""

import ast
from collections.abc import Iterator

from guildbus.agents.carrying.types import NotCarried

Block = list[ast.stmt]
Path = tuple[tuple[int, ast.stmt], ...]
"""The statements around a name, from the outermost, each with its block."""
Use = tuple[ast.Name, Path]


def homes(function: ast.FunctionDef, known: set[str]) -> dict[str, ast.stmt | None]:
    """For each local variable the assignment that declares it; None where it is declared before everything.

    Variables of loops and comprehensions that nothing outside of these uses are not among them.
    """
    places: dict[str, list[Use]] = {}
    for node, around in _names(function.body, ()):
        places.setdefault(node.id, []).append((node, around))
    found: dict[str, ast.stmt | None] = {}
    for name, uses in places.items():
        stored = [use for use in uses if isinstance(use[0].ctx, ast.Store)]
        if name in known or not stored or _belongs_to_a_loop(uses):
            continue
        first, path = uses[0]
        found[name] = path[-1][1] if _declares(first, path, uses) else None
    return found


def _declares(first: ast.Name, path: Path, uses: list[Use]) -> bool:
    """Whether the first use is an assignment, and every other one is in its block."""
    block, statement = path[-1]
    if not isinstance(first.ctx, ast.Store) or not isinstance(statement, ast.Assign):
        return False
    return all(any(block == other for other, _ in rest) for _, rest in uses) and not any(
        isinstance(use.ctx, ast.Load) and rest[-1][1] is statement for use, rest in uses
    )


def _belongs_to_a_loop(uses: list[Use]) -> bool:
    """Whether a `for` makes the variable, and only that loop uses it."""
    loops = [
        statement
        for name, path in uses
        if isinstance(name.ctx, ast.Store)
        for _, statement in path
        if isinstance(statement, ast.For) and any(inner is name for inner in ast.walk(statement.target))
    ]
    if not loops:
        return False
    inside = all(any(statement in loops for _, statement in path) for _, path in uses)
    if not inside:
        raise NotCarried(f"{uses[0][0].id} is used behind its loop")
    return True


def _names(
    block: Block, path: tuple[tuple[int, ast.stmt], ...]
) -> Iterator[tuple[ast.Name, tuple[tuple[int, ast.stmt], ...]]]:
    """Every name in order of evaluation, with the statements around it, each with its block."""
    for statement in block:
        here = (*path, (id(block), statement))
        parts = _expressions(statement)
        for part in parts:
            for name in _free(part):
                yield name, here
        for inner in _blocks(statement):
            yield from _names(inner, here)


def _expressions(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a statement that are no statements: values before the targets."""
    parts = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt)]
    if isinstance(statement, ast.Assign):
        return [statement.value, *statement.targets]
    if isinstance(statement, ast.For):
        return [statement.iter, statement.target]
    return parts


def _free(node: ast.AST) -> Iterator[ast.Name]:
    """The names of an expression, without those that comprehensions and lambdas make for themselves."""
    bound: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.comprehension):
            bound |= {name.id for name in ast.walk(inner.target) if isinstance(name, ast.Name)}
        if isinstance(inner, ast.Lambda):
            bound |= {one.arg for one in inner.args.args}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id not in bound:
            yield inner


def _blocks(statement: ast.stmt) -> list[Block]:
    """The blocks of a statement: body and else."""
    return [block for name in ("body", "orelse") if (block := getattr(statement, name, None))]


def refuse_strange(function: ast.FunctionDef) -> None:
    """Refuse what has no counterpart: nested functions, `with`, `try`, `match`, `yield` and their like."""
    allowed = (
        ast.Assign,
        ast.AnnAssign,
        ast.AugAssign,
        ast.For,
        ast.While,
        ast.If,
        ast.Return,
        ast.Raise,
        ast.Expr,
        ast.Pass,
        ast.Break,
        ast.Continue,
        ast.Delete,
    )
    for inner in ast.walk(function):
        if isinstance(inner, ast.stmt) and inner is not function and not isinstance(inner, allowed):
            raise NotCarried(f"the statement `{ast.unparse(inner).partition(chr(10))[0]}`")
        if isinstance(inner, ast.For | ast.While) and inner.orelse:
            raise NotCarried("an else behind a loop")
