"""The real `mlx_lm.server` under our supervision: one process an adapter, at the ports that are configured.

On Apple Silicon mlx-lm is there; elsewhere the test makes an environment of its own with `mlx[cpu]` in the
cache folder, once, which takes some minutes. `make mlx` runs it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from guildbus.agents.chat import ChatMessage, ChatRequest, ModelEntry
from guildbus.agents.models import ChatModel
from guildbus.launch.config import parse_config
from guildbus.launch.model_servers import ManagedServer, running, stop_server
from guildbus.launch.places import Host, cache_dir
from guildbus.launch.serving import ServingPlan, serving_plan

TINY = Path(__file__).parents[1] / "tiny_mlx.py"
PACKAGES = ("mlx-lm>=0.28", "mlx[cpu]")
INSTALL_S = 900
PROMPT = ChatRequest(
    messages=(ChatMessage(role="user", content="What do you say?"),), max_tokens=12, temperature=0.0, seed=1
)
ROSTER = """
[models.default]
managed = "mlx"
model = "{folder}/base"
port = {port}
[[agents]]
role = "go-dev"
adapter = "dev"
[[agents]]
role = "go-test"
adapter = "test"
[[agents]]
role = "go-review"
entry = "reviews:Reviewer"
"""
ROLES = ("go-dev", "go-test", "go-review")

pytestmark = [pytest.mark.long, pytest.mark.timeout(INSTALL_S + 300)]


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python that has mlx-lm."""
    if find_spec("mlx_lm") is not None:
        return Path(sys.executable)
    folder = cache_dir(Host.here()) / "mlx-environment"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
        argv = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        argv += ["install", *PACKAGES]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            pytest.skip(f"{', '.join(PACKAGES)} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        ready.touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def folder(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base and two adapters."""
    folder = tmp_path_factory.mktemp("mlx")
    subprocess.run([str(python), str(TINY), str(folder)], check=True, timeout=120)
    return folder


def free_ports(count: int) -> int:
    """The first of some free ports in a row."""
    for first in range(20_000, 30_000, count):
        with socket.socket() as probe:
            if all(probe.connect_ex(("127.0.0.1", first + n)) for n in range(count)):
                return first
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def plan(python: Path, folder: Path) -> ServingPlan:
    """What `guild.toml` asks for, with the Python that has mlx-lm."""
    host = Host({"GUILDBUS_STATE_DIR": str(folder / "s")}, folder, folder, "linux", os.uname().machine)
    text = ROSTER.format(folder=folder, port=free_ports(3))
    plan = serving_plan(parse_config(text, "guild.toml", host, folder))
    return replace(plan, servers=tuple(replace(s, argv=(str(python), *s.argv[1:])) for s in plan.servers))


@pytest.fixture(scope="module")
def urls(plan: ServingPlan, folder: Path) -> Iterator[dict[str, str]]:
    """The servers, running: their URLs by name."""
    records = [ManagedServer(server, folder / "s").start(timeout_s=120) for server in plan.servers]
    yield {record.name: record.url for record in records}
    for record in records:
        stop_server(folder / "s", record.name)


async def say(entry: ModelEntry, request: ChatRequest = PROMPT) -> str:
    model = ChatModel(entry)
    try:
        return (await model.complete(request)).text
    finally:
        await model.aclose()


async def test_one_process_an_adapter_each_with_an_answer_of_its_own(
    plan: ServingPlan, urls: dict[str, str]
) -> None:
    ports = [int(url.rpartition(":")[2]) for url in urls.values()]
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2] == [server.port for server in plan.servers]
    fleets = plan.fleets(urls)
    said = {role: await say(fleets[role][0]) for role in ROLES}
    assert len(set(said.values())) == len(ROLES), said
    assert {role: await say(fleets[role][0]) for role in ROLES} == said, "none of them loaded another model"


async def test_a_server_that_dies_is_started_again_with_its_adapter(
    plan: ServingPlan, urls: dict[str, str], folder: Path
) -> None:
    entry = plan.fleets(urls)["go-dev"][0]
    before = await say(entry)
    name = next(name for name, url in urls.items() if f"{url}/v1" == entry.base_url)
    record = running(folder / "s", name)
    assert record is not None
    guard = psutil.Process(record.pid)
    (server,) = guard.children()
    server.kill()
    server.wait()
    assert await say(entry) == before
    assert guard.children()[0].pid != server.pid
