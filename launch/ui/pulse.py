"""What all pages share: the swarm's status and the list of runs, asked for once however many pages are open.

The broker is asked over one connection that stays: opening one for each question would write a line into the
journal each time. Nobody is asked while no page is open.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from guildbus.bus.client import ZmqBus
from guildbus.launch.access import operator_keys
from guildbus.launch.config import GuildConfig
from guildbus.launch.following import visitor
from guildbus.launch.status import describe
from guildbus.launch.swarm import SwarmPaths, read_record, serves
from guildbus.launch.ui.reading import RunsIndex
from guildbus.launch.ui.views_swarm import NO_SWARM, swarm_view
from guildbus.launch.ui.vitals import Vitals
from guildbus.protocols.errors import BusError
from guildbus.protocols.registry import Registry

FRESH_S: Final = 0.9
"""A status that is younger than this is not asked for again."""
ANSWER_S: Final = 2.0


class Pulse:
    """Close it when no page will ask any more."""

    def __init__(self, config: GuildConfig, registry: Registry) -> None:
        self.journal: Path = SwarmPaths(config.state_dir).journal
        self._config = config
        self._runs = RunsIndex(registry)
        self._bus: ZmqBus | None = None
        self._endpoint: tuple[str, int] | None = None
        self._status: dict[str, Any] = NO_SWARM
        self._asked_at = 0.0
        self._asking = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def status(self) -> dict[str, Any]:
        """The swarm, at most a second old."""
        async with self._asking:
            if time.monotonic() - self._asked_at > FRESH_S:
                self._status = await self._ask()
                self._asked_at = time.monotonic()
        return self._status

    async def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        async with self._reading:
            await asyncio.to_thread(self._runs.refresh, self.journal)
        found = sorted(self._runs.vitals.values(), key=lambda one: one.started_at, reverse=True)
        record = read_record(self._config)
        return [one.shown(running=_runs(record, one)) for one in found if one.spec]

    def run_of_folder(self, folder: str, since: float) -> str | None:
        """The run that writes into this folder and was requested after `since`, if the list has it."""
        for one in self._runs.vitals.values():
            if one.out == folder and one.started_at >= since:
                return one.run
        return None

    def is_running(self, vitals: Vitals) -> bool:
        """Whether a swarm works for a run now."""
        return _runs(read_record(self._config), vitals)

    async def close(self) -> None:
        """Leave the broker."""
        if self._bus is not None:
            await self._bus.close()
            self._bus = None

    async def _ask(self) -> dict[str, Any]:
        record = read_record(self._config)
        if record is None:
            await self.close()
            return NO_SWARM
        health = await self._health(record)
        status = await asyncio.to_thread(describe, self._config, record, health)
        return swarm_view(status, health)

    async def _health(self, record: dict[str, Any]) -> dict[str, Any] | None:
        endpoint = (record["endpoint"], record["pid"])
        try:
            if self._bus is None or self._endpoint != endpoint:
                await self.close()
                self._bus = visitor(record["endpoint"], ANSWER_S, operator_keys(self._config))
                self._endpoint = endpoint
                await self._bus.open()
            return await self._bus.health(ANSWER_S)
        except (BusError, TimeoutError):
            await self.close()
            return None


def _runs(record: dict[str, Any] | None, vitals: Vitals) -> bool:
    return record is not None and serves(record, vitals.run, vitals.started_at)
