"""What `guildbus build` makes of a fleet whose first endpoint is broken, and of budgets that run out."""

from pathlib import Path

from guildhall import NUMKIT, ROOT, UNBUILT, Guild, fenced, numkit, rule

SPEC = ROOT / "specs" / "numkit.yaml"
BROKEN = {"match": "", "replies": [{"status": 503, "body": "loading"}]}


def test_a_build_goes_on_with_the_next_of_the_fleet_and_the_trace_says_so(guild: Guild) -> None:
    wrong = fenced(UNBUILT)
    guild.serve([BROKEN], [rule(wrong, fenced(NUMKIT), match="nothing but"), rule(numkit())])
    path = guild.folder / "guild.toml"
    text = path.read_text("utf-8").replace("[models.default]", "[models.default]\nmax_retries = 0")
    text = text.replace("[models.tester]", "[models.tester]\ntemperatures = [0.5, 0.6]\nmax_tokens = 1234")
    path.write_text(f'{text}\n[[agents]]\nrole = "go-dev"\nfallback = ["tester"]\n', "utf-8")
    done = guild.run("build", SPEC, "--out", "pkg", "--candidates", 3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed over: default" in done.stdout
    contexts = guild.run("trace", "last", "--contexts").stdout
    assert contexts.count("    passed over  default: HTTP 503: loading") == 1
    assert contexts.count("    passed over  default: failed a short while ago") == 2
    bodies = [request["body"] for request in guild.requests("go-test")]
    assert {(body["temperature"], body["max_tokens"]) for body in bodies} == {(0.5, 1234), (0.6, 1234)}
    assert len(guild.requests("go-dev")) == 1, "and no more of it while it rests"


def test_an_agent_that_has_spent_its_budget_ends_the_run_at_once(guild: Guild, tmp_path: Path) -> None:
    dev = [rule(fenced(NUMKIT.replace("a%b", "a/b")))]
    guild.serve(dev, [rule(numkit())])
    path = guild.folder / "guild.toml"
    spent = '[[agents]]\nrole = "go-dev"\nbudget_tokens = 900\n'
    path.write_text(f"{path.read_text('utf-8')}\n{spent}", "utf-8")
    code, report = guild.build(SPEC, "--candidates", 1, "--max-rounds", 20, "--out", tmp_path / "pkg")
    assert (code, report["status"], report["green"]) == (1, "red:agent.budget", False)
    assert "failed 1 time" in report["diagnosis"], "what cannot change is not tried again"
    assert "of its 900 tokens a run" in report["diagnosis"]
    assert 1 <= len(guild.requests("go-dev")) <= 3
    assert report["score"]["build"], "the best tree is kept all the same"
