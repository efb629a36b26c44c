"""Which model servers a roster needs, and which of them each agent talks to.

`serving_plan` is pure: a configuration in, server plans and bindings out. llama.cpp serves one base for all
roles and takes a role's adapter a request; MLX needs one process an adapter. `served` is the edge: it
starts or joins the servers, asks the user's own endpoints whether they are there, and lets go at the end.
"""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guildbus.agents.chat import ModelEntry
from guildbus.agents.models import ping, read_key
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.llama_server import LlamaOptions
from guildbus.launch.model_catalogue import find_model
from guildbus.launch.model_files import is_ready, model_path
from guildbus.launch.model_servers import ManagedServer, ServerPlan, ServerRecord, plan_llama, plan_mlx
from guildbus.launch.model_table import DEFAULT_MODEL, ModelTable
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.base import Span

Fleet = tuple[ModelEntry, ...]

MLX_SERVED = "default_model"
"""What `mlx_lm.server` calls the model, and the adapter, that it was started with."""
MLX_WEIGHTS = "adapters.safetensors"


@dataclass(frozen=True, slots=True)
class Binding:
    """An agent's use of one model: the entry, and the server to run for it (None: the user's own)."""

    entry: ModelEntry
    server: str | None


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """`servers` to run; `bindings` by the name of each line of the roster, in the order of its fleet."""

    servers: tuple[ServerPlan, ...]
    bindings: dict[str, tuple[Binding, ...]]

    def fleets(self, urls: dict[str, str]) -> dict[str, Fleet]:
        """The models of each agent, once the servers run at `urls`."""
        return {
            agent: tuple(
                b.entry if b.server is None else b.entry.served_at(f"{urls[b.server]}/v1") for b in bindings
            )
            for agent, bindings in self.bindings.items()
        }

    def endpoints(self) -> tuple[ModelEntry, ...]:
        """The user's own endpoints that an agent tries first, each once; a fallback may be down."""
        first = [bound[0].entry for bound in self.bindings.values() if bound and bound[0].server is None]
        return tuple({entry.base_url: entry for entry in first}.values())


def serving_plan(config: GuildConfig) -> ServingPlan:
    """What has to be served for this roster. Reads nothing but the adapters, to tell them apart."""
    thinkers = _thinkers(config)
    variants: dict[str, list[Path | None]] = {}
    for agent in thinkers:
        for name in agent.fleet:
            adapter = agent.adapter or config.models[name].adapter
            if adapter not in variants.setdefault(name, []):
                variants[name].append(adapter)
    servers: dict[str, ServerPlan] = {}
    bindings: dict[str, tuple[Binding, ...]] = {}
    for agent in thinkers:
        bound: list[Binding] = []
        for name, entry in zip(agent.fleet, config.model_entries(agent), strict=True):
            table = config.models[name]
            if table.managed is None:
                bound.append(Binding(entry, None))
                continue
            plan, entry = _managed(config, agent, name, table, entry, variants[name])
            servers[plan.name] = plan
            bound.append(Binding(entry, plan.name))
        bindings[agent.name] = tuple(bound)
    return ServingPlan(tuple(servers.values()), bindings)


def _thinkers(config: GuildConfig) -> list[AgentTable]:
    """The lines of the roster that may call a model: the two specialists, and somebody else's agents."""
    return [agent for agent in config.agents if agent.may_ask]


def _managed(
    config: GuildConfig,
    agent: AgentTable,
    name: str,
    table: ModelTable,
    entry: ModelEntry,
    variants: list[Path | None],
) -> tuple[ServerPlan, ModelEntry]:
    """The server of a managed model, and the entry that asks it for the agent's adapter.

    `variants` are the adapters that the roster wants of it, None for the base alone.
    """
    label = "model-server" if name == DEFAULT_MODEL else f"model-server-{name}"
    mine = agent.adapter or table.adapter
    adapters = [adapter for adapter in variants if adapter is not None]
    if mine is not None:
        entry = entry.model_copy(update={"adapter": adapter_mark(mine)})
    if table.managed == "mlx":
        label = f"{label}-{adapters.index(mine)}" if mine is not None else label
        port = table.port + variants.index(mine) if table.port else 0
        return plan_mlx(entry.model, mine, port=port, name=label), asked_of_mlx(entry)
    options = LlamaOptions(
        model=gguf_path(config, entry.model), alias=entry.model, port=table.port, adapters=tuple(adapters)
    )
    if adapters:
        scales = [{"id": number, "scale": float(path == mine)} for number, path in enumerate(adapters)]
        entry = entry.model_copy(update={"extra": {**entry.extra, "lora": scales}})
    return plan_llama(options, name=label), entry


def asked_of_mlx(entry: ModelEntry) -> ModelEntry:
    """`mlx_lm.server` takes a model that a request names for another, and loads it without the adapter."""
    return entry.model_copy(update={"extra": {**entry.extra, "model": MLX_SERVED}})


