"""`guildbus trace`, `runs` and `logs` on the journal of a real build: the real command, a stub model."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from guildhall import NUMKIT, ROOT, Guild, fenced, rule, until, wrong_at_first

pytestmark = pytest.mark.timeout(400)  # a whole build goes before the first test, also on a busy machine
SPEC = ROOT / "specs" / "numkit.yaml"


@pytest.fixture(scope="module")
def guild(make_guild: Callable[[], Guild]) -> Iterator[Guild]:
    """One run, green in its second round; it is followed from its first message on."""
    guild = make_guild()
    guild.serve([rule(fenced(NUMKIT))], wrong_at_first())
    yield guild
    guild.close()


@pytest.fixture(scope="module")
def run(guild: Guild) -> tuple[str, str]:
    """The run's name, and what `trace -f` printed while it was built."""
    building = guild.start("build", SPEC, "--candidates", 1, "--json")
    until(lambda: guild.json("runs", "--json"), 150, "the run to be in the journal")
    following = guild.start("trace", "last", "-f")
    report, _ = building.communicate(timeout=200)
    followed, said = following.communicate(timeout=60)
    assert (building.returncode, following.returncode, said) == (0, 0, "")
    return json.loads(report)["run_id"], followed


def test_following_shows_every_message_once_and_ends_with_the_run(guild: Guild, run: tuple[str, str]) -> None:
    name, followed = run
    messages = guild.json("trace", name, "--format", "json")
    numbers = [int(found) for found in re.findall(r"^ *[0-9.]+  #(\d+) ", followed, re.MULTILINE)]
    assert numbers == [message["seq"] for message in messages]
    assert "build.finished" in followed.splitlines()[-1]


def test_a_filter_a_message_and_the_contexts(guild: Guild, run: tuple[str, str]) -> None:
    tree = guild.run("trace", "--type", "verification.finished", "--round", "1").stdout
    (line,) = (line for line in tree.splitlines() if "verification.finished" in line and "..." not in line)
    assert "3/3 green" in line
    (number,) = re.findall(r"#(\d+)", line)
    opened = guild.run("trace", "--message", f"#{number}").stdout
    assert "cause      #" in opened
    assert re.search(r"^ +│ func GCD\(a, b int\) int \{$", opened, re.MULTILINE)
    message = guild.json("trace", run[0], "--message", number, "--format", "json")
    assert message["body"]["green"]
    assert guild.json("trace", "--message", message["id"], "--format", "json") == message
    held = guild.run("trace", "--contexts").stdout
    _, _, shared = held.partition("in prompts of more than one role:\n")
    counts = {kind: int(count) for kind, count in re.findall(r"^    (\w+) +(\d+)", shared, re.MULTILINE)}
    assert counts["api"] >= 1
    assert {kind for kind, count in counts.items() if count} <= {"api", "spec", "example", "instruction"}


def test_a_report_goes_to_a_file_and_a_mistake_is_said(guild: Guild, run: tuple[str, str]) -> None:
    done = guild.run("trace", "--format", "html", "--out", "run.html")
    assert done.returncode == 0
    page = (guild.folder / "run.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert run[0] in page
    for words, said in (
        (("--format", "svg"), "unknown format 'svg'"),
        (("--message", "zz"), "no such message"),
        (("-f", "--format", "html"), "--follow cannot be given as html"),
        (("--format", "html", "--out", "nowhere/run.html"), "cannot be written"),
    ):
        failed = guild.run("trace", *words)
        assert (failed.returncode, failed.stdout) == (2, "")
        assert said in failed.stderr


def test_the_logs_carry_run_message_and_agent(guild: Guild, run: tuple[str, str]) -> None:
    lines = [json.loads(line) for line in guild.run("logs", "--json", "-n", 0).stdout.splitlines()]
    assert all(line.keys() >= {"time", "level", "agent", "run", "message", "event"} for line in lines)
    handled = [line for line in lines if line["event"] == "handled"]
    messages = guild.json("trace", run[0], "--format", "json")
    taken = {one["id"] for one in messages if one.get("to")}
    # Whoever handled the last one is told to stop as soon as its answer is in the journal.
    last = messages[-1]["causationid"]
    assert {line["message"] for line in handled} | {last} == taken
    assert {line["run"] for line in handled} == {run[0]}
    assert {line["agent"].split("/")[0] for line in handled} >= {"planner", "go-dev", "go-test", "verifier"}
    shown = guild.run("logs", "verifier", "--run", run[0]).stdout
    assert "handled" in shown
    assert "planner" not in shown
    missing = guild.run("logs", "nobody")
    assert (missing.returncode, "no log of nobody" in missing.stderr) == (2, True)
