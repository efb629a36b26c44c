"""Who sees what: no author of a test, and go-test never, gets a body of the code or what it answered."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.ladder import after_red, after_rejection
from guildbus.agents.prompting import prompt_for
from guildbus.agents.requests import draft_request, owner_of, visible_files
from guildbus.protocols.messages.build import BuildStopped
from guildbus.protocols.messages.draft import DraftRejected, DraftRequested
from guildbus.protocols.messages.verification import BrokenExample, Diagnostic, VerificationFinished
from told import NUMKIT, Told, failure, refusal, spec_of

SECRET = "secretRecipe"
ANSWER = "4242424242"
STATED = {
    "kit/a.go": "package kit. Push(n int) int adds n. Push(1)=2.",
    "kit/b.go": "package kit. Pop(n int) int takes n away.",
    "kit/kit_test.go": "package kit. Tests TestPush and TestPop.",
}
UNSTATED = {
    "store/store.go": "package store. A store of numbers with whatever methods it needs.",
    "store/more.go": "package store. More of the same.",
    "store/store_test.go": "package store. Tests of the store.",
}
WHOLE = {"tests/whole_test.go": "package tests. TestWhole uses everything."}
SPECS = [
    NUMKIT,
    spec_of(STATED, name="kit"),
    spec_of(UNSTATED, name="store"),
    spec_of(STATED | UNSTATED | WHOLE, name="many"),
]


def code(path: str, package: str, number: int) -> str:
    """An implementation whose bodies, of functions, methods and literals, all hold the secret."""
    name = path.rpartition("/")[2].removesuffix(".go").capitalize()
    return (
        f"package {package}\n\n"
        f"// {name} is documented.\nfunc {name}(n int) int {{ return {SECRET}(n) + {number} }}\n\n"
        f"var Hook{name} = func() int {{ return {SECRET}({number}) }}\n\n"
        f"type T{name} struct{{ N int }}\n\nfunc (t T{name}) Do() int {{ return {SECRET}(t.N) }}\n\n"
        f"func {SECRET}(n int) int {{ return n }}\n"
    )


def check(request: DraftRequested) -> None:
    """The rule, on the request and on the prompt that is made of it."""
    prompts = [prompt_for(request, index) for index in range(request.candidates)]
    if not request.task.path.endswith("_test.go") and request.author != "go-test":
        return
    said = request.model_dump_json()
    assert SECRET not in said
    assert ANSWER not in said
    assert all(file.view == "api" for file in request.visible)
    assert all(not file.path.endswith("_test.go") for file in request.visible)
    for prompt in prompts:
        assert SECRET not in prompt.system + prompt.user
        assert ANSWER not in prompt.system + prompt.user
        assert "body" not in {part.kind for part in prompt.manifest}


findings = st.fixed_dictionaries(
    {"score": st.sampled_from(["", "build", "build vet"])},
    optional={
        "failures": st.lists(
            st.builds(
                lambda file, call: failure(
                    call=call, got=ANSWER, file=file, package="example.com/many/kit", output=f"got {ANSWER}"
                ),
                st.sampled_from(["", "kit/a.go", "kit/kit_test.go", "numkit.go", "store/store_test.go"]),
                st.sampled_from(["", "Push(1)", "GCD(0, 5)"]),
            ),
            min_size=1,
            max_size=2,
        ).map(tuple),
        "broken_examples": st.sampled_from(["Push(1)", "GCD(0, 5)"]).map(
            lambda call: (BrokenExample(call=call, want="2", got=ANSWER),)
        ),
        "diagnostics": st.sampled_from(["", "kit/a.go", "kit/kit_test.go", "store/more.go", "numkit.go"]).map(
            lambda file: (Diagnostic(tool="build", file=file, line=1, message="undefined: x"),)
        ),
        "unnoticed": st.just(("Push",)),
    },
)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), spec=st.sampled_from(SPECS))
def test_whatever_happens_no_author_of_a_test_sees_a_body_or_an_answer(
    data: st.DataObject, spec: object
) -> None:
    run = Told.of(spec, max_rounds=8, candidates=2)  # type: ignore[arg-type]
    number = 0
    for _ in range(12):
        for path, _, _ in sorted(run.state.outstanding()):
            task = run.state.plan.task(path)
            number += 1
            if data.draw(st.integers(0, 5), label="refused") == 0:
                content = code(path, task.package, number) if not path.endswith("_test.go") else "package x"
                run.reject(path, refusal(), content=content)
                break
            is_test = path.endswith("_test.go")
            run.accept(path, f"package x // {number}" if is_test else code(path, task.package, number))
        if not isinstance(run.messages[-1], DraftRejected):
            green = data.draw(st.booleans(), label="green")
            run.verify(green=green, **({"score": "build vet test"} if green else data.draw(findings)))
        newest = run.messages[-1]
        if isinstance(newest, VerificationFinished) and newest.green:
            if newest.stage + 1 >= run.state.plan.stages:
                break
            run.ask_for_stage(newest.stage + 1)
        else:
            route = after_rejection if isinstance(newest, DraftRejected) else after_red
            (answer,) = route(run.state, run.record, newest)  # type: ignore[arg-type]
            run.add(answer)
            if isinstance(answer, BuildStopped):
                break
    requests = [message for message in run.messages if isinstance(message, DraftRequested)]
    assert requests
    for request in requests:
        check(request)


def verified(files: dict[str, str], name: str) -> Told:
    run = Told.of(spec_of(files, name=name))
    for stage in range(run.state.plan.stages):
        if stage:
            run.ask_for_stage(stage)
        for task in run.state.plan.stage(stage):
            is_test = task.path.endswith("_test.go")
            run.accept(task.path, "package x" if is_test else code(task.path, task.package, stage))
    return run.verify()


def shown(run: Told, path: str, author: str) -> dict[str, str]:
    files = visible_files(run.state, run.state.plan.task(path), author)  # type: ignore[arg-type]
    return {file.path: file.view for file in files}


def test_a_developer_sees_the_bodies_of_its_own_folder_and_the_api_of_others() -> None:
    run = verified(STATED | UNSTATED, "many")
    assert shown(run, "kit/b.go", "go-dev") == {
        "kit/a.go": "body",
        "store/store.go": "api",
        "store/more.go": "api",
    }


def test_a_test_sees_the_api_of_its_folder_only_where_the_spec_does_not_state_it() -> None:
    run = verified(STATED | UNSTATED, "many")
    assert "kit/a.go" not in shown(run, "kit/kit_test.go", "go-test")
    assert shown(run, "store/store_test.go", "go-test")["store/store.go"] == "api"


def test_the_api_that_a_test_sees_holds_signatures_and_comments() -> None:
    run = verified(UNSTATED, "store")
    request = draft_request(
        run.state, run.state.plan.task("store/store_test.go"), author="go-test", round_number=9
    )
    text = "".join(file.content for file in request.visible)
    assert "func Store(n int) int" in text
    assert "// Store is documented." in text
    assert "func (t TStore) Do() int" in text


def test_go_test_gets_no_body_when_an_implementation_is_routed_to_it() -> None:
    run = verified(STATED, "kit")
    task = run.state.plan.task("kit/a.go")
    text = run.state.tree()["kit/a.go"].content
    crossed = draft_request(run.state, task, author="go-test", round_number=3, reason="cross", previous=text)
    assert crossed.previous == ""
    check(crossed)
    own = draft_request(run.state, task, author="go-dev", round_number=3, reason="repair", previous=text)
    assert own.previous == text
    assert [file.view for file in own.visible] == ["body"]


@pytest.mark.parametrize(
    "findings",
    [
        {"failures": (failure(got=ANSWER),)},
        {"failures": (failure(call="", got="", want="", output=f"got {ANSWER}"),)},
        {"broken_examples": (BrokenExample(call="GCD(0, 5)", want="5", got=ANSWER),)},
    ],
)
def test_go_test_hears_no_answer_when_an_implementation_is_routed_to_it(findings: dict[str, Any]) -> None:
    run = Told.of(NUMKIT, max_rounds=9, candidates=1).accept("numkit.go", "package numkit")
    run.accept("numkit_test.go", "package numkit").verify(**findings)
    authors = []
    while isinstance(answer := after_red(run.state, run.record, run.found)[0], DraftRequested):
        run.add(answer)
        check(answer)
        if answer.task.path == "numkit.go":
            authors.append(answer.author)
            assert (ANSWER in answer.model_dump_json()) == (answer.author == "go-dev")
        run.accept(answer.task.path, f"package numkit // {answer.round}").verify(**findings)
    assert authors[-1] == "go-test"


def test_no_test_is_ever_shown() -> None:
    run = verified(STATED | UNSTATED | WHOLE, "many")
    for task in run.state.plan.tasks:
        assert not any(path.endswith("_test.go") for path in shown(run, task.path, owner_of(task)))


def test_a_request_carries_what_its_prompt_needs() -> None:
    run = Told.of(NUMKIT, candidates=5, seed=7)
    implementation, test = run.state.requests
    assert (implementation.author, test.author) == ("go-dev", "go-test")
    assert (implementation.candidates, test.candidates) == (1, 5)
    assert implementation.seed == 7
    assert [sign.name for sign in implementation.api] == ["GCD"]
    assert [example.call for example in implementation.examples] == ["GCD(0, 5)"]
    assert test.task.tests == ("TestGCD",)
    assert "greatest common divisor" in test.overview
