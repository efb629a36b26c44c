"""The whole swarm dies at once, in several moments of a build: `resume` ends it, and pays nothing twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from typing import Any

import pytest

from guildhall import NUMKIT, ROOT, UNBUILT, Guild, fenced, numkit, rule, until, wrong_at_first

SPEC = ROOT / "specs" / "numkit.yaml"
SLOW = NUMKIT.replace("numkit\n", 'numkit\n\nimport "time"\n', 1).replace(
    "GCD(a, b int) int {\n", "GCD(a, b int) int {\n\ttime.Sleep(500 * time.Millisecond)\n"
)
STORED_S = 1.0
"""More than lies between the end of an answer and its file, on a machine that is busy."""


def kill_all(guild: Guild, least: int = 8) -> float:
    """SIGKILL to every process of the guild in one go; when that was."""
    victims = guild.processes()
    assert len(victims) >= least
    killed_at = time.time()
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
    assert guild.leftovers(files=False) == []
    return killed_at


def started(guild: Guild, *words: object) -> "subprocess.Popen[str]":
    return guild.start("build", SPEC, "--json", "--out", "pkg", *words)


def published(guild: Guild, kind: str) -> Any:
    """Wait for a message of this type; the run's name."""

    def there() -> Any:
        if not (guild.state / "journal.db").exists():
            return None
        done = guild.run("trace", "last", "--format", "json")
        messages = json.loads(done.stdout) if done.returncode == 0 else []
        return next((m["subject"] for m in messages if m["type"] == f"{kind}.v1"), None)

    return until(there, 60, kind)


def asked_of(guild: Guild) -> Counter[str]:
    """How often each (prompt, parameters, seed) was requested of the two endpoints."""
    bodies = [request["body"] for role in ("go-dev", "go-test") for request in guild.requests(role)]
    return Counter(json.dumps(body, sort_keys=True) for body in bodies)


def answers_complete(guild: Guild, before: float) -> set[str]:
    """The requests whose answers had been sent whole before this time."""
    events = [
        json.loads(line)
        for role in ("go-dev", "go-test")
        for line in (guild.folder / f"{role}.jsonl").read_text("utf-8").splitlines()
    ]
    return {
        json.dumps(event["body"], sort_keys=True)
        for event in events
        if event["event"] == "answered" and event["at"] < before
    }


def check_resumed(guild: Guild, killed_at: float, *, rounds: int = 1) -> dict[str, Any]:
    """The same kind of result as without the kill; what was complete was requested exactly once."""
    assert not (guild.folder / "pkg").exists()
    (run,) = guild.json("runs", "--json")
    assert run["status"] == "interrupted"
    done = guild.run("resume", run["run_id"], "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["run_id"], report["status"]) == (run["run_id"], "green:unexamined")
    assert report["rounds"] == rounds
    assert [file["path"] for file in report["files"]] == ["go.mod", "numkit.go", "numkit_test.go"]
    assert (guild.folder / "pkg" / "numkit.go").exists()
    messages = guild.json("trace", run["run_id"], "--format", "json")
    types = Counter(message["type"] for message in messages)
    assert (types["build.finished.v1"], types["message.died.v1"]) == (1, 0)
    asked = asked_of(guild)
    complete = answers_complete(guild, killed_at - STORED_S)
    assert {asked[one] for one in complete} <= {1}
    assert report["model"]["calls"] == len(asked)
    assert guild.leftovers() == []
    return report


def test_killed_while_the_model_answers(guild: Guild) -> None:
    """Of go-dev's further drafts one is complete, the other under way: only that one is asked for again."""
    wrong = fenced(UNBUILT)
    slow = {"text": fenced(NUMKIT), "token_delay_s": 0.2}
    guild.serve([{"match": "", "replies": [wrong, fenced(NUMKIT), slow]}], [rule(numkit())])
    process = started(guild, "--candidates", 3)
    until(lambda: len(guild.requests("go-dev")) == 3, 60)
    until(lambda: len(answers_complete(guild, time.time())) == 3, 10)
    time.sleep(2 * STORED_S)
    killed_at = kill_all(guild)
    process.wait()
    assert len(answers_complete(guild, killed_at)) == 3
    guild.serve([rule(fenced(NUMKIT))], [rule(numkit())])
    check_resumed(guild, killed_at, rounds=2)
    assert sorted(asked_of(guild).values()) == [1, 1, 1, 2]


@pytest.mark.long
def test_killed_while_the_verifier_runs(guild: Guild) -> None:
    guild.serve([rule(numkit(implementation=SLOW))])
    process = started(guild, "--candidates", 1)
    guild.working("verifier")
    killed_at = kill_all(guild)
    process.wait()
    check_resumed(guild, killed_at)
    assert set(asked_of(guild).values()) == {1}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("draft.proposed", marks=pytest.mark.long),
        pytest.param("draft.accepted", marks=pytest.mark.long),
        "verification.finished",
    ],
)
def test_killed_between_two_steps(guild: Guild, kind: str) -> None:
    guild.serve([rule(numkit())], wrong_at_first(delay_s=1.0))
    process = started(guild, "--candidates", 1)
    published(guild, kind)
    killed_at = kill_all(guild)
    process.wait()
    check_resumed(guild, killed_at, rounds=2)


