"""`guildbus replay` over runs of real processes: identical, different where it is planted, and forked."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guildhall import (
    NUMKIT,
    ROOT,
    STRINGKIT,
    STRINGKIT_CASES,
    STRINGKIT_REFERENCE,
    STRINGKIT_SUITE,
    UNBUILT,
    Guild,
    fenced,
    numkit,
    rule,
    whole,
)

NUMKIT_SPEC = ROOT / "specs" / "numkit.yaml"
STRINGKIT_SPEC = ROOT / "specs" / "stringkit.yaml"
EXAMINED = "[build]\nexamine = true\nteeth_seconds = 0\n"
MEASURED = "[build]\nexamine = false\nteeth_seconds = 300\n"
SHARPENED = "[build]\nexamine = true\nteeth_seconds = 300\nteeth = 0.95\n"
WRONG_SUITE = STRINGKIT_SUITE.replace('{"éa", "aé"}', '{"こんにちは", "こんにちは"}')


@pytest.fixture(scope="module")
def built(make_guild: Callable[[], Guild]) -> Iterator[Guild]:
    """A green run of numkit, chosen among candidates, its suite measured by mutants."""
    guild = make_guild()
    try:
        yield _built(guild)
    finally:
        guild.close()


def _built(guild: Guild) -> Guild:
    drafts = rule(fenced(UNBUILT), "no Go at all", fenced(NUMKIT))
    guild.serve([drafts], [rule(numkit())], config=MEASURED)
    code, report = guild.build(NUMKIT_SPEC, "--candidates", 3, "--out", "pkg")
    assert (code, report["teeth"]["skipped"]) == (0, 0)
    return guild


def asked(guild: Guild) -> tuple[int, int]:
    """How many completions each specialist's model was asked for."""
    return len(guild.requests("go-dev")), len(guild.requests("go-test"))


def replayed(guild: Guild, *words: object) -> tuple[int, dict[str, Any]]:
    """Exit code and report of `guildbus replay --json`."""
    done = guild.run("replay", *words, "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def completions(guild: Guild) -> list[Path]:
    """The files of the completion store."""
    return sorted(guild.state.glob("completions/*/*.json"))


def test_a_green_run_replays_byte_identical_and_no_model_is_asked(built: Guild) -> None:
    before, stored = asked(built), {path: path.read_bytes() for path in completions(built)}
    done = built.run("replay")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("go.mod", "numkit.go", "numkit_test.go"):
        assert any(name in line and "byte-identical" in line for line in done.stdout.splitlines())
    assert asked(built) == before
    assert {path: path.read_bytes() for path in completions(built)} == stored
    (run,) = built.json("runs", "--json")
    assert run["run_id"] in done.stdout, "a replay leaves nothing in the journal"


def test_a_difference_in_the_store_is_found_and_shown_where_it_begins(built: Guild) -> None:
    (path,) = [
        path
        for path in completions(built)
        if "a%b" in (text := path.read_text("utf-8")) and "Clamp(9" not in text and "nowhere" not in text
    ]
    kept = path.read_bytes()
    try:
        path.write_bytes(kept.replace(b"return a\\n", b"return a + 0\\n"))
        code, report = replayed(built)
    finally:
        path.write_bytes(kept)
    assert (code, report["identical"]) == (1, False)
    found = report["difference"]
    assert (found["type"], found["file"]) == ("draft.proposed.v1", "numkit.go")
    assert found["field"].startswith("candidates[")
    assert found["field"].endswith(".content")
    assert ("return a\n" in found["want"], "return a + 0\n" in found["got"]) == (True, True)


def test_a_completion_that_is_gone_is_an_error_that_names_it(built: Guild) -> None:
    path = completions(built)[0]
    kept = path.read_bytes()
    path.unlink()
    try:
        before = asked(built)
        done = built.run("replay")
    finally:
        path.write_bytes(kept)
    assert done.returncode == 3
    assert path.stem in done.stderr
    assert "draft.requested.v1" in done.stderr
    assert asked(built) == before


def test_a_fork_takes_the_past_along_and_goes_on_anew(built: Guild) -> None:
    messages = built.json("trace", "--format", "json")
    (draft,) = [
        one for one in messages if one["type"] == "draft.requested.v1" and one["body"]["author"] == "go-test"
    ]
    dev, test = asked(built)
    done = built.run(
        "replay",
        messages[0]["subject"],
        "--from",
        draft["id"],
        "--set",
        "go-test.temperature=0.55",
        "--set",
        "teeth_seconds=0",
        "--json",
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["run_id"].startswith(f"{messages[0]['subject']}-fork-")
    assert (built.folder / "out" / report["run_id"] / "numkit.go").is_file()
    # The other draft was open too; its completions are in the store, so nobody is asked for them.
    assert asked(built) == (dev, test + 1)
    forked = built.json("trace", report["run_id"], "--format", "json")
    origin = forked[0]["body"]["origin"]
    assert (origin["run"], origin["message_id"]) == (messages[0]["subject"], draft["id"])
    assert built.leftovers() == []


def test_a_run_that_the_oracle_settled_replays_byte_identical_without_a_model(guild: Guild) -> None:
    dev = [rule(STRINGKIT_REFERENCE, match="You write Python"), rule(fenced(STRINGKIT))]
    stubs = guild.serve(dev, [rule(whole(STRINGKIT, WRONG_SUITE, STRINGKIT_CASES))], config=EXAMINED)
    code, built = guild.build(STRINGKIT_SPEC, "--candidates", 1)
    assert (code, built["status"]) == (0, "green"), built
    assert [one["kind"] for one in built["interventions"]] == ["test-mended"]
    for stub in stubs:
        stub.kill()
    code, report = replayed(guild)
    assert (code, report["difference"]) == (0, None)
    assert {one["path"]: one["sha256"] for one in report["files"]} == {
        one["path"]: one["sha256"] for one in built["files"]
    }
    assert report["completions"] == built["model"]["calls"]


def test_a_blunt_suite_gets_rows_from_what_is_settled_and_replays_byte_identical(guild: Guild) -> None:
    blunt = STRINGKIT_SUITE.replace(', {"abc", "cba"}, {"éa", "aé"}', ', {"abc", "cba"}').replace(
        ', {"A man, a plan, a canal: Panama", true}', ""
    )
    dev = [rule(STRINGKIT_REFERENCE, match="You write Python"), rule(fenced(STRINGKIT))]
    stubs = guild.serve(dev, [rule(whole(STRINGKIT, blunt, STRINGKIT_CASES))], config=SHARPENED)
    code, built = guild.build(STRINGKIT_SPEC, "--candidates", 1, "--out", "pkg")
    assert (code, built["status"]) == (0, "green"), built
    (sharpening,) = built["finishers"]
    assert (sharpening["role"], sharpening["kept"], sharpening["files"]) == (
        "oracle",
        True,
        ["stringkit_test.go"],
    )
    assert sharpening["before"]["teeth"] < sharpening["after"]["teeth"] == built["teeth"]["score"]
    assert sharpening["calls"] == 0
    authors = {one["path"]: one["author"] for one in built["files"]}
    assert authors["stringkit_test.go"] == "go-test"
    suite = (guild.folder / "pkg" / "stringkit_test.go").read_text("utf-8")
    assert "func TestIsPalindromeSettled(t *testing.T) {" in suite
    told = guild.run("trace").stdout
    assert "oracle: kept" in told
    assert "surviving mutants from the code" in told
    for stub in stubs:
        stub.kill()
    code, report = replayed(guild)
    assert (code, report["difference"]) == (0, None)
