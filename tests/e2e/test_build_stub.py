"""Whole builds with real processes, the real toolchain and sandbox, and a model that says what it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from guildhall import (
    CLAMP,
    GCD,
    NUMKIT,
    ROLES,
    ROOT,
    STRINGKIT,
    STRINGKIT_CASES,
    STRINGKIT_SUITE,
    UNBUILT,
    Guild,
    fenced,
    numkit,
    rule,
    whole,
    wrong_at_first,
)

SPEC = ROOT / "specs" / "numkit.yaml"
STRINGKIT_SPEC = ROOT / "specs" / "stringkit.yaml"
REPORT = {
    "run_id": str,
    "spec": str,
    "green": bool,
    "status": str,
    "score": {"build": bool, "vet": bool, "test": bool, "total": int},
    "teeth": object,
    "teeth_why": str,
    "examined": {"functions": int, "inputs": int, "disputes": int},
    "rounds": int,
    "wall_s": float,
    "model": {"calls": int, "prompt_tokens": int, "completion_tokens": int, "wall_s": float},
    "toolchain_s": float,
    "overhead_s": float,
    "files": list,
    "interventions": list,
    "finishers": list,
    "diagnosis": str,
}


def fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, dict):
        return value.keys() == shape.keys() and all(fits(value[key], shape[key]) for key in shape)
    return isinstance(value, shape)


def test_a_green_build_and_everything_that_looks_at_it(guild: Guild) -> None:
    drafts = [rule(fenced(UNBUILT), "no Go at all", fenced(NUMKIT))]
    guild.serve(drafts, [rule(numkit())], config="[build]\nexamine = false\nteeth_seconds = 300\n")
    code, report = guild.build(SPEC, "--out", "pkg", "--candidates", 3)
    assert (code, report["green"], report["status"]) == (0, True, "green:unexamined")
    assert fits(report, REPORT)
    assert report["score"] == {"build": True, "vet": True, "test": True, "total": 3}
    drawn = {role: len(guild.requests(role)) for role in ("go-dev", "go-test")}
    assert drawn["go-dev"] == 3
    assert (report["rounds"], report["model"]["calls"]) == (2, sum(drawn.values()))
    assert {file["path"]: file["author"] for file in report["files"]} == {
        "go.mod": "planner",
        "numkit.go": "go-dev",
        "numkit_test.go": "go-test",
    }
    assert 0 <= report["overhead_s"] <= report["wall_s"]
    assert "a%b" in (guild.folder / "pkg" / "numkit.go").read_text()
    assert guild.leftovers() == []

    scored = guild.json("score", "pkg", "--json")
    assert scored["score"]["total"] == 3
    teeth = report["teeth"]
    assert (teeth["killed"] > 0, teeth["skipped"], report["teeth_why"]) == (True, 0, "")
    assert teeth["score"] == round(teeth["killed"] / (teeth["killed"] + teeth["survived"]), 4)
    assert {one["file"] for one in teeth["survivors"]} == {"numkit.go"}
    shown = guild.run("score", "pkg", "--teeth").stdout
    assert f"{teeth['killed']} of {teeth['killed'] + teeth['survived']} mutants killed" in shown

    messages = guild.json("trace", report["run_id"], "--format", "json")
    assert [message["seq"] for message in messages] == sorted(message["seq"] for message in messages)
    assert messages[0]["type"] == "build.requested.v1"
    assert messages[-1]["type"] == "build.finished.v1"
    assert {message["subject"] for message in messages} == {report["run_id"]}
    known = {message["id"] for message in messages}
    assert all(message["causationid"] in known for message in messages[1:])
    sources = {message["source"].split("/")[0] for message in messages}
    assert sources - set(ROLES) == {messages[0]["source"].split("/")[0]}

    tree = guild.run("trace").stdout
    assert len([line for line in tree.splitlines() if " -> " in line]) == len(messages)
    for part in ("├─ ", "└─ ", "tokens", "waited", "3/3 green"):
        assert part in tree

    held = guild.run("trace", "last", "--contexts").stdout
    assert {role: held.count(f"{role}  round ") for role in drawn} == drawn
    assert held.count("go-dev  round 1") == 2, "the first draft alone, the others when it did not do"

    (run,) = guild.json("runs", "--json")
    assert (run["run_id"], run["spec"], run["green"], run["status"]) == (
        report["run_id"],
        "numkit",
        True,
        "green:unexamined",
    )
    assert run["wall_s"] > 0


def test_the_authors_knew_nothing_of_each_other(guild: Guild) -> None:
    developed = NUMKIT.replace("return a\n", "return a // onlyTheDeveloperKnows\n")
    tested = numkit().replace("2 divides both", "onlyTheTesterKnows")
    guild.serve([rule(fenced(developed))], [rule(tested)])
    code, report = guild.build(SPEC, "--candidates", 1)
    assert code == 0
    prompts = [request["prompt"] for role in ("go-dev", "go-test") for request in guild.requests(role)]
    assert len(prompts) >= 2
    assert not any("onlyThe" in prompt for prompt in prompts)
    messages = guild.json("trace", report["run_id"], "--format", "json")
    asked = [m["body"] for m in messages if m["type"] == "draft.requested.v1"]
    assert {request["author"]: request["visible"] for request in asked} == {"go-dev": [], "go-test": []}


def test_a_wrong_expected_value_is_repaired_in_round_two_without_a_hint_of_the_answer(guild: Guild) -> None:
    guild.serve([rule(fenced(NUMKIT))], wrong_at_first())
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg")
    assert (code, report["status"], report["rounds"]) == (0, "green:unexamined", 2)
    prompts = [request["prompt"] for request in guild.requests("go-test")]
    assert any("GCD(6006, 9009)" in prompt for prompt in prompts)
    assert not any("3003" in prompt or "a%b" in prompt for prompt in prompts)
    assert "6006, 9009, 3003}" in (guild.folder / "pkg" / "numkit_test.go").read_text()
    assert guild.leftovers() == []


def test_a_stubborn_wrong_expectation_ends_red_and_the_diagnosis_names_it(guild: Guild) -> None:
    stubborn = whole(
        STRINGKIT,
        STRINGKIT_SUITE.replace('{"éa", "aé"}', '{"こんにちは", "こんにちは"}'),
        STRINGKIT_CASES + 'Reverse("こんにちは"): it stays the same => "こんにちは"\n',
    )
    guild.serve([rule(stubborn)])
    code, report = guild.build(STRINGKIT_SPEC, "--candidates", 1, "--out", "pkg")
    assert (code, report["green"]) == (1, False)
    assert report["status"] in ("red:stalled", "red:rounds")
    assert report["score"]["total"] == 2
    for part in ("stringkit_test.go", 'Reverse("こんにちは")', 'got "はちにんこ"', 'want "こんにちは"'):
        assert part in report["diagnosis"]
    written = (guild.folder / "pkg" / "stringkit_test.go").read_text()
    assert '"こんにちは", "こんにちは"}' in written, "a test is never weakened to get to green"
    assert guild.leftovers() == []
    told = guild.run("build", STRINGKIT_SPEC, "--candidates", 1, "--max-rounds", 1, "--out", "pkg")
    assert told.returncode == 1
    assert "score_backend 2/3" in told.stdout
    assert 'Reverse("こんにちは")' in told.stdout
    assert told.stderr == ""


OWN_COPIES = STRINGKIT_SUITE.replace(
    'import "testing"',
    'import (\n\t"testing"\n\t"unicode"\n)\n' + STRINGKIT.split('import "unicode"\n')[1],
)
WRONG = """package stringkit

func Reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func IsPalindrome(s string) bool { return s == Reverse(s) }
"""
MIXED = STRINGKIT + 'func TestReverse(t *testing.T) {\n\tif Reverse("") != "" {\n\t\tt.Error("no")\n\t}\n}\n'
SILENT = """package stringkit

import (
	"fmt"
	"testing"
)

func TestReverse(t *testing.T) {
	fmt.Println(Reverse("abc"))
	t.Log("fine")
}

func TestIsPalindrome(t *testing.T) {
	IsPalindrome("abba")
}
"""
CONSTANTS = """package stringkit

import "testing"

func TestReverse(t *testing.T) {
	got := Reverse("abc")
	_ = got
	if want := "cba"; want != "cba" {
		t.Error("wrong")
	}
}

func TestIsPalindrome(t *testing.T) {
	IsPalindrome("abba")
	if true != true {
		t.Error("wrong")
	}
}
"""
ITSELF = """package stringkit

import "testing"

func TestReverse(t *testing.T) {
	if Reverse("abc") != Reverse("abc") {
		t.Error("wrong")
	}
}

func TestIsPalindrome(t *testing.T) {
	if IsPalindrome("abba") != IsPalindrome("abba") {
		t.Error("wrong")
	}
}
"""
BLIND = """package stringkit

