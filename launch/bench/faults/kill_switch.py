"""A broker that kills itself at a chosen step of a turn.

The steps inside a transaction are seen from SQLite's own trace and from a VFS under it; the ones after it,
where the broker sends. All of them are hung around the shipped broker from outside.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any, Final

import apsw

from guildbus.bus.broker import Broker
from guildbus.bus.events import Peer
from guildbus.bus.journal import Journal
from guildbus.bus.outbox import Outbox
from guildbus.bus.state import Limits
from guildbus.launch.bench.faults.hosting import serve
from guildbus.launch.bench.faults.under_sqlite import FaultVFS
from guildbus.launch.bench.faults.zygote import Say

STEPS: Final = (
    "begin",
    "statement",
    "commit",
    "write to the log",
    "before the sync",
    "after the sync",
    "committed, not confirmed",
    "said in part",
)


class KillSwitch:
    """Once it is armed (SIGUSR1), ends the process when the chosen step is passed for the n-th time."""

    def __init__(self, step: str, passes: int) -> None:
        self.step = step
        self._left = passes
        self.armed = False

    def arm(self, *_: object) -> None:
        """From now on it counts."""
        self.armed = True

    def passing(self, step: str) -> None:
        """This step is about to happen, or has just happened, as its name says."""
        if not self.armed or step != self.step:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_trace(self, event: dict[str, Any]) -> None:
        """SQLite tells of each statement before it runs, and after (PROFILE)."""
        words = str(event.get("sql", "")).split(None, 1)
        verb = words[0].upper() if words else ""
        if event["code"] == apsw.SQLITE_TRACE_PROFILE:
            if verb in ("COMMIT", "END", "RELEASE"):
                self.passing("committed, not confirmed")
        elif verb in ("BEGIN", "SAVEPOINT"):
            self.passing("begin")
        elif verb in ("COMMIT", "END", "RELEASE"):
            self.passing("commit")
        elif verb in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            self.passing("statement")

    def on_file(self, name: str, what: str) -> None:
        """The VFS tells of what SQLite does to the write-ahead log."""
        if name.endswith("-wal"):
            self.passing("write to the log" if what == "write" else what)


class SwitchedOutbox(Outbox):
    """Passes one more step: when one peer has heard of this turn, and another has not."""

    switch: KillSwitch
    _said = False

    def send(self, now: float) -> list[Peer]:
        """Whoever comes first in a turn is told in peace."""
        self._said = False
        return super().send(now)

    def _send(self, peer: Peer, frames: list[bytes]) -> bool:
        if self._said:
            if self.switch.step == "said in part":
                time.sleep(0.003)  # ZeroMQ sends from a thread of its own: let what was said leave first
            self.switch.passing("said in part")
        self._said = True
        return super()._send(peer, frames)


class SwitchedBroker(Broker):
    """A broker with such an outbox."""

    outbox_type = SwitchedOutbox


def run(say: Say, *, endpoint: str, journal: str, limits: dict[str, Any], step: str, passes: int) -> None:
    """The child's target: a broker that dies by its own hand."""
    switch = KillSwitch(step, passes)
    vfs = FaultVFS("kill-switch", switch.on_file)
    apsw.connection_hooks.append(
        lambda db: db.trace_v2(apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE, switch.on_trace)
    )
    SwitchedOutbox.switch = switch
    signal.signal(signal.SIGUSR1, switch.arm)
    serve(say, lambda: SwitchedBroker(endpoint, Journal(Path(journal), vfs=vfs.name), Limits(**limits)))
    vfs.unregister()
