"""`guildbus top`."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guildbus.launch.cli.state import config_of

if TYPE_CHECKING:
    from guildbus.bus.client import ZmqBus
    from guildbus.launch.config import GuildConfig
    from guildbus.launch.watching import Watch

LATELY = 2000
"""So many messages of the journal's end are looked at for runs that are in progress."""


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two frames.")] = 1.0,
) -> None:
    """The swarm, live: agents and what they do, queues, runs, rates. q or Ctrl-C ends it."""
    asyncio.run(_top(config_of(ctx), every_s, once=once))


async def _top(config: "GuildConfig", every_s: float, *, once: bool) -> None:
    from rich.live import Live

    from guildbus.launch.cli.console import out
    from guildbus.launch.top_view import frame
    from guildbus.launch.watching import Watch

    watch, console = Watch(), out()
    async with _Looking(config, watch) as looking:
        await looking.look()
        if once or not console.is_terminal:
            console.print(frame(watch, time.time()))
            return
        ended = asyncio.Event()
        with _keys(ended.set), Live(console=console, screen=True, auto_refresh=False) as live:
            while not ended.is_set():
                live.update(frame(watch, time.time()), refresh=True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await ended.wait()
                if not ended.is_set():
                    await looking.look()


class _Looking:
    """Reads the journal's file and asks the broker, on one connection; both may come and go meanwhile."""

    def __init__(self, config: "GuildConfig", watch: "Watch") -> None:
        from guildbus.launch.membership import swarm_registry

        self._config = config
        self._watch = watch
        self._registry = swarm_registry(config)
        self._after: int | None = None
        self._bus: ZmqBus | None = None

    async def __aenter__(self) -> "_Looking":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._let_go()

    async def look(self) -> None:
        """Once more."""
        from guildbus.launch.swarm import read_record

        record = read_record(self._config)
        health = None if record is None else await self._ask(record["endpoint"])
        self._watch.on_health(time.time(), record, health)
        self._read()

    async def _ask(self, endpoint: str) -> dict[str, Any] | None:
        from guildbus.launch.access import operator_keys
        from guildbus.launch.following import visitor
        from guildbus.protocols.errors import BusError

        try:
            if self._bus is None:
                bus = visitor(endpoint, 2.0, operator_keys(self._config))
                await bus.open()
                self._bus = bus
            return await self._bus.health(2.0)
        except (BusError, TimeoutError):
            await self._let_go()
            return None

    async def _let_go(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            await bus.close()

    def _read(self) -> None:
        from guildbus.bus.tail import JournalReader
        from guildbus.launch.run_log import decode_line
        from guildbus.launch.swarm import SwarmPaths

        path = SwarmPaths(self._config.state_dir).journal
        if not path.is_file():
            return
        reader = JournalReader(path)
        try:
            if self._after is None:
                self._after = max(0, reader.last_seq() - LATELY)
            while found := reader.since(self._after, damaged=[]):
                for stored in found:
                    self._after = stored.seq
                    self._watch.on_line(decode_line(stored, self._registry))
        finally:
            reader.close()


@contextlib.contextmanager
def _keys(quit_: Callable[[], None]) -> Iterator[None]:
    """Keys without Enter: q and Ctrl-C call `quit_`; the terminal is left as it was found."""
    import signal
    import termios
    import tty

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, quit_)
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def on_key() -> None:
        import os

        if set(os.read(descriptor, 64)) & set(b"qQ\x1b\x03"):
            quit_()

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, on_key)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
