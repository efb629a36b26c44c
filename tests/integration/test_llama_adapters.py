"""An adapter a role over one base, with the real llama.cpp: what `guild.toml` says is what each role gets."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from guildbus.agents.chat import ChatMessage, ChatRequest, Completion, ModelEntry, completion_key
from guildbus.agents.models import ChatModel
from guildbus.launch.config import parse_config
from guildbus.launch.model_servers import ManagedServer, stop_server
from guildbus.launch.places import Host
from guildbus.launch.serving import Fleet, serving_plan
from tiny_gguf import write_adapter, write_model

pytest.importorskip("xllamacpp", reason="Apple Silicon has MLX instead of llama.cpp")

ROSTER = """
[models.default]
managed = "llama"
model = "{folder}/base.gguf"
[[agents]]
role = "go-dev"
adapter = "dev.gguf"
[[agents]]
role = "go-test"
adapter = "test.gguf"
[[agents]]
role = "go-review"
entry = "reviews:Reviewer"
"""
PROMPT = ChatRequest(messages=(ChatMessage(role="user", content="What do you say?"),), max_tokens=6, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base that says a, and adapters that say b and c."""
    folder = tmp_path_factory.mktemp("lora")
    write_model(folder / "base.gguf", "a")
    write_adapter(folder / "dev.gguf", "b")
    write_adapter(folder / "test.gguf", "c")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[dict[str, Fleet], int]]:
    """The fleets of the roster over one running server, and the server's process."""
    environ = {"GUILDBUS_STATE_DIR": str(folder / "state"), "GUILDBUS_CACHE_DIR": str(folder / "cache")}
    host = Host(environ, folder, folder, "linux", os.uname().machine)
    plan = serving_plan(parse_config(ROSTER.format(folder=folder), "guild.toml", host, folder))
    (only,) = plan.servers
    record = ManagedServer(only, folder / "state").start(timeout_s=60)
    yield plan.fleets({only.name: record.url}), record.pid
    stop_server(folder / "state")


async def say(entry: ModelEntry, request: ChatRequest = PROMPT) -> Completion:
    model = ChatModel(entry)
    try:
        return await model.complete(request)
    finally:
        await model.aclose()


async def test_each_role_gets_its_own_adapter_and_who_has_none_the_base(
    served: tuple[dict[str, Fleet], int],
) -> None:
    fleets, _ = served
    roles = ("go-review", "go-dev", "go-test")
    for _ in range(2):  # the second time the prompt is in the server's cache
        one_by_one = [(await say(fleets[role][0])).text for role in roles]
        assert one_by_one == ["aaaaaa", "bbbbbb", "cccccc"]
    at_once = await asyncio.gather(*(say(fleets[role][0]) for role in roles * 2))
    assert [answer.text for answer in at_once] == one_by_one * 2


def test_the_store_tells_their_answers_apart(served: tuple[dict[str, Fleet], int], folder: Path) -> None:
    fleets, _ = served
    entries = [fleets[role][0] for role in ("go-review", "go-dev", "go-test")]
    assert len({completion_key(entry, PROMPT) for entry in entries}) == 3
    alike = entries[1].model_copy(update={"adapter": "dev.gguf:0123456789abcdef"})
    assert completion_key(alike, PROMPT) != completion_key(entries[1], PROMPT), "an adapter trained anew"


async def test_a_server_that_dies_is_started_again_with_its_adapters(
    served: tuple[dict[str, Fleet], int],
) -> None:
    fleets, guard = served
    (server,) = psutil.Process(guard).children()
    server.kill()
    server.wait()
    began = time.monotonic()
    answer = await say(fleets["go-dev"][0], PROMPT.model_copy(update={"seed": 2}))
    assert answer.text == "bbbbbb"
    assert time.monotonic() - began < 20
    (again,) = psutil.Process(guard).children()
    assert again.pid != server.pid
