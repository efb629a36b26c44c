"""The web view as a server: one socket on this machine's own address, one token, until it is interrupted."""

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guildbus.launch.config import GuildConfig
from guildbus.protocols.errors import InfrastructureError
from guildbus.protocols.registry import Registry

HOST: Final = "127.0.0.1"
PORT: Final = 8321
TOKEN_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Place:
    """Where the view is, and the secret that its paths begin with."""

    socket: socket.socket
    token: str

    @property
    def port(self) -> int:
        """The port that was had."""
        port: int = self.socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """What a browser is given."""
        return f"http://{HOST}:{self.port}/{self.token}/"


def take_place(port: int | None) -> Place:
    """Listen on `port` (0: a free one; None: the usual one, or a free one if it is taken)."""
    found = _listen(PORT if port is None else port) or (_listen(0) if port is None else None)
    if found is None:
        raise InfrastructureError(
            "the port is in use",
            where=f"{HOST}:{port}",
            remedy="name another with --port, or 0 for a free one",
        )
    return Place(found, secrets.token_urlsafe(TOKEN_BYTES))


def _listen(port: int) -> socket.socket | None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError:
        listening.close()
        return None
    return listening


async def serve(
    config: GuildConfig,
    registry: Registry,
    place: Place,
    *,
    asked: Path | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> list[str]:
    """Answer until SIGINT or SIGTERM. The names of the builds started here that still run."""
    import uvicorn

    from guildbus.launch.metrics import swarm_metrics
    from guildbus.launch.ui.app import make_app
    from guildbus.launch.ui.desk import Desk
    from guildbus.launch.ui.pulse import Pulse
    from guildbus.launch.ui.security import hosts_of
    from guildbus.launch.ui.starting import Launches

    class Server(uvicorn.Server):
        """Without uvicorn's own handlers: they would raise the signal again, before we have tidied up."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    pulse = Pulse(config, registry)
    launches = Launches(config, Path.cwd(), asked)
    desk = Desk(config, registry, pulse, launches, lambda: server.should_exit)
    app = make_app(desk, token=place.token, hosts=hosts_of(place.port), metrics=lambda: swarm_metrics(config))
    server = Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
        )
    )

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await server.serve(sockets=[place.socket])
    finally:
        await pulse.close()
    return [one.name for one in launches.living()]
