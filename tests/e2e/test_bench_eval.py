"""`guildbus bench eval` with the scripted endpoint: real builds, judged by the suite that no model sees."""

import json
import signal

import psutil
import pytest

from guildhall import ROOT, Guild, numkit, rule, until

SPEC = ROOT / "specs" / "numkit.yaml"
# Right but for one thing that neither the spec's values nor the scripted suite ask about.
WRONG = numkit().replace("	if b < 0 {\n		b = -b\n	}\n", "")
HIDDEN = """package numkit

import "testing"

func TestHidden(t *testing.T) {
	if got := GCD(-4, -6); got != 2 {
		t.Fatalf("GCD(-4, -6) = %d; want 2", got)
	}
}
"""


@pytest.mark.long
def test_one_spec_two_seeds_and_the_rest_later(guild: Guild) -> None:
    guild.serve([rule(numkit())])
    words = ("bench", "eval", "--specs", SPEC, "--out", "evaluation.md")
    done = guild.run(*words, "--seeds", "1-2", timeout_s=300)
    assert (done.returncode, done.stderr) == (0, "")
    lines = (guild.folder / "evaluation.specs.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["name"], row["seed"]) for row in rows] == [("numkit", 1), ("numkit", 2)]
    assert all(row["green"] and row["right"] and row["honest"] for row in rows)
    assert all(row["wall_s"] > 0 and row["tokens"] > 0 and row["calls"] > 0 for row in rows)
    table = (guild.folder / "evaluation.md").read_text("utf-8")
    assert "| spec | builds | green |" in table
    assert "| numkit | 2 | " in table
    assert f"numkit  seed 2  {rows[1]['status']}  score 3/3  right yes  honest yes" in done.stdout
    assert table.partition("-->")[2].partition("<!--")[0].strip() in done.stdout

    asked = [request["prompt"] for role in ("go-dev", "go-test") for request in guild.requests(role)]
    assert asked
    assert not [prompt for prompt in asked if "TestAcceptance" in prompt or "is emptied" in prompt]

    refused = guild.run(*words, "--seeds", "1-2")
    assert refused.returncode == 2
    assert "--resume" in refused.stderr

    (guild.folder / "evaluation.specs.jsonl").write_text(f"{lines[0]}\n", "utf-8")
    again = guild.run(*words, "--seeds", "1-2", "--resume", timeout_s=300)
    assert (again.returncode, again.stderr) == (0, "")
    assert "seed 1  green" not in again.stdout
    assert "seed 2  green" in again.stdout
    assert guild.leftovers() == []


def test_a_problem_whose_hidden_tests_see_more_is_green_but_wrong(guild: Guild) -> None:
    guild.serve([rule(WRONG)])
    problem = {
        "id": "own/1",
        "package": "numkit",
        "statement": "GCD(a, b) is the greatest common divisor; Clamp(x, lo, hi) limits x to lo and hi.",
        "api": "func GCD(a, b int) int\n\nfunc Clamp(x, lo, hi int) int",
        "impl_path": "numkit.go",
        "hidden_tests": {"hidden_test.go": HIDDEN},
    }
    (guild.folder / "own.jsonl").write_text(json.dumps(problem) + "\n", "utf-8")
    done = guild.run("bench", "eval", "--problems", "own.jsonl", "--take", 1, timeout_s=300)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Green but wrong: own/1 (seed 1)." in done.stdout
    assert not [request for request in guild.requests("go-dev") if "GCD(-4, -6)" in request["prompt"]]


def test_ctrl_c_ends_the_build_too_and_leaves_nothing(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=60)])
    temporary = guild.folder / "t"
    temporary.mkdir()
    guild.environ["TMPDIR"] = str(temporary)
    process = guild.start("bench", "eval", "--specs", SPEC, "--seeds", "1", "--out", "evaluation.md")
    until(lambda: guild.requests("go-dev"), 60, "a build that asks its model")
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) > 6
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "interrupted\n")
    assert psutil.wait_procs(started, timeout=15)[1] == []
    assert list(temporary.iterdir()) == []
    assert not (guild.folder / "evaluation.specs.jsonl").exists()
