"""The metrics of the swarm that runs here, as Prometheus text: for whoever serves them beside something else.

The broker serves the same by itself where `[broker] metrics` names an address.
"""

import asyncio
import time

from guildbus.bus.metrics_text import metrics_text
from guildbus.launch.access import operator_keys
from guildbus.launch.config import GuildConfig
from guildbus.launch.following import broker_health
from guildbus.launch.swarm import BROKER, read_record

NO_SWARM = "# no swarm is up\n"


async def swarm_metrics(config: GuildConfig, timeout_s: float = 3.0) -> str:
    """The text; a comment alone if no swarm is up, or its broker does not answer."""
    record = read_record(config)
    if record is None:
        return NO_SWARM
    health = await broker_health(record["endpoint"], timeout_s, keys=operator_keys(config))
    if health is None:
        return NO_SWARM
    since = next(one["since"] for one in record["processes"] if one["name"] == BROKER)
    return metrics_text(health, time.time() - since)


def metrics_now(config: GuildConfig) -> str:
    """The same for callers without an event loop of their own, such as a thread of a web server."""
    return asyncio.run(swarm_metrics(config))
