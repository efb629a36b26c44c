"""A journal without a file: what the routing decided, in memory, and the same questions answered from it.

The in-memory bus stands on it, and so do the tests of the routing. `journal.py` is the durable one. This one
keeps everything, and looks through everything for a page: it is for small swarms and tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from guildbus.bus.events import (
    Action,
    Event,
    Fetch,
    Fetched,
    Outcome,
    RecordDelivery,
    RecordOutcome,
    Recovered,
    Store,
    Unsettled,
)
from guildbus.bus.paging import page_of, recovered_of
from guildbus.bus.routing import Routing
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.wire import Packet


@dataclass(slots=True)
class Entry:
    """One stored message. `state` is open, announced, or its final outcome."""

    seq: int
    packet: Packet
    queue: str | None
    state: Outcome | str
    deadline: float | None = None
    attempt: int = 0
    holder: str = ""
    failures: list[tuple[int, str, str, str]] = field(default_factory=list)

    def row(self) -> Unsettled:
        """As a broker reads it."""
        envelope = self.packet.envelope
        return Unsettled(
            seq=self.seq,
            id=envelope.id,
            type=envelope.type,
            subject=envelope.subject,
            queue=self.queue or "",
            priority=envelope.priority,
            hops=envelope.hops,
            deadline=self.deadline,
            attempt=self.attempt,
            holder=self.holder,
            failures=tuple(self.failures),
        )


class MemoryLog:
    """All records of one broker. `entries` are the messages by their numbers, `open` those without an end."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.open: dict[int, Entry] = {}
        self.ids: set[str] = set()
        self.acks: list[tuple[str, int, str]] = []

    def commit(self, actions: Iterable[Action]) -> None:
        """Take over the records among the actions."""
        for action in actions:
            match action:
                case Store(seq, packet, queue):
                    text = packet.envelope.deadline
                    deadline = None if text is None else parse_time(text)
                    state = "announced" if queue is None else "open"
                    entry = self.entries[seq] = Entry(seq, packet, queue, state, deadline)
                    self.ids.add(packet.envelope.id)
                    if queue is not None:
                        self.open[seq] = entry
                case RecordDelivery(seq, attempt, agent):
                    entry = self.entries[seq]
                    entry.attempt, entry.holder = attempt, agent
                case RecordOutcome(seq, attempt, agent, outcome, code, reason):
                    entry = self.entries[seq]
                    entry.holder = ""
                    if outcome == "failed":
                        entry.failures.append((attempt, agent, code, reason))
                        continue
                    entry.state = outcome
                    del self.open[seq]
                    if outcome == "settled":
                        self.acks.append((entry.packet.envelope.id, attempt, agent))

    def fetch(self, fetch: Fetch) -> Fetched:
        """Open messages, as a routing asks for them."""
        return page_of(fetch, (entry.row() for entry in self.open.values()))

    def recovered(self, only_run: str | None = None) -> Recovered:
        """What a new broker starts from."""
        serves = None if only_run is None else (only_run, max(self.entries, default=0) + 1)
        return recovered_of((entry.row() for entry in self.open.values()), serves)


def decide(routing: Routing, log: MemoryLog, event: Event, now: float) -> list[Action]:
    """One event through a routing, with all that it fetches from the log: what the edge has to do."""
    done: list[Action] = []
    fetches: list[Fetch] = []
    while True:
        actions = routing.apply(event, now)
        log.commit(actions)
        done += [action for action in actions if not isinstance(action, Fetch)]
        fetches = [action for action in actions if isinstance(action, Fetch)] + fetches
        if not fetches:
            return done
        event = log.fetch(fetches.pop(0))
