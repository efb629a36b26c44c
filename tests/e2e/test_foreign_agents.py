"""docs/adding-a-specialist.md, followed to the letter: its agents join a real build, and its examples run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from guildhall import ROOT, Guild, numkit, rule

PAGE = (ROOT / "docs" / "adding-a-specialist.md").read_text("utf-8")
SPEC = ROOT / "specs" / "numkit.yaml"
OPINION = "It is short."
HEARD = ("size.measured.v1", "opinion.given.v1")


def saved(name: str) -> str:
    """The block of Python that the page asks to save under a name."""
    found = re.search(rf"`{re.escape(name)}`[^`]*```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def entries() -> list[str]:
    """The pieces of `guild.toml` that the page shows."""
    return [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[[agents]]" in block]


def shown(command: str) -> list[str]:
    """What the page shows as the output of a command."""
    found = re.search(rf"^    \$ [^\n]*{re.escape(command)}\n((?:    [^\n]*\n)+)", PAGE, re.MULTILINE)
    assert found is not None, command
    return [line.removeprefix("    ") for line in found[1].splitlines()]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with every module of the page."""
    for name in ("go_size.py", "go_opinion.py", "early_stop.py", "try_go_size.py", "rounds.py"):
        (tmp_path / name).write_text(saved(name), encoding="utf-8")
    return tmp_path


def with_path(package: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))}


def run(package: Path, *argv: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=package,
        env=os.environ | with_path(package),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_script_on_the_memory_bus_prints_what_the_page_shows(package: Path) -> None:
    said = run(package, "try_go_size.py").splitlines()
    assert [line for line in said if re.match(r"\d+  ", line)] == shown("try_go_size.py")


def test_the_first_agent_of_the_page_has_at_most_twenty_lines() -> None:
    assert len([line for line in saved("go_size.py").splitlines() if line.strip()]) <= 20


def test_agents_of_somebody_elses_join_a_build_and_a_replay(guild: Guild, package: Path) -> None:
    size, opinion, early, _beside = entries()
    guild.environ |= with_path(package)
    guild.serve([rule(OPINION, match="in one sentence"), rule(numkit())], config=size + opinion + early)
    roster = {agent["name"]: agent for agent in guild.json("agents", "list", "--json")}
    assert roster["go-size"] == {
        "name": "go-size",
        "role": "go-size",
        "replicas": 1,
        "takes": [],
        "subscribes": ["verification.finished.v1"],
        "emits": ["size.measured.v1"],
        "class": "go_size:GoSize",
        "found": "guild.toml",
    }
    assert roster["repair-router"]["class"] == "early_stop:EarlyStop"

    code, report = guild.build(SPEC, "--candidates", 1)
    assert (code, report["green"]) == (0, True)
    messages: list[dict[str, Any]] = guild.json("trace", report["run_id"], "--format", "json")
    by_id = {message["id"]: message for message in messages}
    said = {message["type"]: message for message in messages if message["type"] in HEARD}
    assert set(said) == set(HEARD)
    for message in said.values():
        notice = by_id[message["causationid"]]
        assert (notice["type"], notice["to"]) == ("event.noticed.v1", message["source"].split("/")[0])
        assert by_id[notice["causationid"]]["type"] == "verification.finished.v1"
    assert set(said["size.measured.v1"]["body"]["lines"]) == {"numkit.go", "numkit_test.go"}
    given = said["opinion.given.v1"]["body"]
    assert (given["text"], given["vets"]) == (OPINION, True)
    assert [part["kind"] for part in given["calls"][0]["manifest"]] == ["instruction"]
    assert guild.leftovers() == []

    assert "go-opinion  opinion.given  candidate 0" in guild.run("trace", "--contexts").stdout
    assert guild.json("replay", "last", "--json")["identical"]
    assert "3/3" in run(package, "rounds.py", guild.state / "journal.db")


def test_a_mistake_in_an_agent_ends_the_build_before_it_begins(guild: Guild, package: Path) -> None:
    broken = saved("go_size.py").replace("    subscribes = (VerificationFinished,)\n", "")
    (package / "go_size.py").write_text(broken, encoding="utf-8")
    guild.environ |= with_path(package)
    guild.configure("http://127.0.0.1:9/v1", entries()[0])
    done = guild.run("build", SPEC)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    for part in ("handles verification.finished.v1", "go_size:GoSize", "add VerificationFinished to"):
        assert part in said
    assert guild.leftovers() == []


def test_the_toml_of_the_page_is_toml() -> None:
    assert all(tomllib.loads(text) for text in entries())
