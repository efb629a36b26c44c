"""One function of a reference program, with what it uses of that program: what a translator is shown. Pure.

A small model that is shown a whole program translates all of it, or another part of it.
"""

import ast

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.pynames import function_name


def excerpt(source: str, subject: str, api: Api) -> str:
    """The lines of `source` that declare the Python of a Go function or type, and what they refer to.

    All of the source where it is no Python or declares no such thing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return source
    called = next((function_name(one) for one in api.callables if one.full_name == subject), subject)
    declared = {name: node for node in tree.body for name in _names(node)}
    wanted, open_ = set[ast.stmt](), [called]
    while open_:
        node = declared.get(open_.pop())
        if node is not None and node not in wanted:
            wanted.add(node)
            open_ += [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    lines = source.splitlines()
    parts = ["\n".join(lines[_first(node) - 1 : node.end_lineno]) for node in tree.body if node in wanted]
    return "\n\n".join(parts) + "\n" if called in declared else source


def _names(node: ast.stmt) -> list[str]:
    """What a statement at the top level declares."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first(node: ast.stmt) -> int:
    """The first line, decorators included."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(one.lineno for one in decorators)])
