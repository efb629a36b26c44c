"""Settled cases for a test that would not notice if a function gave zero values only. Pure.

The verifier empties each stated function and runs the suite: a suite that stays green would bless anything.
Where witnesses were heard, what is missing is at hand: a case of that function that is not all zeros. Of a
method it is a sequence up to a result that the method itself gives; of one that gives nothing, up to the next
result of any other. Next: `sharpening.py`, which writes them as tests.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from guildbus.agents.oracle.go_lives import ADVANCE
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.literals import zero
from guildbus.agents.oracle.sharpening import Candidate, beginning, row_text, sharpened
from guildbus.agents.oracle.values import Json, canonical, failure, same
from guildbus.agents.oracle.witnesses import Settled

MOST_ROWS = 3
"""Rows of a function, of different outcomes; of a method one sequence says enough."""


def noticing(test: str, unnoticed: Collection[str], settled: Sequence[Settled], api: Api) -> str:
    """The test with cases of these functions behind it; as it was where none can be written.

    What the code declares is not known here, so an error is one by its presence.
    """
    kept: list[Candidate] = []
    for callable_ in api.callables:
        if callable_.full_name in unnoticed:
            found = sorted(_candidates(callable_, settled, api), key=lambda one: len(one.text))
            kept += _different(found, 1 if _is_method(callable_, api) else MOST_ROWS)
    return sharpened(test, (), kept, api, ()) if kept else test


def _is_method(callable_: Callable, api: Api) -> bool:
    of = api.types.get(callable_.receiver)
    return of is not None and of.kind == "object"


def _candidates(callable_: Callable, settled: Sequence[Settled], api: Api) -> Iterator[Candidate]:
    for one in settled:
        if one.case.get("call") == callable_.full_name and _tells(callable_, one.outcome):
            text = row_text(callable_, one.case, one.outcome, api, ())
            if text:
                yield Candidate(callable_.full_name, one.case, one.outcome, frozenset(), text)
        elif one.case.get("type") == callable_.receiver and "steps" in one.outcome:
            count = _told_after(callable_, one.case, one.outcome, api)
            found = beginning(one.case, one.outcome, count, api, ()) if count else None
            if found is not None:
                yield found


def _told_after(callable_: Callable, case: Json, outcome: Json, api: Api) -> int:
    """After how many outcomes of a sequence it shows that a method does something; 0: it does not."""
    methods = {method.name: method for method in api.methods(case["type"])}
    maker = next(one for one in api.callables if one.full_name == case["new"][0])
    outcomes: list[Json] = outcome["steps"][len(maker.results) > 1 :]
    calls = [step for step, _ in case["steps"] if step != ADVANCE]
    called = False
    for number, (name, got) in enumerate(zip(calls, outcomes, strict=False), 1):
        called = called or name == callable_.name
        own = name == callable_.name or not callable_.results
        if called and own and _tells(methods[name], got):
            return number + len(outcome["steps"]) - len(outcomes)
    return 0


def _tells(callable_: Callable, outcome: Json) -> bool:
    """Whether an outcome is another than that of the emptied function."""
    if failure(outcome) is not None:
        return True
    values: list[Json] = outcome.get("values", [])
    return any(not same(value, zero(of)) for value, of in zip(values, callable_.values, strict=False))


def _different(found: Iterable[Candidate], most: int) -> list[Candidate]:
    """The first few, no two with the same outcome."""
    kept = {canonical(one.outcome): one for one in reversed(list(found))}
    return sorted(kept.values(), key=lambda one: len(one.text))[:most]
