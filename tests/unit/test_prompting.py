"""Prompts are exactly their manifest, leak no body to the author of a test, and never repeat a draw."""

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.agents.prompting import Prompt, PromptLeak, extract_source, in_one_turn, prompt_for
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested, Evidence, VisibleFile
from guildbus.protocols.spec import Example, Signature

IMPLEMENTATION = FileTask(path="ring.go", purpose="A ring of ints.", owner="go-dev", package="ring", stage=0)
TESTS = FileTask(
    path="ring_test.go", purpose="Test it.", owner="go-test", package="ring", stage=0, tests=("TestNext",)
)
BODY = "package ring\n\nfunc Next(n int) int { return secretRecipe(n) }\n"


def request(task: FileTask = IMPLEMENTATION, **changes: object) -> DraftRequested:
    """A first draft of `task`, changed."""
    fields: dict[str, object] = {
        "task": task,
        "author": task.owner,
        "round": 0,
        "module": "example.com/ring",
        "overview": "Rings of integers.",
        "api": (Signature(name="Next", text="func Next(n int) int"),),
        "examples": (Example(function="Next", call="Next(3)", want="4"),),
        "seed": 7,
    }
    return DraftRequested.model_validate(fields | changes)


def repair(task: FileTask = IMPLEMENTATION, **changes: object) -> DraftRequested:
    """A repair of a two-line draft with a complaint about its second line."""
    fields: dict[str, object] = {
        "round": 2,
        "reason": "repair",
        "previous": "package ring\nfunc Next(n int) int { return fmt.Sprint(n) }\n",
        "evidence": (Evidence(kind="diagnostic", where=f"{task.path}:2", text="undefined: fmt"),),
    }
    return request(task, **(fields | changes))


def one_function(**changes: object) -> DraftRequested:
    """A request for one function anew, whose reply is begun."""
    fields: dict[str, object] = {
        "round": 3,
        "reason": "function",
        "scope": "Next",
        "reference": "def next(n):\n    return n + 1\n",
        "previous": BODY,
        "overview": "Rings.\n\nNext(n int) int returns what follows n.",
    }
    return request(**(fields | changes))


