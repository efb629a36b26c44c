"""The model client against a real HTTP server that is slow, broken, down, or talks nonsense."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.chat import ChatMessage, ChatRequest, Completion, ModelEntry
from guildbus.agents.completions import CompletionStore, StoredModel
from guildbus.agents.models import ChatModel, ping
from guildbus.protocols.errors import ModelError

STUB = Path(__file__).parents[1] / "stub_endpoint.py"
HTML = {"body": "<html>It works!</html>", "content_type": "text/html"}
PROMPT = ChatRequest(messages=(ChatMessage(role="user", content="write GCD"),), seed=3)


class Stub:
    """A running stub endpoint."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def entry(self, **changes: Any) -> ModelEntry:
        return ModelEntry(**{"name": "dev", "model": "stub", "base_url": self.url, **changes})

    def events(self, kind: str = "request") -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]


Serve = Callable[..., Stub]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a stub with this script; it is killed after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(**script: Any) -> Stub:
        path, log = tmp_path / "script.json", tmp_path / "requests.jsonl"
        path.write_text(json.dumps(script))
        argv = [sys.executable, str(STUB), "--script", str(path), "--log", str(log)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return Stub(process.stdout.readline().strip(), log)

    yield start
    for process in running:
        process.kill()
        process.communicate()


async def ask(entry: ModelEntry, request: ChatRequest = PROMPT, **options: Any) -> Completion:
    model = ChatModel(entry, **options)
    try:
        return await model.complete(request)
    finally:
        await model.aclose()


async def test_an_answer_comes_with_its_tokens_and_reports_progress(serve: Serve) -> None:
    stub = serve(default={"text": "a\nb\nc", "finish_reason": "length"})
    model, seen = ChatModel(stub.entry()), list[int]()
    completion = await model.complete(PROMPT, seen.append)
    await model.aclose()
    assert (completion.text, completion.finish_reason, seen) == ("a\nb\nc", "length", [1, 2, 3])
    assert (completion.prompt_tokens, completion.completion_tokens) == (2, 3)
    assert completion.cached is False
    assert completion.model == "stub"
    assert 0 < completion.wall_s < 10


async def test_the_request_carries_the_entry_and_what_the_call_changes(serve: Serve) -> None:
    stub = serve(default="ok")
    entry = stub.entry(temperature=0.9, max_tokens=7, stop=("X",), extra={"lora": [{"id": 0, "scale": 1}]})
    await ask(entry, PROMPT.model_copy(update={"temperature": 0.0, "stop": ("```",)}))
    body = stub.events()[0]["body"]
    sent = {
        key: body[key] for key in ("model", "temperature", "seed", "max_tokens", "stop", "lora", "stream")
    }
    assert sent == {
        "model": "stub",
        "temperature": 0.0,
        "seed": 3,
        "max_tokens": 7,
        "stop": ["```"],
        "lora": [{"id": 0, "scale": 1}],
        "stream": True,
    }


async def test_rules_are_matched_on_the_prompt_and_answer_in_order(serve: Serve) -> None:
    stub = serve(
        rules=[
            {"match": ["write", "GCD"], "unless": "test", "replies": ["one", "two"]},
            {"match": "Clamp", "replies": ["clamp"]},
        ]
    )
    assert [(await ask(stub.entry())).text for _ in range(3)] == ["one", "two", "two"]
    clamp = ChatRequest(messages=(ChatMessage(role="user", content="Clamp"),))
    assert (await ask(stub.entry(), clamp)).text == "clamp"
    assert [event["rule"] for event in stub.events()] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (HTML, "text/html where an event stream was due"),
        ({"body": '{"hello": 1}', "content_type": "application/json"}, "application/json where"),
        ({"body": "data: {not json\n\n", "content_type": "text/event-stream"}, "cannot be read"),
        ({"body": 'data: {"choices": [7]}\n\n', "content_type": "text/event-stream"}, "is not one of chat"),
        ({"body": 'data: {"error": {"message": "boom"}}\n\n', "content_type": "text/event-stream"}, "boom"),
        ({"choices": False}, "without a choice"),
        ({"text": "", "finish_reason": "stop"}, "without any text"),
        ({"status": 404, "body": "no such model"}, "HTTP 404"),
        ({"status": 400, "body": "x" * 5000}, "HTTP 400"),
    ],
)
async def test_nonsense_is_one_clear_error(serve: Serve, reply: dict[str, Any], words: str) -> None:
    stub = serve(default=reply)
    with pytest.raises(ModelError) as caught:
        await ask(stub.entry())
    assert words in caught.value.what
    assert stub.url in caught.value.where
    assert caught.value.remedy
    assert len(str(caught.value)) < 600
    assert len(stub.events()) == 1, "nonsense is not tried again"


