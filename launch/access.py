"""Which keys a configuration uses: none over ipc; over TCP those of `[bus]`, or those in the state folder.

The files themselves are `guildbus.bus.keys`; `guildbus keys` makes them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from guildbus.launch.config import GuildConfig

if TYPE_CHECKING:
    from guildbus.bus.curve import ClientKeys


def is_tcp(endpoint: str) -> bool:
    """Whether an endpoint of the configuration needs keys."""
    return endpoint.startswith("tcp://")


def key_files(config: GuildConfig, name: str) -> tuple[str, Path] | None:
    """The broker's public key, and the key file of an agent or the operator; None over ipc.

    ConfigError if one of them is missing, or open to others.
    """
    if not is_tcp(config.endpoint):
        return None
    from guildbus.bus.keys import Keyring, read_pair

    keyring = Keyring(config.keys_dir)
    path = config.bus.client_key or keyring.path_of(name)
    server_key = config.bus.server_key or keyring.server_key()
    read_pair(path)
    return server_key, path


def operator_keys(config: GuildConfig) -> "ClientKeys | None":
    """What a command brings along to a broker on TCP; None over ipc. ConfigError as `key_files`."""
    from guildbus.bus.permissions import OPERATOR

    found = key_files(config, OPERATOR)
    if found is None:
        return None
    from guildbus.bus.curve import ClientKeys
    from guildbus.bus.keys import read_pair

    return ClientKeys(read_pair(found[1]), found[0])
