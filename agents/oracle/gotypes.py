"""The types and callables of a package as plain data: what examination can put in and read out.

A type that no value can be made for, or that cannot be read back, is `unsupported` and says why; so is every
callable that needs one. `stated_types.py` reads them from what a spec states. Next: `values.py` (values of
these types as JSON) and `inputs.py` (drawing them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "bool",
    "int",
    "float",
    "string",
    "rune",
    "byte",
    "bytes",
    "list",
    "array",
    "map",
    "struct",
    "pointer",
    "error",
    "duration",
    "time",
    "clock",
    "any",
    "object",
    "unsupported",
]


@dataclass(frozen=True)
class GoType:
    """One type. `text` is how Go writes it; `elem`, `key`, `fields` are its parts, `why` for unsupported.

    `least` and `most` bound an int; `length` is an array's. An `object` is a value with hidden state: it
    is made by a constructor, and seen through its methods alone.
    """

    kind: Kind
    text: str
    elem: "GoType | None" = None
    key: "GoType | None" = None
    fields: tuple[tuple[str, "GoType"], ...] = ()
    least: int = 0
    most: int = 0
    length: int = 0
    why: str = ""

    @property
    def obstacle(self) -> str:
        """Why no value of it can cross; '' if all can."""
        if self.kind == "unsupported":
            return self.why
        parts = [part for part in (self.elem, self.key) if part is not None]
        return next((p.obstacle for p in (*parts, *(t for _, t in self.fields)) if p.obstacle), "")


@dataclass(frozen=True)
class Parameter:
    """One parameter. `variadic`: `type` is the slice that it is inside."""

    name: str
    type: GoType
    variadic: bool = False


@dataclass(frozen=True)
class Callable:
    """A function or a method. `receiver` is the type's name, '' for a function.

    `type_arguments` are what its type parameters are instantiated with. `obstacle` says why it cannot be
    called.
    """

    name: str
    text: str
    receiver: str
    parameters: tuple[Parameter, ...]
    results: tuple[GoType, ...]
    type_arguments: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """`GCD`, or `Stack.Push`."""
        return f"{self.receiver}.{self.name}" if self.receiver else self.name

    @property
    def values(self) -> tuple[GoType, ...]:
        """Its results without the error behind them."""
        return self.results[:-1] if self.fails else self.results

    @property
    def fails(self) -> bool:
        """Whether its last result is an error."""
        return bool(self.results) and self.results[-1].kind == "error"

    @property
    def obstacle(self) -> str:
        """Why it cannot be called with values from outside, or its results not be read; '' if it can."""
        for parameter in self.parameters:
            if parameter.type.kind == "object":
                return f"{self.full_name} takes a {parameter.type.text}"
            if parameter.type.obstacle:
                return f"{self.full_name}: {parameter.type.obstacle}"
        for result in self.results:
            if result.obstacle:
                return f"{self.full_name}: {result.obstacle}"
        return ""


@dataclass(frozen=True)
class Api:
    """Everything stated of one package: its types by name, its callables, its sentinel errors."""

    types: Mapping[str, GoType] = field(default_factory=dict)
    callables: tuple[Callable, ...] = ()
    sentinels: tuple[str, ...] = ()

    @property
    def functions(self) -> tuple[Callable, ...]:
        """Plain functions that make no object."""
        return tuple(c for c in self.callables if not c.receiver and not makes(c))

    def constructors(self, name: str) -> tuple[Callable, ...]:
        """The functions whose first result is an object of this type."""
        return tuple(c for c in self.callables if makes(c) == name)

    def methods(self, name: str) -> tuple[Callable, ...]:
        """The methods of a type."""
        return tuple(c for c in self.callables if c.receiver == name)


def makes(callable_: Callable) -> str:
    """The object type that a function constructs, '' if it is no constructor."""
    if callable_.receiver or not callable_.results or callable_.results[0].kind != "object":
        return ""
    return callable_.results[0].text.lstrip("*").partition("[")[0]
