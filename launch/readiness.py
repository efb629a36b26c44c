"""What a swarm stands on, checked before it starts: the sandbox and the Go toolchain.

The models are in `serving.py`.
"""

import asyncio
from collections.abc import Callable

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.sandbox import Sandbox
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.launch.config import GuildConfig


async def check_sandbox(config: GuildConfig, *, unsafe: bool) -> Sandbox:
    """The sandbox, once it has proved to work. SandboxError otherwise: it fails closed."""
    toolchain = Toolchain.find(config.cache_dir)
    toolchain.go_cache.mkdir(parents=True, exist_ok=True)
    return await open_sandbox(toolchain.policy(), unsafe=unsafe)


async def warm_toolchain(config: GuildConfig, say: Callable[[str], None]) -> Toolchain:
    """The toolchain, its standard library compiled once: half a minute the first time, nothing later."""
    toolchain = Toolchain.find(config.cache_dir)
    config.cache_dir.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(
        toolchain.warm_cache,
        lambda package, done, total: say(f"compiling Go's standard library once: {done}/{total} {package}"),
    )
    await asyncio.to_thread(toolchain.stdlib)
    return toolchain
