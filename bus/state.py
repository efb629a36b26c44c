"""What the routing remembers: its limits, the unsettled messages, the agents that are here.

`routing.py` changes these; `health_report` turns them into plain data for people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from guildbus.bus.events import Peer
from guildbus.bus.queues import RoleQueue
from guildbus.protocols.messages.control import AttemptFailure, RunCancelled


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that the routing keeps to. Times in seconds."""

    lease_s: float = 30.0
    heartbeat_s: float = 2.0
    silent_s: float = 10.0
    unclaimed_s: float = 30.0
    max_attempts: int = 5
    max_hops: int = 500
    queue_bound: int = 100_000
    remembered_acks: int = 100_000
    undertaker: str | None = None
    """The role that is told of dead letters (`message.died`); None tells nobody."""
    canceller: str | None = RunCancelled.wire_type()
    """The message type that cancels all else that is open in its run; None: there is none."""
    only_run: str | None = None
    """At a restart, take up only this run's open messages; others stay in the journal, parked. None: all."""
    window: int = 4096
    """A queue keeps at most twice so many ready messages in memory."""
    max_agents: int = 4096
    max_queues: int = 16_384
    max_credit: int = 100_000
    """The most that one agent can have in hand."""


@dataclass(slots=True)
class QueuedMessage:
    """One unsettled message. `holder` is the agent instance whose attempt it is, '' while it waits.

    `ready`: it waits for nothing but an agent. `lost` of its attempts never reached one.
    """

    seq: int
    id: str
    type: str
    subject: str
    queue: str
    priority: int
    hops: int
    deadline: float | None
    attempt: int = 0
    holder: str = ""
    ready: bool = False
    lost: int = 0
    lease_until: float = 0.0
    failures: list[AttemptFailure] = field(default_factory=list)


@dataclass(slots=True)
class ConnectedAgent:
    """One agent that has said HELLO.

    `instance` is `name/incarnation`, which holds a message, in the journal too. `queues` is what it takes
    from: its own queue first, and its role's.

    `outstanding` are the deliveries, (id, attempt), that it has not answered yet: each gives its credit
    back once, with its first answer, also when that comes late or is sent again.
    """

    name: str
    role: str
    incarnation: str
    peer: Peer
    seen: float
    credit: int = 0
    batch: bool = False
    patient: bool = False
    activity: str = ""
    outstanding: set[tuple[str, int]] = field(default_factory=set)
    instance: str = field(init=False)
    queues: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.instance = f"{self.name}/{self.incarnation}"
        self.queues = (self.name, self.role) if self.role != self.name else (self.role,)


SHOWN_IN_HAND: Final = 10
"""So many messages in an agent's hand are in the report: it has to fit into a header."""


def health_report(
    agents: Iterable[ConnectedAgent],
    held_by: Mapping[str, Mapping[str, QueuedMessage]],
    queues: Iterable[RoleQueue],
    now: float,
) -> dict[str, Any]:
    """Agents with what they do and hold, and queues with their counts."""
    return {
        "agents": [
            {
                "name": agent.name,
                "role": agent.role,
                "credit": agent.credit,
                "activity": agent.activity,
                "silent_s": round(now - agent.seen, 3),
                "handling": [
                    {"type": m.type, "run": m.subject, "attempt": m.attempt}
                    for m in islice(held_by.get(agent.name, {}).values(), SHOWN_IN_HAND)
                    if m.holder == agent.instance
                ],
            }
            for agent in agents
        ],
        "queues": [
            {
                "role": queue.name,
                "ready": queue.ready,
                "leased": queue.leased,
                "backlog": queue.backlog,
            }
            for queue in queues
            if queue.claimed or queue.backlog
        ],
    }
