"""Promises broken on purpose, one each, to prove that the suite would notice. Never used but for that.

Each function spoils the broker's classes in its own process, before the broker is made: `guildbus
bench faults --planted NAME`, and tests/fault/test_planted_faults.py, which demands that it is found.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from guildbus.bus.events import Action, Event, Publish, Record
from guildbus.bus.journal import Journal
from guildbus.bus.ledger import Ledger
from guildbus.bus.routing import Routing
from guildbus.bus.state import QueuedMessage


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
    """Takes an answer of whoever had the message at any time."""

    def held(self: Ledger, message_id: str, _attempt: int, _instance: str) -> QueuedMessage | None:
        return self.leased.get(message_id)

    _replace(Ledger, "held", held)


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
