"""The table-driven test of one function, from settled cases. Pure.

    func TestReverseSettled(t *testing.T) {
        for _, tt := range []struct{ s, want string }{
                {"abc", "cba"},
        } {
                if got := Reverse(tt.s); got != tt.want {
                        t.Errorf("Reverse(%q) = %q; want %q", tt.s, got, tt.want)
                }
        }
    }

Beside an error the other results say nothing, and are not looked at. Next: `sharpening.py`, which chooses the
cases; `go_lives.py` writes tests of types with methods.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from guildbus.agents.oracle.go_checks import concrete, differs, either, literal, tolerance_of, verb
from guildbus.agents.oracle.gotypes import Api, Callable, GoType, Parameter
from guildbus.agents.oracle.literals import NoLiteral, zero
from guildbus.agents.oracle.values import Json, failure

Case = tuple[Json, Json]
"""A settled case and its outcome."""


@dataclass(frozen=True)
class Table:
    """What a table looks like: its columns of input, what is called, and the columns of results.

    `errors` is '' where no case fails, `bool` where only that they fail is known, else `error`: each failing
    case names a sentinel that the code declares.
    """

    callable: Callable
    inputs: tuple[Parameter, ...]
    wants: tuple[tuple[str, GoType], ...]
    errors: str


def table_of(callable_: Callable, api: Api, outcomes: Sequence[Json], sentinels: Collection[str]) -> Table:
    """The table that holds these outcomes. `sentinels` are the error variables that the code declares."""
    parameters = list(callable_.parameters)
    if callable_.receiver:
        of = api.types[callable_.receiver]
        parameters.insert(0, Parameter(callable_.receiver[:1].lower(), of))
    taken: set[str] = set()
    inputs = []
    for number, one in enumerate(parameters, 1):
        fits = one.name not in taken | {"_"} and not one.name.startswith("want")
        name = one.name if fits else f"arg{number}"
        taken.add(name)
        inputs.append(replace(one, name=name, type=concrete(one.type)))
    values = tuple(map(concrete, callable_.values))
    names = [name for name in map(failure, outcomes) if name is not None]
    errors = "" if not names else "error" if all(name in sentinels for name in names) else "bool"
    return Table(callable_, tuple(inputs), tuple(zip(_wanted(values), values, strict=True)), errors)


def row(table: Table, case: Case) -> str:
    """`{"abc", "cba"}`. Raises NoLiteral where it has no exact form."""
    args, outcome = case[0]["args"], case[1]
    if "values" not in outcome:
        raise NoLiteral("no value is settled")
    cells = [literal(value, one.type) for value, one in zip(args, table.inputs, strict=True)]
    name = failure(outcome)
    for (_, of), value in zip(table.wants, outcome["values"], strict=False):
        if name is None:
            differs("got", "want", of, value)
        cells.append(literal(value if name is None else zero(of), of))
    if table.errors:
        unnamed = "true" if name is not None else "false"
        cells.append(unnamed if table.errors == "bool" else name or "nil")
    return f"{{{', '.join(cells)}}}"


def table_test(name: str, table: Table, cases: Sequence[Case]) -> str:
    """The test function. Raises NoLiteral like `row`."""
    rows = "".join(f"\t\t{row(table, case)},\n" for case in cases)
    settled = next((outcome["values"] for _, outcome in cases if failure(outcome) is None), None)
    check = _check(table, settled)
    return (
        f"func {name}(t *testing.T) {{\n\tfor _, tt := range []{_columns(table)}{{\n{rows}\t}} {{\n"
        f"{check}\t}}\n}}\n"
    )


def _check(table: Table, settled: Sequence[Json] | None) -> str:
    """The body of the loop. `settled` are the values of some case that does not fail."""
    callable_, gots = table.callable, _gots(len(table.wants), table)
    call = _call(table)
    wrong = [
        differs(got, f"tt.{want}", of, value, f"{tolerance_of(1)}*math.Max(1, math.Abs(tt.{want}))")
        for got, (want, of), value in zip(gots, table.wants, settled or (), strict=False)
    ]
    shown = [f"tt.{one.name}" for one in table.inputs]
    compared = [*gots, *(f"tt.{want}" for want, _ in table.wants)]
    verbs = ", ".join(verb(of) for _, of in table.wants)
    if not callable_.fails:
        text = f"{_shown_call(table)} = {verbs}; want {verbs}"
        return _if(f"{', '.join(gots)} := {call}; {either(wrong)}", text, [*shown, *compared])
    if not table.errors:
        text = f"{_shown_call(table)} = {', '.join(filter(None, (verbs, '%v')))}; want {verbs or 'no error'}"
        values = [*shown, *gots, "err", *(f"tt.{want}" for want, _ in table.wants)]
        return _if(f"{', '.join((*gots, 'err'))} := {call}; {either(['err != nil', *wrong])}", text, values)
    unequal = "!errors.Is(err, tt.wantErr)" if table.errors == "error" else "(err != nil) != tt.wantErr"
    told = f"{_shown_call(table)}: error %v; want {'%v' if table.errors == 'error' else 'an error: %v'}"
    lines = _if(unequal, told, [*shown, "err", "tt.wantErr"])
    if wrong:
        text = f"{_shown_call(table)} = {verbs}; want {verbs}"
        more = _if(f"err == nil && {_grouped(wrong)}", text, [*shown, *compared])
        lines = f"{lines.removesuffix(chr(10))} else {more.lstrip()}"
    names = ", ".join((*(gots if wrong else ["_"] * len(gots)), "err"))
    return f"\t\t{names} := {call}\n{lines}"


def _if(condition: str, text: str, values: Sequence[str]) -> str:
    return f'\t\tif {condition} {{\n\t\t\tt.Errorf("{text}", {", ".join(values)})\n\t\t}}\n'


def _grouped(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({either(conditions)})"


def _call(table: Table) -> str:
    callable_ = table.callable
    given = [f"tt.{one.name}" + "..." * one.variadic for one in table.inputs]
    if callable_.receiver:
        return f"{given[0]}.{callable_.name}({', '.join(given[1:])})"
    arguments = f"[{', '.join(callable_.type_arguments)}]" if callable_.type_arguments else ""
    return f"{callable_.name}{arguments}({', '.join(given)})"


def _shown_call(table: Table) -> str:
    verbs = [verb(one.type) for one in table.inputs]
    if table.callable.receiver:
        return f"{verbs[0]}.{table.callable.name}({', '.join(verbs[1:])})"
    return f"{table.callable.name}({', '.join(verbs)})"


def _columns(table: Table) -> str:
    """`struct{ s, want string }`, or a line for each type in turn."""
    columns = [(one.name, one.type.text) for one in table.inputs]
    columns += [(name, of.text) for name, of in table.wants]
    if table.errors:
        columns.append(("wantErr", table.errors))
    grouped = [
        f"{', '.join(name for name, _ in group)} {text}"
        for text, group in groupby(columns, key=lambda column: column[1])
    ]
    if len(grouped) == 1:
        return f"struct{{ {grouped[0]} }}"
    return "struct {\n" + "".join(f"\t\t{line}\n" for line in grouped) + "\t}"


def _gots(count: int, table: Table) -> list[str]:
    if count == 2 and table.wants[1][1].kind == "bool":
        return ["got", "ok"]
    return ["got"] if count == 1 else [f"got{number}" for number in range(1, count + 1)]


def _wanted(values: Sequence[GoType]) -> list[str]:
    """The names of the columns of results."""
    if len(values) == 2 and values[1].kind == "bool":
        return ["want", "wantOK"]
    return ["want"] if len(values) == 1 else [f"want{number}" for number in range(1, len(values) + 1)]