def test_resume_of_a_finished_run_only_writes_its_files(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg")
    assert code == 0
    again = guild.json("resume", report["run_id"], "--out", "copy", "--json")
    different = {"wall_s", "toolchain_s", "overhead_s"}  # without what the build's own swarm had to prepare
    assert {k: v for k, v in again.items() if k not in different} == {
        k: v for k, v in report.items() if k not in different
    }
    assert (guild.folder / "copy" / "numkit.go").read_bytes() == (
        guild.folder / "pkg" / "numkit.go"
    ).read_bytes()
    assert set(asked_of(guild).values()) == {1}
    done = guild.run("cancel", report["run_id"])
    assert (done.returncode, done.stdout) == (
        0,
        f"{report['run_id']}: it had ended before: green:unexamined\n",
    )


def test_ctrl_c_says_how_to_go_on_and_twice_is_harmless(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=20)])
    process = guild.start("build", SPEC, "--candidates", 1, "--out", "pkg")
    guild.working()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    (run,) = guild.json("runs", "--json")
    assert (process.returncode, error) == (
        130,
        f"interrupted: guildbus resume {run['run_id']} goes on\n",
    )
    assert guild.leftovers() == []
    listed = guild.run("runs").stdout
    assert f"guildbus resume {run['run_id']}" in listed
    guild.serve([rule(numkit())])
    assert guild.run("resume", "last").returncode == 0
    assert (guild.folder / "pkg" / "numkit.go").exists()


def test_up_finishes_what_was_interrupted_and_an_own_swarm_leaves_it_alone(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=20)])
    process = started(guild, "--candidates", 1, "--seed", 7)
    guild.working()
    kill_all(guild)
    process.wait()
    guild.serve([rule(numkit())])
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "other")
    assert code == 0
    assert report["model"]["calls"] == 2
    newest, oldest = guild.json("runs", "--json")
    assert (newest["status"], oldest["status"]) == ("green:unexamined", "interrupted")
    assert guild.run("up").returncode == 0
    until(lambda: guild.json("runs", "--json")[1]["status"] == "green:unexamined", 60)
    assert guild.run("down").returncode == 0
    assert guild.run("resume", oldest["run_id"]).returncode == 0
    assert (guild.folder / "pkg" / "numkit.go").exists()
    assert guild.leftovers() == []


@pytest.mark.long
def test_killed_again_and_again_at_random(guild: Guild) -> None:
    """Every life of the swarm brings the run on, or at least loses nothing of it."""
    chance = random.Random(20261123)
    guild.serve([rule(numkit(), token_delay_s=0.02)], wrong_at_first(token_delay_s=0.02))
    process = started(guild, "--candidates", 2)
    run = published(guild, "build.requested")
    complete: set[str] = set()
    for _ in range(5):
        time.sleep(chance.uniform(0.0, 4.0))
        complete |= answers_complete(guild, kill_all(guild, least=0) - STORED_S)
        process.wait()
        process = guild.start("resume", run, "--json")
    output, error = process.communicate(timeout=90)
    assert (process.returncode, error) == (0, "")
    assert json.loads(output)["status"] == "green:unexamined"
    asked = asked_of(guild)
    assert {asked[one] for one in complete} <= {1}
    assert guild.leftovers(files=False) == []
    assert (
        guild.run("up").returncode == 0
    )  # the life before the last may have ended the run: then its files stay
    assert guild.run("down").returncode == 0
    assert guild.leftovers() == []


@pytest.mark.long
def test_a_resume_waits_for_a_swarm_that_works_for_another_run(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=3)])
    process = started(guild, "--candidates", 1)
    guild.working()
    kill_all(guild)
    process.wait()
    (abandoned,) = guild.json("runs", "--json")
    other = guild.start("build", SPEC, "--candidates", 1, "--out", "other", "--seed", 2)
    guild.working()
    resumed = guild.run("resume", abandoned["run_id"])
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "works for numkit-" in resumed.stdout
    assert other.wait(30) == 0
    assert (guild.folder / "pkg" / "numkit.go").exists()
    assert {run["status"] for run in guild.json("runs", "--json")} == {"green:unexamined"}
    assert guild.leftovers() == []


@pytest.mark.parametrize("kill", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_build_takes_over_when_the_swarm_that_it_used_goes(guild: Guild, kill: bool) -> None:
    guild.serve([rule(numkit(), delay_s=3)])
    first = guild.start("build", SPEC, "--candidates", 1, "--out", "one")
    guild.working()
    second = guild.start("build", SPEC, "--candidates", 1, "--out", "two", "--seed", 2)
    until(lambda: len(guild.requests("go-dev")) == 2 or None, 60)
    first.send_signal(signal.SIGKILL if kill else signal.SIGINT)
    output, error = second.communicate(timeout=90)
    assert (second.returncode, error) == (0, "")
    assert "the swarm that served this run is gone" in output
    assert (guild.folder / "two" / "numkit.go").exists()
    first.communicate(timeout=30)
    statuses = {run["run_id"]: run["status"] for run in guild.json("runs", "--json")}
    assert sorted(statuses.values()) == ["green:unexamined", "interrupted"]
    assert guild.leftovers() == []
