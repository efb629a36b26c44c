"""What every command shares: the configuration, read when it is first wanted."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from guildbus.launch.config import GuildConfig


@dataclass
class Settings:
    """The `--config` option, and what it leads to."""

    asked: Path | None

    @cached_property
    def config(self) -> "GuildConfig":
        """The configuration. ConfigError names every mistake."""
        from guildbus.launch.config import load_config
        from guildbus.launch.places import Host

        return load_config(Host.here(), self.asked)


def config_of(ctx: typer.Context) -> "GuildConfig":
    """The configuration of this call."""
    settings: Settings = ctx.find_root().obj
    return settings.config


def asked_config(ctx: typer.Context) -> Path | None:
    """The configuration file that this call named, for commands that start others."""
    settings: Settings = ctx.find_root().obj
    return settings.asked
