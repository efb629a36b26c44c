"""The test of one object's life, step by step, from a settled sequence. Pure.

    func TestStackSettled(t *testing.T) {
        s := New(2)
        if got := s.Push(1); !got {
                t.Errorf("Push(1) = %v; want true", got)
        }
    }

A clock that the constructor takes is a variable that the test sets on by hand. `sequences.py` reads tests of
this form.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from guildbus.agents.oracle.go_checks import concrete, differs, duration, either, literal, quoted, verb
from guildbus.agents.oracle.gotypes import Api, Callable, Parameter
from guildbus.agents.oracle.literals import NoLiteral
from guildbus.agents.oracle.values import Json, failure

ADVANCE = "@advance"
"""The step that sets the clock on."""


@dataclass(frozen=True)
class Names:
    """What a test calls the object, and the error variables that the code declares."""

    object: str
    sentinels: frozenset[str]


def first_steps(case: Json, outcome: Json, count: int, api: Api) -> tuple[Json, Json]:
    """A sequence up to its `count`-th outcome, that of a constructor that may fail included."""
    maker = next(c for c in api.callables if c.full_name == case["new"][0])
    left = count - (len(maker.results) > 1)
    kept: list[Json] = []
    for step in case["steps"]:
        if left <= 0:
            break
        kept.append(step)
        left -= step[0] != ADVANCE
    return {**case, "steps": kept}, {"steps": outcome["steps"][:count]}


def life_test(name: str, case: Json, outcome: Json, api: Api, sentinels: Collection[str]) -> str:
    """The test function. Raises NoLiteral for what cannot be written: a panic, a time, an empty life."""
    maker = next(c for c in api.callables if c.full_name == case["new"][0])
    methods = {method.name: method for method in api.methods(case["type"])}
    short = case["type"][:1].lower()
    names = Names(short if short != "t" else case["type"].lower(), frozenset(sentinels))
    outcomes = iter(outcome.get("steps", ()))
    first = next(outcomes) if len(maker.results) > 1 else None
    lines = _made(maker, case["new"][1], names, first, is_used=bool(case["steps"]))
    for step, args in case["steps"]:
        if step == ADVANCE:
            lines.append(f"now = now.Add({duration(args[0])})")
        else:
            lines += _stepped(methods[step], args, names, next(outcomes))
    if not any(line.startswith("if") for line in lines):
        raise NoLiteral("nothing is looked at")
    return f"func {name}(t *testing.T) {{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


def _made(
    maker: Callable, args: Sequence[Json], names: Names, first: Json | None, *, is_used: bool
) -> list[str]:
    """The constructor's lines. `first` is what it gives beside the object, None if that is nothing."""
    lines = []
    if any(parameter.type.kind == "clock" for parameter in maker.parameters):
        lines.append("now := time.Unix(0, 0)")
    arguments = f"[{', '.join(maker.type_arguments)}]" if maker.type_arguments else ""
    call = f"{maker.name}{arguments}({_given(maker.parameters, args)})"
    if first is None:
        return [*lines, f"{names.object} := {call}"]
    if len(maker.results) != 2 or not maker.fails or "values" not in first:
        raise NoLiteral(f"{maker.name} gives more than an object and an error")
    if failure(first) is not None:
        return [*lines, *_failing(f"_, err := {call}", call, first, names)]
    object_ = names.object if is_used else "_"
    ended = f"\tt.Fatalf({quoted(f'{_plain(call)}: error %v')}, err)"
    return [*lines, f"{object_}, err := {call}", "if err != nil {", ended, "}"]


def _stepped(method: Callable, args: Sequence[Json], names: Names, outcome: Json) -> list[str]:
    """One call and what it must give."""
    if "values" not in outcome:
        raise NoLiteral("no value is settled")
    call = f"{names.object}.{method.name}({_given(method.parameters, args)})"
    if not method.results:
        return [call]
    shown = call.partition(".")[2]
    if failure(outcome) is not None:
        left = ", ".join([*("_" for _ in method.values), "err"])
        return _failing(f"{left} := {call}", shown, outcome, names)
    types = [concrete(of) for of in method.values]
    gots = ["got", "ok"] if [of.kind for of in types[1:]] == ["bool"] else _numbered(len(types))
    wants = [literal(value, of) for value, of in zip(outcome["values"], types, strict=False)]
    wrong = [
        differs(got, want, of, value)
        for got, want, of, value in zip(gots, wants, types, outcome["values"], strict=False)
    ]
    verbs = [verb(of) for of in types]
    if method.fails:
        gots, wants, wrong, verbs = [*gots, "err"], [*wants, "nil"], [*wrong, "err != nil"], [*verbs, "%v"]
    text = f"{_plain(shown)} = {', '.join(verbs)}; want {_plain(', '.join(wants))}"
    return _if(f"{', '.join(gots)} := {call}; {either(wrong)}", text, gots)


def _failing(assigned: str, shown: str, outcome: Json, names: Names) -> list[str]:
    """A call that must fail, by the error that is settled if the code declares it."""
    name = failure(outcome)
    if name in names.sentinels:
        text = f"{_plain(shown)}: error %v; want {name}"
        return _if(f"{assigned}; !errors.Is(err, {name})", text, ["err"])
    return _if(f"{assigned}; err == nil", f"{_plain(shown)}: error %v; want one", ["err"])


def _if(condition: str, text: str, values: Sequence[str]) -> list[str]:
    return [f"if {condition} {{", f"\tt.Errorf({quoted(text)}, {', '.join(values)})", "}"]


def _plain(text: str) -> str:
    """A text inside a format."""
    return text.replace("%", "%%")


def _given(parameters: Sequence[Parameter], args: Sequence[Json]) -> str:
    given: list[str] = []
    for parameter, value in zip(parameters, args, strict=True):
        of = concrete(parameter.type)
        if of.kind == "clock":
            given.append("func() time.Time { return now }")
        elif parameter.variadic and of.elem is not None:
            elem = of.elem
            given += [literal(one, elem) for one in value]
        else:
            given.append(literal(value, of))
    return ", ".join(given)


def _numbered(count: int) -> list[str]:
    return ["got"] if count == 1 else [f"got{number}" for number in range(1, count + 1)]
