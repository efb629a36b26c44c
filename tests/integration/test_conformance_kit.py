"""The conformance kit: a good agent passes, and each of ten planted faults fails the check meant for it."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from faulty_agents import FAULTS, Clerk, NoteFiled, NoteTaken
from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.planner import Planner
from guildbus.agents.repair_router import RepairRouter
from guildbus.launch.agent_lookup import classes_of
from guildbus.launch.config import parse_config
from guildbus.launch.conformance.bench import Answers
from guildbus.launch.conformance.fresh import fresh_answers
from guildbus.launch.conformance.recording import record_schema
from guildbus.launch.places import Host
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftAccepted
from guildbus.testing import CHECKS, History, Subject, Tolerances, check, play, read_history, subject_of
from guildhall import GUILDBUS
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, failure

WORDS = ("amber", "birch", "cedar", "dogwood", "elder", "fir", "gorse", "hazel")


def day(name: str) -> History:
    texts = [f"{name} {number}" for number in (1, 2, 3)]
    return History(name, tuple(NoteTaken(text=text, words=WORDS) for text in texts))


DAYS = (day("monday"), day("tuesday"))
QUICK = Tolerances(grace_s=0.5)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("schema") / "guildbus-schema.json"
    assert record_schema(Clerk, place) == place
    return place


@pytest.fixture(scope="module")
def subjects(recorded: Path) -> dict[str, Subject]:
    clerks = {"": Clerk} | FAULTS
    return {
        name: subject_of(clerk, histories=DAYS, schema=recorded, tolerances=QUICK)
        for name, clerk in clerks.items()
    }


@pytest.fixture(scope="module")
def fresh(subjects: dict[str, Subject]) -> dict[str, Sequence[Answers]]:
    """One pair of processes for all."""
    return dict(zip(subjects, fresh_answers(list(subjects.values())), strict=True))


def test_there_is_a_fault_for_every_check() -> None:
    assert set(FAULTS) == set(CHECKS)


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_each_fault_fails_its_check_and_no_other(
    fault: str, subjects: dict[str, Subject], fresh: dict[str, Sequence[Answers]]
) -> None:
    report = check(subjects[fault], fresh=lambda: fresh[fault])
    assert {r.check: r.status for r in report.results} == {
        name: "failed" if name == fault else "passed" for name in CHECKS
    }, [str(finding) for result in report.results for finding in result.findings]
    for result in report.results:
        for finding in result.findings:
            assert finding.what
            assert finding.where
            assert finding.remedy


def test_a_held_loop_is_reported_with_its_line(subjects: dict[str, Subject]) -> None:
    [result] = check(subjects["responsiveness"], only={"responsiveness"}).results
    line = next(
        number
        for number, text in enumerate(inspect.getsource(sys.modules["faulty_agents"]).splitlines(), 1)
        if "time.sleep" in text
    )
    assert {f"faulty_agents.py:{line})" in finding.what for finding in result.findings} == {True}
    assert ["message 3" in finding.where for finding in result.findings] == [True]


class Reader(Agent):
    role = "clerk"
    emits = (NoteFiled,)
    act: ClassVar[Any] = staticmethod(lambda message: [NoteFiled(text=message.text, number=1)])

    @handles(NoteTaken)
    async def on_note_taken(self, message: NoteTaken, ctx: Context) -> Sequence[Message]:
        return self.act(message)  # type: ignore[no-any-return]


class Crashing(Reader):
    act = staticmethod(lambda message: message.no_such_field)


class Quitting(Reader):
    act = staticmethod(lambda message: sys.exit(3))


def test_what_cannot_be_tried_is_neither_passed_nor_failed() -> None:
    report = check(subject_of(Reader), only={"acks", "errors", "schema"})
    assert {r.check: (r.status, r.why) for r in report.results} == {
        "acks": ("passed", ""),
        "errors": ("untried", "no handler calls ctx.history(), ctx.complete(), ctx.sandbox()"),
        "schema": ("untried", f"nothing is recorded yet: guildbus agents check {report.agent} --record"),
    }
    assert report.ok


@pytest.mark.parametrize(
    ("agent", "what"), [(Crashing, "crashed: AttributeError"), (Quitting, "crashed: Quitting: SystemExit(3)")]
)
def test_crashes_are_told_from_answers(agent: type[Agent], what: str) -> None:
    [result] = check(subject_of(agent), only={"acks"}).results
    assert [finding.what[: len(what)] for finding in result.findings][:1] == [what]


def test_an_agent_is_played_on_the_in_memory_bus() -> None:
    played = play(Clerk, *DAYS[0].messages)
    assert played == [NoteFiled(text=f"monday {n}", number=n) for n in (1, 2, 3)]


def build(tag: str) -> History:
    """A build that is repaired twice before it is green."""
    told = Told.of(NUMKIT).accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE, cases=3)
    told.verify(failures=(failure(),)).reject("numkit.go")
    told.ask("numkit.go").accept("numkit.go", f"{IMPLEMENTATION}// {tag}\n").verify(score="build")
    told.ask("numkit.go").accept("numkit.go", f"{IMPLEMENTATION}// {tag}, mended\n")
    return History(tag, tuple(told.verify(score="build vet test", green=True).messages))


def test_the_built_in_minds_keep_every_promise() -> None:
    minds = [subject_of(mind, histories=[build("one"), build("two")]) for mind in (Planner, RepairRouter)]
    for mind, answers in zip(minds, fresh_answers(minds), strict=True):
        report = check(mind, fresh=lambda answers=answers: answers)  # type: ignore[misc]
        assert {r.check: r.status for r in report.results} == dict.fromkeys(CHECKS, "passed") | {
            "schema": "untried"
        }


def test_histories_are_made_up_and_read_back(tmp_path: Path) -> None:
    class Watcher(Agent):
        role = "watcher"
        subscribes = (DraftAccepted,)

        @handles(DraftAccepted)
        async def on_draft_accepted(self, message: DraftAccepted, ctx: Context) -> Sequence[Message]:
            return []

    subject = subject_of(Watcher)
    first, second = subject.histories
    assert first.messages != second.messages
    path = tmp_path / "run.json"
    path.write_text(json.dumps(first.as_json()))
    assert read_history(path, subject.registry).messages == first.messages
    path.write_text('[{"type": "draft.accepted.v1", "body": {"round": "x"}}]')
    with pytest.raises(UsageError, match=r"message 1, draft\.accepted\.v1: task"):
        read_history(path, subject.registry)


def test_a_schema_is_not_recorded_over_one_that_it_breaks(recorded: Path, tmp_path: Path) -> None:
    copy = tmp_path / "guildbus-schema.json"
    copy.write_bytes(recorded.read_bytes())
    with pytest.raises(UsageError, match=r"note\.filed\.v1\.number: was integer, is string"):
        record_schema(FAULTS["schema"], copy)
    assert copy.read_bytes() == recorded.read_bytes()


def agents(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [GUILDBUS, "agents", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*sys.path]))},
        check=False,
    )


def test_the_command_says_what_failed_and_where() -> None:
    checked = agents("check", "faulty_agents:SwallowedError", "--json")
    assert checked.returncode == 1, checked.stderr
    said = json.loads(checked.stdout)
    [report] = said["agents"]
    assert not said["ok"]
    assert {r["check"]: r["status"] for r in report["results"]} == dict.fromkeys(CHECKS, "passed") | {
        "errors": "failed",
        "schema": "untried",
    }
    [failed] = [result for result in report["results"] if result["status"] == "failed"]
    assert failed["findings"][0]["what"] == "ctx.history() failed, and it answered note.filed.v1"
    assert failed["findings"][0]["where"].startswith("faulty_agents:SwallowedError, made-up-1, message")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no_such_module:Clerk", "no module"),
        ("faulty_agents:FAULTS", "no class of an agent is there"),
        ("no-such-role", "no agent plays this role"),
    ],
)
def test_a_target_that_is_no_agent_is_bad_usage(target: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        classes_of(target, parse_config("", "(none)", Host.here(), Path("/nowhere")))
