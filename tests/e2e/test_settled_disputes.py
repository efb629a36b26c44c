"""A test specialist that insists on a value, and witnesses who are called to settle it: real processes."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from guildhall import (
    ROOT,
    STRINGKIT,
    STRINGKIT_CASES,
    STRINGKIT_REFERENCE,
    STRINGKIT_SUITE,
    Guild,
    fenced,
    rule,
    until,
    whole,
)

SPEC = ROOT / "specs" / "stringkit.yaml"
PLAIN = "[build]\nteeth_seconds = 0\nexamine = false\n"
"""The default, but for the seconds that mutants take."""
WITNESS = "You write Python"
ROW, WRONG_ROW = '{"éa", "aé"}', '{"こんにちは", "こんにちは"}'
STUBBORN = whole(
    STRINGKIT,
    STRINGKIT_SUITE.replace(ROW, WRONG_ROW),
    STRINGKIT_CASES + 'Reverse("こんにちは"): it stays the same => "こんにちは"\n',
)
BY_BYTE = """package stringkit

import "unicode"

func Reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
""" + STRINGKIT[STRINGKIT.index("func IsPalindrome") :]


def kinds(guild: Guild) -> list[str]:
    """The types of the newest run's messages, in order."""
    return [message["type"] for message in guild.json("trace", "--format", "json")]


def built(guild: Guild) -> tuple[int, dict[str, Any], str]:
    """Exit code, report, and the test file that was written."""
    code, report = guild.build(SPEC, "--candidates", 1, "--out", "pkg")
    return code, report, Path(guild.folder / "pkg" / "stringkit_test.go").read_text("utf-8")


def test_what_no_vote_mends_is_overturned_by_two_programs_that_agree(guild: Guild) -> None:
    guild.serve(
        [rule(STRINGKIT_REFERENCE, match=WITNESS), rule(fenced(STRINGKIT))], [rule(STUBBORN)], config=PLAIN
    )
    code, report, suite = built(guild)
    assert (code, report["status"], report["score"]["total"]) == (0, "green", 3), report
    [edit] = report["interventions"]
    assert (edit["kind"], edit["file"], edit["call"]) == (
        "test-mended",
        "stringkit_test.go",
        'Reverse("こんにちは")',
    )
    assert (edit["before"], edit["after"]) == ('"こんにちは"', '"はちにんこ"')
    assert edit["witness"] == ["python-0", "python-1"]
    assert '"こんにちは", "はちにんこ"}' in suite
    said = kinds(guild)
    votes = said.index("verification.finished.v1", said.index("verification.finished.v1") + 1)
    assert said.index("reference.requested.v1") > votes, "a vote is cheaper, so it comes first"
    assert said.count("reference.requested.v1") == 1
    assert guild.leftovers() == []


def test_the_death_of_witness_and_oracle_costs_an_attempt_and_not_the_verdict(guild: Guild) -> None:
    witness = rule(STRINGKIT_REFERENCE, match=WITNESS, delay_s=2)
    guild.serve([witness, rule(fenced(STRINGKIT))], [rule(STUBBORN)], config=PLAIN)
    process = guild.start("build", SPEC, "--candidates", 1, "--json", "--out", "pkg")
    until(lambda: any(WITNESS in request["prompt"] for request in guild.requests("go-dev")), 60)
    victims = {agent["name"]: agent["pid"] for agent in guild.json("status", "--json")["agents"]}
    for name in ("reference", "oracle"):
        os.kill(victims[name], signal.SIGKILL)
    output, error = process.communicate(timeout=90)
    report = json.loads(output)
    assert (process.returncode, error, report["status"]) == (0, "", "green"), report
    assert [one["after"] for one in report["interventions"]] == ['"はちにんこ"']
    assert "attempt 2" in guild.run("trace", report["run_id"]).stdout
    assert guild.leftovers() == []


def test_witnesses_that_agree_with_the_test_turn_to_the_implementation(guild: Guild) -> None:
    suite = STRINGKIT_SUITE.replace(ROW, '{"こんにちは", "はちにんこ"}')
    insists = whole(BY_BYTE, suite, STRINGKIT_CASES + 'Reverse("こんにちは"): by rune => "はちにんこ"\n')
    beside = rule(fenced(STRINGKIT), match="def reverse(s: str)")
    dev = [rule(STRINGKIT_REFERENCE, match=WITNESS), beside, rule(fenced(BY_BYTE))]
    guild.serve(dev, [rule(insists)], config=PLAIN)
    code, report, written = built(guild)
    assert (code, report["status"]) == (0, "green"), report
    [conviction] = report["interventions"]
    assert (conviction["kind"], conviction["file"], conviction["after"]) == (
        "implementation-convicted",
        "Reverse",
        '"はちにんこ"',
    )
    assert '"こんにちは", "はちにんこ"}' in written
    messages = guild.json("trace", "--format", "json")
    [answer] = [one["body"] for one in messages if one["type"] == "oracle.answered.v1"]
    assert {one["finding"] for one in answer["verdicts"]} == {"row-right"}
    later = messages[[one["type"] for one in messages].index("oracle.answered.v1") :]
    asked = [one["body"] for one in later if one["type"] == "draft.requested.v1"]
    assert [(one["author"], one["reason"], one["scope"]) for one in asked] == [
        ("go-dev", "function", "Reverse")
    ], "the test is not put in question again"


def test_witnesses_that_say_nothing_leave_the_run_red_and_the_test_alone(guild: Guild) -> None:
    guild.serve([rule("no program", match=WITNESS), rule(STUBBORN)], [rule(STUBBORN)], config=PLAIN)
    code, report, suite = built(guild)
    assert (code, report["score"]["total"]) == (1, 2)
    assert report["status"] in ("red:stalled", "red:rounds")
    for part in ("stringkit_test.go", 'Reverse("こんにちは")', 'got "はちにんこ"', 'want "こんにちは"'):
        assert part in report["diagnosis"]
    assert WRONG_ROW.removeprefix("{") in suite
    assert report["interventions"] == []
    assert kinds(guild).count("reference.requested.v1") > 1, "others were asked before they gave up"


def test_a_suite_that_never_asks_what_matters_is_given_settled_rows(guild: Guild) -> None:
    """Each palindrome in it is none: an IsPalindrome that always says no would pass."""
    rows = '{"Abba", true}, {"abc", false}, {"A man, a plan, a canal: Panama", true}'
    blind = STRINGKIT_SUITE.replace(rows, '{"abc", false}, {"ab", false}, {"x, y", false}')
    assert blind != STRINGKIT_SUITE
    cases = "\n".join(line for line in STRINGKIT_CASES.splitlines() if "true" not in line)
    guild.serve(
        [rule(STRINGKIT_REFERENCE, match=WITNESS), rule(fenced(STRINGKIT))],
        [rule(whole(STRINGKIT, blind, cases))],
        config="[build]\nteeth_seconds = 0\nexamine = true\n",
    )
    code, report, suite = built(guild)
    assert (code, report["status"]) == (0, "green"), report
    assert "func TestIsPalindromeSettled" in suite
    asked = [m for m in guild.json("trace", "--format", "json") if m["type"].startswith("oracle.requested")]
    assert [one["body"]["unnoticed"] for one in asked] == [["IsPalindrome"]]