def visible(path: str, view: str, content: str = BODY) -> VisibleFile:
    """A file that the author is shown."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return VisibleFile.model_validate({"path": path, "view": view, "content": content, "sha256": digest})


def parts_of(prompt: Prompt) -> list[tuple[str, str]]:
    """The prompt cut up again by its manifest, as (kind, text); fails where a hash disagrees."""
    whole, parts = prompt.system + prompt.user + prompt.begun, []
    for part in prompt.manifest:
        text, whole = whole[: part.size_chars], whole[part.size_chars :]
        assert hashlib.sha256(text.encode()).hexdigest() == part.sha256
        parts.append((part.kind, text))
    assert whole == ""
    return parts


@pytest.mark.parametrize("task", [IMPLEMENTATION, TESTS])
@pytest.mark.parametrize("make", [request, repair])
def test_a_prompt_is_exactly_its_manifest(task: FileTask, make: object) -> None:
    shown = (visible("other.go", "api", "func Other(n int) int"),)
    prompt = prompt_for(make(task, visible=shown), 0)  # type: ignore[operator]
    kinds = [kind for kind, _ in parts_of(prompt)]
    assert kinds[0] == "system"
    assert kinds[-1] == "instruction"
    assert prompt.manifest[0].size_chars == len(prompt.system)
    assert ("previous" in kinds) == ("evidence" in kinds) == (make is repair)


@pytest.mark.parametrize("candidate", [0, 1])
def test_a_begun_reply_is_the_last_part_of_the_manifest(candidate: int) -> None:
    prompt = prompt_for(one_function(), candidate)
    assert parts_of(prompt)[-1] == ("begun", prompt.begun)
    assert prompt.begun.endswith("// Next returns what follows n.\nfunc Next(n int) int {\n")
    assert prompt.begun not in prompt.user
    assert "secretRecipe" not in prompt.system + prompt.user + prompt.begun
    assert prompt_for(request(), candidate).begun == ""


def test_for_a_model_that_does_not_go_on_the_same_text_ends_the_question() -> None:
    prompt = prompt_for(one_function(), 0)
    asked = in_one_turn(prompt)
    assert (asked.begun, asked.user) == ("", f"{prompt.user}\n\nComplete this:\n{prompt.begun}")
    assert parts_of(asked) == [
        *parts_of(prompt)[:-1],
        ("instruction", "\n\nComplete this:\n"),
        ("begun", prompt.begun),
    ]
    alike = [
        getattr(each, name) for name in ("system", "temperature", "seed", "stop") for each in (prompt, asked)
    ]
    assert alike[::2] == alike[1::2]
    assert in_one_turn(prompt_for(request(), 0)) == prompt_for(request(), 0)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_texts_of_others_pass_through_untouched(text: str) -> None:
    """`$`, braces and fences in a spec are text, never a template."""
    prompt = prompt_for(request(overview=text), 0)
    assert text.strip() in prompt.user
    parts_of(prompt)


@pytest.mark.parametrize("author", ["go-test", "go-dev"])
def test_whoever_writes_a_test_never_sees_an_implementation_body(author: str) -> None:
    with pytest.raises(PromptLeak) as caught:
        prompt_for(request(TESTS, author=author, visible=(visible("ring.go", "body"),)), 0)
    assert isinstance(caught.value, GuildbusError)
    assert "ring.go" in str(caught.value)


def test_a_test_author_sees_declarations_and_other_tests() -> None:
    shown = (visible("ring.go", "api", "func Next(n int) int"), visible("more_test.go", "body", "// more"))
    prompt = prompt_for(request(TESTS, visible=shown), 0)
    assert ("body", "more_test.go") in [(part.kind, part.name) for part in prompt.manifest]
    assert "// more" in prompt.user


def test_an_implementation_author_may_see_bodies_of_its_package() -> None:
    prompt = prompt_for(request(visible=(visible("base.go", "body"),)), 0)
    assert "secretRecipe" in prompt.user


def test_the_task_decides_what_is_written_not_the_author() -> None:
    own = prompt_for(request(TESTS), 0)
    crossed = prompt_for(request(TESTS, author="go-dev", reason="cross", round=3), 0)
    assert own.system == crossed.system
    assert own.system != prompt_for(request(), 0).system


def test_a_cross_route_starts_afresh_and_is_warned() -> None:
    prompt = prompt_for(repair(author="go-test", reason="cross"), 0)
    kinds = [kind for kind, _ in parts_of(prompt)]
    assert "previous" not in kinds
    assert "Sprint" not in prompt.user
    assert "undefined: fmt" in prompt.user


def test_repairs_share_the_first_drafts_prefix() -> None:
    first, again = prompt_for(request(), 0), prompt_for(repair(), 1)
    common = [a for a, b in zip(first.manifest, again.manifest, strict=False) if a == b]
    assert {"system", "spec", "api"} <= {part.kind for part in common}
    assert first.system == again.system
    assert again.manifest[: len(common)] == tuple(common)


def test_evidence_quotes_the_line_that_it_is_about_once() -> None:
    twice = (Evidence(kind="diagnostic", where="ring.go:2", text="undefined: fmt"),) * 2
    prompt = prompt_for(repair(evidence=twice), 0)
    evidence = dict(parts_of(prompt))["evidence"]
    assert evidence.count("undefined: fmt") == 1
    assert "`func Next(n int) int { return fmt.Sprint(n) }`" in evidence


@pytest.mark.parametrize("where", ["ring.go:99", "ring.go:0", "ring.go", "other.go:2", "TestNext"])
def test_evidence_about_no_line_of_ours_quotes_none(where: str) -> None:
    prompt = prompt_for(repair(evidence=(Evidence(kind="test", where=where, text="bad"),)), 0)
    assert "(the line" not in prompt.user
    assert where in prompt.user


@pytest.mark.parametrize("task", [IMPLEMENTATION, TESTS])
def test_a_value_in_the_prose_is_not_said_again(task: FileTask) -> None:
    user = prompt_for(request(task, overview="Rings: Next(3)=4."), 0).user
    assert user.replace(" ", "").count("Next(3)=4") == 1
    assert prompt_for(request(task, overview="Rings."), 0).user.count("Next(3) = 4") == 1


def test_a_purpose_is_said_once() -> None:
    assert prompt_for(request(overview="Rings.\n\nA ring of ints."), 0).user.count("A ring of ints.") == 1
    assert prompt_for(request(overview="Rings."), 0).user.count("A ring of ints.") == 1


def test_no_two_calls_of_a_build_draw_the_same_seed() -> None:
    draws = [
        prompt_for(request(author=author, round=number, seed=seed), candidate).seed
        for author, number, seed, candidate in product(("go-dev", "go-test"), range(51), (1, 2, 3), range(16))
    ]
    assert len(set(draws)) == len(draws)
    assert all(0 <= seed < 2**31 for seed in draws)


@pytest.mark.parametrize("make", [request, repair])
def test_the_first_candidate_is_sober_and_later_ones_vary(make: object) -> None:
    temperatures = [prompt_for(make(), number).temperature for number in range(16)]  # type: ignore[operator]
    assert temperatures[0] <= 0.3
    assert all(0.6 <= value <= 0.9 for value in temperatures[1:])
    assert len(set(temperatures[1:4])) == 3


def test_drafts_that_come_later_go_on_where_the_first_left_off() -> None:
    at_once = [prompt_for(request(candidates=3), number).temperature for number in range(3)]
    later = [prompt_for(request(candidates=2, drawn=1, round=1), number).temperature for number in range(2)]
    assert [prompt_for(request(), 0).temperature, *later] == at_once


def test_what_the_gates_refused_is_asked_for_again_less_soberly() -> None:
    refused = (Evidence(kind="gate", where="ring.go", text="the file ends too early"),)
    again = [prompt_for(repair(evidence=refused, round=n), 0).temperature for n in (1, 2, 3)]
    assert min(again) >= 0.6
    assert len(set(again)) == 3


def test_the_limit_leaves_room_for_the_file() -> None:
    assert prompt_for(repair(previous="x" * 4000), 0).max_tokens > 2000
    assert 500 <= prompt_for(request(), 0).max_tokens <= 1000


def test_an_implementation_stops_where_tests_would_begin() -> None:
    assert "\nfunc Test" in prompt_for(request(), 0).stop
    assert not any("func" in stop for stop in prompt_for(request(TESTS), 0).stop)


GO = "package ring\n\nfunc Next(n int) int {\n\treturn n + 1\n}\n"
GO_TEST = 'package ring\n\nimport "testing"\n\nfunc TestNext(t *testing.T) {\n\tt.Error()\n}\n'


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (f"```go\n{GO}```", GO),
        (f"```\n{GO}```\n", GO),
        (f"~~~go\n{GO}~~~", GO),
        (f"Here it is:\n\n```go\n{GO}```\nI hope that this helps.", GO),
        (f"```go\n{GO}", GO),
        (f"```go\n```go\n{GO}```", GO),
        (f"  ```go\n{GO}  ```", GO),
        (GO, GO),
        (f"Sure! The file:\n\n{GO}\nIt adds one.", GO),
        (f"// Package ring turns.\n{GO}", f"// Package ring turns.\n{GO}"),
        (f"```sh\ngo test ./...\n```\n```go\n{GO}```", GO),
        (f"```go\n{GO}```\nand its test:\n```go\n{GO_TEST}```", GO),
        (f"```go\nfunc Next(n int) int\n```\n```go\n{GO}```", GO),
        ("```go\nfunc Next(n int) int {\n\treturn 1\n}\n```", "func Next(n int) int {\n\treturn 1\n}\n"),
        ("", ""),
        ("I cannot do that.", ""),
        ("```go\n```", ""),
    ],
)
def test_the_file_is_taken_out_of_a_reply(reply: str, expected: str) -> None:
    assert extract_source(reply, IMPLEMENTATION) == expected


def test_the_block_that_fits_the_task_is_taken() -> None:
    reply = f"```go\n{GO}{GO}```\n```go\n{GO_TEST}```"
    assert extract_source(reply, TESTS) == GO_TEST


@given(st.text(alphabet="`~go \npackfunc{}", max_size=80))
def test_no_reply_breaks_the_extraction(reply: str) -> None:
    assert "```" not in extract_source(f"```go\n{reply}", TESTS).splitlines()


@pytest.mark.parametrize(
    ("signatures", "scope", "shape"),
    [
        (["func Twice(n int) int"], "", "number"),
        (["func Join(a, b string) string", "func Twice(n int) int"], "", "text"),
        (["func Join(a, b string) string", "func Twice(n int) int"], "Twice", "number"),
        (["func Sorted(list []string) []string"], "", "slice"),
        (["func Hash(b []byte) uint32"], "", "text"),
        (["func New() *Stack", "func (s *Stack) Push(v int)"], "", "type"),
        ([], "", "number"),
    ],
)
def test_who_writes_code_is_shown_code_over_such_types(signatures: list[str], scope: str, shape: str) -> None:
    api = tuple(Signature(name=text.split("(")[0].split()[-1], text=text) for text in signatures)
    prompt = prompt_for(request(api=api, scope=scope), 0)
    assert prompt.manifest[0].name == f"go_dev_{shape}.md"
