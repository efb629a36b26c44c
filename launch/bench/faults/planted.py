"""Promises broken on purpose, one each, to prove that the suite would notice. Never used but for that.

Each function spoils the broker's classes in its own process, before the broker is made: `guildbus
bench faults --planted NAME`, and tests/fault/test_planted_faults.py, which demands that it is found.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from guildbus.bus.answers import Answer
from guildbus.bus.events import Ack, Action, Event, Nack, Publish, Record
from guildbus.bus.journal import Journal
from guildbus.bus.letters import accepted
from guildbus.bus.routing import Routing
from guildbus.bus.state import ConnectedAgent


def hasty() -> None:
    """Confirms before it has committed: records are written when there are twenty."""
    commit = Journal.commit
    held: list[Record] = []

    def late(self: Journal, records: Sequence[Record], now: float) -> None:
        held.extend(records)
        if len(held) >= 20:
            commit(self, held, now)
            held.clear()

    _replace(Journal, "commit", late)


def unsynced() -> None:
    """Commits without waiting for the disk."""
    make = Journal.__init__

    def made(self: Journal, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        self._db.execute("PRAGMA synchronous = OFF")

    _replace(Journal, "__init__", made)


def unfenced() -> None:
    """Takes late answers, and publishes their results."""

    def taken(self: Routing, event: Ack | Nack, _answer: Answer, _agent: ConnectedAgent) -> list[Action]:
        emits = event.emits if isinstance(event, Ack) else ()
        stored = [action for packet in emits for action in self._ledger.admit(packet, time.time())]
        return [*stored, accepted(event)]

    _replace(Routing, "_on_late_answer", taken)


def open_house() -> None:
    """Takes a message of whoever comes along."""
    apply = Routing.apply

    def applied(self: Routing, event: Event, now: float) -> list[Action]:
        if isinstance(event, Publish) and self._attendance.at(event.peer) is None:
            return self._ledger.admit(event.packet, now)
        return apply(self, event, now)

    _replace(Routing, "apply", applied)


PLANTS: Final[dict[str, Callable[[], None]]] = {
    "hasty": hasty,
    "unsynced": unsynced,
    "unfenced": unfenced,
    "open-house": open_house,
}


def plant(name: str) -> None:
    """Spoil this process."""
    PLANTS[name]()


def _replace(owner: type, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)
