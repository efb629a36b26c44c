"""The finishers of examples/, installed into an environment of their own, in real builds over the stub model.

One edit is kept, one is refused because a test fails, one finisher dies: each build is green all the same.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guildhall import (
    GCD,
    GUILDBUS,
    ROOT,
    STRINGKIT,
    STRINGKIT_CASES,
    STRINGKIT_REFERENCE,
    STRINGKIT_SUITE,
    Guild,
    fenced,
    numkit,
    rule,
    until,
    whole,
)

SPEC = ROOT / "specs" / "numkit.yaml"
EXAMPLES = ("go-review", "go-doc", "go-bench")
BENT = GCD.replace("\n\tif a < 0 {", "\n\tif a == 8 && b == 15 {\n\t\treturn 2\n\t}\n\tif a < 0 {", 1)

RULES = [
    # go-review is sure, four times, of what the spec itself says otherwise.
    rule("GCD(8, 15) => 2", match=["You review one Go function", "func GCD"]),
    rule("NONE", match="You review one Go function"),
    rule("GCD(8, 15): both are even => 2", match="Work out the value of one call"),
    rule(fenced(BENT), match="One Go function breaks its rule"),
    # go-bench is given what was there already.
    rule(fenced(f"package numkit\n{GCD}"), match=["runs faster", "func GCD"]),
    rule("No idea.", match="runs faster"),
    rule(numkit()),
]
ROSTER = """
[limits]
max_attempts = 2

[build]
examine = false
teeth_seconds = 10
finishers = ["go-doc", "go-dies", "go-review", "go-bench"]

[[agents]]
role = "go-doc"

[[agents]]
role = "go-review"

[[agents]]
role = "go-bench"

