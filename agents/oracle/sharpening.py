"""Which settled cases become rows of a test that notices too little, and the test with them. Pure.

    candidates     the settled cases that tell some surviving mutant from the code, and can be written in Go
    chosen         few of them: each time the one that tells most mutants which none has told yet
    sharpened      the test file with a function for them behind what is there already

What a case tells was found by running it on the mutants (`sharpen.py`, the edge).
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from guildbus.agents.golang.syntax import declarations, parse
from guildbus.agents.oracle.go_lives import first_steps, life_test
from guildbus.agents.oracle.go_tables import row, table_of, table_test
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.literals import NoLiteral
from guildbus.agents.oracle.values import Json, agree
from guildbus.protocols.messages.oracle import WitnessedCase

LONGEST = 90
"""Characters of a row, or of a call in a sequence, that a person can still take in."""
MOST_ROWS = 6
"""Rows of one function."""
MOST_LIVES = 3
"""Sequences of one type: each is a test of its own."""
MOST_LINES = 40
"""Lines of a sequence's test."""


@dataclass(frozen=True)
class Candidate:
    """A case that may become a row: the mutants that it tells (any numbers), and how it is written.

    `subject` is a function, a method on a plain value, or a type with methods.
    """

    subject: str
    case: Json
    outcome: Json
    tells: frozenset[int]
    text: str

    @property
    def is_life(self) -> bool:
        """Whether it is a sequence of calls."""
        return "steps" in self.case


def candidates(
    cases: Sequence[WitnessedCase],
    seen: Mapping[int, Mapping[int, Json]],
    api: Api,
    sentinels: Collection[str],
) -> list[Candidate]:
    """What can be written of the cases that tell a mutant.

    `seen` is, for each mutant, the outcomes that differ from the code's own, by number of the case. A
    sequence is cut off behind the step that tells, and may so become several candidates.
    """
    by_name = {c.full_name: c for c in api.callables}
    found: list[Candidate] = []
    for number, witnessed in enumerate(cases):
        case, outcome = json.loads(witnessed.case), json.loads(witnessed.outcome)
        told = {mutant: got[number] for mutant, got in seen.items() if number in got}
        told = {mutant: got for mutant, got in told.items() if not agree(outcome, got)}
        if told and "call" in case:
            text = row_text(by_name[case["call"]], case, outcome, api, sentinels)
            found += [Candidate(case["call"], case, outcome, frozenset(told), text)] if text else []
        elif told and "steps" in outcome:
            found += _lives(case, outcome, told, api, sentinels)
    return found


def row_text(callable_: Callable, case: Json, outcome: Json, api: Api, sentinels: Collection[str]) -> str:
    """The row of a case; '' where it has no exact form, or is too long."""
    try:
        text = row(table_of(callable_, api, [outcome], sentinels), (case, outcome))
    except NoLiteral:
        return ""
    return text if len(text) <= LONGEST else ""


def _lives(
    case: Json, outcome: Json, told: Mapping[int, Json], api: Api, sentinels: Collection[str]
) -> Iterator[Candidate]:
    """The beginnings of a sequence that tell a mutant, and are short enough."""
    needed = {mutant: _first_difference(outcome, got) for mutant, got in told.items()}
    for count in sorted(set(needed.values())):
        tells = frozenset(mutant for mutant, steps in needed.items() if steps <= count)
        cut = beginning(case, outcome, count, api, sentinels, tells)
        if cut is not None:
            yield cut


def beginning(
    case: Json,
    outcome: Json,
    count: int,
    api: Api,
    sentinels: Collection[str],
    tells: frozenset[int] = frozenset(),
) -> Candidate | None:
    """A sequence up to its `count`-th outcome; None where it has no exact form, or is too long."""
    cut, wanted = first_steps(case, outcome, count, api)
    try:
        text = life_test("Test", cut, wanted, api, sentinels)
    except NoLiteral:
        return None
    lines = text.splitlines()
    fits = len(lines) <= MOST_LINES and all(len(line) <= LONGEST for line in lines if "Errorf" not in line)
    return Candidate(case["type"], cut, wanted, tells, text) if fits else None


def _first_difference(settled: Json, got: Json) -> int:
    """How many outcomes of a sequence one must look at to see that it is another."""
    steps, others = settled["steps"], got.get("steps", [])
    pairs = zip(steps, others, strict=False)
    same = next((n for n, (a, b) in enumerate(pairs) if not agree(a, b)), min(len(steps), len(others)))
    return min(same + 1, len(steps))


def chosen(found: Sequence[Candidate]) -> list[Candidate]:
    """A greedy cover: the case that tells most mutants not told yet, and of several the shortest.

    The answer is in the order of the candidates.
    """
    told: set[int] = set()
    taken: Counter[str] = Counter()
    kept: list[int] = []
    while fresh := [
        (-len(one.tells - told), len(one.text), number)
        for number, one in enumerate(found)
        if one.tells - told and taken[one.subject] < (MOST_LIVES if one.is_life else MOST_ROWS)
    ]:
        kept.append(min(fresh)[-1])
        told |= found[kept[-1]].tells
        taken[found[kept[-1]].subject] += 1
    return [found[number] for number in sorted(kept)]


def sharpened(
    test: str, taken: Collection[str], kept: Sequence[Candidate], api: Api, sentinels: Collection[str]
) -> str:
    """The test file with these cases behind all that it has. `taken` are names that the package has."""
    by_name = {c.full_name: c for c in api.callables}
    names = set(taken) | {found.name for found in declarations(parse(test))}
    parts = [test.rstrip("\n")]
    for subject in dict.fromkeys(one.subject for one in kept):
        own = sorted(
            (one for one in kept if one.subject == subject), key=lambda one: (len(one.text), one.text)
        )
        lives = [one for one in own if one.is_life]
        rows = [(one.case, one.outcome) for one in own if not one.is_life]
        for one in lives:
            name = _name(subject, names)
            parts.append(_comment(name, subject) + life_test(name, one.case, one.outcome, api, sentinels))
        if rows:
            table = table_of(by_name[subject], api, [outcome for _, outcome in rows], sentinels)
            name = _name(subject, names)
            parts.append(_comment(name, subject) + table_test(name, table, rows))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _name(subject: str, taken: set[str]) -> str:
    """`TestReverseSettled`, or with the first number that is free; it is taken from then on."""
    name = plain = f"Test{subject.replace('.', '')}Settled"
    number = 1
    while name in taken:
        number += 1
        name = f"{plain}{number}"
    taken.add(name)
    return name


def _comment(name: str, subject: str) -> str:
    return f"// {name} holds {subject} to values on which independent programs agree.\n"


def said_of(kept: Sequence[Candidate], survivors: int, unrun: int = 0) -> str:
    """What was done, in one sentence. `unrun` mutants were not run for want of time."""
    told = len(frozenset[int]().union(*(one.tells for one in kept)))
    late = f"; there was no time for {unrun}" if unrun else ""
    if not kept:
        return f"no settled case tells any of {_many(survivors, 'surviving mutant')} from the code{late}"
    lives = sum(one.is_life for one in kept)
    what = [_many(count, word) for count, word in ((len(kept) - lives, "row"), (lives, "sequence")) if count]
    verb = "tells" if len(kept) == 1 else "tell"
    of = _many(survivors, "surviving mutant")
    return f"{' and '.join(what)} that {verb} {told} of {of} from the code{late}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"
