"""One build with the real model through the real managed server: whatever comes of it, it is honest."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.completions import CompletionStore
from guildbus.agents.golang.syntax import find, parse, text_of
from guildbus.agents.prompting import Prompt, prompt_for, section_prompt
from guildbus.agents.sections import Answer, sections_of, so_far
from guildbus.launch.model_catalogue import DEFAULT_MODEL
from guildbus.launch.model_files import is_ready
from guildbus.launch.places import Host, cache_dir
from guildbus.protocols.messages.draft import DraftProposed, ModelCall
from guildbus.protocols.messages.verification import VerificationFinished
from guildhall import Guild

SPEC = """\
name: limits
language: go
go_module: example.com/limits
description: A small Go package with one function and its test. All files use package limits.
files:
  - path: go.mod
    purpose: Module path example.com/limits, go 1.23.
  - path: limits.go
    purpose: >-
      package limits. Clamp(x, lo, hi int) int limits x to the range from lo to hi, both included.
  - path: limits_test.go
    purpose: package limits. One table-driven test, TestClamp, with x below, inside and above the range.
"""
"""Small, since the model may be slow here: the whole of numkit takes it minutes."""

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not is_ready(DEFAULT_MODEL, cache_dir(Host.here())),
        reason=f"{DEFAULT_MODEL.name} is not there: `make model` fetches it",
    ),
]


@pytest.fixture(scope="module")
def built(make_guild: Callable[[], Guild]) -> "Iterator[tuple[Guild, int, dict[str, Any]]]":
    """A build of one function, with one repair at most: guild, exit code, report."""
    guild = make_guild()
    guild.cache = cache_dir(Host.here())
    (guild.folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    done = guild.run("build", "spec.yaml", "--max-rounds", 1, "--json", "--out", "pkg", timeout_s=1000)
    assert done.stderr == ""
    yield guild, done.returncode, json.loads(done.stdout)
    guild.close()


@pytest.fixture(scope="module")
def messages(built: tuple[Guild, int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The run's messages, as `guildbus trace --format json` gives them."""
    guild, _, report = built
    found: list[dict[str, Any]] = guild.json("trace", report["run_id"], "--format", "json")
    return found


def proposals(messages: list[dict[str, Any]]) -> list[DraftProposed]:
    return [
        DraftProposed.model_validate(m["body"]) for m in messages if m["type"] == DraftProposed.wire_type()
    ]


def test_it_ends_green_or_honestly_red(built: tuple[Guild, int, dict[str, Any]]) -> None:
    guild, code, report = built
    assert (code, report["green"]) in ((0, True), (1, False)), report
    assert report["status"].startswith("green" if report["green"] else "red:")
    assert report["green"] or report["diagnosis"]
    assert not report["green"] or report["score"]["total"] == 3
    assert report["model"]["calls"] > 0
    assert report["model"]["completion_tokens"] > 0
    assert guild.leftovers() == []


def test_what_was_written_is_what_was_scored(built: tuple[Guild, int, dict[str, Any]]) -> None:
    guild, _, report = built
    if not report["files"]:
        pytest.skip("nothing was verified")
    assert guild.json("score", "pkg", "--json")["score"]["total"] >= report["score"]["total"]
    written = {str(path.relative_to(guild.folder / "pkg")) for path in Path(guild.folder, "pkg").rglob("*")}
    assert {file["path"] for file in report["files"]} <= written


def prompts_of(proposed: DraftProposed, store: CompletionStore) -> Iterator[tuple[ModelCall, Prompt]]:
    """Each call with its prompt, made again from the request and from what was answered before."""
    request, candidate, answers = proposed.request, 0, list[Answer]()
    sections = sections_of(request)
    for index, call in enumerate(proposed.calls):
        if not sections:
            yield call, prompt_for(request, index)
            continue
        text, section = so_far(sections, answers)
        if section is None:
            candidate, answers = candidate + 1, []
            text, section = so_far(sections, answers)
        assert section is not None
        yield call, section_prompt(request, candidate, text, section)
        said = store.get(call.key)
        assert said is not None
        answers.append(Answer(said.text, said.cut))


@pytest.fixture(scope="module")
def store(built: tuple[Guild, int, dict[str, Any]]) -> CompletionStore:
    """What the model answered."""
    return CompletionStore(built[0].state)


def test_the_manifests_are_the_prompts(messages: list[dict[str, Any]], store: CompletionStore) -> None:
    for proposed in proposals(messages):
        for call, prompt in prompts_of(proposed, store):
            assert call.manifest == prompt.manifest


def test_a_first_draft_is_written_in_sections(messages: list[dict[str, Any]]) -> None:
    first = [one for one in proposals(messages) if one.request.reason == "first"]
    assert first
    for proposed in first:
        assert {call.manifest[-1].kind for call in proposed.calls} == {"begun"}
        assert {call.manifest[-1].name for call in proposed.calls} <= {"Clamp", "TestClamp"}


def test_no_author_of_a_test_saw_a_body(messages: list[dict[str, Any]], store: CompletionStore) -> None:
    """Neither by the manifest, nor in the text that it stands for."""
    drafts = proposals(messages)
    bodies = {
        text_of(body)
        for proposed in drafts
        if not proposed.request.task.path.endswith("_test.go")
        for candidate in proposed.candidates
        for function in find(parse(candidate.content).root, "function_declaration")
        if (body := function.child_by_field_name("body")) is not None and len(text_of(body)) > 12
    }
    assert bodies
    for proposed in drafts:
        request = proposed.request
        if request.author != "go-test" and not request.task.path.endswith("_test.go"):
            continue
        for call, prompt in prompts_of(proposed, store):
            assert "body" not in {part.kind for part in call.manifest}
            assert not [body for body in bodies if body in prompt.system + prompt.user + prompt.begun]


def test_no_author_of_a_test_heard_what_the_code_answered(messages: list[dict[str, Any]]) -> None:
    failures = [
        failure
        for m in messages
        if m["type"] == VerificationFinished.wire_type()
        for failure in VerificationFinished.model_validate(m["body"]).failures
    ]
    for proposed in proposals(messages):
        request = proposed.request
        if request.author != "go-test" and not request.task.path.endswith("_test.go"):
            continue
        for evidence in request.evidence:
            assert evidence.kind != "test" or "in doubt" in evidence.text
            for failure in failures:
                assert not failure.got or f"gives {failure.got}" not in evidence.text
                assert failure.output.strip() not in evidence.text
