"""Tests written anew from settled cases, where no single value of theirs can be judged. Pure.

A test of an object that loops over rows, or keeps what it expects in variables, cannot be read step by step.
If it fails on code that gives all that the witnesses settled, and its author has not mended it, it is wrong
without anybody knowing where. Then what is settled takes its place, under its name: for `TestPush` the
sequence in which Push gives most different results, for `TestEviction` the one that shows most of the type. A
test of a plain function becomes a table. Next: `go_lives.py` and `go_tables.py`, which write them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from guildbus.agents.golang.syntax import parse, remove_declarations
from guildbus.agents.oracle.go_lives import ADVANCE, life_test
from guildbus.agents.oracle.go_tables import table_of, table_test
from guildbus.agents.oracle.gotypes import Api, Callable, makes
from guildbus.agents.oracle.sharpening import Candidate, beginning, row_text
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.oracle.witnesses import Settled

LEAST_ROWS = 3
MOST_ROWS = 8


def rewritten(
    test: str, names: Collection[str], settled: Sequence[Settled], api: Api
) -> tuple[str, tuple[str, ...]]:
    """The test file with these functions written anew, as far as that can be done, and their names."""
    written = {name: text for name in names if (text := _anew(name, settled, api))}
    if not written:
        return test, ()
    kept = remove_declarations(parse(test), written.keys()).rstrip("\n")
    comment = "// {} holds values on which independent programs agree.\n"
    parts = [kept, *(f"{comment.format(name)}{text}".rstrip("\n") for name, text in written.items())]
    return "\n\n".join(parts) + "\n", tuple(written)


def subject_of_test(name: str, api: Api) -> str:
    """The function or the type that a test is about, by its name; '' where that is not certain."""
    return _about(name, api)[0]


def _about(name: str, api: Api) -> tuple[str, Callable | None]:
    """The subject of a test, and the function or method in its name, if there is one."""
    said = name.removeprefix("Test")
    objects = [one for one, of in api.types.items() if of.kind == "object" and api.constructors(one)]
    plain = [one for one in api.functions if not makes(one) and said.startswith(one.name)]
    if plain:
        function = max(plain, key=lambda one: len(one.name))
        return function.full_name, function
    named = [
        (owner, method)
        for owner in objects
        for method in api.methods(owner)
        if said.startswith(method.name) or said.endswith(method.name)
    ]
    if named:
        return max(named, key=lambda one: len(one[1].name))
    return (objects[0], None) if len(objects) == 1 else ("", None)


def _anew(name: str, settled: Sequence[Settled], api: Api) -> str:
    subject, callable_ = _about(name, api)
    if callable_ is not None and subject == callable_.full_name:
        return _table(name, callable_, settled, api)
    method = callable_.name if callable_ is not None else ""
    lives = [life for one in settled if one.case.get("type") == subject for life in _longest(one, api)]
    if not lives:
        return ""
    best = max(lives, key=lambda life: (len(_shown(life, method)), -len(life.text), life.text))
    return life_test(name, best.case, best.outcome, api, ())


def _table(name: str, callable_: Callable, settled: Sequence[Settled], api: Api) -> str:
    """Rows of as many different outcomes as there are, short ones first."""
    by_outcome: defaultdict[str, list[tuple[int, Settled]]] = defaultdict(list)
    for one in settled:
        if one.case.get("call") == callable_.full_name:
            text = row_text(callable_, one.case, one.outcome, api, ())
            if text:
                by_outcome[canonical(one.outcome)].append((len(text), one))
    ranked = [
        (rank, length, one)
        for group in by_outcome.values()
        for rank, (length, one) in enumerate(sorted(group, key=lambda each: each[0]))
    ]
    chosen = [one for *_, one in sorted(ranked, key=lambda each: each[:2])[:MOST_ROWS]]
    if len(chosen) < LEAST_ROWS:
        return ""
    table = table_of(callable_, api, [one.outcome for one in chosen], ())
    return table_test(name, table, [(one.case, one.outcome) for one in chosen])


def _longest(one: Settled, api: Api) -> Iterator[Candidate]:
    """As much of a sequence as a person can take in."""
    for count in range(len(one.outcome.get("steps", ())), 0, -1):
        found = beginning(one.case, one.outcome, count, api, ())
        if found is not None:
            yield found
            return


def _shown(life: Candidate, method: str) -> set[str]:
    """The different results that a method gives in a sequence; of all its methods, if none is named."""
    calls = [name for name, _ in life.case["steps"] if name != ADVANCE]
    outcomes: list[Json] = life.outcome["steps"][-len(calls) :] if calls else []
    return {
        f"{name} {canonical(got)}"
        for name, got in zip(calls, outcomes, strict=False)
        if method in ("", name) and got.get("values")
    }
