"""Fixtures that several suites share: a guild in a folder of its own, and the caches that it uses."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from guildbus.agents.oracle.running import Witnesses
    from guildhall import Guild

settings.register_profile("ci", max_examples=40, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def go_cache() -> Path:
    """The cache folder of the user (GUILDBUS_TEST_CACHE_DIR names another), Go's library compiled once."""
    from guildbus.agents.golang.toolchain import Toolchain
    from guildbus.launch.places import Host, cache_dir

    named = os.environ.get("GUILDBUS_TEST_CACHE_DIR", "")
    cache = Path(named) if named else cache_dir(Host.here())
    Toolchain.find(cache).warm_cache()
    return cache


@pytest.fixture(scope="session")
def make_guild(tmp_path_factory: pytest.TempPathFactory, go_cache: Path) -> "Callable[[], Guild]":
    """Makes guilds; whoever makes one closes it."""
    from guildhall import Guild

    return lambda: Guild(tmp_path_factory.mktemp("g"), go_cache)


@pytest.fixture
def guild(make_guild: "Callable[[], Guild]") -> "Iterator[Guild]":
    """A guild for one test; what it leaves running is ended with the test."""
    guild = make_guild()
    yield guild
    guild.close()


@pytest.fixture
async def witnesses(go_cache: Path) -> "Witnesses":
    """Both sandboxes of the oracle, over a warm toolchain."""
    from guildbus.agents.golang.toolchain import Toolchain
    from guildbus.agents.oracle.running import Witnesses

    return await Witnesses.start(Toolchain.find(go_cache), unsafe=False)
