"""From a run's record to cases, tables, verdicts, and the call for more witnesses. Pure."""

import json
from collections.abc import Sequence

import pytest

from guildbus.agents.oracle import hearing, summons
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.values import Json, canonical
from guildbus.agents.oracle.witnesses import Testimony
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProgram,
    ReferenceProposed,
    WitnessTable,
)
from guildbus.protocols.spec import Signature
from testimony import request
from told import NUMKIT, Told, spec_of

SUITE = """package numkit

import "testing"

func TestGCD(t *testing.T) {
\tfor _, tt := range []struct{ a, b, want int }{{8, 15, 1}, {1234, 5678, 3}} {
\t\tif got := GCD(tt.a, tt.b); got != tt.want {
\t\t\tt.Errorf("GCD(%d, %d) = %d; want %d", tt.a, tt.b, got, tt.want)
\t\t}
\t}
}
"""


def gcd(a: int, b: int) -> int:
    a, b = abs(a), abs(b)
    while b:
        a, b = b, a % b
    return a


def record(*told: object) -> OracleRecord:
    return Told.of(NUMKIT).add(*told).record  # type: ignore[arg-type]


def dispute(number: int = 1, source: str = SUITE) -> OracleRequested:
    return OracleRequested(path="numkit_test.go", folder="", source=source, round=number)


def witness(found: hearing.Docket, name: str, wrong: int = 0, none: int = 0) -> Testimony:
    """A right witness but for its last `wrong` cases, without a value for `none` before them."""
    outcomes: list[Json] = [{"values": [gcd(*case["args"])]} for case in found.cases]
    for index in range(len(outcomes) - wrong - none, len(outcomes) - wrong):
        outcomes[index] = {"none": "why"}
    for index in range(len(outcomes) - wrong, len(outcomes)):
        outcomes[index] = {"values": [10**6 + index]}
    return Testimony(name, "python", tuple(outcomes))


def test_the_cases_are_the_stated_the_disputed_and_the_drawn() -> None:
    plain, disputed = hearing.docket(record(), ""), hearing.docket(record(dispute()), "")
    [subject] = plain.subjects
    assert (subject.name, subject.obstacle) == ("GCD", "")
    assert plain.stated == {canonical({"call": "GCD", "args": [0, 5]}): {"values": [5]}}
    assert {"call": "GCD", "args": [0, 5]} in plain.cases
    assert len(plain.cases) >= 200
    assert len({canonical(case) for case in plain.cases}) == len(plain.cases)
    row: Json = {"call": "GCD", "args": [1234, 5678]}
    assert row not in plain.cases
    assert row in disputed.cases
    assert hearing.docket(record(dispute()), "") == disputed
    assert hearing.docket(record(), "elsewhere").subjects == ()


def test_two_right_witnesses_settle_everything() -> None:
    found = hearing.docket(record(), "")
    [table], heard = hearing.tables(found, [witness(found, "a"), witness(found, "b")], spent=False)
    assert (len(table.cases), table.drawn, table.split, table.unheard) == (
        len(found.cases),
        len(found.cases),
        0,
        0,
    )
    assert table.obstacle == ""
    assert heard.dismissed == ()
    assert not summons.wanting([table])
    by_call = {one.call: one for one in table.cases}
    assert by_call["GCD(0, 5)"].stated
    assert json.loads(by_call["GCD(12, 18)"].outcome) == {"values": [6]}
    assert by_call["GCD(12, 18)"].votes == ("a", "b")


def test_splits_call_for_more_and_are_an_obstacle_once_no_more_can_be_had() -> None:
    found = hearing.docket(record(), "")
    most = int(len(found.cases) * 0.7)
    pair = [witness(found, "a"), witness(found, "b", wrong=most)]
    [table], _ = hearing.tables(found, pair, spent=False)
    assert (table.split, table.obstacle) == (most, "")
    assert summons.wanting([table])
    [last], _ = hearing.tables(found, pair, spent=True)
    assert "the witnesses settle" in last.obstacle
    assert f"{most} split" in last.obstacle
    assert not summons.wanting([last])


