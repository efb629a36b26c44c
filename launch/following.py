"""Following a run from outside: its messages as the journal gets them, its agents as the broker sees them.

An observer only reads: the journal file, and the broker's health report. Nothing waits for it.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from guildbus.bus.client import ZmqBus
from guildbus.bus.curve import ClientKeys
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.permissions import OPERATOR
from guildbus.bus.tail import JournalReader
from guildbus.launch.run_log import Line, decode_line, over_after
from guildbus.protocols.errors import BusError
from guildbus.protocols.registry import Registry

POLL_S = 0.2
PAGE = 1000


def visitor(endpoint: str, open_timeout_s: float = 15.0, keys: ClientKeys | None = None) -> ZmqBus:
    """A connection of this process's own to a running broker, in the operator's role.

    `keys` is `access.operator_keys`, which is None unless the endpoint is on TCP.
    """
    name = f"cli-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    identity = AgentIdentity(name, OPERATOR, "1")
    return ZmqBus(endpoint, identity, credit=0, open_timeout_s=open_timeout_s, keys=keys)


async def follow_run(
    journal: Path, run: str, registry: Registry, after: int = 0, *, to_end: bool = False
) -> AsyncGenerator[Line]:
    """Every message of a run after `after`, and then each new one: without end, or until the run is over."""
    reader = JournalReader(journal)
    over = full = False
    try:
        while True:
            found = reader.since(after, run, PAGE) if full or reader.changed() else []
            full = len(found) == PAGE
            for stored in found:
                after = stored.seq
                line = decode_line(stored, registry)
                over = over_after(line.message, over)
                yield line
            if not found:
                if to_end and over:
                    return
                await asyncio.sleep(POLL_S)
    finally:
        reader.close()


async def broker_health(
    endpoint: str, timeout_s: float = 3.0, keys: ClientKeys | None = None
) -> dict[str, Any] | None:
    """One health report; None if no broker answers there."""
    bus = visitor(endpoint, timeout_s, keys)
    try:
        await bus.open()
        return await bus.health(timeout_s)
    except (BusError, TimeoutError):
        return None
    finally:
        await bus.close()
