"""Seeing a run to its end, whatever dies on the way: publish what opens (or cancels) it, follow, take over.

    ground (a swarm that serves the run) -> publish -> follow the journal until `build.finished`
        ^                                                   |
        └────────── the swarm is gone: another one ─────────┘

A swarm of another process may go at any time, since it ends with its owner. Then the follower starts one of
its own on the same journal, and the run goes on where it was. Publishing twice is harmless: an id that the
broker has stored is confirmed and not stored again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from guildbus.agents.runtime import wrap
from guildbus.bus.client import ZmqBus
from guildbus.bus.tail import JournalReader
from guildbus.launch.access import operator_keys
from guildbus.launch.bystanders import still_hearing
from guildbus.launch.config import GuildConfig
from guildbus.launch.following import POLL_S, follow_run, visitor
from guildbus.launch.ground import Ground, Need, Stand, ground
from guildbus.launch.live import View
from guildbus.launch.run_log import RunLog, decode_line, find_run, read_run
from guildbus.launch.swarm import SwarmPaths, read_record, serves
from guildbus.launch.telemetry import RunObserver
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import BusError
from guildbus.protocols.messages.base import Message, Span
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet

HEALTH_POLL_S: Final = 0.5
SWARM_SILENT_S: Final = 20.0
OWNER_POLL_S: Final = 0.3
TAKEOVERS: Final = 5


@dataclass(slots=True)
class Attendance:
    """One run that is followed. `opening` is published first, if there is one; it dies at `deadline`.

    `copies` are messages that are published as they are, in this order: the beginning of a forked run.
    `observer` tells of the run where telemetry is on. `seen` is the last message that was shown; `ended`: it
    was the run's end.
    `on_published` hears that the run is in the journal: from then on it can be resumed. `stand` gives it its
    ground; without one it is served by the swarm that is up, or brings its own.
    """

    need: Need
    view: View
    registry: Registry
    opening: Message | None = None
    copies: tuple[Packet, ...] = ()
    deadline: float | None = None
    seen: int = 0
    ended: bool = False
    observer: RunObserver | None = None
    on_published: Callable[[], object] = lambda: None
    stand: Stand | None = None
    _packet: Packet | None = None

    @property
    def run(self) -> str:
        """The run's name."""
        return self.need.run

    def packets(self, source: str, now: float) -> list[Packet]:
        """What opens the run: each has one id however often it is published, and by which connection."""
        packets = list(self.copies)
        if (opening := self._opened(source, now)) is not None:
            packets.append(opening)
        return [replace(packet, envelope=replace(packet.envelope, source=source)) for packet in packets]

    def _opened(self, source: str, now: float) -> Packet | None:
        if self._packet is None and self.opening is not None:
            packet = wrap(self.opening, source=source, subject=self.run, now=now)
            deadline = None if self.deadline is None else format_time(self.deadline)
            self._packet = replace(packet, envelope=replace(packet.envelope, deadline=deadline))
        return self._packet


@contextlib.asynccontextmanager
async def attended(config: GuildConfig, attendance: Attendance) -> AsyncIterator[tuple[Span, ...]]:
    """Entered when the run has ended, with the time that a swarm of our own took to prepare, if there is one.

    Our own swarm, if there is one, is stopped on the way out. Raises InfrastructureError when no swarm can
    be had, or one after the other is lost.
    """
    stand: Stand = attendance.stand or partial(ground, config)
    for losses in range(TAKEOVERS + 1):
        if losses:
            attendance.view.phase("the swarm that served this run is gone: going on with another")
        async with stand(attendance.need, attendance.view) as standing:
            if await _see(config, attendance, standing):
                yield standing.preparations
                return
    raise BusError(f"{TAKEOVERS + 1} swarms were lost before the run ended", where=f"run {attendance.run}")


def read_log(config: GuildConfig, run: str, registry: Registry) -> RunLog:
    """What the journal has of a run. Raises BusError if there is no journal."""
    reader = JournalReader(SwarmPaths(config.state_dir).journal)
    try:
        return read_run(reader, run, registry)
    finally:
        reader.close()


def named_run(config: GuildConfig, run: str) -> str:
    """The run that is meant by its name, a part of it, or `last`. UsageError for none, or more than one."""
    reader = JournalReader(SwarmPaths(config.state_dir).journal)
    try:
        return find_run(reader, run)
    finally:
        reader.close()