def test_a_single_split_calls_for_more_and_is_borne_once_no_more_can_be_had() -> None:
    found = hearing.docket(record(), "")
    pair = [witness(found, "a"), witness(found, "b", wrong=1)]
    [table], _ = hearing.tables(found, pair, spent=True)
    assert (table.split, table.obstacle) == (1, "")
    assert len(table.cases) == table.drawn - 1
    assert summons.wanting([table])
    [agreed], _ = hearing.tables(found, [*pair, witness(found, "c"), witness(found, "d")], spent=False)
    assert not summons.wanting([agreed])


def test_split_cases_name_those_who_give_a_value_and_whose_program_breaks_off_is_not_carried_over() -> None:
    found = hearing.docket(record(), "")
    broken = witness(found, "b")
    outcomes = (*broken.outcomes[:-3], *({"panic": True},) * 3)
    pair = [witness(found, "a"), Testimony("b", "go", outcomes)]
    [table], heard = hearing.tables(found, pair, spent=True)
    assert len(table.open) == table.split == 3
    assert {one.voices for one in table.open} == {("a",)}
    assert [one.case for one in table.open] == [canonical(case) for case in heard.split]
    told = Told.of(NUMKIT).witness("", table, names=("python-0", "python-1"))
    assert told.record.agreeing("", "GCD") == []


def test_cases_that_none_can_say_anything_of_are_unheard_and_no_split() -> None:
    found = hearing.docket(record(), "")
    pair = [witness(found, "a", none=9), witness(found, "b", none=9)]
    [table], _ = hearing.tables(found, pair, spent=False)
    assert (table.unheard, table.split) == (9, 0)


def test_no_witness_at_all_settles_the_stated_values_alone() -> None:
    found = hearing.docket(record(), "")
    [table], _ = hearing.tables(found, [], spent=True)
    assert [case.call for case in table.cases] == ["GCD(0, 5)"]
    assert table.obstacle


def test_a_witness_that_breaks_the_spec_is_named() -> None:
    found = hearing.docket(record(), "")
    bad = Testimony("bad", "python", tuple({"values": [0]} for _ in found.cases))
    [table], heard = hearing.tables(found, [bad, witness(found, "a"), witness(found, "b")], spent=False)
    assert [one.name for one in heard.dismissed] == ["bad"]
    assert all("bad" not in one.votes for one in table.cases)
    assert table.split == 0


def test_why_most_programs_are_not_heard_is_said() -> None:
    found = hearing.docket(record(), "")
    mute = tuple({"none": "it never compares a with b"} for _ in found.cases)
    pair = [Testimony("a", "python", mute), witness(found, "b"), Testimony("c", "python", mute)]
    [table], _ = hearing.tables(found, pair, spent=True)
    assert table.obstacle.endswith("; 2 of 3: it never compares a with b")


def test_the_verdicts_name_the_row_the_votes_and_the_edit() -> None:
    asked = dispute()
    found = hearing.docket(record(asked), "")
    _, heard = hearing.tables(found, [witness(found, "a"), witness(found, "b")], spent=False)
    answer = hearing.answer(record(asked), asked, found, heard)
    assert (answer.path, answer.round) == (asked.path, asked.round)
    right, wrong = answer.verdicts
    assert (right.finding, right.call, right.expected, right.after) == ("row-right", "GCD(8, 15)", "1", "")
    assert (wrong.finding, wrong.call, wrong.test, wrong.line) == (
        "row-wrong",
        "GCD(1234, 5678)",
        "TestGCD",
        6,
    )
    assert (wrong.before, wrong.after, wrong.votes) == ("3", "2", ("a", "b"))
    assert answer.mended == SUITE.replace("5678, 3}", "5678, 2}")
    assert not hearing.unsettled(record(asked), "", found, [], heard)


