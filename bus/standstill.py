"""What the broker does while the disk refuses its journal: it stands still, and loses nothing.

The turn whose commit failed is kept as it is, and the very same commit is tried again until it succeeds: what
the routing knows and what the journal holds never part. Until then nothing of it is confirmed or delivered.
Meanwhile

- PUBLISH, ACK and NACK are refused with `infra.journal`: their senders keep them and ask again
- heartbeats are answered and leases renewed, or every agent would count as dead
- an observer may join and ask for the health report; whoever wants work is refused, and says HELLO again
- credit and goodbyes, which nobody repeats, are kept for later
- no timer runs: nobody can answer in time, and nobody shall be blamed for it

A crash now is a crash before the commit: nothing of the turn was ever promised. `broker.py` drives this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from guildbus.bus.events import (
    Action,
    Bye,
    Credit,
    Deliver,
    Event,
    Fetch,
    Heartbeat,
    Hello,
    Peer,
    PeerEvent,
    Record,
    Renew,
    Send,
    Unreachable,
)
from guildbus.protocols.errors import JournalError

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 10.0


@dataclass(slots=True)
class Standstill:
    """One turn that waits for the disk. `at` is its time; what it was to commit is among its `actions`."""

    actions: list[Action]
    at: float
    error: JournalError
    since: float
    retry_at: float
    pause_s: float = FIRST_PAUSE_S
    _credit: dict[Peer, int] = field(default_factory=dict)
    _goodbyes: dict[Peer, Event] = field(default_factory=dict)

    @classmethod
    def begin(cls, actions: Sequence[Action], at: float, error: JournalError, now: float) -> "Standstill":
        """The first failure of this turn."""
        return cls(list(actions), at, error, now, now + FIRST_PAUSE_S)

    def failed_again(self, error: JournalError, now: float) -> None:
        """Wait longer before the next try."""
        self.error = error
        self.pause_s = min(LONGEST_PAUSE_S, self.pause_s * 1.5)
        self.retry_at = now + self.pause_s

    def refusal(self, event: PeerEvent) -> JournalError | None:
        """Why an event cannot be taken; None if it can, at once or later."""
        match event:
            case Heartbeat() | Renew() | Credit() | Bye() | Unreachable():
                return None
            case Hello(credit=0, holding=holding) if not holding:
                return None
            case _:
                return self.error

    def postpones(self, event: PeerEvent) -> bool:
        """Keep an event that changes who gets what; it is bounded by the number of peers."""
        match event:
            case Credit(peer, amount):
                self._credit[peer] = self._credit.get(peer, 0) + amount
            case Bye(peer) | Unreachable(peer):
                self._goodbyes[peer] = event
            case _:
                return False
        return True

    def postponed(self) -> list[Event]:
        """What was kept, in an order that is as good as the real one: a peer says goodbye last."""
        return [*(Credit(peer, amount) for peer, amount in self._credit.items()), *self._goodbyes.values()]

    def keep(self, events: Iterable[Event]) -> None:
        """Keep on keeping what another standstill has kept."""
        for event in events:
            if isinstance(event, Credit | Bye | Unreachable):
                self.postpones(event)

    def join(self, actions: Sequence[Action]) -> list[Action]:
        """Keep what must wait for the journal, and give back what can be said at once."""
        self.actions += [action for action in actions if not isinstance(action, Send)]
        return [action for action in actions if isinstance(action, Send)]

    @property
    def records(self) -> list[Record]:
        """What is to be committed."""
        return records_of(self.actions)

    def report(self) -> dict[str, Any]:
        """For the health report."""
        return {"state": "read-only", "reason": str(self.error), "since": self.since}


def records_of(actions: Iterable[Action]) -> list[Record]:
    """The part of a turn that the journal must have before anyone hears of it."""
    return [action for action in actions if not isinstance(action, Send | Deliver | Fetch)]
