"""Managed model servers: the choice, sharing between builds, early ends, and no orphans.

The server is the stub endpoint, a real process; the one test with llama.cpp and the real model
runs where the file is there.
"""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from guildbus.agents.chat import ChatMessage, ChatRequest, ModelEntry
from guildbus.agents.models import ChatModel, ping
from guildbus.launch.llama_server import LlamaOptions, parse
from guildbus.launch.model_catalogue import DEFAULT_MODEL
from guildbus.launch.model_files import model_path
from guildbus.launch.model_servers import (
    ManagedServer,
    ServerPlan,
    plan_llama,
    plan_mlx,
    running,
    stop_server,
)
from guildbus.launch.places import Host, cache_dir
from guildbus.protocols.errors import ModelError

STUB = Path(__file__).parents[1] / "stub_endpoint.py"
MODEL = model_path(DEFAULT_MODEL, cache_dir(Host.here()))
LLAMA = LlamaOptions(model=Path("/m/base.gguf"), alias="base")
ADAPTERS = (Path("/a/dev"), Path("/a/test"))
USER = """
import json, sys, time
from pathlib import Path
from guildbus.launch.model_servers import ManagedServer, ServerPlan
server = ManagedServer(ServerPlan(**json.loads(sys.argv[1])), Path(sys.argv[2]))
print(server.start().pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def plan(tmp_path: Path) -> ServerPlan:
    """The stub as a model server."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"model": "tiny", "default": "ok"}))
    argv = (sys.executable, str(STUB), "--script", str(script), "--log", str(tmp_path / "log.jsonl"))
    return ServerPlan("model-server", "llama", (*argv, "--port", "{port}"), "/health", "tiny")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder; whatever server is left in it is ended."""
    folder = tmp_path / "state"
    yield folder
    stop_server(folder)


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def assert_ended(processes: list[psutil.Process], within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
        assert time.monotonic() < until, f"still running: {processes}"
        time.sleep(0.05)


def test_an_mlx_server_is_for_one_adapter() -> None:
    plan = plan_mlx("some/qwen-4bit", ADAPTERS[0])
    assert plan.kind == "mlx"
    assert plan.argv[3:] == (
        "mlx_lm.server",
        "--model",
        "some/qwen-4bit",
        "--adapter-path",
        "/a/dev",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
    )
    assert "--adapter-path" not in plan_mlx("some/qwen-4bit").argv
    assert plan.fingerprint != plan_mlx("some/qwen-4bit", ADAPTERS[1]).fingerprint
    assert plan_mlx("some/qwen-4bit", port=8080).port == 8080


def test_a_llama_server_loads_all_adapters() -> None:
    plan = plan_llama(replace(LLAMA, adapters=ADAPTERS))
    options = parse(["0" if word == "{port}" else word for word in plan.argv[4:]])
    assert options == replace(LLAMA, adapters=ADAPTERS)
    assert plan.fingerprint != plan_llama(LLAMA).fingerprint


def test_a_llama_server_is_told_to_keep_nothing() -> None:
    repeatable = replace(LLAMA, slots=1, reuse=False)
    words = plan_llama(repeatable).argv[4:]
    assert parse(["0" if word == "{port}" else word for word in words]) == repeatable


def test_the_last_user_ends_the_server(plan: ServerPlan, state: Path) -> None:
    first, second = ManagedServer(plan, state), ManagedServer(plan, state)
    record = first.start()
    processes = family(record.pid)
    assert len(processes) == 2, "the guard and its server"
    assert second.start() == record
    first.stop()
    assert asyncio.run(ping(ModelEntry(name="m", model="tiny", base_url=record.url + "/v1"))) == ("tiny",)
    second.stop()
    assert_ended(processes, 0.5)
    assert running(state) is None


def test_users_that_start_at_once_share_one_server(plan: ServerPlan, state: Path) -> None:
    users = [ManagedServer(plan, state) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        records = list(pool.map(ManagedServer.start, users))
    assert len({record.pid for record in records}) == 1
    for user in users:
        user.stop()
    assert_ended([psutil.Process(pid) for pid in {r.pid for r in records} if psutil.pid_exists(pid)])


def test_a_killed_user_leaves_no_orphan_and_takes_none_along(plan: ServerPlan, state: Path) -> None:
    words = {"name": plan.name, "kind": plan.kind, "argv": plan.argv, "health": plan.health}
    argv = [sys.executable, "-P", "-c", USER, json.dumps({**words, "model": plan.model}), str(state)]
    with (
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as two,
    ):
        assert one.stdout is not None
        assert two.stdout is not None
        pid = int(one.stdout.readline())
        assert int(two.stdout.readline()) == pid
        processes = family(pid)
        one.send_signal(signal.SIGKILL)
        one.wait()
        time.sleep(0.5)
        assert all(process.is_running() for process in processes), "the other build still uses it"
        two.send_signal(signal.SIGKILL)
        two.wait()
        assert_ended(processes)


def test_a_server_may_be_left_running(plan: ServerPlan, state: Path) -> None:
    server = ManagedServer(plan, state)
    record = server.start(keep_alive=True)
    server.stop()
    time.sleep(0.5)
    assert running(state) == record
    later = ManagedServer(plan, state)
    assert later.start().pid == record.pid
    later.stop()
    assert running(state) == record, "one user more or less does not end it"
    processes = family(record.pid)
    assert stop_server(state)
    assert_ended(processes, 0.5)
    assert not stop_server(state)


def test_a_running_server_can_be_kept_later(plan: ServerPlan, state: Path) -> None:
    first, second = ManagedServer(plan, state), ManagedServer(plan, state)
    first.start()
    kept = second.start(keep_alive=True)
    first.stop()
    second.stop()
    assert kept.keep_alive
    assert running(state) == kept


def answers(url: str, within_s: float = 10.0) -> bool:
    entry = ModelEntry(name="m", model="tiny", base_url=url + "/v1")
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with contextlib.suppress(ModelError):
            return asyncio.run(ping(entry)) == ("tiny",)
        time.sleep(0.05)
    return False


def test_a_server_that_dies_while_it_is_held_is_started_again(plan: ServerPlan, state: Path) -> None:
    user = ManagedServer(plan, state)
    record = user.start()
    guard, server = family(record.pid)
    for _ in range(2):
        server.kill()
        server.wait()
        assert answers(record.url), "at the same address"
        (again,) = guard.children()
        assert again.pid != server.pid
        server = again
    assert "the model server ended (exit code -9); again in 0.5 s" in Path(record.log).read_text()
    user.stop()
    assert_ended([guard, server], 0.5)


def test_a_dead_guard_and_its_server_are_replaced(plan: ServerPlan, state: Path) -> None:
    record = ManagedServer(plan, state).start()
    processes = family(record.pid)
    for process in processes:
        process.kill()
    assert_ended(processes)
    again = ManagedServer(plan, state).start()
    assert again.pid != record.pid


def test_other_settings_are_not_mixed_up(plan: ServerPlan, state: Path) -> None:
    ManagedServer(plan, state).start(keep_alive=True)
    with pytest.raises(ModelError, match="other settings is running") as caught:
        ManagedServer(replace(plan, env={"X": "1"}), state).start()
    assert "stop that process" in caught.value.remedy


def test_a_port_that_was_asked_for_is_used(plan: ServerPlan, state: Path) -> None:
    assert plan_llama(replace(LLAMA, port=8123)).port == 8123
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    record = ManagedServer(replace(plan, port=port), state).start()
    assert record.url == f"http://127.0.0.1:{port}"


def test_a_server_that_ends_early_is_quoted(plan: ServerPlan, state: Path) -> None:
    words = (sys.executable, "-c", "import sys; print('line one'); sys.exit('no memory for the model')")
    with pytest.raises(ModelError, match="no memory for the model") as caught:
        ManagedServer(replace(plan, argv=words), state).start()
    assert "exit code 1" in caught.value.what
    assert str(state) in caught.value.where


def test_a_server_that_never_gets_ready_is_ended(plan: ServerPlan, state: Path) -> None:
    silent = replace(plan, argv=(sys.executable, "-c", "import time; time.sleep(600)"))
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(ModelError, match=r"not ready within 0\.3 s"):
        ManagedServer(silent, state).start(timeout_s=0.3)
    assert_ended(list(set(psutil.Process().children(recursive=True)) - before), 0.5)
    assert running(state) is None


def test_a_swarms_token_and_an_endpoints_key_are_not_handed_on(
    plan: ServerPlan, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUILDBUS_SWARM", "token of one build")
    monkeypatch.setenv("ENDPOINTS_KEY", "sk-secret")
    record = ManagedServer(plan, state, ["ENDPOINTS_KEY"]).start()
    assert all("GUILDBUS_SWARM" not in process.environ() for process in family(record.pid))
    assert all("sk-secret" not in process.environ().values() for process in family(record.pid))


def llama(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "guildbus.launch.llama_server", "--alias", "x", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_llama_server_names_a_missing_file(tmp_path: Path) -> None:
    result = llama("--model", str(tmp_path / "none.gguf"))
    assert (result.returncode, result.stdout) == (3, "")
    assert "none.gguf: no such file" in result.stderr


def test_llama_server_names_a_port_in_use(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = llama("--model", str(model), "--port", str(port))
    assert result.returncode == 3
    assert f"127.0.0.1:{port}: the port cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def test_llama_server_refuses_a_file_that_is_no_model(tmp_path: Path, state: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"the model server ended \(exit code"):
        ManagedServer(plan_llama(replace(LLAMA, model=model)), state).start(timeout_s=60)


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(not MODEL.is_file(), reason="the model is not there: `make model` fetches it")
async def test_the_real_model_answers_and_hangs_up(state: Path) -> None:
    server = ManagedServer(plan_llama(replace(LLAMA, model=MODEL, alias="qwen")), state)
    record = server.start()
    entry = ModelEntry(name="dev", model="qwen", base_url=record.url + "/v1", temperature=0)
    assert await ping(entry) == ("qwen",)
    model, arrived = ChatModel(entry), asyncio.Event()
    question = ChatMessage(role="user", content="Reply with the one word yes.")
    answer = await model.complete(ChatRequest(messages=(question,), max_tokens=5))
    assert answer.text
    assert answer.prompt_tokens > 5
    long = ChatRequest(messages=(ChatMessage(role="user", content="Count to 900."),), max_tokens=2000)
    call = asyncio.create_task(model.complete(long, lambda _: arrived.set()))
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    after = await model.complete(ChatRequest(messages=(question,), max_tokens=5, seed=2))
    assert after.text
    await model.aclose()
    processes = family(record.pid)
    server.stop()
    assert_ended(processes, 0.5)


@pytest.mark.model
@pytest.mark.long
@pytest.mark.skipif(not MODEL.is_file(), reason="the model is not there: `make model` fetches it")
async def test_a_server_that_keeps_nothing_repeats_itself(state: Path) -> None:
    options = replace(LLAMA, model=MODEL, alias="qwen", slots=1, reuse=False)
    server = ManagedServer(plan_llama(options), state)
    model = ChatModel(ModelEntry(name="dev", model="qwen", base_url=server.start().url + "/v1"))

    async def answer(text: str) -> str:
        asked = ChatRequest(
            messages=(ChatMessage(role="user", content=text),), temperature=1.0, seed=7, max_tokens=48
        )
        return (await model.complete(asked)).text

    story = "Tell a story about a bus that lost a letter."
    first = await answer(story)
    beside = await asyncio.gather(answer("Tell a story about a bus."), answer(story), answer(story[:-1]))
    assert len({first, beside[0], beside[2]}) == 3
    assert beside[1] == first
    await model.aclose()
    server.stop()
