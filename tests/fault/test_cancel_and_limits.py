"""A run is stopped: by `cancel`, by its deadline, by its token budget. What it had in hand ends at once."""

import json
import signal
import time
from typing import Any

import psutil
import pytest

from guildbus.protocols.envelope import parse_time
from guildhall import NUMKIT, ROOT, Guild, fenced, numkit, numkit_suite, rule, until, whole

SPEC = ROOT / "specs" / "numkit.yaml"
ENDLESS = rule("package numkit\n" + "".join(f"// and on: {n}\n" for n in range(2000)), token_delay_s=0.05)
LOOPS = NUMKIT.replace("{\n\tif a < 0 {", "{\n\tfor a != 12345 {\n\t}\n\tif a < 0 {")
AT_ONCE_S = 1.0


def events(guild: Guild, kind: str) -> list[dict[str, Any]]:
    """What the two endpoints logged of a kind."""
    lines = [
        json.loads(line)
        for role in ("go-dev", "go-test")
        for line in (guild.folder / f"{role}.jsonl").read_text("utf-8").splitlines()
    ]
    return [line for line in lines if line["event"] == kind]


def messages_of(guild: Guild, run: str, kind: str) -> list[dict[str, Any]]:
    found = guild.json("trace", run, "--format", "json")
    return [message for message in found if message["type"] == f"{kind}.v1"]


def busy_s(process: psutil.Process) -> float:
    """Its processor time; 0 when it has ended meanwhile."""
    try:
        return float(process.cpu_times().user)
    except psutil.NoSuchProcess:
        return 0.0


def living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def at(message: dict[str, Any]) -> float:
    return parse_time(message["time"]) or 0.0


def test_cancel_closes_the_model_requests_and_ends_the_build(guild: Guild) -> None:
    guild.serve([ENDLESS])
    process = guild.start("build", SPEC, "--candidates", 1, "--json", "--out", "pkg")
    guild.working()
    until(lambda: guild.requests("go-dev") and guild.requests("go-test"), 30)
    (run,) = guild.json("runs", "--json")
    assert run["status"] == "running"
    done = guild.run("cancel", run["run_id"], "--reason", "the wrong spec")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{run['run_id']}: cancelled\n", "")
    output, error = process.communicate(timeout=30)
    report = json.loads(output)
    assert (process.returncode, error) == (1, "")
    assert (report["status"], report["diagnosis"]) == (
        "red:cancelled",
        "cancelled by operator: the wrong spec",
    )
    (cancelled,) = messages_of(guild, run["run_id"], "run.cancelled")
    (finished,) = messages_of(guild, run["run_id"], "build.finished")
    assert at(finished) - at(cancelled) < AT_ONCE_S
    aborted = events(guild, "aborted")
    assert len(aborted) == 2
    assert max(event["at"] for event in aborted) - at(cancelled) < AT_ONCE_S
    assert guild.leftovers() == []
    assert guild.run("resume", run["run_id"]).returncode == 1
    assert len(guild.requests("go-dev")) == 1


def test_cancel_kills_what_runs_in_the_sandbox(guild: Guild) -> None:
    guild.serve([rule(numkit(implementation=LOOPS))])
    process = guild.start("build", SPEC, "--candidates", 1, "--json")
    agents = guild.working("verifier")["agents"]
    verifier = psutil.Process(next(agent["pid"] for agent in agents if agent["name"] == "verifier"))
    looping = until(lambda: [p for p in verifier.children(recursive=True) if busy_s(p) > 0.5], 30)
    (run,) = guild.json("runs", "--json")
    cancelling = guild.start("cancel", run["run_id"])
    until(lambda: not any(living(process) for process in looping), 30)
    gone_at = time.time()
    assert cancelling.wait(30) == 0
    (cancelled,) = messages_of(guild, run["run_id"], "run.cancelled")
    assert gone_at - at(cancelled) < AT_ONCE_S
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(output)["status"]) == (1, "red:cancelled")
    assert guild.leftovers() == []


