"""One matter tried: references are really written, really heard, and set against right and wrong code.

The agents `Reference` and `Oracle` do the work, called directly instead of over the bus. The right
implementation is run like any other program, and only this bench knows that it is right.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from guildbus.agents import planning
from guildbus.agents.golang.syntax import package_name, parse
from guildbus.agents.oracle import hearing
from guildbus.agents.oracle.agent import Oracle, heard_on
from guildbus.agents.oracle.examining import cases_of, convicted, examine, settled_cases
from guildbus.agents.oracle.record import OracleRecord, read_record
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.values import Json, agree, canonical
from guildbus.agents.planner import references
from guildbus.agents.reference import Reference
from guildbus.agents.run_state import fold
from guildbus.agents.tools import no_calls
from guildbus.launch.bench.oracle.matters import Matter
from guildbus.launch.bench.oracle.planted import known_values, plantable, planted_rows, planted_test
from guildbus.launch.bench.oracle.tally import Tally, count_rows
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildOptions, BuildPlanned, BuildRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProgram,
    ReferenceRequested,
    WitnessesEstablished,
    WitnessTable,
)

WRONG_ROWS = 20
RIGHT_ROWS = 20
FRESH_SEED = 2
"""The first seed draws the cases of an examination; this one draws others."""


@dataclass(frozen=True)
class Court:
    """Who is asked: the writer of references, the oracle, and a sandbox for the code on trial."""

    reference: Reference
    oracle: Oracle
    witnesses: Witnesses
    say: Callable[[str], None]


async def tried(court: Court, matter: Matter, seed: int) -> Tally:
    """Everything counted of one matter."""
    tally = Tally(matter.name)
    record, asked = _opened(matter, seed)
    if asked is None:
        tally.why_not = "its signatures are not stated, or none of them can be called with plain values"
        return tally
    folder = asked.folder
    established = _table(await _heard(court, record, folder, [asked]))
    await _rows(court, matter, record, folder, tally)
    tally.witnesses, tally.dismissed = len(established.witnesses), len(established.dismissed)
    tally.unexamined = tuple(table.subject for table in established.tables if table.obstacle)
    await _code(court, matter, record, established, tally)
    return tally


def _opened(matter: Matter, seed: int) -> tuple[OracleRecord, ReferenceRequested | None]:
    """The record of a run that has its plan, and the first request for references."""
    requested = BuildRequested(spec=matter.spec, options=BuildOptions(seed=seed, examine=True))
    plan = planning.plan(matter.spec)
    planned = BuildPlanned(spec_name=matter.spec.name, plan=plan, options=requested.options)
    state = fold([requested, planned])
    asked = [one for stage in range(plan.stages) for one in references(state, stage)]
    return read_record([requested, planned]), asked[0] if asked else None


async def _heard(
    court: Court, record: OracleRecord, folder: str, asked: Sequence[ReferenceRequested] = ()
) -> list[Message]:
    """What the oracle says once no more references are wanted."""
    while True:
        for request in asked:
            record.requested.append(request)
            record.proposed.append(await court.reference.write(request, court.say, no_calls))
        said = await court.oracle.settle(record, folder, court.say)
        asked = [one for one in said if isinstance(one, ReferenceRequested)]
        if not asked:
            record.established += [one for one in said if isinstance(one, WitnessesEstablished)]
            record.answers += [one for one in said if isinstance(one, OracleAnswered)]
            return said


def _table(said: Iterable[Message]) -> WitnessesEstablished:
    return next(one for one in said if isinstance(one, WitnessesEstablished))


async def _rows(court: Court, matter: Matter, record: OracleRecord, folder: str, tally: Tally) -> None:
    """Ask about a test of each function, in which right and wrong rows stand side by side."""
    found = hearing.docket(record, folder, FRESH_SEED)
    package = package_name(parse(matter.right))
    for number, callable_ in enumerate(c for c in found.api.functions if plantable(c)):
        cases = [case for case in found.cases if case.get("call") == callable_.full_name]
        right = await court.witnesses.testify(_go("right", matter.right), found.api, cases)
        rows = planted_rows(known_values(cases, right.outcomes), callable_.results[0], WRONG_ROWS, RIGHT_ROWS)
        source = planted_test(package, callable_, rows)
        path = f"{folder}/planted{number}_test.go".lstrip("/")
        record.disputes.append(OracleRequested(path=path, folder=folder, source=source, round=number))
        said = await _heard(court, record, folder)
        [answer] = [one for one in said if isinstance(one, OracleAnswered)]
        count_rows(tally, found.api, rows, answer.verdicts)


async def _code(
    court: Court, matter: Matter, record: OracleRecord, established: WitnessesEstablished, tally: Tally
) -> None:
    """Examine right and wrong programs as a build would, and on fresh cases to see what that missed."""
    folder = established.folder
    drawn = hearing.docket(record, folder, FRESH_SEED)
    docket, testimonies = await heard_on(drawn, record.programs(folder), court.witnesses.testify)
    fresh, _ = hearing.tables(docket, testimonies, spent=True)
    cases, fresh_cases = cases_of(established.tables), cases_of(fresh)

    async def outcomes(name: str, source: str) -> list[Json]:
        program = _go(name, source)
        return list((await court.witnesses.testify(program, docket.api, [*cases, *fresh_cases])).outcomes)

    right = await outcomes("right", matter.right)
    tally.settled = len(settled_cases(established.tables))
    wrong_cases = _wrong(established.tables, right)
    tally.wrongly_settled = len(wrong_cases)
    tally.examples += [f"wrongly settled: {text}" for text in wrong_cases[:3]]
    for name, source in matter.wrong.items():
        given = await outcomes(name, source)
        court.say(f"{matter.name}: {name}")
        if all("none" in outcome for outcome in given) or all(map(agree, right, given)):
            continue
        if convicted(examine(established.tables, dict(enumerate(given)))):
            tally.convicted += 1
            continue
        tally.passed.append(name)
        if convicted(examine(fresh, dict(enumerate(given[len(cases) :])))):
            tally.blessed.append(name)


def _wrong(tables: Sequence[WitnessTable], right: Sequence[Json]) -> list[str]:
    """The settled cases that right code gives otherwise."""
    settled = settled_cases(tables)
    return [
        f"{one.call} to {one.outcome}; right is {canonical(outcome)}"
        for one, outcome in zip(settled, right, strict=False)
        if not agree(json.loads(one.outcome), outcome)
    ]


def _go(name: str, source: str) -> ReferenceProgram:
    digest = hashlib.sha256(source.encode()).hexdigest()
    return ReferenceProgram(name=name, language="go", content=source, sha256=digest)
