"""References in the real sandbox: numerals that one function gives are put into the other."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from guildbus.agents import planning
from guildbus.agents.oracle import hearing
from guildbus.agents.oracle.agent import Oracle, heard_on
from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.record import read_record
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.oracle.values import Json, failure
from guildbus.agents.oracle.witnesses import Testimony
from guildbus.agents.settings import AgentSettings
from guildbus.launch.specfile import load_spec
from guildbus.protocols.messages.build import BuildOptions, BuildPlanned, BuildRequested
from guildbus.protocols.messages.oracle import ReferenceProgram, WitnessesEstablished, WitnessTable
from testimony import program
from told import Told

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
PROGRAMS = tuple(
    program((ROOT / "tests" / "data" / "carried" / f"{name}.txt").read_text(encoding="utf-8"), name=name)
    for name in ("roman", "roman_pairs")
)
LENIENT = program(
    PROGRAMS[0].content.replace("if total < 1 or to_roman(total) != s:", "if total < 1:"), name="lenient"
)
"""Reads `IIII` as four."""


class Counting:
    """Runs programs as an oracle does, and counts."""

    def __init__(self, witnesses: Witnesses) -> None:
        self._witnesses = witnesses
        self.runs = 0

    async def testify(self, program: ReferenceProgram, api: Api, cases: Sequence[Json]) -> Testimony:
        self.runs += 1
        return await self._witnesses.testify(program, api, cases)


def docket_of(name: str) -> hearing.Docket:
    spec = load_spec(ROOT / "specs" / f"{name}.yaml")
    requested = BuildRequested(spec=spec, options=BuildOptions(examine=True))
    planned = BuildPlanned(spec_name=spec.name, plan=planning.plan(spec), options=requested.options)
    return hearing.docket(read_record([requested, planned]), "")


def given(table: WitnessTable) -> dict[str, Json]:
    """Input -> what is settled that it gives, None for an error."""
    outcomes = {json.loads(one.case)["args"][0]: json.loads(one.outcome) for one in table.cases}
    return {text: None if failure(one) is not None else one["values"][0] for text, one in outcomes.items()}


async def test_valid_numerals_are_among_the_settled_cases_and_near_misses_too(witnesses: Witnesses) -> None:
    drawn, running = docket_of("roman"), Counting(witnesses)
    alone = [await running.testify(one, drawn.api, drawn.cases) for one in PROGRAMS]
    _, before = hearing.tables(drawn, alone, spent=True)[0]
    docket, testimonies = await heard_on(drawn, PROGRAMS, running.testify)
    assert running.runs == 3 * len(PROGRAMS)
    (to_roman, from_roman), heard = hearing.tables(docket, testimonies, spent=True)
    assert (to_roman.split, from_roman.split, heard.dismissed) == (0, 0, ())
    assert (to_roman.obstacle, from_roman.obstacle) == ("", "")

    numerals = {text: number for text, number in given(from_roman).items() if number is not None}
    assert len(numerals) >= 60 > 5 * sum(number is not None for number in given(before).values())
    spelled = {text: number for number, text in given(to_roman).items() if text is not None}
    assert all(spelled[text] == numerals[text] for text in spelled.keys() & numerals.keys())
    assert len(spelled.keys() & numerals.keys()) >= 50
    refused = {text for text, number in given(from_roman).items() if number is None} - given(before).keys()
    assert any(text.upper() in numerals for text in refused)
    assert any(text[:-1] in numerals and text[-2:-1] == text[-1:] for text in refused)


async def test_a_reader_of_too_much_is_found_out_by_what_is_nearly_right(witnesses: Witnesses) -> None:
    """The two others settle it; on the drawn cases alone nothing speaks against it."""
    programs = (*PROGRAMS, program(PROGRAMS[0].content + "\n", name="roman_again"), LENIENT)
    docket, testimonies = await heard_on(docket_of("roman"), programs, witnesses.testify)
    [_, from_roman], _ = hearing.tables(docket, testimonies, spent=True)
    against = [json.loads(one.case) for one in from_roman.cases if one.against]
    assert against
    assert all(case in docket.fed for case in against)


async def test_where_nothing_can_be_fed_each_program_runs_once(witnesses: Witnesses) -> None:
    source = (ROOT / "tests" / "data" / "carried" / "numkit.txt").read_text(encoding="utf-8")
    drawn, running = docket_of("numkit"), Counting(witnesses)
    docket, [testimony] = await heard_on(drawn, [program(source)], running.testify)
    assert (docket, running.runs, len(testimony.outcomes)) == (drawn, 1, len(drawn.cases))


async def test_the_oracle_establishes_what_was_fed_and_the_same_again(tmp_path: Path, go_cache: Path) -> None:
    spec = load_spec(ROOT / "specs" / "roman.yaml")
    told = Told.of(spec, examine=True).witness("", content=PROGRAMS[0].content)
    found = []
    for _ in range(2):
        oracle = Oracle(
            AgentSettings(
                name="oracle",
                role="oracle",
                endpoint="inproc://bus",
                journal=tmp_path / "journal",
                state_dir=tmp_path,
                cache_dir=go_cache,
            )
        )
        await oracle.start()
        [established] = await oracle.settle(told.record, "", lambda text: None)
        assert isinstance(established, WitnessesEstablished)
        found.append(established.tables)
    assert sum(number is not None for number in given(found[0][1]).values()) >= 60
    assert found[0] == found[1]
