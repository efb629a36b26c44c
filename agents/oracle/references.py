"""What a Python reference may contain, and mending what is certain: the gate before the sandbox. Pure.

A reference computes; it reads no file, opens no socket, asks for no time. The sandbox would stop it anyway:
this gate gives a reason. It also takes off what stands around the functions (a `main`, calls at the top
level), which small models add.
"""

import ast

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
