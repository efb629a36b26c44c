"""`guildbus doctor`: each thing that a build stands on, tried for real, with what to do where it fails."""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.roster import class_for
from guildbus.launch.config import GuildConfig
from guildbus.launch.places import make_private
from guildbus.launch.readiness import check_sandbox
from guildbus.launch.serving import check_endpoints, check_files, serving_plan
from guildbus.launch.swarm import read_record
from guildbus.protocols.errors import GuildbusError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


async def examine(config: GuildConfig) -> list[Finding]:
    """Try everything; one finding each, in the order in which a build needs them."""

    async def folders() -> str:
        make_private(config.state_dir)
        config.cache_dir.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(config.cache_dir).free
        return f"state {config.state_dir}, cache {config.cache_dir}, {free / 1e9:.0f} GB free"

    async def go() -> str:
        toolchain = Toolchain.find(config.cache_dir)
        warm = (
            "standard library compiled" if toolchain.is_warm else "standard library to compile at first build"
        )
        return f"{toolchain.version} in {toolchain.goroot}, {warm}"

    async def sandbox() -> str:
        found = await check_sandbox(config, unsafe=False)
        return f"{found.name}; {in_words(found.protections)}"

    async def roster() -> str:
        for agent in config.agents:
            class_for(agent.role, agent.entry)
        return f"{len(config.agents)} agents"

    async def models() -> str:
        plan = serving_plan(config)
        check_files(config)
        notes = await check_endpoints(plan, lambda text: None)
        names = {b.entry.model for bound in plan.bindings.values() for b in bound}
        return "; ".join([", ".join(sorted(names)), *notes])

    async def swarm() -> str:
        record = read_record(config)
        return f"up, pid {record['pid']}, {record['endpoint']}" if record else f"not up; {config.endpoint}"

    checks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("folders", folders),
        ("go", go),
        ("sandbox", sandbox),
        ("roster", roster),
        ("models", models),
        ("swarm", swarm),
    ]
    return [await _try(name, check) for name, check in checks]


def in_words(protections: Mapping[str, str]) -> str:
    """What guards the machine, and what does not and why."""
    on = [name for name, state in protections.items() if state == "on"]
    return "; ".join([f"on: {', '.join(on)}", *(f"{n} {s}" for n, s in protections.items() if s != "on")])


async def _try(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, True, await check())
    except GuildbusError as error:
        place = f"{error.where}: " if error.where else ""
        return Finding(name, False, f"{place}{error.what}", error.remedy)
