"""SIGKILL any one process of the guild in the middle of a build: the build ends as if nothing had happened.

And the build itself: killed in whatever way, it leaves no process; stopped by Ctrl-C, it tidies up.
"""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from guildhall import NUMKIT, ROLES, ROOT, Guild, numkit, rule, until, wrong_at_first

SPEC = ROOT / "specs" / "numkit.yaml"
SLOW = NUMKIT.replace("numkit\n", 'numkit\n\nimport "time"\n', 1).replace(
    "GCD(a, b int) int {\n", "GCD(a, b int) int {\n\ttime.Sleep(500 * time.Millisecond)\n"
)


def started(guild: Guild, *words: str) -> "tuple[subprocess.Popen[str], dict[str, Any]]":
    """A build in the middle: both specialists wait for the model. With its status."""
    process = guild.start("build", SPEC, "--candidates", 1, "--json", "--out", "pkg", *words)
    return process, guild.working()


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)


def report_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, error = process.communicate(timeout=90)
    assert error == ""
    report: dict[str, Any] = json.loads(output)
    assert process.returncode == 0, report["diagnosis"]
    return report


def check_green(guild: Guild, report: dict[str, Any]) -> None:
    """The same kind of result as without the kill, and nothing left behind."""
    assert (report["status"], report["score"]["total"]) == ("green:unexamined", 3)
    assert [file["path"] for file in report["files"]] == ["go.mod", "numkit.go", "numkit_test.go"]
    assert "6006, 9009, 3003}" in (guild.folder / "pkg" / "numkit_test.go").read_text()
    messages = guild.json("trace", report["run_id"], "--format", "json")
    types = [message["type"] for message in messages]
    assert types.count("build.finished.v1") == 1
    assert "message.died.v1" not in types
    assert len({message["id"] for message in messages}) == len(messages)
    assert guild.leftovers() == []


def test_the_build_survives_the_death_of_every_agent(guild: Guild) -> None:
    """All of them die in the middle, one after the other; `make fault` also kills each in its own build."""
    guild.serve([rule(numkit(), delay_s=1.5)], wrong_at_first(delay_s=1.5))
    process, status = started(guild)
    victims = {agent["name"]: agent["pid"] for agent in status["agents"]}
    assert set(victims) == set(ROLES)
    for pid in victims.values():
        kill(pid)
    check_green(guild, report_of(process))


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_the_build_survives_the_death_of_any_agent(guild: Guild, role: str) -> None:
    """The first suite is wrong, so that every role, the repair-router too, is needed after the kill."""
    guild.serve([rule(numkit(), delay_s=1.5)], wrong_at_first(delay_s=1.5))
    process, status = started(guild)
    (victim,) = [agent for agent in status["agents"] if agent["name"] == role]
    kill(victim["pid"])
    check_green(guild, report_of(process))


def test_the_build_survives_the_death_of_the_verifier_while_it_verifies(guild: Guild) -> None:
    guild.serve([rule(numkit(implementation=SLOW))])
    process = guild.start("build", SPEC, "--candidates", 1, "--json", "--out", "pkg")
    agents = guild.working("verifier")["agents"]
    kill(next(agent["pid"] for agent in agents if agent["name"] == "verifier"))
    report = report_of(process)
    check_green(guild, report)
    attempts = guild.run("trace", report["run_id"]).stdout
    assert "attempt 2" in attempts


def test_the_build_survives_the_death_of_the_broker(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=1.5)], wrong_at_first(delay_s=1.5))
    process, status = started(guild)
    kill(status["broker"]["pid"])
    check_green(guild, report_of(process))


def test_an_agent_that_comes_back_has_another_process_and_the_others_the_same(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    assert guild.run("up").returncode == 0
    before = {agent["name"]: agent["pid"] for agent in guild.json("status", "--json")["agents"]}
    kill(before["go-test"])

    def back() -> Any:
        agents = {agent["name"]: agent for agent in guild.json("status", "--json")["agents"]}
        one = agents["go-test"]
        return agents if one["credits"] and one["pid"] not in (None, before["go-test"]) else None

    after = until(back, 30)
    assert after["go-test"]["restarts"] == 1
    assert all(after[name]["pid"] == pid for name, pid in before.items() if name != "go-test")
    code, report = guild.build(SPEC, "--candidates", 1)
    assert (code, report["green"]) == (0, True)
    assert guild.run("down").returncode == 0
    assert guild.leftovers() == []


def test_kill_9_of_the_build_leaves_no_process_and_the_next_build_works(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=1.5)])
    process, _ = started(guild)
    assert len(guild.processes()) >= 8
    process.kill()
    process.wait()
    assert guild.leftovers(files=False) == []
    assert not (guild.folder / "pkg").exists()
    assert guild.json("status", "--json")["broker"] is None
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg")
    assert code == 0
    check_green(guild, report)


def test_kill_9_of_the_swarm_in_the_background_leaves_no_process(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    assert guild.run("up").returncode == 0
    kill(json.loads((guild.state / "run" / "swarm.json").read_text())["pid"])
    assert guild.leftovers(files=False) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_leaves_nothing(guild: Guild, number: signal.Signals) -> None:
    guild.serve([rule(numkit(), delay_s=20)])
    process, _ = started(guild)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert "Traceback" not in error
    if number is signal.SIGINT:
        assert process.returncode == 130
    else:
        assert process.returncode != 0
    assert guild.leftovers(files=number is signal.SIGINT) == []
    assert not (guild.folder / "pkg").exists()
    (run,) = guild.json("runs", "--json")
    assert run["status"] == "interrupted"


@pytest.mark.parametrize("pause_s", [0.4, pytest.param(1.0, marks=pytest.mark.long), 2.0])
def test_ctrl_c_while_the_swarm_starts(guild: Guild, pause_s: float) -> None:
    guild.serve([rule(numkit(), delay_s=20)])
    process = guild.start("build", SPEC, "--out", str(Path("pkg")))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(pause_s)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert "Traceback" not in error
    assert process.returncode == 130
    assert guild.leftovers() == []
