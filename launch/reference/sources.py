"""What only the source says: the text under a field, how its type is written, which classes have a `code`.

Python keeps no docstring of an attribute, so the modules are parsed. Nothing is imported to find classes.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import guildbus

LAYERS: Final = ("protocols", "bus", "agents", "launch")
CODE_FORM: Final = re.compile(r"[a-z]+\.[a-z_]+")
_STATES_A_CODE: Final = re.compile(r"^ +code\b.* = \"", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Field:
    """A field as its class states it: how its type is written, and the text under it."""

    annotation: str
    text: str


@dataclass(frozen=True, slots=True)
class CodedClass:
    """An error class. `path` is that of its module in the repository."""

    code: str
    name: str
    bases: tuple[str, ...]
    docstring: str
    path: str


def fields_of(owner: type) -> dict[str, Field]:
    """The fields that a class and its bases of ours state."""
    found: dict[str, Field] = {}
    for kind in reversed(owner.__mro__):
        if kind.__module__.startswith("guildbus."):
            found |= _own_fields(kind)
    return found


def aliases_of(module: ModuleType) -> dict[str, str]:
    """The names that a module gives to types, with the text under each; those without text are left out."""
    return {
        node.targets[0].id: text
        for node, text in _with_texts(_parsed(module).body)
        if text and isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def path_of(owner: type) -> str:
    """Where its module is in the repository, such as `protocols/messages/draft.py`."""
    module = _module_of(owner).__name__.removeprefix("guildbus.")
    return f"{module.replace('.', '/')}.py"


def sources() -> Iterator[tuple[str, str]]:
    """Every module of the four layers: its path in the repository, and its text."""
    root = Path(guildbus.__file__).parent
    for layer in LAYERS:
        folder = (root / layer).resolve()
        for path in sorted(folder.rglob("*.py")):
            yield f"{layer}/{path.relative_to(folder).as_posix()}", path.read_text(encoding="utf-8")


def coded_classes() -> list[CodedClass]:
    """The classes that state a `code` of the form `area.problem`, in the order of the code."""
    found = [
        CodedClass(code, node.name, _names(node.bases), ast.get_docstring(node) or "", path)
        for path, text in sources()
        if _STATES_A_CODE.search(text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and (code := _code_of(node))
    ]
    return sorted(found, key=lambda one: one.code)


def _own_fields(owner: type) -> dict[str, Field]:
    classes = (node for node in ast.walk(_parsed(_module_of(owner))) if isinstance(node, ast.ClassDef))
    found = next(node for node in classes if node.name == owner.__name__)
    return {
        node.target.id: Field(ast.unparse(node.annotation), text)
        for node, text in _with_texts(found.body)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _code_of(node: ast.ClassDef) -> str:
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(text)))
            ):
                return text if CODE_FORM.fullmatch(text) else ""
    return ""


def _names(bases: list[ast.expr]) -> tuple[str, ...]:
    return tuple(ast.unparse(base).rpartition(".")[2] for base in bases)


def _with_texts(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Each statement, and the string that stands right under it ('' if none does)."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node, inspect.cleandoc(text)
            case _:
                yield node, ""


def _module_of(owner: type) -> ModuleType:
    module = inspect.getmodule(owner)
    if module is None:
        raise ValueError(f"{owner.__qualname__} has no module")
    return module


@cache
def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))