@pytest.mark.parametrize(
    ("failing", "in_doubt"),
    [
        (("GCD(8, 15)",), True),
        (("GCD(8, 15)", "GCD(1234, 5678)"), False),
        (("TestGCD",), False),
        (("TestGCD/row", "GCD(8, 15)"), False),
        (("TestOther",), True),
    ],
)
def test_a_row_that_the_code_passes_casts_doubt_on_witnesses_who_would_overturn_it(
    failing: tuple[str, ...], in_doubt: bool
) -> None:
    asked = dispute().model_copy(update={"failing": failing})
    told = record(asked)
    found = hearing.docket(told, "")
    pair = [witness(found, name) for name in "ab"]
    doubted = hearing.doubted(told, "", found, pair)
    assert doubted == (frozenset({"GCD"}) if in_doubt else frozenset())
    _, heard = hearing.tables(found, pair, spent=False, doubted=doubted)
    assert bool(hearing.unsettled(told, "", found, [], heard)) == in_doubt
    third = [*pair, witness(found, "c")]
    _, heard = hearing.tables(found, third, spent=False, doubted=hearing.doubted(told, "", found, third))
    assert hearing.answer(told, asked, found, heard).mended == SUITE.replace("5678, 3}", "5678, 2}")


def test_nobody_is_doubted_for_rows_that_they_find_right_or_where_nothing_is_disputed() -> None:
    right = record(dispute(source=SUITE.replace("5678, 3}", "5678, 2}")))
    for told in (right, record()):
        found = hearing.docket(told, "")
        assert hearing.doubted(told, "", found, [witness(found, "a"), witness(found, "b")]) == frozenset()


def test_a_doubt_of_the_repair_router_stays() -> None:
    asked = request(2).model_copy(update={"doubted": ("GCD",)})
    told = record(request(2), asked)
    found = hearing.docket(told, "")
    assert hearing.doubted(told, "", found, []) == {"GCD"}
    assert record(request(2)).doubted("") == frozenset()


def test_a_test_that_would_not_notice_an_idle_function_grows_by_settled_cases() -> None:
    right = SUITE.replace("5678, 3}", "5678, 2}")
    asked = dispute(source=right).model_copy(update={"unnoticed": ("GCD",)})
    told = record(asked)
    found = hearing.docket(told, "")
    _, heard = hearing.tables(found, [witness(found, "a"), witness(found, "b")], spent=False)
    mended = hearing.answer(told, asked, found, heard).mended
    assert mended.startswith(right)
    assert "func TestGCDSettled(t *testing.T) {" in mended
    _, unheard = hearing.tables(found, [], spent=True)
    only_stated = hearing.answer(told, asked, found, unheard).mended
    assert "{0, 5, 5}," in only_stated, "what the spec states is settled too"


def test_a_test_that_is_asked_for_anew_holds_settled_cases_alone() -> None:
    asked = dispute().model_copy(update={"anew": ("TestGCD", "TestElsewhere"), "failing": ("TestGCD",)})
    told = record(asked)
    found = hearing.docket(told, "")
    _, heard = hearing.tables(found, [witness(found, "a"), witness(found, "b")], spent=False)
    answer = hearing.answer(told, asked, found, heard)
    assert answer.anew == ("TestGCD",)
    assert answer.mended.count("func TestGCD(t *testing.T) {") == 1
    assert "1234" not in answer.mended


def test_without_witnesses_a_dispute_is_undecided_and_nothing_is_mended() -> None:
    asked = dispute()
    found = hearing.docket(record(asked), "")
    _, heard = hearing.tables(found, [witness(found, "a")], spent=False)
    answer = hearing.answer(record(asked), asked, found, heard)
    assert hearing.unsettled(record(asked), "", found, [], heard)
    assert {one.finding for one in answer.verdicts} == {"undecided"}
    assert answer.mended == ""


def test_where_only_disputes_are_settled_no_other_row_is_looked_at() -> None:
    source = SUITE.replace("{8, 15, 1}", "{8, 15, 2}, {12, 18, 6}")
    asked = dispute(source=source).model_copy(update={"failing": ("GCD(1234, 5678)", "TestOther")})
    narrow = Told.of(NUMKIT, settle=True).add(asked).record
    assert narrow.only_disputes
    found = hearing.docket(narrow, "")
    pair = [witness(found, "a"), witness(found, "b")]
    tables, heard = hearing.tables(found, pair, spent=False)
    answer = hearing.answer(narrow, asked, found, heard)
    assert [(one.call, one.finding, one.after) for one in answer.verdicts] == [
        ("GCD(1234, 5678)", "row-wrong", "2")
    ]
    assert answer.mended == source.replace("5678, 3}", "5678, 2}")
    assert not hearing.unsettled(narrow, "", found, tables, heard)