@pytest.mark.parametrize(
    "first",
    [
        {"status": 429, "body": "slow down", "headers": {"retry-after-ms": "10"}},
        {"status": 503, "body": "loading", "headers": {"retry-after-ms": "10"}},
        {"cut_after": 0},
        {"status": 500, "body": "oops", "headers": {"retry-after-ms": "10"}},
        {"text": "half\nan\nanswer", "cut_after": 2},
        {"text": "half\nan\nanswer", "stall_after": 2},
    ],
)
async def test_a_passing_trouble_is_tried_again(serve: Serve, first: dict[str, Any]) -> None:
    stub = serve(rules=[{"match": "GCD", "replies": [first, "whole"]}])
    assert (await ask(stub.entry(stall_timeout_s=0.3))).text == "whole"
    assert len(stub.events()) == 2


async def test_a_lasting_trouble_is_tried_a_bounded_number_of_times(serve: Serve) -> None:
    stub = serve(default={"status": 503, "body": "loading", "headers": {"retry-after-ms": "10"}})
    with pytest.raises(ModelError, match="HTTP 503: loading"):
        await ask(stub.entry(max_retries=2))
    assert len(stub.events()) == 3


async def test_a_refusal_that_lasts_longer_than_the_call_may_is_not_waited_for(serve: Serve) -> None:
    stub = serve(default={"status": 429, "body": "quota", "headers": {"retry-after": "90"}})
    answer = asyncio.create_task(ask(stub.entry(timeout_s=60)))
    with pytest.raises(ModelError, match="HTTP 429: quota"):
        await asyncio.wait_for(answer, 10)
    assert len(stub.events()) == 1


async def test_the_pause_is_the_one_that_the_endpoint_asks_for(serve: Serve) -> None:
    busy = {"status": 429, "body": "slow down", "headers": {"retry-after": "1"}}
    stub = serve(rules=[{"match": "GCD", "replies": [busy, "whole"]}])
    completion = await ask(stub.entry())
    first, second = (event["at"] for event in stub.events())
    assert 1.0 <= second - first < 3.0
    assert completion.wall_s >= 1.0, "what a call waited is its time"


async def test_an_answer_that_stalls_for_good_is_an_error(serve: Serve) -> None:
    stub = serve(default={"text": "half\nan\nanswer", "stall_after": 2})
    with pytest.raises(ModelError, match=r"stalled: nothing more came for 0\.2 s"):
        await ask(stub.entry(stall_timeout_s=0.2, max_retries=1))
    assert len(stub.events()) == 2


