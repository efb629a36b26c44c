"""Where things are kept on this machine: state, cache, configuration, sockets.

The rules are pure functions of a `Host`, which is read once at the edge (`Host.here()`): the XDG
base directories, Apple's folders on macOS, and GUILDBUS_STATE_DIR and GUILDBUS_CACHE_DIR above
both. Next: `config.py`.
"""

import os
import platform
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guildbus.protocols.errors import ConfigError

CONFIG_NAME = "guild.toml"


@dataclass(frozen=True)
class Host:
    """The facts about a machine and its user that the configuration depends on.

    `system` is `sys.platform`, `machine` the processor (`x86_64`, `arm64`).
    """

    environ: Mapping[str, str]
    home: Path
    cwd: Path
    system: str
    machine: str

    @classmethod
    def here(cls) -> "Host":
        """This machine, this user, this folder."""
        return cls(dict(os.environ), Path.home(), Path.cwd(), sys.platform, platform.machine())

    @property
    def apple_silicon(self) -> bool:
        """Whether MLX is the way to run a model."""
        return self.system == "darwin" and self.machine == "arm64"


def state_dir(host: Host, configured: Path | None = None) -> Path:
    """Journals, runs, logs and sockets: what must survive."""
    return _place(
        host, "GUILDBUS_STATE_DIR", configured, "XDG_STATE_HOME", ".local/state", "Application Support"
    )


def cache_dir(host: Host, configured: Path | None = None) -> Path:
    """Models and Go's build cache: what can be fetched or made again."""
    return _place(host, "GUILDBUS_CACHE_DIR", configured, "XDG_CACHE_HOME", ".cache", "Caches")


def user_config(host: Host) -> Path:
    """The user's own `guild.toml`, whether it exists or not."""
    return _place(host, "", None, "XDG_CONFIG_HOME", ".config", "Application Support") / CONFIG_NAME


def find_config(host: Host, asked: Path | None = None) -> Path | None:
    """The file to read: the one asked for, `./guild.toml`, the user's; None if there is none."""
    if asked is not None:
        path = host.cwd / asked
        if not path.is_file():
            raise ConfigError("there is no such file", where=str(asked))
        return path
    for path in (host.cwd / CONFIG_NAME, user_config(host)):
        if path.is_file():
            return path
    return None


def make_private(path: Path) -> Path:
    """A folder that only this user can enter (0700), made if need be. ConfigError if it is another's."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise ConfigError(f"the folder cannot be made: {error.strerror}", where=str(path)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(
            "the folder is a link or belongs to somebody else",
            where=str(path),
            remedy="remove it, or set state_dir to a folder of your own",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def _place(
    host: Host, own_variable: str, configured: Path | None, xdg_variable: str, xdg_default: str, apple: str
) -> Path:
    own = host.environ.get(own_variable, "") if own_variable else ""
    if own:
        return host.cwd / own
    if configured is not None:
        return configured
    xdg = host.environ.get(xdg_variable, "")
    if os.path.isabs(xdg):  # the XDG specification tells programs to ignore relative ones
        return Path(xdg) / "guildbus"
    if host.system == "darwin":
        return host.home / "Library" / apple / "guildbus"
    return host.home / xdg_default / "guildbus"
