"""The key of a completion, and the store of files behind it."""

import threading
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.chat import (
    ChatMessage,
    ChatRequest,
    Completion,
    ModelEntry,
    OnTokens,
    completion_key,
    extra_body,
)
from guildbus.agents.completions import CompletionStore, StoredModel

ENTRY = ModelEntry(name="dev", model="qwen", base_url="http://127.0.0.1:1/v1")
REQUEST = ChatRequest(messages=(ChatMessage(role="user", content="write GCD, é"),), seed=1)
KEY = completion_key(ENTRY, REQUEST)


def completion(key: str = KEY, text: str = "func GCD") -> Completion:
    return Completion(
        text=text,
        finish_reason="stop",
        prompt_tokens=4,
        completion_tokens=2,
        started_at=1000.0,
        wall_s=1.5,
        model="qwen",
        key=key,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"temperature": 0.9},
        {"max_tokens": 5},
        {"stop": ("x",)},
        {"candidate_index": 1},
        {"messages": (ChatMessage(role="system", content="write GCD, é"),)},
        {"messages": (ChatMessage(role="user", content="write LCM"),)},
        {"messages": (*REQUEST.messages, ChatMessage(role="assistant", content="func GCD("))},
    ],
)
def test_whatever_decides_the_answer_changes_the_key(change: dict[str, Any]) -> None:
    assert completion_key(ENTRY, REQUEST.model_copy(update=change)) != KEY


@pytest.mark.parametrize("change", [{"model": "other"}, {"top_p": 0.5}, {"extra": {"lora": [0]}}])
def test_the_model_and_its_parameters_are_in_the_key(change: dict[str, Any]) -> None:
    assert completion_key(ENTRY.model_copy(update=change), REQUEST) != KEY


def test_a_server_is_told_to_go_on_only_where_the_reply_is_begun() -> None:
    begun = REQUEST.model_copy(
        update={"messages": (*REQUEST.messages, ChatMessage(role="assistant", content="func GCD("))}
    )
    entry = ENTRY.model_copy(update={"extra": {"lora": [0]}, "begun_extra": {"go_on": True}})
    assert extra_body(entry, REQUEST) == {"lora": [0]}
    assert extra_body(entry, begun) == {"lora": [0], "go_on": True}
    assert extra_body(ENTRY, begun) == {}


def test_the_key_is_the_same_for_the_same_model_elsewhere() -> None:
    elsewhere = ENTRY.served_at("http://127.0.0.1:2/v1").model_copy(update={"name": "x", "timeout_s": 9.0})
    assert completion_key(elsewhere, REQUEST) == KEY
    explicit = REQUEST.model_copy(update={"temperature": ENTRY.temperature})
    assert completion_key(ENTRY, explicit) == KEY


def test_the_key_is_stable_between_versions() -> None:
    assert KEY == "c8e88d25e21a9331176e4221b50218a049d78903554cdfd628c711b629d1ec9f"


def test_what_was_put_comes_back_marked_cached(tmp_path: Path) -> None:
    store = CompletionStore(tmp_path)
    assert store.get(KEY) is None
    store.put(completion())
    assert store.get(KEY) == completion().model_copy(update={"cached": True})
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")] == [
        f"completions/{KEY[:2]}/{KEY}.json"
    ]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"text": 1}'])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, damage: str) -> None:
    store = CompletionStore(tmp_path)
    store.put(completion())
    store.path(KEY).write_text(damage)
    assert store.get(KEY) is None
    store.put(completion())
    assert store.get(KEY) is not None


def test_a_file_under_a_wrong_name_is_not_believed(tmp_path: Path) -> None:
    store = CompletionStore(tmp_path)
    store.put(completion())
    other = "0" * 64
    store.path(other).parent.mkdir(parents=True)
    store.path(KEY).rename(store.path(other))
    assert store.get(other) is None


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    texts = [str(number) * 5000 for number in range(8)]
    threads = [
        threading.Thread(target=CompletionStore(tmp_path).put, args=(completion(text=text),))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = CompletionStore(tmp_path).get(KEY)
    assert stored is not None
    assert stored.text in texts
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


class CountingModel:
    """A model in memory: says how often it was asked."""

    entry = ENTRY
    calls = 0

    async def complete(self, request: ChatRequest, on_tokens: OnTokens | None = None) -> Completion:
        self.calls += 1
        return completion(completion_key(self.entry, request), f"answer {self.calls}")

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_a_stored_model_asks_once_a_key(tmp_path: Path) -> None:
    inner = CountingModel()
    model = StoredModel(inner, CompletionStore(tmp_path))
    second = REQUEST.model_copy(update={"candidate_index": 1})
    answers = [await model.complete(request) for request in (REQUEST, REQUEST, second)]
    assert [(a.text, a.cached) for a in answers] == [
        ("answer 1", False),
        ("answer 1", True),
        ("answer 2", False),
    ]
    assert inner.calls == 2
