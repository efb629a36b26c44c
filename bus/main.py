"""The broker's process: its options, its signals, its first line of output. The broker is `broker.py`.

Started as `python -P -m guildbus.bus.main`.
"""

import argparse
import gc
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from guildbus.bus.broker import Broker
from guildbus.bus.journal import Journal
from guildbus.bus.late_log import get_logger, log_as, ready_line
from guildbus.bus.lifeline import watch_lifeline
from guildbus.bus.notices import Subscriptions
from guildbus.bus.permissions import Permissions
from guildbus.bus.state import Limits
from guildbus.protocols import wire
from guildbus.protocols.errors import GuildbusError

if TYPE_CHECKING:
    from guildbus.bus.metrics_server import MetricsServer


def _metrics_server(address: str | None) -> "MetricsServer | None":
    """Only who wants it imports it."""
    if not address:
        return None
    from guildbus.bus.metrics_server import MetricsServer

    return MetricsServer(address)


def run_alone(broker: Broker, ready: str = "") -> None:
    """Say `ready`, and run a broker that has its process to itself, until SIGTERM or SIGINT."""
    signal.signal(signal.SIGTERM, broker.stop)
    signal.signal(signal.SIGINT, broker.stop)
    # What was imported stays for good. The collector of cycles, which looks through all that there is, would
    # take a tenth of the time of a message for it.
    gc.freeze()
    sys.stdout.write(ready)
    sys.stdout.flush()
    broker.run()


def main() -> None:
    """Run a broker until SIGTERM. Prints one JSON line `{"ready": endpoint}` when it listens."""
    parser = argparse.ArgumentParser(prog="guildbus.bus.main", description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--limits", default="{}", help="JSON object of guildbus.bus.state.Limits")
    parser.add_argument("--permissions", help="JSON object {role: [types]}; without it all may say all")
    parser.add_argument("--subscriptions", default="{}", help="JSON object {type: [roles that hear of it]}")
    parser.add_argument("--keys", type=Path, help="the folder of keys: a must for tcp://")
    parser.add_argument("--max-connections", type=int, default=256)
    parser.add_argument("--keep-days", type=float, help="remove runs so long after their end; else never")
    parser.add_argument("--metrics", help="HOST:PORT for Prometheus; port 0 takes any")
    parser.add_argument("--max-bytes", type=int, default=wire.DEFAULT_MAX_BYTES)
    arguments = parser.parse_args()
    log_as("broker")
    watch_lifeline()
    try:
        limits = Limits(**json.loads(arguments.limits))
        table, keep = arguments.permissions, arguments.keep_days
        broker = Broker(
            arguments.endpoint,
            Journal(arguments.journal, keep_s=None if keep is None else keep * 86_400),
            limits,
            max_bytes=arguments.max_bytes,
            max_connections=arguments.max_connections,
            keys=arguments.keys,
            permissions=None if table is None else Permissions(json.loads(table)),
            subscriptions=Subscriptions(json.loads(arguments.subscriptions)),
            metrics=_metrics_server(arguments.metrics),
        )
    except GuildbusError as error:
        get_logger("main").error("cannot_work", code=error.code, what=str(error))
        sys.exit(3)
    try:
        run_alone(broker, ready_line(arguments.endpoint))
    except GuildbusError as error:
        get_logger("main").error("cannot_work", code=error.code, what=str(error))
        sys.exit(3)


if __name__ == "__main__":
    main()
