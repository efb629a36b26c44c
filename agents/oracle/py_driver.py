"""The Python side of an examination: what `reference_driver.py` is told in its sandbox; its answer. Pure."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from guildbus.agents.oracle.gotypes import Api, Callable, GoType, Parameter, makes
from guildbus.agents.oracle.pynames import function_name, method_name, preamble, snake
from guildbus.agents.oracle.values import Json, outcome_fits

DRIVER_FILE = "reference_driver.py"


@cache
def driver_source() -> str:
    """The script's text."""
    return resources.files("guildbus.agents.oracle").joinpath(DRIVER_FILE).read_text(encoding="utf-8")


def write_job(api: Api, source: str, cases: Sequence[Json]) -> str:
    """The driver's input: the program, what it may have left out, the shapes of all callables, the cases."""
    job = {"source": source, "preamble": preamble(api), "shapes": _shapes(api), "cases": list(cases)}
    return json.dumps(job)


def read_outcomes(api: Api, marker: str, output: str, cases: Sequence[Json]) -> list[Json]:
    """One outcome a case; `{"none": why}` where the program gave no value of the stated type."""
    found: list[Json] = [{"none": "the program stopped before it"} for _ in cases]
    for line in output.split("\n"):
        if not line.startswith(f"{marker} "):
            continue
        _, number, text = line.split(" ", 2)
        try:
            outcome = json.loads(text)
            found[int(number)] = (
                outcome if _readable(api, cases[int(number)], outcome) else {"none": "out of range"}
            )
        except (ValueError, IndexError):
            continue
    return found


def blind_to(api: Api, ignored: Mapping[str, str]) -> dict[str, str]:
    """What a program never looks at, by the function or type as the API calls it."""
    names = {function_name(one): one.full_name for one in api.functions}
    names |= {name: name for name in api.types}
    return {names[name]: parameter for name, parameter in ignored.items() if name in names}


def _readable(api: Api, case: Json, outcome: Json) -> bool:
    if "none" in outcome:
        return True
    bare = {key: value for key, value in outcome.items() if key != "divergent"}
    if "call" in case:
        return outcome_fits(bare, _callable(api, case["call"]).results)
    names = [f"{case['type']}.{name}" for name, _ in case["steps"] if name != "@advance"]
    maker = _callable(api, case["new"][0])
    shapes = [maker.results[1:]] if len(maker.results) > 1 else []
    shapes += [_callable(api, name).results for name in names]
    steps = bare.get("steps", ())
    return len(steps) <= len(shapes) and all(map(outcome_fits, steps, shapes[: len(steps)]))


def _callable(api: Api, full_name: str) -> Callable:
    return next(c for c in api.callables if c.full_name == full_name)


def _shapes(api: Api) -> dict[str, Json]:
    return {c.full_name: _shape(c, api) for c in api.callables}


def _shape(callable_: Callable, api: Api) -> Json:
    """What the driver needs to call it: its Python name, its parameters, its results."""
    made = makes(callable_)
    object_method = callable_.receiver and api.types[callable_.receiver].kind == "object"
    parameters = list(callable_.parameters)
    if callable_.receiver and not object_method:
        parameters.insert(0, Parameter("value", api.types[callable_.receiver]))
    return {
        "python": made or (method_name(callable_) if object_method else function_name(callable_)),
        "parameters": [{"type": _type(p.type), "variadic": p.variadic} for p in parameters],
        "results": [_type(of) for of in callable_.results],
        "fails": callable_.fails,
    }


def _type(of: GoType) -> Json:
    shown: Json = {"kind": of.kind, "text": of.text}
    if of.elem is not None:
        shown["elem"] = _type(of.elem)
    if of.key is not None:
        shown["key"] = _type(of.key)
    if of.kind == "struct":
        shown["fields"] = [[name, snake(name), _type(part)] for name, part in of.fields]
    return shown
