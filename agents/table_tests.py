"""Table-driven tests of plain functions, written from their cases. Pure.

A frame that can be written with certainty is not left to a model: what a test's author knows is the cases.
Each function gets one table, each row a reason, the arguments and what must come back. Results that have no
literal, arguments that are no plain values and methods are left to whole files. `framed.py` reads the cases
from replies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from guildbus.agents.golang.syntax import GoFile, find, text_of
from guildbus.agents.oracle.gotypes import Callable, GoType
from guildbus.agents.oracle.literals import NoLiteral, read_literal, write_literal, zero
from guildbus.agents.oracle.values import Json

_LITERAL = frozenset(["bool", "int", "byte", "rune", "string", "float", "list", "array", "map", "struct"])
_COMPARABLE = frozenset(["bool", "int", "byte", "rune", "string"])
_BOOL, _STRING = GoType("bool", "bool"), GoType("string", "string")
_TAKEN = frozenset(["t", "tt", "got", "err", "why", "want", "wantErr"])


@dataclass(frozen=True)
class Case:
    """One row: the arguments in order (a variadic one as a list), the values, or that an error comes back."""

    args: tuple[Json, ...]
    values: tuple[Json, ...]
    fails: bool = False
    why: str = ""


def writable(callable_: Callable) -> bool:
    """Whether every case of a function can be a row: plain values, and at most an error behind."""
    if callable_.receiver or callable_.obstacle or not callable_.results or callable_.type_arguments:
        return False
    return all(map(_plain, (*(p.type for p in callable_.parameters), *callable_.values)))


def _plain(of: GoType) -> bool:
    parts = [part for part in (of.elem, of.key, *(t for _, t in of.fields)) if part is not None]
    return of.kind in _LITERAL and all(map(_plain, parts))


def table_test(callable_: Callable, cases: Sequence[Case], name: str = "") -> str:
    """One test function, called `Test<function>` or `name`. Raises NoLiteral if a value cannot be written."""
    fields = _fields(callable_)
    columns = ["why string", *(f"{field} {of.text}" for field, of in fields)]
    rows = (f"\t\t{{{', '.join(_cells(callable_, case))}}}," for case in cases)
    spread = "..." if callable_.parameters and callable_.parameters[-1].variadic else ""
    inputs = [f"tt.{field}" for field, _ in fields[: len(callable_.parameters)]]
    call = f"{callable_.name}({', '.join(inputs)}{spread})"
    return "\n".join(
        [
            f"func {name or f'Test{callable_.name}'}(t *testing.T) {{",
            "\tfor _, tt := range []struct {",
            *(f"\t\t{column}" for column in columns),
            "\t}{",
            *rows,
            "\t} {",
            *_assertions(callable_, call, inputs),
            "\t}",
            "}",
            "",
        ]
    )


def rows_of_table(file: GoFile, name: str, callable_: Callable) -> list[Case]:
    """The rows of a test's tables: an optional reason, the arguments, the values, for an error true or false.

    What cannot be read as just that is left out, and the file need not be whole.
    """
    found: list[Case] = []
    for function in find(file.root, "function_declaration", "ERROR"):
        label = function.child_by_field_name("name")
        names = [text_of(label)] if label is not None else list(map(text_of, function.children))
        if name not in names:
            continue
        for literal in find(function, "literal_value"):
            elements = [child for child in literal.named_children if child.type == "literal_element"]
            cells = [element.named_children[0] for element in elements if element.named_children]
            case = _case(cells, callable_) or _case(cells[1:], callable_, cells[:1])
            if case is not None:
                found.append(case)
    return found


def _case(cells: Sequence[Node], callable_: Callable, reason: Sequence[Node] = ()) -> Case | None:
    """A row's cells as a case; None if their number or their types are not those of the function.

    Where an error is due the values may be left out.
    """
    given = len(callable_.parameters)
    types = [*(p.type for p in callable_.parameters), *callable_.values]
    if callable_.fails:
        types.append(_BOOL)
        if len(cells) == given + 1 and text_of(cells[-1]) == "true":
            del types[given:-1]
    if len(cells) != len(types):
        return None
    try:
        values = [read_literal(cell, of) for cell, of in zip(cells, types, strict=True)]
        why = "".join(read_literal(cell, _STRING) for cell in reason)
    except NoLiteral:
        return None
    fails = callable_.fails and values.pop()
    return Case(tuple(values[:given]), () if fails else tuple(values[given:]), bool(fails), why)


def whole_file(package: str, functions: Sequence[str]) -> str:
    """A file of these test functions, with what they import."""
    body = "\n".join(functions)
    used = [name for name in ("maps", "math", "reflect", "slices", "testing") if f"{name}." in body]
    imports = "\n".join(f'\t"{name}"' for name in used)
    return f"package {package}\n\nimport (\n{imports}\n)\n\n{body}"


def _fields(callable_: Callable) -> list[tuple[str, GoType]]:
    """The columns after the reason: arguments under their own names, then what is wanted."""
    fields: list[tuple[str, GoType]] = []
    for number, parameter in enumerate(callable_.parameters):
        name = parameter.name.strip("_")
        taken = {field for field, _ in fields} | _TAKEN
        fields.append((name if name and name not in taken else f"arg{number + 1}", parameter.type))
    fields += zip(_wants(callable_), callable_.results, strict=False)
    if callable_.fails:
        fields.append(("wantErr", _BOOL))
    return fields


def _wants(callable_: Callable) -> list[str]:
    count = len(callable_.values)
    return ["want"] if count == 1 else [f"want{number + 1}" for number in range(count)]


def _cells(callable_: Callable, case: Case) -> Iterator[str]:
    yield write_literal(case.why, _STRING)
    for value, parameter in zip(case.args, callable_.parameters, strict=True):
        yield write_literal(value, parameter.type)
    if case.fails and not callable_.fails:
        raise NoLiteral(f"{callable_.name} gives no error back")
    values = [zero(of) for of in callable_.values] if case.fails else list(case.values)
    for value, of in zip(values, callable_.values, strict=True):
        yield write_literal(value, of)
    if callable_.fails:
        yield "true" if case.fails else "false"


def _assertions(callable_: Callable, call: str, inputs: Sequence[str]) -> Iterator[str]:
    gots = (
        ["got"]
        if len(callable_.values) == 1
        else [f"got{number + 1}" for number in range(len(callable_.values))]
    )
    wants = [f"tt.{want}" for want in _wants(callable_)]
    shown = ", ".join("%#v" for _ in inputs)
    said = "".join(f", {each}" for each in inputs)
    where = f"{callable_.name}({shown})"
    if callable_.fails:
        names = ", ".join([*gots, "err"])
        yield f"\t\t{names} := {call}"
        yield "\t\tif (err != nil) != tt.wantErr {"
        yield f'\t\t\tt.Errorf("{where} gives error %v; want one: %v"{said}, err, tt.wantErr)'
        yield "\t\t}"
    elif len(gots) > 1:
        yield f"\t\t{', '.join(gots)} := {call}"
    for got, want, of in zip(gots, wants, callable_.values, strict=True):
        differs = _differs(got, want, of)
        start = "err == nil && " if callable_.fails else ""
        head = f"got := {call}; " if len(gots) == 1 and not callable_.fails else ""
        yield f"\t\tif {head}{start}{differs} {{"
        yield f'\t\t\tt.Errorf("{where} = %#v; want %#v"{said}, {got}, {want})'
        yield "\t\t}"


def _differs(got: str, want: str, of: GoType) -> str:
    """The condition under which two values are not the same; an empty slice or map equals nil."""
    if of.kind == "list" and _comparable(of.elem):
        return f"!slices.Equal({got}, {want})"
    if of.kind == "map" and _comparable(of.elem):
        return f"!maps.Equal({got}, {want})"
    if of.kind == "float":
        return f"math.Abs({got}-{want}) > 1e-9"
    if _comparable(of):
        return f"{got} != {want}"
    return f"!reflect.DeepEqual({got}, {want})"


def _comparable(of: GoType | None) -> bool:
    """Whether `==` says just that two values are the same."""
    if of is None:
        return False
    return of.kind in _COMPARABLE or (
        of.kind == "struct" and all(t.kind in _COMPARABLE for _, t in of.fields)
    )
