"""The real broker as a child of the bench.

What a broker can suffer inside its own process (killed at a certain step, a disk that lies) is put around it
here and in `kill_switch.py` and `disks.py`: the broker's code is the shipped one and knows of nothing.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guildbus.bus.broker import Broker
from guildbus.bus.journal import Journal
from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.zygote import Say
from guildbus.protocols.errors import GuildbusError


def run(say: Say, *, endpoint: str, journal: str, limits: dict[str, Any]) -> None:
    """The child's target: a broker until SIGTERM."""
    serve(say, lambda: Broker(endpoint, Journal(Path(journal)), Limits(**limits)))


def serve(say: Say, make: Callable[[], Broker]) -> None:
    """Run a broker until SIGTERM. Says `ready`; or `refused` and why, and ends with 3."""
    try:
        broker = make()
    except GuildbusError as error:
        say({"refused": str(error)})
        sys.exit(3)
    signal.signal(signal.SIGTERM, broker.stop)
    say({"ready": True})
    broker.run()
