"""Server-sent events: a run from its first message on, then as it grows; and the pulse of the whole guild.

A feed reads the journal's tail like every other observer (docs/adr/0004), so it has no gap, and a page that
falls behind is only late. What has not changed is not sent again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from guildbus.bus.tail import JournalReader
from guildbus.launch.ui.pulse import Pulse
from guildbus.launch.ui.reading import PAGE, RunTail
from guildbus.launch.ui.vitals import Vitals
from guildbus.protocols.registry import Registry

POLL_S: Final = 0.3
"""How often a feed looks for news: a look costs some milliseconds of a core that the model could use."""
PULSE_S: Final = 1.0
KEEPALIVE_S: Final = 15.0
SLICE_S: Final = 0.3
"""How soon a feed notices that the server is to stop."""


def event(kind: str, data: Any) -> bytes:
    """One event in the form of the HTML standard, section 9.2."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()


async def run_feed(
    pulse: Pulse, run: str, registry: Registry, lanes: list[str], stopping: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """`head` with the lanes; `page` and `vitals` when there is news; `caught-up` once."""
    yield event("head", {"run": run, "lanes": lanes})
    while not await asyncio.to_thread(pulse.journal.is_file):
        if await _rested(POLL_S, stopping):
            return
    reader = await asyncio.to_thread(JournalReader, pulse.journal)
    tail = RunTail(reader, run, registry, Vitals(run))
    shown: dict[str, Any] = {}
    caught_up, spoken, looked = False, time.monotonic(), 0.0
    full = True
    try:
        while not stopping():
            page = await asyncio.to_thread(tail.next) if full or reader.changed() else None
            full = page is not None
            if tail.seq and (page is not None or time.monotonic() - looked > PULSE_S):
                looked = time.monotonic()
                vitals = tail.vitals.shown(running=pulse.is_running(tail.vitals))
                if vitals != shown:
                    shown = vitals
                    yield event("vitals", vitals)
            if page is not None:
                yield event("page", page)
                spoken = time.monotonic()
            if page is not None and len(page["rows"]) >= PAGE // 2:
                continue
            if not caught_up:
                caught_up = True
                yield event("caught-up", {"messages": tail.vitals.messages})
            if time.monotonic() - spoken > KEEPALIVE_S:
                yield b": still here\n\n"
                spoken = time.monotonic()
            await _rested(POLL_S, stopping)
    finally:
        reader.close()


async def pulse_feed(pulse: Pulse, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """`runs` and `swarm`, each when it has changed."""
    runs: Any = None
    swarm: Any = None
    while not stopping():
        found = await pulse.runs()
        if found != runs:
            runs = found
            yield event("runs", runs)
        status = await pulse.status()
        if status != swarm:
            swarm = status
            yield event("swarm", swarm)
        await _rested(PULSE_S, stopping)


async def _rested(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait; True, and sooner, if the server is to stop."""
    until = time.monotonic() + seconds
    while not stopping() and (left := until - time.monotonic()) > 0:  # noqa: ASYNC110 - uvicorn has a flag only
        await asyncio.sleep(min(left, SLICE_S))
    return stopping()
