"""From a run's record and the witnesses' testimonies to tables and answers. Pure.

    cases          what is drawn: functions, types with methods, the stated values, disputed rows
    fed            what is settled of one function, as further cases of another
    tables         what the witnesses settle of each
    answers        the verdicts on a dispute's rows: all that can be read, or only those that fail

`agent.py` runs the programs in between; `summons.py` calls for more witnesses where too little is settled.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from guildbus.agents.go_fragments import expression
from guildbus.agents.golang.syntax import text_of
from guildbus.agents.oracle.disputes import Verdict, corrected, judge_rows
from guildbus.agents.oracle.fed import fed_cases, feeders
from guildbus.agents.oracle.gotypes import Api, Callable
from guildbus.agents.oracle.heeding import Said
from guildbus.agents.oracle.hints import Hints, hints_in
from guildbus.agents.oracle.inputs import cases_for, sequences_for
from guildbus.agents.oracle.literals import NoLiteral, read_call, read_literal, write_call
from guildbus.agents.oracle.noticing import noticing
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.rewriting import rewritten
from guildbus.agents.oracle.rows import Row, rows_in
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.oracle.summons import thin, wanting
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.oracle.witnesses import Hearing, Settled, Testimony, hear, subject_of
from guildbus.agents.planning import contract, folder_of
from guildbus.protocols.messages.oracle import (
    OpenCase,
    OracleAnswered,
    OracleRequested,
    RowVerdict,
    WitnessedCase,
    WitnessTable,
)
from guildbus.protocols.spec import Example, Signature


@dataclass(frozen=True)
class Subject:
    """What is examined together: one function, or one type with its methods, and its cases."""

    name: str
    cases: tuple[Json, ...]
    obstacle: str = ""


@dataclass(frozen=True)
class Docket:
    """All subjects of a package, what the spec states of them, and the rows in dispute.

    `fed` are the cases that came of others' outcomes (`fed.py`); `said` what the prose says.
    """

    api: Api
    subjects: tuple[Subject, ...]
    stated: dict[str, Json]
    fed: tuple[Json, ...] = ()
    said: Said = field(default_factory=Said)

    @property
    def cases(self) -> list[Json]:
        """Every case once, in order; the fed ones last."""
        return [*(case for subject in self.subjects for case in subject.cases), *self.fed]

    def of(self, subject: Subject) -> list[Json]:
        """The cases of one subject."""
        return [*subject.cases, *(case for case in self.fed if subject_of(case) == subject.name)]


def docket(record: OracleRecord, folder: str, seed: int = 1) -> Docket:
    """What a package is examined on: the same for the same record and seed."""
    api = read_api(record.plan.api.get(folder, ()))
    examples = [example for example in record.plan.examples if example.folder == folder]
    hints = hints_in(_prose(record, folder), [f"{e.call} = {e.want}" for e in examples])
    stated = dict(_stated(api, examples))
    rows = [row for dispute in record.disputed_rows(folder) for row in rows_in(dispute.source, api)]
    said = Said.of(contract(record.spec, folder), api)
    return Docket(api, tuple(_subjects(api, hints, stated, rows, seed)), stated, said=said)


def fed(found: Docket, testimonies: Sequence[Testimony]) -> Docket:
    """The docket with what comes of these testimonies on its cases as further cases of other functions."""
    if not feeders(found.api):
        return found
    settled = hear(found.cases, testimonies, found.stated).settled
    return replace(found, fed=tuple(fed_cases(found.api, settled, found.cases)))


def _prose(record: OracleRecord, folder: str) -> str:
    purposes = [task.purpose for task in record.plan.tasks if folder_of(task.path) == folder]
    return "\n".join([record.spec.description, *purposes, *record.spec.properties])


def _stated(api: Api, examples: Iterable[Example]) -> Iterable[tuple[str, Json]]:
    """Canonical case -> outcome of the values that the spec states and that can be read."""
    for example in examples:
        called = _called(example.call, api)
        if called is None or len(called[0].results) != 1:
            continue
        try:
            value = read_literal(example.want, called[0].results[0])
        except NoLiteral:
            continue
        yield canonical(called[1]), {"values": [value]}


def _called(text: str, api: Api) -> tuple[Callable, Json] | None:
    """The function and the case that the text of a call is; None if it cannot be read with certainty."""
    call = expression(text)
    head = call.child_by_field_name("function") if call is not None else None
    callable_ = next((c for c in api.functions if head is not None and c.name == text_of(head)), None)
    if call is None or callable_ is None:
        return None
    try:
        return callable_, read_call(call, callable_)
    except NoLiteral:
        return None


def _subjects(
    api: Api, hints: Hints, stated: dict[str, Json], rows: Sequence[Row], seed: int
) -> Iterable[Subject]:
    objects = [name for name, of in api.types.items() if of.kind == "object"]
    loose = [c for c in api.callables if c.receiver not in objects and not _is_maker(c, api)]
    for callable_ in loose:
        if obstacle := _obstacle(callable_):
            yield Subject(callable_.full_name, (), obstacle)
            continue
        cases = [case for case in map(json.loads, stated) if case["call"] == callable_.full_name]
        cases += [row.case for row in rows if row.function == callable_.full_name]
        cases += cases_for(api, callable_, hints, seed)
        yield Subject(callable_.full_name, tuple({canonical(case): case for case in cases}.values()))
    for name in objects:
        if not api.methods(name):
            continue
        cases = [row.case for row in rows if row.function == name] + sequences_for(api, name, hints, seed)
        cases = list({canonical(case): case for case in cases}.values())
        yield Subject(name, tuple(cases), "" if cases else _why_no_sequence(api, name))


def _is_maker(callable_: Callable, api: Api) -> bool:
    return any(callable_ in api.constructors(name) for name in api.types)


def _obstacle(callable_: Callable) -> str:
    if callable_.obstacle:
        return callable_.obstacle
    return "" if callable_.results else f"{callable_.full_name} gives nothing back"


def _why_no_sequence(api: Api, name: str) -> str:
    makers = api.constructors(name)
    if not makers:
        return f"no function that makes a {name} is stated"
    hindered = [c.obstacle for c in (*makers, *api.methods(name)) if c.obstacle]
    return hindered[0] if hindered else f"no operation of {name} can be called"


def doubted(
    record: OracleRecord, folder: str, found: Docket, testimonies: Sequence[Testimony]
) -> frozenset[str]:
    """On what the witnesses are doubted: code and test, which were written apart, agree against them there.

    The repair-router has said so, or a row of a disputed test that the code passes would be overturned.
    """
    said = record.doubted(folder)
    if record.only_disputes or not record.disputed_rows(folder):
        return said
    settled = hear(found.cases, testimonies, found.stated).settled
    return said | {
        verdict.row.function
        for dispute in record.disputed_rows(folder)
        for verdict in judge_rows(dispute.source, _passing(dispute, found.api), settled)
        if verdict.finding == "row-wrong" and verdict.settled is not None and not verdict.settled.stated
    }


def _passing(dispute: OracleRequested, api: Api) -> list[Row]:
    """The rows of a disputed test that the code gives, as far as its output says which do not."""
    failing = {canonical(row.case) for row in contested(dispute.source, dispute.failing, api)}
    broken = {text.partition("/")[0] for text in dispute.failing if _called(text, api) is None}
    return [
        row
        for row in rows_in(dispute.source, api)
        if canonical(row.case) not in failing and row.test not in broken
    ]


def tables(
    found: Docket, testimonies: Sequence[Testimony], *, spent: bool, doubted: Collection[str] = ()
) -> tuple[list[WitnessTable], Hearing]:
    """One table a subject. `spent`: no more witnesses can be asked, so what is missing is an obstacle."""
    hearing = hear(found.cases, testimonies, found.stated, doubted)
    by_case = {canonical(one.case): one for one in hearing.settled}
    split, unheard = ({canonical(case) for case in open_} for open_ in (hearing.split, hearing.unheard))
    voices = dict(zip(map(canonical, hearing.split), hearing.voices, strict=True))
    out: list[WitnessTable] = []
    for subject in found.subjects:
        texts = [canonical(case) for case in found.of(subject)]
        spoken = [(text, names) for text in texts if (names := voices.get(text))]
        table = WitnessTable(
            subject=subject.name,
            cases=tuple(_witnessed(by_case[text], found.api) for text in texts if text in by_case),
            open=tuple(
                OpenCase(call=shown_case(json.loads(text), found.api), case=text, voices=names)
                for text, names in spoken
            ),
            drawn=len(texts),
            split=sum(text in split for text in texts),
            unheard=sum(text in unheard for text in texts),
            obstacle=subject.obstacle,
        )
        if spent and not table.obstacle and thin(table):
            table = table.model_copy(update={"obstacle": _why_thin(table, found, testimonies)})
        out.append(table)
    return out, hearing


def _why_thin(table: WitnessTable, found: Docket, testimonies: Sequence[Testimony]) -> str:
    """How little is settled, and why the most of those who give no value at all give none."""
    mute = Counter(filter(None, (_why_mute(said, table.subject, found.cases) for said in testimonies)))
    return (
        f"the witnesses settle {len(table.cases)} of {table.drawn} cases of {table.subject} "
        f"({table.split} split, {table.unheard} without a value)"
        + "".join(f"; {count} of {len(testimonies)}: {why}" for why, count in mute.most_common(1))
    )


def _why_mute(said: Testimony, subject: str, cases: Sequence[Json]) -> str:
    """Why a witness gives no value of a subject; '' if it gives some."""
    of = [outcome for case, outcome in zip(cases, said.outcomes, strict=True) if subject_of(case) == subject]
    return str(of[0]["none"]) if of and all("none" in outcome for outcome in of) else ""


def _witnessed(one: Settled, api: Api) -> WitnessedCase:
    return WitnessedCase(
        call=shown_case(one.case, api),
        case=canonical(one.case),
        outcome=canonical(one.outcome),
        votes=one.votes,
        against=one.against,
        stated=one.stated,
    )


def shown_case(case: Json, api: Api) -> str:
    """A case as a person reads it: a call, or the calls of a sequence."""
    by_name = {c.full_name: c for c in api.callables}
    if "call" in case:
        return write_call(by_name[case["call"]], case["args"])
    name, args = case["new"]
    steps = [
        f"{step}({args[0]} s)"
        if step == "@advance"
        else _bare(write_call(by_name[f"{case['type']}.{step}"], args))
        for step, args in case["steps"]
    ]
    return "; ".join([write_call(by_name[name], args), *steps])


def _bare(call: str) -> str:
    return call.partition(".")[2]


def called_in(failing: Iterable[str], api: Api) -> bool:
    """Whether any of the assertions that failed was about one call that can be read."""
    return any(_called(text, api) is not None for text in failing)


def contested(source: str, failing: Iterable[str], api: Api) -> tuple[Row, ...]:
    """The rows of a test that are among the calls whose assertions failed, as far as both can be read."""
    cases = {canonical(called[1]) for text in failing if (called := _called(text, api)) is not None}
    return tuple(row for row in rows_in(source, api) if canonical(row.case) in cases)


def _in_dispute(record: OracleRecord, dispute: OracleRequested, api: Api) -> tuple[Row, ...]:
    if record.only_disputes:
        return contested(dispute.source, dispute.failing, api)
    return rows_in(dispute.source, api)


def answer(record: OracleRecord, dispute: OracleRequested, found: Docket, hearing: Hearing) -> OracleAnswered:
    """The verdicts on the rows of a disputed test, cases of what it does not notice, tests written anew."""
    rows = _in_dispute(record, dispute, found.api)
    verdicts = judge_rows(dispute.source, rows, hearing.settled)
    mended = corrected(dispute.source, verdicts)
    mended, anew = rewritten(mended, dispute.anew, hearing.settled, found.api)
    if dispute.unnoticed:
        mended = noticing(mended, dispute.unnoticed, hearing.settled, found.api)
    return OracleAnswered(
        path=dispute.path,
        round=dispute.round,
        verdicts=tuple(_told(verdict, found.api, dispute.source) for verdict in verdicts),
        mended=mended if mended != dispute.source else "",
        anew=anew,
    )


def unsettled(
    record: OracleRecord, folder: str, found: Docket, tables: Sequence[WitnessTable], hearing: Hearing
) -> frozenset[str]:
    """What more witnesses would help: the undecided rows of a dispute; in an examined build any table."""
    verdicts = [
        verdict
        for dispute in record.open_disputes(folder)
        for verdict in judge_rows(dispute.source, _in_dispute(record, dispute, found.api), hearing.settled)
    ]
    undecided = frozenset(v.row.function for v in verdicts if v.finding == "undecided" and v.settled is None)
    return undecided if record.only_disputes else undecided | wanting(tables)


def _told(verdict: Verdict, api: Api, source: str) -> RowVerdict:
    row = verdict.row
    first = row.expected[0]
    data = source.encode()
    settled = verdict.settled
    return RowVerdict(
        test=row.test,
        line=first.line,
        call=shown_case(row.case, api),
        finding=verdict.finding,
        expected=data[first.start : first.end].decode(),
        settled=canonical(settled.outcome) if settled is not None else "",
        votes=settled.votes if settled is not None else (),
        before=verdict.before,
        after=verdict.after,
    )


def examinable(signatures: Sequence[Signature]) -> bool:
    """Whether anything of a stated API can be examined at all."""
    return any(not c.obstacle and c.results for c in read_api(signatures).callables)