def test_a_cancel_that_learns_of_the_end_and_of_the_swarms_end_at_once(guild: Guild) -> None:
    guild.serve([ENDLESS])
    process = guild.start("build", SPEC, "--candidates", 1, "--json")
    agents = guild.working()["agents"]
    planner = psutil.Process(next(agent["pid"] for agent in agents if agent["name"] == "planner"))
    (run,) = guild.json("runs", "--json")
    planner.suspend()
    cancelling = guild.start("cancel", run["run_id"])
    until(lambda: messages_of(guild, run["run_id"], "run.cancelled"), 30)
    cancelling.send_signal(signal.SIGSTOP)
    planner.resume()
    process.communicate(timeout=30)
    cancelling.send_signal(signal.SIGCONT)
    output, error = cancelling.communicate(timeout=30)
    assert (cancelling.returncode, output, error) == (0, f"{run['run_id']}: cancelled\n", "")
    assert guild.leftovers() == []


def test_an_interrupted_run_is_cancelled_without_a_model(guild: Guild) -> None:
    stubs = guild.serve([ENDLESS])
    process = guild.start("build", SPEC, "--candidates", 1, "--out", "pkg")
    guild.working()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    for stub in stubs:
        stub.kill()
    (run,) = guild.json("runs", "--json")
    assert run["status"] == "interrupted"
    assert guild.json("cancel", "last", "--json") == {
        "run_id": run["run_id"],
        "status": "red:cancelled",
        "diagnosis": "cancelled by operator",
    }
    assert guild.leftovers() == []
    (run,) = guild.json("runs", "--json")
    assert run["status"] == "red:cancelled"
    again = guild.run("cancel", run["run_id"])
    assert (again.returncode, again.stdout) == (0, f"{run['run_id']}: cancelled\n")
    assert guild.run("cancel", "nothing-of-the-kind").returncode == 2


@pytest.mark.slow
def test_a_build_ends_soon_after_its_last_second_with_the_best_tree_so_far(guild: Guild) -> None:
    limit_s = 10.0
    wrong_then_endless = {"match": "", "replies": [numkit("77"), ENDLESS["replies"][0]]}
    guild.serve([rule(numkit())], [wrong_then_endless])
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg", "--max-seconds", limit_s)
    assert (code, report["status"], report["score"]["total"]) == (1, "red:deadline", 2)
    assert report["diagnosis"] == "the 10 s that it was given are over; the best tree has 2/3"
    assert limit_s <= report["wall_s"] < limit_s + 2
    assert (guild.folder / "pkg" / "numkit.go").exists()
    (finished,) = messages_of(guild, report["run_id"], "build.finished")
    requested, *_ = messages_of(guild, report["run_id"], "build.requested")
    assert 0 <= at(finished) - (parse_time(requested["deadline"]) or 0.0) < AT_ONCE_S
    assert events(guild, "aborted")
    assert guild.leftovers() == []


@pytest.mark.parametrize("limit", [3000, 300])
def test_a_build_stops_before_its_tokens_are_overspent(guild: Guild, limit: int) -> None:
    stubborn = whole(NUMKIT, numkit_suite("77"), "no case at all\n")
    guild.serve(
        [rule(fenced(NUMKIT))], [rule(stubborn)], config=f"[build]\nmax_tokens = {limit}\nexamine = false\n"
    )
    code, report = guild.build(SPEC, "--candidates", 2, "--max-rounds", 50)
    assert (code, report["status"]) == (1, "red:tokens")
    spent = report["model"]["prompt_tokens"] + report["model"]["completion_tokens"]
    assert spent <= limit
    assert f"{spent:,} of {limit:,} tokens are spent" in report["diagnosis"]
    assert all(request["body"]["max_tokens"] <= limit for request in guild.requests("go-dev"))
    assert bool(guild.requests("go-dev")) is (limit > 1000)
