"""What the web view shows, from runs as data: rows, lives, vitals, files, calls, evidence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.bus.records import OPEN
from guildbus.bus.tail import Attempt, Stored
from guildbus.launch.report import run_summary
from guildbus.launch.run_log import RunLog
from guildbus.launch.ui.views_calls import calls_view
from guildbus.launch.ui.views_files import diff_rows, files_view
from guildbus.launch.ui.views_message import opened
from guildbus.launch.ui.views_oracle import oracle_view
from guildbus.launch.ui.views_swarm import swarm_view
from guildbus.launch.ui.views_swimlane import is_over, lanes_of, lives_of, row_of
from guildbus.launch.ui.vitals import TYPES, Vitals
from guildbus.protocols import codec
from guildbus.protocols.messages.control import DeadRequeued
from guildbus.protocols.messages.draft import GateVerdict
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    RowVerdict,
    WitnessedCase,
    WitnessTable,
)
from guildbus.protocols.messages.verification import Diagnostic, Fix
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import Packet
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, failure, finished, log_of, proposed

MENDED = IMPLEMENTATION.replace("a + b", "a - b")


def run() -> Told:
    """A red judgement, a repair of the implementation, a green one."""
    told = Told.of(NUMKIT)
    told.add(proposed(told.state.requests[0], call(100, 2), call(101, 2), call(cached=True)))
    told.accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE)
    told.verify(
        failures=(failure(line=3),),
        diagnostics=(
            Diagnostic(tool="vet", file="numkit.go", line=3, message="suspicious"),
            Diagnostic(tool="build", file="numkit.go", line=99, message="beyond the end"),
            Diagnostic(tool="build", file="", message="no main module"),
        ),
        fixes=(Fix(path="numkit_test.go", fixer="unused-import", line=1, reason="fmt is not used"),),
        missing_tests=("TestClamp",),
    )
    told.ask("numkit.go").accept("numkit.go", MENDED).verify(score="build vet test", green=True)
    return told.add(finished())


def attempt(n: int, seq: int, event: str, at: float, number: int = 1, agent: str = "go-dev/7") -> Attempt:
    return Attempt(n, at, seq, number, agent, event, "c" * (event == "failed"), "r" * (event == "failed"))


def test_every_message_has_a_row_that_json_can_carry() -> None:
    log = log_of(("cli-7-abc/1", run().messages[0]), *run().messages[1:])
    rows = json.loads(json.dumps([row_of(line) for line in log.lines]))
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert (rows[0]["from"], rows[0]["to"], rows[0]["type"]) == ("you", "planner", "build.requested")
    assert all(row["says"] for row in rows)
    assert [row["cause"] for row in rows[1:]] == [row["id"] for row in rows[:-1]]
    tones = {row["type"]: row["tone"] for row in rows}
    assert tones["build.finished"] == tones["verification.finished"] == tones["draft.accepted"] == "good"
    (drafts,) = [row["calls"] for row in rows if row["type"] == "draft.proposed"]
    assert drafts == [[100, 102], [101, 103]], "a call from the store took no time in this run"


def test_a_life_is_the_attempts_at_a_message() -> None:
    story = [
        attempt(1, 1, "delivered", 1.0),
        attempt(2, 1, "failed", 2.0),
        attempt(3, 1, "delivered", 3.0, 2, "go-dev/8"),
        attempt(4, 2, "dead", 9.0, 0, ""),
    ]
    lives = lives_of(story)
    assert lives[1] == [["go-dev", 1, 1.0, 2.0, "failed", "c", "r"], ["go-dev", 2, 3.0, None, "", "", ""]]
    assert not is_over(lives[1])
    assert is_over(lives[2])
    assert is_over(lives_of([*story, attempt(5, 1, "settled", 4.0, 2)])[1])
    assert not is_over([])


def test_lanes_follow_the_work_and_hold_strangers_too() -> None:
    rows = [row_of(line) for line in log_of(("somebody/1", run().messages[0])).lines]
    lanes = lanes_of(("verifier", "my-review", "go-dev", "planner"), rows)
    assert lanes[:4] == ["you", "planner", "go-dev", "verifier"]
    assert set(lanes[4:]) == {"my-review", "somebody"}


def fold(log: RunLog) -> Vitals:
    vitals = Vitals(log.run)
    for line in log.lines:
        vitals.on_line(line)
    return vitals


def test_vitals_agree_with_the_list_of_runs_at_every_message() -> None:
    log = log_of(*run().messages, DeadRequeued(message_id="x", copy_id="y", by="me"))
    for length in range(1, len(log.lines) + 1):
        part = RunLog(log.run, log.lines[:length])
        shown, summary = fold(part).shown(running=True), run_summary(part, running=True)
        assert shown["status"] == summary["status"]
        assert shown["green"] == summary["green"]
        assert shown["tokens"] == summary["tokens"]
        assert shown["last_at"] - shown["started_at"] == pytest.approx(summary["wall_s"])
        if shown["ended"]:
            assert shown["rounds"] == summary["rounds"]
            assert shown["score"]["total"] == summary["score"]
    assert fold(log).shown(running=False)["status"] == "interrupted", "it was opened again"


def test_vitals_need_only_their_types() -> None:
    log = log_of(*run().messages)
    some = RunLog(log.run, tuple(line for line in log.lines if line.envelope.type in TYPES))
    whole, less = fold(log).shown(running=False), fold(some).shown(running=False)
    assert len(some.lines) < len(log.lines)
    assert whole == less


def test_tokens_a_second_count_overlapping_calls_once() -> None:
    vitals = fold(log_of(*run().messages))
    assert vitals.tokens_s == pytest.approx(80 / 3, abs=0.1), "two calls of 40 tokens within 3 s"
    assert Vitals("r").tokens_s is None


def test_files_stand_beside_what_was_said_of_their_lines() -> None:
    first, second = files_view(log_of(*run().messages))["judgements"]
    code, suite = first["files"]
    assert (code["path"], code["state"], suite["state"]) == ("numkit.go", "new", "new")
    assert [note["kind"] for note in code["rows"][2]["notes"]] == ["vet"]
    assert [note["text"] for note in code["notes"]] == ["beyond the end"]
    assert [note["kind"] for note in suite["rows"][2]["notes"]] == ["test"]
    assert "GCD(0, 5) = 0; want 5" in suite["rows"][2]["notes"][0]["text"]
    assert suite["rows"][0]["notes"][0]["text"] == "unused-import: fmt is not used"
    told = [one["text"] for one in first["findings"]]
    assert told == ["TestClamp was asked for and did not run", "no main module"]
    code, suite = second["files"]
    assert (code["state"], suite["state"], second["green"]) == ("changed", "same", True)
    assert [(row["tag"], row["old"], row["new"]) for row in code["rows"]] == [
        (" ", 1, 1),
        (" ", 2, 2),
        ("-", 3, None),
        ("+", None, 3),
    ]


def test_refused_drafts_are_shown_with_their_reasons() -> None:
    told = Told.of(NUMKIT).reject(
        "numkit.go", GateVerdict(gate="parses", outcome="rejected", reason="brace", line=1)
    )
    (only,) = files_view(log_of(*told.messages))["judgements"]
    (refused,) = only["refused"]
    assert (only["score"], only["files"], refused["path"]) == (None, [], "numkit.go")
    assert refused["rows"][0]["notes"] == [{"kind": "gate", "text": "parses: brace"}]


TEXTS = st.lists(st.sampled_from(["a", "b", "", "}", "é\tx"]), max_size=12).map(
    lambda lines: "".join(f"{one}\n" for one in lines)
)


@given(TEXTS, TEXTS)
def test_a_diff_holds_both_texts(before: str, after: str) -> None:
    rows = diff_rows(before, after, {})
    assert [row["text"] for row in rows if row["tag"] != "+"] == before.splitlines()
    assert [row["text"] for row in rows if row["tag"] != "-"] == after.splitlines()
    for side in ("old", "new"):
        numbers = [row[side] for row in rows if row[side] is not None]
        assert numbers == list(range(1, len(numbers) + 1))


def test_calls_say_what_each_author_was_ever_shown() -> None:
    told = calls_view(log_of(*[("go-dev/1", message) for message in run().messages]))
    assert [one["cached"] for one in told["calls"]] == [False, False, True]
    assert [one["tokens_s"] for one in told["calls"]] == [20.0, 20.0, None]
    assert told["held"] == {"go-dev": {"system": 3}}


def stored(line: Any, body: bytes | None = None) -> Stored:
    return Stored(line.seq, OPEN, Packet(line.envelope, codec.encode(line.message) if body is None else body))


def test_a_message_is_opened_with_its_manifest_and_a_broken_one_with_its_error() -> None:
    log = log_of(*run().messages)
    line = next(line for line in log.lines if line.envelope.type == "draft.proposed.v1")
    told = opened(stored(line), [attempt(1, line.seq, "delivered", 104.0)], standard_registry())
    assert told["body"]["request"]["task"]["path"] == "numkit.go"
    assert told["calls"][0]["manifest"][0]["name"] == "go_dev.md"
    assert told["life"] == [["go-dev", 1, 104.0, None, "", "", ""]]
    assert (told["unreadable"], told["envelope"]["seq"]) == ("", line.seq)
    for body, word in ((b"\xc1", "unreadable"), (b"\x81\xa1x\x01", "x")):
        broken = json.loads(json.dumps(opened(stored(line, body), [], standard_registry())))
        assert broken["unreadable"]
        assert word in broken["body"]


def test_the_oracles_evidence_pairs_questions_with_answers() -> None:
    told = Told.of(NUMKIT)
    case = WitnessedCase(call="GCD(0, 5)", case="[0,5]", outcome="5", votes=("python-0", "python-1"))
    told.witness("", WitnessTable(subject="GCD", cases=(case,), drawn=1))
    verdict = RowVerdict(
        test="TestGCD",
        line=3,
        call="GCD(0, 5)",
        finding="row-wrong",
        expected="4",
        before="4",
        after="5",
        votes=("python-0",),
    )
    told.add(OracleRequested(path="numkit_test.go", folder="", source="", round=1, failing=("GCD(0, 5)",)))
    asked = oracle_view(log_of(*told.messages))
    assert [one["answered"] for one in asked["disputes"]] == [False]
    told.add(OracleAnswered(path="numkit_test.go", round=1, verdicts=(verdict,)))
    shown = oracle_view(log_of(*told.messages))
    assert shown["disputes"][0]["verdicts"][0]["after"] == "5"
    (table,) = shown["folders"][0]["tables"]
    assert list(table["cases"][0]["votes"]) == ["python-0", "python-1"]
    assert shown["interventions"] == [], "what made nothing better was not kept"
    told.accept("numkit.go", IMPLEMENTATION)
    told.ask("numkit_test.go", author="oracle", round_number=2).accept("numkit_test.go", SUITE)
    told.verify(score="build vet test", green=True)
    kept = oracle_view(log_of(*told.messages))["interventions"]
    assert [(one["kind"], one["before"], one["after"]) for one in kept] == [("test-mended", "4", "5")]
    assert len(shown["programs"]) == 2


def test_an_agents_health_is_said_in_one_word() -> None:
    agents = [{"name": name} for name in ("a", "b", "c", "d")]
    lease = {"type": "draft.requested.v1", "run": "r", "attempt": 1}
    health = {
        "agents": [
            {"name": "a", "silent_s": 0.1, "handling": []},
            {"name": "b", "silent_s": 0.1, "handling": [lease]},
            {"name": "c", "silent_s": 7.0, "handling": [lease]},
        ]
    }
    shown = swarm_view({"agents": agents}, health)["agents"]
    assert [one["health"] for one in shown] == ["ok", "busy", "silent", "gone"]
    assert shown[1]["leases"] == [{"type": "draft.requested", "run": "r", "attempt": 1}]
    assert swarm_view({"agents": agents}, None)["agents"][0]["health"] == "gone"
