"""Code that passes its tests and breaks a law of the spec; a better model behind that mends it. Live."""

import re
from pathlib import Path

import yaml

from guildhall import ROOT, STRINGKIT, STRINGKIT_CASES, STRINGKIT_SUITE, Guild, fenced, rule, whole

LAW = "utf8.RuneCountInString(Reverse(s)) == utf8.RuneCountInString(s)"
BY_BYTE = STRINGKIT.replace("[]rune(s)", "[]byte(s)", 1)
ASCII = {"éa": "ab", "aé": "ba"}
"""Bytes and runes are the same there."""


def plain(text: str) -> str:
    """A text of stringkit's without the characters that show which of both code works by."""
    for found, instead in ASCII.items():
        text = text.replace(found, instead)
    return text


SUITE = whole(BY_BYTE, plain(STRINGKIT_SUITE), plain(STRINGKIT_CASES))


def lawful(folder: Path) -> Path:
    """The spec of stringkit with a law, in this folder."""
    spec = yaml.safe_load((ROOT / "specs" / "stringkit.yaml").read_text("utf-8"))
    path = folder / "stringkit.yaml"
    path.write_text(yaml.safe_dump(spec | {"properties": [LAW]}, allow_unicode=True), encoding="utf-8")
    return path


def test_code_that_breaks_a_law_hears_for_which_values_and_goes_green_when_it_keeps_it(guild: Guild) -> None:
    assert BY_BYTE != STRINGKIT
    guild.serve([rule(fenced(STRINGKIT), match="the code gives"), rule(fenced(BY_BYTE))], [rule(SUITE)])
    code, report = guild.build(lawful(guild.folder), "--candidates", 1, "--out", "pkg")
    assert (code, report["score"]["total"], report["rounds"]) == (0, 3, 2), report
    first, last = [
        message["body"]
        for message in guild.json("trace", "--format", "json")
        if message["type"].startswith("verification.finished")
    ]
    [broken] = first["broken_examples"]
    assert first["score"] == {"build": True, "vet": True, "test": True}, "no test of the suite notices"
    assert re.fullmatch(r'utf8\.RuneCountInString\(Reverse\("[^"]+"\)\) == .*', broken["call"])
    assert (broken["want"], broken["got"]) == ("true", "false")
    assert last["broken_examples"] == []


def test_what_the_first_model_cannot_mend_goes_to_the_next_of_its_authors_fleet(guild: Guild) -> None:
    large = guild.stub("large", [rule(fenced(STRINGKIT))])
    model = f'[models.large]\nbase_url = "{large}"\nmodel = "large"\n'
    fleet = f'{model}[[agents]]\nrole = "go-dev"\nfallback = ["large"]\n'
    guild.serve([rule(fenced(BY_BYTE))], [rule(SUITE)], config=fleet)
    code, report = guild.build(lawful(guild.folder), "--candidates", 1, "--out", "pkg")
    assert (code, report["score"]["total"]) == (0, 3), report
    messages = guild.json("trace", "--format", "json")
    asked = [m["body"] for m in messages if m["type"].startswith("draft.requested")]
    repairs = [(one["author"], one.get("place", 0)) for one in asked if one["reason"] != "first"]
    stalled = [("go-dev", 0), ("go-test", 0), ("go-test", 0)]
    assert repairs == [*stalled, ("go-dev", 1)], "the same findings twice end the turns of its owner"
    calls = [
        call["model"]
        for m in messages
        if m["type"].startswith("draft.proposed") and m["body"]["request"]["author"] == "go-dev"
        for call in m["body"]["calls"]
    ]
    assert calls[0] == "stub"
    assert calls[-1] == "large"
    assert set(calls) == {"stub", "large"}
    assert "[]rune(s)" in (guild.folder / "pkg" / "stringkit.go").read_text("utf-8")
