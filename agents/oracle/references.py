"""What a Python reference may contain, and mending what is certain: the gate before the sandbox. Pure.

A reference computes; it reads no file, opens no socket, asks for no time. The sandbox would stop it anyway:
this gate gives a reason. It also takes off what stands around the functions (a `main`, calls at the top
level), which small models add. What never looks at one of its parameters is no witness of what it should do
with it, however many agree: three limiters that never read their clock agree on everything.
"""

import ast
from collections import Counter
from collections.abc import Iterator

ALLOWED_IMPORTS = frozenset(
    [
        "__future__",
        "abc",
        "bisect",
        "collections",
        "copy",
        "dataclasses",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "heapq",
        "itertools",
        "math",
        "operator",
        "re",
        "statistics",
        "string",
        "typing",
        "unicodedata",
    ]
)
_FORBIDDEN = frozenset(
    ["open", "input", "exec", "eval", "compile", "__import__", "globals", "breakpoint", "exit", "quit"]
)
_KEPT = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def mended(source: str) -> tuple[str, str]:
    """The program without what stands around its functions, and why it is refused ('' if it is not)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        return source, f"it is no Python: {error}"
    tree.body = [node for node in tree.body if isinstance(node, _KEPT)]
    if not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body):
        return source, "it declares nothing"
    fault = _fault(tree)
    return source if fault else f"{ast.unparse(tree)}\n", fault


def ignored(source: str) -> dict[str, str]:
    """What each function or class never looks at: `{"Limiter": "rate"}`, the first of its parameters.

    What a constructor only stores, or only calls as it would a clock, some method has to read. A name that
    begins with `_` is meant so.
    """
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            unread = _unread(node)
        elif isinstance(node, ast.ClassDef):
            methods = [method for method in node.body if isinstance(method, ast.FunctionDef)]
            unread = [name for method in methods for name in _unread(method, node)]
        else:
            continue
        if unread:
            found[node.name] = unread[0]
    return found


def _unread(function: ast.FunctionDef, whole: ast.ClassDef | None = None) -> list[str]:
    arguments = function.args
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    own += [] if arguments.vararg is None else [arguments.vararg]
    names = [one.arg for one in own if one.arg != "self" and not one.arg.startswith("_")]
    read = Counter(node.id for node in _loads(function) if isinstance(node, ast.Name))
    if whole is not None and function.name == "__init__":
        kept = {node.attr for node in _loads(whole) if isinstance(node, ast.Attribute)}
        for name, attribute in _stored(function):
            read[name] += (attribute in kept) - 1
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                read[node.func.id] -= 1
    return [name for name in names if read[name] <= 0]


def _stored(maker: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """The parameters that a constructor puts into attributes as they are, with these."""
    for node in maker.body:
        match node:
            case (
                ast.Assign(targets=[ast.Attribute(attr=attribute)], value=ast.Name(id=name))
                | ast.AnnAssign(target=ast.Attribute(attr=attribute), value=ast.Name(id=name))
            ):
                yield name, attribute


def _loads(tree: ast.AST) -> list[ast.Name | ast.Attribute]:
    """All names and attributes that are read; `x += 1` reads x."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    ]
    changed = [node.target for node in ast.walk(tree) if isinstance(node, ast.AugAssign)]
    return found + [node for node in changed if isinstance(node, ast.Name | ast.Attribute)]


def _fault(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "."]
        for module in modules:
            if module.partition(".")[0] not in ALLOWED_IMPORTS:
                return f"it imports {module}"
        if isinstance(node, ast.Name) and node.id in _FORBIDDEN:
            return f"it uses {node.id}"
        if isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr != "__init__":
            return f"it uses {node.attr}"
    return ""
