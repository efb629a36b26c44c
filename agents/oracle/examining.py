"""Holding an implementation to what the witnesses settled. Pure.

The verifier runs the cases of the tables through the implementation (`go_driver.py`), as one more phase of
its judgement; this compares what came out. A case that did not come back at all counts against the
implementation, and so does everything behind a call that never ends.
"""

import json
from collections.abc import Mapping, Sequence

from guildbus.agents.oracle.values import Json, agree, breaks_off, canonical
from guildbus.protocols.messages.oracle import OpenCase, WitnessedCase, WitnessTable
from guildbus.protocols.messages.verification import Counterexample, Examination

SHOWN = 5
LONGEST = 300
"""Characters of a call or an outcome that a counterexample shows."""


def settled_cases(tables: Sequence[WitnessTable]) -> list[WitnessedCase]:
    """The settled cases of a package, in the order of `cases_of`."""
    return [case for table in tables if not table.obstacle for case in table.cases]


def cases_of(tables: Sequence[WitnessTable]) -> list[Json]:
    """The cases of a package, settled ones before open ones: their numbers are those of the outcomes."""
    open_ = [one.case for table in tables if not table.obstacle for one in table.open]
    return [json.loads(case) for case in (*(one.case for one in settled_cases(tables)), *open_)]


def examine(tables: Sequence[WitnessTable], outcomes: Mapping[int, Json]) -> tuple[Examination, ...]:
    """How an implementation did, subject by subject. `outcomes` is case number -> outcome."""
    found: list[Examination] = []
    number = 0
    behind = len(settled_cases(tables))
    for table in tables:
        if table.obstacle:
            found.append(Examination(subject=table.subject, why=table.obstacle))
            continue
        wrong: list[Counterexample] = []
        agreed = 0
        for one in table.cases:
            got = outcomes.get(number)
            number += 1
            if got is not None and agree(json.loads(one.outcome), got):
                agreed += 1
            else:
                wrong.append(_counterexample(one, got))
        for open_ in table.open:
            got = outcomes.get(behind)
            behind += 1
            if got is not None and not breaks_off(got):
                agreed += 1
            else:
                wrong.append(_broken_off(open_, got))
        wrong.sort(key=lambda c: len(c.call))
        found.append(
            Examination(
                subject=table.subject,
                agreed=agreed,
                total=len(table.cases) + len(table.open),
                open=table.split + table.unheard,
                drawn=table.drawn,
                counterexamples=tuple(wrong[:SHOWN]),
                why="" if table.cases else f"nothing is settled of {table.subject}",
            )
        )
    return tuple(found)


def _broken_off(one: OpenCase, got: Json | None) -> Counterexample:
    return Counterexample(call=one.call[:LONGEST], want="some value", got=_shown(got), votes=one.voices)


def _shown(got: Json | None) -> str:
    return "no result: the run was stopped before it" if got is None else shown_outcome(got)


def _counterexample(one: WitnessedCase, got: Json) -> Counterexample:
    return Counterexample(
        call=one.call[:LONGEST],
        want=shown_outcome(json.loads(one.outcome)),
        got=_shown(got),
        votes=one.votes,
    )


def shown_outcome(outcome: Json) -> str:
    """An outcome as a person reads it: `6`, `"ab", true`, `an error (ErrEmpty)`, `a panic`."""
    if "panic" in outcome:
        return "a panic"
    if "timeout" in outcome:
        return "no end within its time"
    if "steps" in outcome:
        return "; ".join(map(shown_outcome, outcome["steps"]))[:LONGEST]
    shown = [_value(value) for value in outcome.get("values", ())]
    return ", ".join(shown)[:LONGEST] if shown else "nothing"


def _value(value: Json) -> str:
    if isinstance(value, Mapping) and value.keys() == {"error"}:
        return f"an error ({value['error']})" if value["error"] else "an error"
    if value is None:
        return "nil"
    if isinstance(value, Mapping) and value.keys() == {"map"}:
        return "{" + ", ".join(f"{_value(k)}: {_value(v)}" for k, v in value["map"]) + "}"
    return canonical(value)


def agreement(examined: Sequence[Examination]) -> float:
    """The share of settled cases that an implementation gives; 1.0 if nothing is settled."""
    total = sum(one.total for one in examined)
    return sum(one.agreed for one in examined) / total if total else 1.0


def convicted(examined: Sequence[Examination]) -> bool:
    """Whether any settled case is not given."""
    return any(one.agreed < one.total for one in examined)