import "testing"

func TestReverse(t *testing.T) {
	if got := Reverse(""); got != "" {
		t.Errorf("Reverse(%q) = %q; want %q", "", got, "")
	}
}

func TestIsPalindrome(t *testing.T) {
	if got := IsPalindrome("abc"); got {
		t.Errorf("IsPalindrome(%q) = %v; want %v", "abc", got, false)
	}
}
"""
SKIPS = STRINGKIT_SUITE.replace("t *testing.T) {\n", 't *testing.T) {\n\tt.Skip("later")\n')
EXITS = STRINGKIT_SUITE.replace('import "testing"', 'import (\n\t"os"\n\t"testing"\n)').replace(
    "func TestReverse", "func TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(0)\n}\n\nfunc TestReverse"
)
ONE_MISSING = STRINGKIT_SUITE.partition("func TestIsPalindrome")[0]

HONEST = "everything is as it should be"
FAKES = {
    "own copies are tested": (WRONG, OWN_COPIES),
    "own copies in an external package": (WRONG, OWN_COPIES.replace("stringkit\n", "stringkit_test\n", 1)),
    "tests stand in the implementation": (MIXED, "package stringkit\n"),
    "the test file is a copy": (WRONG, STRINGKIT),
    "nothing asserts": (WRONG, SILENT),
    "only constants are compared": (WRONG, CONSTANTS),
    "a value is compared with itself": (WRONG, ITSELF),
    "an emptied function would pass": (WRONG, BLIND),
    "every test is skipped": (WRONG, SKIPS),
    "the process exits with 0": (WRONG, EXITS),
    "a test that was asked for is not there": (STRINGKIT, ONE_MISSING),
    "there is no test at all": (STRINGKIT, "package stringkit\n"),
    "the whole answer is talk": (STRINGKIT, ""),
}


UNSIGNED = GCD.replace("\tif a < 0 {\n\t\ta = -a\n\t}\n\tif b < 0 {\n\t\tb = -b\n\t}\n", "")


@pytest.fixture(scope="module")
def swarm(make_guild: Callable[[], Guild]) -> Iterator[Guild]:
    """A swarm that is up, with models that answer by the name of the case in the description."""
    guild = make_guild()
    numbers = fenced(f"package numkit\n{UNSIGNED}{CLAMP}")
    told = {**FAKES, HONEST: (STRINGKIT, STRINGKIT_SUITE)}
    dev = [rule(fenced(code), match=f"Case: {name}.") for name, (code, _) in told.items()]
    test = [rule(fenced(whole_file(suite)), match=f"Case: {name}.") for name, (_, suite) in told.items()]
    guild.serve([*dev, rule(numbers)], [*test, rule(numkit())])
    done = guild.run("up")
    assert done.returncode == 0, done.stderr
    yield guild
    assert guild.run("down").returncode == 0
    assert guild.leftovers() == []
    guild.close()


def whole_file(text: str) -> str:
    """With a test that is not named after its function, the suite is drafted as a whole file."""
    return text.replace("TestIsPalindrome", "TestPalindromes")


@pytest.mark.parametrize("name", FAKES)
def test_no_fake_green_counts(swarm: Guild, name: str) -> None:
    text = whole_file(STRINGKIT_SPEC.read_text("utf-8"))
    spec = swarm.folder / "case.yaml"
    spec.write_text(text.replace("A small Go package", f"Case: {name}. A small Go package"), "utf-8")
    out = f"fake-{list(FAKES).index(name)}"
    code, report = swarm.build(spec, "--candidates", 1, "--max-rounds", 1, "--out", out)
    assert (code, report["green"]) == (1, False), report["diagnosis"]
    assert report["status"].startswith("red:")
    assert report["diagnosis"]


def test_the_same_spec_with_honest_files_is_green(swarm: Guild) -> None:
    """What the fakes lack is honesty and nothing else."""
    text = whole_file(STRINGKIT_SPEC.read_text("utf-8"))
    spec = swarm.folder / "honest.yaml"
    spec.write_text(text.replace("A small Go package", f"Case: {HONEST}. A small Go package"), "utf-8")
    code, report = swarm.build(spec, "--candidates", 1, "--max-rounds", 1, "--out", "honest")
    assert (code, report["green"]) == (0, True), report["diagnosis"]


@pytest.mark.xfail(strict=True, reason="a suite that never asks is only caught by the oracle's examination")
def test_a_wrong_sign_that_no_test_asks_for_is_not_green(swarm: Guild) -> None:
    _, report = swarm.build(SPEC, "--candidates", 1, "--max-rounds", 1, "--out", "unsigned")
    assert report["status"] != "green"
    assert not report["green"]


def test_status_shows_broker_and_six_agents_as_processes_while_a_build_runs(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=4)])
    assert guild.run("status", "--json").returncode == 1
    process = guild.start("build", SPEC, "--json", "--candidates", 1)
    status = guild.working()
    pids = [status["broker"]["pid"], *(agent["pid"] for agent in status["agents"])]
    assert len(set(pids)) == 7
    assert process.pid not in pids
    assert all(psutil.pid_exists(pid) for pid in pids)
    assert [(agent["name"], agent["role"]) for agent in status["agents"]] == [(role, role) for role in ROLES]
    assert status["broker"]["endpoint"] == f"ipc://{guild.state}/run/bus.sock"
    assert {queue["role"] for queue in status["queues"]} == set(ROLES)
    working = {agent["name"]: agent for agent in status["agents"] if agent["run"]}
    assert set(working) <= {"go-dev", "go-test"}
    assert all("draft" in agent["state"] for agent in working.values())
    output, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert json.loads(output)["green"]
    assert guild.leftovers() == []
    assert guild.json("status", "--json") == {"broker": None, "agents": [], "queues": [], "model": {}}


def test_up_build_status_down(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    assert guild.run("up").returncode == 0
    assert guild.run("up").returncode == 2
    before = guild.json("status", "--json")
    assert before["broker"]["owner"] == "up"
    code, report = guild.build(SPEC, "--candidates", 1)
    assert (code, report["green"]) == (0, True)
    after = guild.json("status", "--json")
    assert [agent["pid"] for agent in after["agents"]] == [agent["pid"] for agent in before["agents"]]
    assert all(agent["restarts"] == 0 and agent["state"] == "idle" for agent in after["agents"])
    assert after["broker"]["pid"] == before["broker"]["pid"]
    down = guild.run("down")
    assert (down.returncode, down.stderr) == (0, "")
    assert guild.leftovers() == []
    assert "no swarm" in guild.run("down").stdout


def test_plain_output_is_a_line_a_message_and_a_summary(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    done = guild.run("build", SPEC, "--candidates", 1, "--out", Path("deep") / "pkg")
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        "planner -> go-test  draft.requested  numkit_test.go",
        "score_backend 3/3",
        "package: deep/pkg",
        "trace:   guildbus trace numkit-",
    ):
        assert part in done.stdout
    again = guild.run("build", SPEC, "--candidates", 1, "--out", Path("deep") / "pkg")
    assert again.returncode == 0, "our own files are replaced"
