"""What a carried program declares: its functions and classes as Go will call them. Pure.

What the spec states keeps the stated signature; a function that the program has for itself needs annotations.
Next: `variables.py`.
"""

import ast
import re
from dataclasses import dataclass, field

from guildbus.agents.carrying.types import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    NotCarried,
    list_of,
    map_of,
    set_of,
    tuple_of,
)
from guildbus.agents.oracle.gotypes import Api, Callable, GoType, makes
from guildbus.agents.oracle.pynames import function_name, method_name
from guildbus.protocols.spec_rules import GO_KEYWORDS

_TAKEN = GO_KEYWORDS | {
    *("any", "append", "bool", "byte", "cap", "clear", "copy", "delete", "error", "false", "float64", "int"),
    *("iota", "len", "make", "max", "min", "new", "nil", "panic", "rune", "string", "true"),
    *("errors", "fmt", "maps", "math", "slices", "sort", "strconv", "strings", "time", "unicode", "utf8"),
    *("abs", "gcd", "power", "sum"),
}
"""Go's own words and names, the packages and the helpers that carried code uses."""


@dataclass(frozen=True)
class Routine:
    """A function or method. `fails`: Go returns an error behind `results`; `head` is how it is declared.

    `parameters` are (Python's name, Go's name, type). `receiver` is Go's name for the value of a method.
    """

    node: ast.FunctionDef
    name: str
    head: str
    parameters: tuple[tuple[str, str, GoType], ...]
    results: tuple[GoType, ...]
    fails: bool = False
    owner: str = ""
    receiver: str = ""

    @property
    def self_name(self) -> str:
        """Python's name for the value of a method, '' for a function."""
        return self.node.args.args[0].arg if self.owner else ""


@dataclass
class Program:
    """Everything that is declared. `fields` are those of classes, by class and Python's name."""

    api: Api
    functions: dict[str, Routine] = field(default_factory=dict)
    methods: dict[tuple[str, str], Routine] = field(default_factory=dict)
    fields: dict[str, dict[str, GoType]] = field(default_factory=dict)
    values: dict[str, GoType] = field(default_factory=dict)
    ordered: frozenset[str] = frozenset()

    def struct(self, name: str) -> GoType | None:
        """A struct that the spec states."""
        found = self.api.types.get(name)
        return found if found is not None and found.kind == "struct" else None


def go_name(name: str, *taken: str) -> str:
    """`roman_map` as `romanMap`; what Go or this code means otherwise gets a longer name."""
    first, *rest = [part for part in name.split("_") if part] or ["blank"]
    camel = first.lower() if first.isupper() else first[0].lower() + first[1:]
    camel += "".join(part.capitalize() if part.isupper() else part[0].upper() + part[1:] for part in rest)
    return f"{camel}Value" if camel in _TAKEN or camel in taken or not camel.isidentifier() else camel


def stated_routine(callable_: Callable, node: ast.FunctionDef, owner: str = "") -> Routine:
    """The routine of something that the spec states."""
    arguments = _arguments(node)[1:] if owner else _arguments(node)
    own = callable_.receiver and not owner
    if own or len(arguments) != len(callable_.parameters):
        raise NotCarried(f"{node.name} takes other parameters than {callable_.full_name}")
    if any(parameter.variadic for parameter in callable_.parameters):
        raise NotCarried(f"{callable_.full_name} takes any number of arguments")
    made = re.match(r"func \((\w+) ", callable_.text)
    receiver = made[1] if made else ""
    constructs = makes(callable_)
    named = tuple(
        (arg, parameter.name, parameter.type)
        for arg, parameter in zip(arguments, callable_.parameters, strict=True)
    )
    return Routine(
        node,
        f"{receiver}.{callable_.name}" if receiver else callable_.name,
        callable_.text,
        named,
        () if constructs else callable_.values,
        fails=callable_.fails,
        owner=owner or constructs,
        receiver=receiver,
    )


def own_routine(node: ast.FunctionDef, program: Program, owner: str = "", receiver: str = "") -> Routine:
    """The routine of a helper: its types are those of its annotations."""
    args = node.args.args[1:] if owner else node.args.args
    _arguments(node)
    parameters = tuple((a.arg, go_name(a.arg, receiver), annotated(a.annotation, program)) for a in args)
    results = _results(node, program)
    fails = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    name = go_name(node.name)
    shown = [of.text for of in results] + ["error"] * fails
    given = ", ".join(f"{name} {of.text}" for _, name, of in parameters)
    result = f" {shown[0]}" if len(shown) == 1 else f" ({', '.join(shown)})" if shown else ""
    method = f"({receiver} *{owner}) " if owner else ""
    full = f"{receiver}.{name}" if owner else name
    return Routine(
        node, full, f"func {method}{name}({given}){result}", parameters, results, fails, owner, receiver
    )


def annotated(node: ast.expr | None, program: Program) -> GoType:
    """The Go of an annotation."""
    match node:
        case ast.Constant(value=str(text)):
            return annotated(ast.parse(text, mode="eval").body, program)
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.Name(id=name) if (struct := program.struct(name)) is not None:
            return struct
        case ast.Subscript(value=ast.Name(id="list" | "List"), slice=elem):
            return list_of(annotated(elem, program))
        case ast.Subscript(value=ast.Name(id="set" | "Set"), slice=elem):
            return set_of(annotated(elem, program))
        case ast.Subscript(value=ast.Name(id="dict" | "Dict"), slice=ast.Tuple(elts=[key, elem])):
            return map_of(annotated(key, program), annotated(elem, program))
        case ast.Subscript(value=ast.Name(id="tuple" | "Tuple"), slice=ast.Tuple(elts=parts)):
            return tuple_of(tuple(annotated(part, program) for part in parts))
    raise NotCarried(
        f"the annotation {ast.unparse(node)}" if node is not None else "a parameter without a type"
    )


_PLAIN = {"int": INT, "str": STRING, "bool": BOOL, "float": FLOAT}


def _results(node: ast.FunctionDef, program: Program) -> tuple[GoType, ...]:
    match node.returns:
        case None | ast.Constant(value=None):
            if any(isinstance(inner, ast.Return) and inner.value is not None for inner in ast.walk(node)):
                raise NotCarried(f"{node.name} does not say what it returns")
            return ()
        case ast.Subscript(value=ast.Name(id="tuple" | "Tuple"), slice=ast.Tuple(elts=parts)):
            return tuple(annotated(part, program) for part in parts)
    return (annotated(node.returns, program),)


def _arguments(node: ast.FunctionDef) -> list[str]:
    """The names of plain parameters; anything else is not carried."""
    given = node.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or given.defaults:
        raise NotCarried(f"the parameters of {node.name}")
    return [one.arg for one in given.args]


def python_name(callable_: Callable, api: Api) -> str:
    """What a program calls it: that of a method is its own, that of a constructor is its class."""
    made = makes(callable_)
    of = api.types.get(callable_.receiver)
    return made or (
        method_name(callable_) if of is not None and of.kind == "object" else function_name(callable_)
    )