def test_for_a_dispute_alone_four_programs_are_asked_at_most() -> None:
    run = Told.of(NUMKIT, settle=True).witness("", names=("python-0", "python-1"))
    following = summons.more(run.record, "", None)
    assert following is not None
    assert (following.language, following.first, following.count) == ("python", 2, 2)
    programs = tuple(
        ReferenceProgram(name=f"python-{n}", language="python", content="x", sha256="0") for n in (2, 3)
    )
    run.add(following, ReferenceProposed(request=following, programs=programs))
    assert summons.more(run.record, "", None) is None


def test_where_only_disputes_are_settled_other_splits_call_for_nobody() -> None:
    asked = dispute().model_copy(update={"failing": ("GCD(1234, 5678)",)})
    narrow = Told.of(NUMKIT, settle=True).add(asked).record
    found = hearing.docket(narrow, "")
    most = int(len(found.cases) * 0.7)
    tables, heard = hearing.tables(found, [witness(found, "a"), witness(found, "b", wrong=most)], spent=False)
    assert summons.wanting(tables)
    assert not hearing.unsettled(narrow, "", found, tables, heard)
    alone, unheard = hearing.tables(found, [witness(found, "a")], spent=False)
    assert hearing.unsettled(narrow, "", found, alone, unheard), "the failing row itself is undecided"


@pytest.mark.parametrize("options", [{}, {"examine": True}, {"examine": True, "settle": True}])
def test_an_examined_build_settles_more_than_disputes(options: dict[str, bool]) -> None:
    assert not Told.of(NUMKIT, **options).record.only_disputes


@pytest.mark.parametrize("failing", ["GCD(a, b)", "TestGCD", "GCD(1, 2)", "LCM(8, 15)", "GCD(8"])
def test_a_failing_call_that_cannot_be_read_is_no_row_in_contest(failing: str) -> None:
    api = hearing.docket(record(), "").api
    assert hearing.contested(SUITE, [failing], api) == ()
    assert len(hearing.contested(SUITE, [failing, "GCD(8, 15)"], api)) == 1


def test_what_cannot_be_examined_says_why_and_is_not_waited_for() -> None:
    spec = spec_of(
        {
            "kit.go": "package kit. Copy(r io.Reader) int copies. Touch(n int) does. Half(n int) int halves.",
            "kit_test.go": "package kit. Tests.",
        },
        name="kit",
    )
    told = Told.of(spec).record
    found = hearing.docket(told, "")
    obstacles = {subject.name: subject.obstacle for subject in found.subjects}
    assert obstacles["Half"] == ""
    for name in obstacles.keys() - {"Half"}:
        assert name in obstacles[name]
    listed, _ = hearing.tables(found, [], spent=False)
    assert not summons.wanting([table for table in listed if table.obstacle])


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("func GCD(a, b int) int", True),
        ("func Copy(r io.Reader) int", False),
        ("func Touch(n int)", False),
        ("type T struct { n int }", False),
    ],
)
def test_whether_anything_can_be_examined(text: str, can: bool) -> None:
    assert hearing.examinable([Signature(name="x", text=text)]) is can


def test_a_sequence_is_shown_as_its_calls() -> None:
    from guildbus.agents.oracle.stated_types import read_api

    api = read_api(
        [
            Signature(name="x", text=text)
            for text in (
                "func NewStack(n int) *Stack",
                "func (s *Stack) Push(v int)",
                "func (s *Stack) Len() int",
            )
        ]
    )
    case = {
        "type": "Stack",
        "new": ["NewStack", [2]],
        "steps": [["Push", [1]], ["@advance", [0.5]], ["Len", []]],
    }
    assert hearing.shown_case(case, api) == "NewStack(2); Push(1); @advance(0.5 s); Len()"


def test_a_second_question_about_a_file_in_the_same_round_is_open_until_it_is_answered_too() -> None:
    anew = dispute().model_copy(update={"anew": ("TestGCD",)})
    answered = OracleAnswered(path="numkit_test.go", round=1, verdicts=())
    assert record(dispute(), answered, anew).open_disputes("") == [anew]
    assert (
        record(dispute(), answered, anew, answered.model_copy(update={"mended": "x"})).open_disputes("") == []
    )