async def _see(config: GuildConfig, attendance: Attendance, standing: Ground) -> bool:
    """Publish and follow to the end; False if the swarm of another process is gone before.

    Such a swarm goes just when the run has ended, and a process that was starved learns of both at once.
    """
    bus = visitor(config.endpoint, keys=operator_keys(config))
    following = asyncio.create_task(
        _publish_and_follow(config, attendance, bus, ours=standing.swarm is not None)
    )
    watching = asyncio.create_task(_swarm_gone(config, attendance, standing))
    try:
        await asyncio.wait({following, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not following.done():
            watching.result()
            return attendance.ended
        if isinstance(following.exception(), BusError) and standing.swarm is None:
            # A broker that falls silent is most often one whose owner has just ended.
            await asyncio.wait({watching}, timeout=5 * OWNER_POLL_S)
            if watching.done():
                return attendance.ended
        following.result()
        return True
    finally:
        await _end(following, watching)
        await bus.close()


async def _swarm_gone(config: GuildConfig, attendance: Attendance, standing: Ground) -> None:
    """Return when another process's swarm serves the run no more; raise when ours cannot go on."""
    if standing.swarm is not None:
        await standing.swarm.wait()
        raise BusError("the swarm was stopped before the run ended", where=f"run {attendance.run}")
    while True:
        record = read_record(config)
        if record is None or record["pid"] != standing.pid:
            return
        if not serves(record, attendance.run, attendance.need.requested_at):
            return
        await asyncio.sleep(OWNER_POLL_S)


async def _publish_and_follow(
    config: GuildConfig, attendance: Attendance, bus: ZmqBus, *, ours: bool
) -> None:
    """From the first message to the run's end; BusError if the broker falls silent meanwhile."""
    await bus.open()

    async def work() -> None:
        await _publish(attendance, bus)
        await _follow(config, attendance, ours=ours)

    working = asyncio.create_task(work())
    watching = asyncio.create_task(_watch_health(bus, attendance.view))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        (working if working.done() else watching).result()
    finally:
        await _end(working, watching)


async def _publish(attendance: Attendance, bus: ZmqBus) -> None:
    began = time.time()
    packets = attendance.packets(bus.instance, began)
    if packets:
        # All at once: nobody is to act on the first before the last is there.
        await asyncio.gather(*map(bus.publish, packets))
        if attendance.observer is not None:
            attendance.observer.published(packets, began)
        if attendance.need.requested_at is None:
            attendance.need = replace(attendance.need, requested_at=time.time())
    attendance.on_published()


async def _follow(config: GuildConfig, attendance: Attendance, *, ours: bool) -> None:
    """To the run's end. A swarm of `ours` ends with us, so whoever subscribes to the end is waited for."""
    journal = SwarmPaths(config.state_dir).journal
    async for line in follow_run(journal, attendance.run, attendance.registry, attendance.seen):
        attendance.view.line(line)
        attendance.seen = line.seq
        if isinstance(line.message, BuildFinished):
            attendance.ended = True
            break
    if ours:
        await _wait_for_bystanders(journal, attendance)


async def _wait_for_bystanders(journal: Path, attendance: Attendance) -> None:
    reader = JournalReader(journal)
    told: list[str] = []
    try:
        while True:
            waiting = still_hearing(reader.history(attendance.run, damaged=[]))
            for stored in reader.since(attendance.seen, attendance.run, damaged=[]):
                attendance.view.line(decode_line(stored, attendance.registry))
                attendance.seen = stored.seq
            if not waiting:
                return
            if waiting != told:
                attendance.view.phase(f"waiting for {', '.join(waiting)}")
                told = waiting
            await asyncio.sleep(POLL_S)
    finally:
        reader.close()


async def _watch_health(bus: ZmqBus, view: View) -> None:
    """Show what the agents do; raise BusError when the broker has been silent for too long."""
    heard = time.monotonic()
    while True:
        try:
            view.health(await bus.health(timeout_s=2.0))
            heard = time.monotonic()
        except TimeoutError:
            if time.monotonic() - heard > SWARM_SILENT_S:
                raise BusError(
                    f"no sign of life for {SWARM_SILENT_S:.0f} s",
                    where="broker",
                    remedy="see `guildbus status`",
                ) from None
        await asyncio.sleep(HEALTH_POLL_S)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