def adapter_mark(adapter: Path) -> str:
    """What tells an adapter's answers apart in the store: its name, and the hash of its weights.

    The hash is left out if it cannot be read. llama.cpp's adapters are files, MLX's folders with the weights
    in them.
    """
    weights = adapter / MLX_WEIGHTS if adapter.is_dir() else adapter
    try:
        with weights.open("rb") as file:
            return f"{adapter.name}:{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    except OSError:
        return adapter.name


def gguf_path(config: GuildConfig, model: str) -> Path:
    """The file of a managed llama.cpp model: a path of the user's, or one of the catalogue."""
    if model.endswith(".gguf"):
        return Path(model).expanduser()
    return model_path(find_model(model), config.cache_dir)


def check_files(config: GuildConfig) -> None:
    """Raise ModelError if a file that has to be served is not there."""
    for agent in _thinkers(config):
        for name in agent.fleet:
            model = config.models[name].model or config.models[name].entry(name).model
            if config.models[name].managed != "llama":
                continue
            path = gguf_path(config, model)
            there = (
                path.is_file() if model.endswith(".gguf") else is_ready(find_model(model), config.cache_dir)
            )
            if not there:
                raise ModelError(
                    "the model file is not there yet", where=str(path), remedy="run `guildbus models pull`"
                )


async def check_endpoints(plan: ServingPlan, say: Callable[[str], None]) -> list[str]:
    """Ask the endpoints that agents try first; where one is down, those that its agents would turn to.

    Returns a sentence for each that is down and can be done without. Raises ModelError if an agent has no
    model that answers, or a key is missing.
    """
    notes: list[str] = []
    for bound in plan.bindings.values():
        for binding in bound:
            read_key(binding.entry, os.environ)
    for entry in plan.endpoints():
        say(f"asking {entry.base_url}")
        try:
            await ping(entry, os.environ)
        except ModelError as error:
            fleets = [f for f in plan.bindings.values() if f and f[0].entry.base_url == entry.base_url]
            instead = [await _next_up(fleet) for fleet in fleets]
            if not all(instead):
                raise
            used = ", ".join(sorted(set(instead)))
            notes.append(f"model {entry.name} does not answer ({error.what}): {used} is used until it does")
    return notes


async def _next_up(fleet: tuple[Binding, ...]) -> str:
    """The first fallback that guildbus serves, or that answers; '' if there is none."""
    for binding in fleet[1:]:
        if binding.server is not None:
            return binding.entry.name
        with contextlib.suppress(ModelError):
            await ping(binding.entry, os.environ)
            return binding.entry.name
    return ""


@dataclass(frozen=True, slots=True)
class Served:
    """The models of a roster: each agent's fleet, and where the servers are, or will be in a moment.

    `ready` returns once every agent has a model that answers, with the time that this took; what does not
    need a model (the swarm's own start) can go on meanwhile. It raises ModelError if one has none. `up` waits
    for our own servers alone.
    """

    fleets: dict[str, Fleet]
    urls: dict[str, str]
    ready: Callable[[], Awaitable[Span]]
    up: Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(config: GuildConfig, say: Callable[[str], None]) -> AsyncIterator[Served]:
    """Everything that the roster's models need. Raises ModelError if a server cannot be started."""
    plan = serving_plan(config)
    if plan.servers:
        check_files(config)
    started_at, start = time.time(), time.monotonic()
    keys = [model.api_key_env for model in config.models.values() if model.api_key_env is not None]
    servers = [ManagedServer(server_plan, config.state_dir, keys) for server_plan in plan.servers]
    starting: list[asyncio.Task[ServerRecord]] = []
    urls: dict[str, str] = {}

    async def up() -> None:
        await asyncio.gather(*starting)

    async def ready() -> Span:
        await up()
        for note in await check_endpoints(plan, say):
            say(note)
        return Span(kind="model-start", started_at=started_at, wall_s=time.monotonic() - start)

    try:
        for server in servers:
            say(f"starting the model server ({server.plan.model})")
            task, urls[server.plan.name] = await _start(server)
            starting.append(task)
        yield Served(plan.fleets(urls), urls, ready, up)
    finally:
        await asyncio.gather(*starting, return_exceptions=True)
        for server in reversed(servers):
            await asyncio.to_thread(server.stop)


async def _start(server: ManagedServer) -> "tuple[asyncio.Task[ServerRecord], str]":
    """Start or join a server: the task that ends when it answers, and its URL, known long before."""
    loop = asyncio.get_running_loop()
    known: asyncio.Future[str] = loop.create_future()

    def on_url(url: str) -> None:
        loop.call_soon_threadsafe(known.set_result, url)

    task = asyncio.create_task(asyncio.to_thread(server.start, on_url=on_url))
    either: set[asyncio.Future[Any]] = {task, known}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not known.done():
        return task, task.result().url
    return task, known.result()