async def test_an_endpoint_that_is_down_is_named() -> None:
    entry = ModelEntry(name="dev", model="m", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        await ask(entry)
    assert "127.0.0.1:9" in caught.value.where
    with pytest.raises(ModelError, match="cannot be reached"):
        await ping(entry)


async def test_a_slow_endpoint_ends_in_a_time_limit(serve: Serve) -> None:
    stub = serve(default={"text": "late", "delay_s": 30})
    with pytest.raises(ModelError, match=r"within 0\.5 s"):
        await ask(stub.entry(timeout_s=0.5))


async def test_cancelling_hangs_up(serve: Serve) -> None:
    stub = serve(default={"text": "line\n" * 400, "token_delay_s": 0.02})
    model, arrived = ChatModel(stub.entry()), asyncio.Event()
    call = asyncio.create_task(model.complete(PROMPT, lambda _: arrived.set()))
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for _ in range(100):
        if stub.events("aborted"):
            break
        await asyncio.sleep(0.05)
    assert stub.events("aborted")[0]["sent"] < 400
    await model.aclose()


async def test_a_key_comes_from_the_environment_and_never_out_again(serve: Serve) -> None:
    stub = serve(default={"status": 401, "body": "wrong key sk-secret"})
    entry = stub.entry(api_key_env="GUILD_TEST_KEY")
    with pytest.raises(ModelError, match="HTTP 401") as caught:
        await ask(entry, environ={"GUILD_TEST_KEY": "sk-secret"})
    assert stub.events()[0]["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in str(caught.value)
    assert "GUILD_TEST_KEY" in caught.value.remedy
    with pytest.raises(ModelError, match="GUILD_TEST_KEY is not set"):
        await ask(entry, environ={})


async def test_what_is_meant_for_one_vendor_goes_to_no_other_endpoint(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("OPENAI_API_KEY", "vendors-key"),
        ("OPENAI_ADMIN_KEY", "vendors-admin"),
        ("OPENAI_ORG_ID", "vendors-org"),
        ("OPENAI_PROJECT_ID", "vendors-project"),
        ("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer vendors-header"),
    ):
        monkeypatch.setenv(name, value)
    stub = serve(default="ok")
    await ask(stub.entry())
    await ask(stub.entry(api_key_env="GUILD_TEST_KEY"), environ={"GUILD_TEST_KEY": "sk-mine"})
    keys = [event["authorization"] for event in stub.events()]
    assert keys == ["Bearer none", "Bearer sk-mine"]
    assert "vendors" not in json.dumps([event["headers"] for event in stub.events()])


async def test_a_key_that_an_endpoint_repeats_is_not_kept(serve: Serve) -> None:
    stub = serve(default="your key is sk-secret\n")
    answer = await ask(stub.entry(api_key_env="GUILD_TEST_KEY"), environ={"GUILD_TEST_KEY": "sk-secret"})
    assert answer.text == "your key is ***\n"


async def test_ping_lists_the_models(serve: Serve) -> None:
    assert await ping(serve(model="qwen").entry()) == ("qwen",)


@pytest.mark.parametrize("reply", [HTML, {"body": '{"data": 7}', "content_type": "application/json"}])
async def test_ping_refuses_nonsense(serve: Serve, reply: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="the endpoint gave"):
        await ping(serve(models_reply=reply).entry())


async def test_a_completed_call_is_not_paid_twice(serve: Serve, tmp_path: Path) -> None:
    stub = serve(rules=[{"match": "GCD", "replies": ["first", "second"]}])
    answers = []
    for _ in range(2):  # the second time as after a restart: nothing shared but the folder
        model = StoredModel(ChatModel(stub.entry()), CompletionStore(tmp_path / "state"))
        answers.append(await model.complete(PROMPT))
        await model.aclose()
    assert [(a.text, a.cached) for a in answers] == [("first", False), ("first", True)]
    assert len(stub.events()) == 1


async def test_an_answer_that_goes_round_in_circles_is_ended(serve: Serve) -> None:
    line = "// If s is empty, it returns an empty string.\n"
    stub = serve(
        rules=[{"match": "", "replies": [{"text": "package p\n" + line * 400, "token_delay_s": 0.02}]}]
    )
    found = await ask(stub.entry())
    assert (found.finish_reason, found.text) == ("repetition", "package p\n" + line)
    assert found.wall_s < 4.0
    assert not stub.events("answered")
