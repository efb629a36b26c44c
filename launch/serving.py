"""Which model servers a roster needs, and which of them each agent talks to.

`serving_plan` is pure: a configuration in, server plans and bindings out. llama.cpp serves one base for all
roles and takes a role's adapter a request; MLX needs one process an adapter. `served` is the edge: it
starts or joins the servers, asks the user's own endpoints whether they are there, and lets go at the end.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from guildbus.agents.models import ModelEntry, ping
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import DEFAULT_MODEL, AgentTable, ModelTable
from guildbus.launch.llama_server import LlamaOptions
from guildbus.launch.model_catalogue import find_model
from guildbus.launch.model_files import is_ready, model_path
from guildbus.launch.model_servers import ManagedServer, ServerPlan, plan_llama, plan_mlx
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.base import Span

Fleet = tuple[ModelEntry, ...]


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


def serving_plan(config: GuildConfig) -> ServingPlan:
    """What has to be served for this roster."""
    adapters: dict[str, list[Path]] = {}
    thinkers = [agent for agent in config.agents if agent.role in ("go-dev", "go-test") or agent.entry]
    for agent in thinkers:
        for name in agent.fleet:
            adapter = agent.adapter or config.models[name].adapter
            if adapter is not None and adapter not in adapters.setdefault(name, []):
                adapters[name].append(adapter)
    servers: dict[str, ServerPlan] = {}
    bindings: dict[str, tuple[Binding, ...]] = {}
    for agent in thinkers:
        bound: list[Binding] = []
        for name, entry in zip(agent.fleet, config.model_entries(agent), strict=True):
            table = config.models[name]
            if table.managed is None:
                bound.append(Binding(entry, None))
                continue
            plan, entry = _managed(config, agent, name, table, entry, adapters.get(name, []))
            servers[plan.name] = plan
            bound.append(Binding(entry, plan.name))
        bindings[agent.name] = tuple(bound)
    return ServingPlan(tuple(servers.values()), bindings)


def _managed(
    config: GuildConfig,
    agent: AgentTable,
    name: str,
    table: ModelTable,
    entry: ModelEntry,
    adapters: list[Path],
) -> tuple[ServerPlan, ModelEntry]:
    label = "model-server" if name == DEFAULT_MODEL else f"model-server-{name}"
    mine = agent.adapter or table.adapter
    if table.managed == "mlx":
        label = f"{label}-{adapters.index(mine)}" if mine is not None else label
        return plan_mlx(entry.model, mine, name=label), entry
    options = LlamaOptions(
        model=gguf_path(config, entry.model), alias=entry.model, port=table.port, adapters=tuple(adapters)
    )
    if adapters:
        scales = [{"id": number, "scale": float(path == mine)} for number, path in enumerate(adapters)]
        entry = entry.model_copy(update={"extra": {**entry.extra, "lora": scales}})
    return plan_llama(options, name=label), entry


def gguf_path(config: GuildConfig, model: str) -> Path:
    """The file of a managed llama.cpp model: a path of the user's, or one of the catalogue."""
    if model.endswith(".gguf"):
        return Path(model).expanduser()
    return model_path(find_model(model), config.cache_dir)


def check_files(config: GuildConfig) -> None:
    """Raise ModelError if a file that has to be served is not there."""
    for agent in config.agents:
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


@dataclass(frozen=True, slots=True)
class Served:
    """Models that answer: each agent's fleet, the servers' URLs, and the time that starting them took."""

    fleets: dict[str, Fleet]
    urls: dict[str, str]
    span: Span


@contextlib.asynccontextmanager
async def served(config: GuildConfig, say: Callable[[str], None]) -> AsyncIterator[Served]:
    """Everything that the roster's models need, running. Raises ModelError if one does not answer."""
    plan = serving_plan(config)
    if plan.servers:
        check_files(config)
    started_at, start = time.time(), time.monotonic()
    running: list[ManagedServer] = []
    urls: dict[str, str] = {}
    try:
        for server_plan in plan.servers:
            say(f"starting the model server ({server_plan.model})")
            server = ManagedServer(server_plan, config.state_dir)
            record = await asyncio.to_thread(server.start)
            running.append(server)
            urls[server_plan.name] = record.url
        for binding in {b.entry.base_url: b for bound in plan.bindings.values() for b in bound}.values():
            if binding.server is None:
                say(f"asking {binding.entry.base_url}")
                await ping(binding.entry, os.environ)
        span = Span(kind="model-start", started_at=started_at, wall_s=time.monotonic() - start)
        yield Served(plan.fleets(urls), urls, span)
    finally:
        for server in reversed(running):
            await asyncio.to_thread(server.stop)