def test_the_record_knows_what_is_outstanding_and_answered() -> None:
    asked = request(2)
    proposed = ReferenceProposed(request=asked, programs=())
    assert record(asked).outstanding("")
    assert record(asked).unheard("")
    assert not record(asked, proposed).outstanding("")
    assert record(asked, proposed).unheard(""), "written, but not heard"
    assert not record().unheard("")
    told = Told.of(NUMKIT).witness("", WitnessTable(subject="GCD")).record
    assert not told.unheard("")
    assert [program.name for program in told.programs("")] == ["python-0", "python-1"]
    answer = OracleAnswered(path="numkit_test.go", round=1, verdicts=())
    assert record(dispute()).open_disputes("") == [dispute()]
    assert record(dispute(), answer).open_disputes("") == []
    assert record(dispute(1), answer, dispute(2)).open_disputes("") == [dispute(2)]


ROMAN = spec_of(
    {"roman.go": "package roman. ToRoman(n int) string spells n. FromRoman(s string) (int, error) reads s."}
)


def roman_witness(cases: Sequence[Json], name: str) -> Testimony:
    """One that can count to three: `I`, `II`, `III` are read and spelled, and nothing else is."""

    def outcome(case: Json) -> Json:
        [given] = case["args"]
        if case["call"] == "ToRoman":
            return {"values": ["I" * given]} if given in (1, 2, 3) else {"none": "why"}
        return {"values": [len(given), None]} if given in ("I", "II", "III") else {"values": [{"error": ""}]}

    return Testimony(name, "python", tuple(map(outcome, cases)))


def test_what_is_settled_of_one_function_is_heard_and_settled_as_cases_of_another() -> None:
    drawn = hearing.docket(Told.of(ROMAN).record, "")
    first = [roman_witness(drawn.cases, name) for name in "ab"]
    found = hearing.fed(drawn, first)
    assert found.fed == hearing.fed(drawn, first).fed
    assert found.cases == [*drawn.cases, *found.fed]
    assert [case["args"][0] for case in found.fed] == ["I", "II", "III", "i", "ii", "iii", "IIII"]
    both = [one.then(roman_witness(found.fed, one.name)) for one in first]
    to_roman, from_roman = hearing.tables(found, both, spent=True)[0]
    assert len(to_roman.cases) == 3
    shown = {one.call: one.outcome for one in from_roman.cases}
    assert shown['FromRoman("II")'] == '{"values":[2,null]}'
    assert shown['FromRoman("IIII")'] == '{"values":[{"error":""}]}'
    assert (len(from_roman.cases), from_roman.drawn) == (len(shown), len(found.of(found.subjects[1])))
    assert from_roman.drawn == len(drawn.of(drawn.subjects[1])) + len(found.fed)


def test_a_row_about_what_was_fed_is_settled_and_is_no_case_twice() -> None:
    suite = (
        'package roman\n\nimport "testing"\n\nfunc TestFromRoman(t *testing.T) {\n'
        '\tif got, _ := FromRoman("II"); got != 3 {\n\t\tt.Errorf("FromRoman = %d; want 3", got)\n\t}\n}\n'
    )
    asked = OracleRequested(path="roman_test.go", folder="", source=suite, round=1)
    told = Told.of(ROMAN).add(asked).record
    drawn = hearing.docket(told, "")
    first = [roman_witness(drawn.cases, name) for name in "ab"]
    found = hearing.fed(drawn, first)
    assert {"call": "FromRoman", "args": ["II"]} not in found.fed
    both = [one.then(roman_witness(found.fed, one.name)) for one in first]
    [verdict] = hearing.answer(told, asked, found, hearing.tables(found, both, spent=True)[1]).verdicts
    assert (verdict.finding, verdict.after) == ("row-wrong", "2")


def test_nothing_is_fed_where_no_function_gives_what_another_takes() -> None:
    found = hearing.docket(record(), "")
    assert hearing.fed(found, [witness(found, "a"), witness(found, "b")]) is found