[[agents]]
role = "go-dies"
entry = "go_dies:GoDies"
"""
DIES = '''
"""A finisher whose process ends in the middle of its work."""

import os

from guildbus import Agent, Context, FinishProposed, FinishRequested, Message, handles


class GoDies(Agent):
    role = "go-dies"
    emits = (FinishProposed,)

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> list[Message]:
        os._exit(1)
'''


@dataclass
class Shop:
    """A guild whose command runs in an environment with the three packages in it."""

    guild: Guild
    python: Path

    def run(self, *words: object) -> "subprocess.CompletedProcess[str]":
        return self.guild.run(*words, before=[str(self.python), "-P"])

    def start(self, *words: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self.python, "-P", GUILDBUS, *map(str, words)],
            cwd=self.guild.folder,
            env=self.guild.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def json(self, *words: object) -> Any:
        done = self.run(*words)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}") from None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that sees what this one has, with the packages in it as pip installs them."""
    home = tmp_path_factory.mktemp("examples")
    venv.create(home / "venv", with_pip=False, symlinks=True)
    [site] = (home / "venv" / "lib").glob("python*/site-packages")
    (site / "beside.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    (site / "go_dies.py").write_text(DIES)
    packages = [home / name for name in EXAMPLES]
    for package in packages:
        ignored = shutil.ignore_patterns("*.egg-info", "build")
        shutil.copytree(ROOT / "examples" / package.name, package, ignore=ignored)
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [home / "venv" / "bin" / "python", "-m", "pip", "install", *options, *packages],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PIP_NO_INDEX": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def shop(guild: Guild, home: Path) -> Shop:
    """A guild of its own for each test."""
    return Shop(guild, home / "venv" / "bin" / "python")


@pytest.mark.slow
def test_what_finishers_do_to_a_green_build(shop: Shop) -> None:
    shop.guild.serve(RULES, config=ROSTER)
    listed = {agent["name"]: agent for agent in shop.json("agents", "list", "--json")}
    assert {listed[name]["found"] for name in EXAMPLES} == {"entry point"}
    assert listed["go-doc"]["takes"] == ["finish.requested.v1"]

    report = shop.json("build", SPEC, "--candidates", 1, "--json")
    assert (report["green"], report["score"]["total"], report["diagnosis"]) == (True, 3, "")
    doc, dies, review, bench = report["finishers"]
    assert [one["role"] for one in report["finishers"]] == ["go-doc", "go-dies", "go-review", "go-bench"]

    assert (doc["kept"], doc["why"]) == (True, "")
    assert doc["after"]["teeth"] >= doc["before"]["teeth"] > 0
    assert doc["after"]["cases"] >= doc["before"]["cases"] > 0
    authors = {file["path"]: file["author"] for file in report["files"]}
    assert authors == {"go.mod": "planner", "numkit.go": "go-doc", "numkit_test.go": "go-doc"}
    package = shop.guild.folder / "out" / "numkit"
    assert "// GCD returns the greatest common divisor" in (package / "numkit.go").read_text()
    suite = (package / "numkit_test.go").read_text()
    assert "func ExampleGCD() {\n\tfmt.Println(GCD(0, 0))" in suite

    assert (dies["kept"], dies["after"]) == (False, None)
    assert dies["why"].startswith(("bus.agent_gone", "bus.lost", "bus.lease"))

    assert review["kept"] is False
    assert review["why"].startswith("go test fails: ")
    assert review["after"]["score"] == 2
    assert "return 2" not in (package / "numkit.go").read_text()

    assert (bench["kept"], bench["why"]) == (False, "nothing was proposed")
    assert "no other implementation came" in bench["note"]
    assert shop.guild.leftovers() == []

    told = shop.run("trace", report["run_id"]).stdout
    for said in ("asked of go-doc, at 3/3", "go-doc: kept", "go-review: not kept: go test fails"):
        assert said in told
    assert "go-review  finish.proposed" in shop.run("trace", "--contexts").stdout


def test_a_finisher_may_be_named_for_one_build_and_must_be_one(shop: Shop) -> None:
    shop.guild.configure("http://127.0.0.1:9/v1")
    unknown = shop.run("build", SPEC, "--finishers", "go-nothing")
    assert (unknown.returncode, "no agent plays this role" in unknown.stderr) == (2, True)
    ours = shop.run("build", SPEC, "--finishers", "go-dev")
    assert (ours.returncode, "is no finisher" in " ".join(ours.stderr.split())) == (2, True)


@pytest.mark.long
def test_a_build_that_is_killed_while_a_finisher_thinks_goes_on_from_there(shop: Shop) -> None:
    slow = rule("GCD(8, 15) => 2", match=["You review one Go function", "func GCD"], delay_s=4)
    shop.guild.serve([slow, *RULES[1:]])
    building = shop.start("build", SPEC, "--candidates", 1, "--finishers", "go-doc,go-review", "--json")
    until(lambda: any("You review" in one["prompt"] for one in shop.guild.requests("go-dev")), 60)
    building.kill()
    building.wait()
    assert shop.guild.leftovers(files=False) == []

    report = shop.json("resume", "last", "--json")
    assert (report["green"], [one["role"] for one in report["finishers"]]) == (True, ["go-doc", "go-review"])
    assert [one["kept"] for one in report["finishers"]] == [True, False]
    assert shop.json("replay", "last", "--json")["identical"]


@pytest.mark.long
def test_what_a_finisher_does_is_measured_row_by_row(shop: Shop) -> None:
    shop.guild.serve(RULES)
    words = ("bench", "finishers", "--specs", SPEC, "--seeds", "1", "--only", "go-doc", "--out", "told.md")
    done = shop.run(*words)
    assert done.returncode == 0, done.stderr
    rows = [
        json.loads(line) for line in (shop.guild.folder / "told.finishers.jsonl").read_text().splitlines()
    ]
    assert [(row["arm"], row["right"], row["kept"]) for row in rows] == [
        ("none", True, False),
        ("go-doc", True, True),
    ]
    drafted = len(shop.guild.requests("go-dev"))
    told = (shop.guild.folder / "told.md").read_text()
    assert "| go-doc | 1 | 1 | 1 | 1 | 0 | 0 |" in told
    again = shop.run(*words)
    assert (again.returncode, "rows of an earlier run are there" in again.stderr) == (2, True)
    assert shop.run(*words, "--resume").returncode == 0
    assert len(shop.guild.requests("go-dev")) == drafted == 2


LAZY = STRINGKIT.replace(
    "\treturn string(runes)", "\tif len(runes) > 7 {\n\t\treturn s\n\t}\n\treturn string(runes)"
)


@pytest.mark.long
def test_an_edit_that_every_test_passes_is_refused_by_the_examination(shop: Shop) -> None:
    rules = [
        rule(STRINGKIT_REFERENCE, match="You write Python"),
        rule('Reverse("abcdefghij") => "abcdefghij"', match=["You review", "func Reverse"]),
        rule("NONE", match="You review"),
        rule('Reverse("abcdefghij"): too long => "abcdefghij"', match="Work out the value"),
        rule(fenced(LAZY.partition("func IsPalindrome")[0]), match="breaks its rule"),
        rule('Reverse("abc") => "cba"', match=["Give two short calls", "func Reverse"]),
        rule('IsPalindrome("ab") => true', match="Give two short calls"),
        rule(fenced(STRINGKIT)),
    ]
    config = "[build]\nexamine = true\nteeth_seconds = 0\n"
    shop.guild.serve(rules, [rule(whole(STRINGKIT, STRINGKIT_SUITE, STRINGKIT_CASES))], config=config)
    spec = ROOT / "specs" / "stringkit.yaml"
    report = shop.json("build", spec, "--candidates", 1, "--finishers", "go-review,go-doc", "--json")
    review, doc = report["finishers"]
    assert (report["status"], review["kept"], doc["kept"]) == ("green", False, True)
    assert "it is settled that it is" in review["why"]
    assert (review["after"]["score"], doc["after"]["agreed"]) == (3, doc["before"]["agreed"])
    assert review["after"]["agreed"] < review["before"]["agreed"]
    assert doc["note"] == "2 comments; ExampleReverse"
