"""What happens to the broker (events) and what it does about it (actions): plain data.

`routing.Routing.apply(event, now)` maps one to the other. An agent is known by its name; `peer` is the
transport's address of its present connection and means nothing to the routing.

Long queues are not in memory. What the routing needs of them it asks for with a `Fetch`. The edge commits
what was decided before it, reads the journal, and answers with `Fetched` before it tells anything else. Of
several it answers one after the other.
"""

from dataclasses import field
from typing import Any, Literal

from guildbus.protocols.values import value
from guildbus.protocols.wire import Kind, Packet

Peer = bytes


@value
class Hello:
    """A peer introduces itself. `incarnation` differs after a restart and not after a reconnect.

    `holding` are the (id, attempt) that it has in hand: what else it was sent never arrived. `batch`: it
    reads BATCH frames; `patient`: its confirmations may wait a moment.
    """

    peer: Peer
    agent: str
    role: str
    incarnation: str
    credit: int = 0
    holding: frozenset[tuple[str, int]] = frozenset()
    batch: bool = False
    patient: bool = False


@value
class Publish:
    """A message to route. `duplicate`: the journal has its id already."""

    peer: Peer
    packet: Packet
    duplicate: bool = False


@value
class Ack:
    """The message is done; `emits` are its results, published in the same transaction."""

    peer: Peer
    id: str
    attempt: int
    emits: tuple[Packet, ...] = ()
    duplicates: frozenset[str] = frozenset()
    credit: int = 0


@value
class Nack:
    """The attempt failed. `fatal`: no other attempt would do better, so it dies now."""

    peer: Peer
    id: str
    attempt: int
    code: str
    reason: str
    delay_s: float = 0.0
    fatal: bool = False
    credit: int = 0


@value
class Renew:
    """The task makes progress: extend its lease."""

    peer: Peer
    id: str
    attempt: int


@value
class Credit:
    """The peer can take `amount` more messages."""

    peer: Peer
    amount: int


@value
class Heartbeat:
    """The process is alive. `activity` is what it says that it does, for people to read."""

    peer: Peer
    activity: str = ""
    wants_health: bool = False


@value
class Bye:
    """The peer leaves in good order: what it holds goes back at once."""

    peer: Peer


@value
class Unreachable:
    """The transport could not deliver to this peer."""

    peer: Peer


@value
class Tick:
    """Time has passed."""


@value
class Spoiled:
    """The journal cannot give this message any more as it was stored."""

    seq: int
    reason: str


PeerEvent = Hello | Publish | Ack | Nack | Renew | Credit | Heartbeat | Bye | Unreachable

Wanted = Literal["ready", "due", "unclaimed", "run"]


@value
class Fetch:
    """Edge: read open messages from the journal, also those that are in memory, at most `limit`.

    - `ready`: of queue `name`, from the place `after` (-priority, seq) on, in the order of places
    - `due`: those whose deadline is not after `upto` (seconds since the epoch), earliest first
    - `unclaimed`: of queue `name`, those with a seq below `below`, in the order of places
    - `run`: of run `name`, by seq

    `serves` (run, first): leave out other runs' messages with a seq below `first`. `queues` and `event` are
    what the routing goes on with.
    """

    want: Wanted
    name: str = ""
    after: tuple[int, int] | None = None
    upto: float = 0.0
    below: int = 0
    limit: int | None = None
    serves: tuple[str, int] | None = None
    queues: tuple[str, ...] = ()
    event: Publish | Ack | None = None


@value
class Unsettled:
    """What the journal says of one message that has no final outcome.

    `damaged`: why it must not be delivered; '' when it is sound.
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
    failures: tuple[tuple[int, str, str, str], ...] = ()
    damaged: str = ""


@value
class Fetched:
    """The answer to a `Fetch`.

    `next_place`: for `ready`, where the next page begins, None if this is the last; `next_due`: for `due`,
    the earliest deadline after `upto`.
    """

    fetch: Fetch
    rows: tuple[Unsettled, ...]
    next_place: tuple[int, int] | None = None
    next_due: float | None = None


@value
class Recovered:
    """What a broker starts from. `waiting` counts the open messages that nobody holds, a queue each.

    `held` are the others, `parked` counts those of other runs than the one that is served,
    `next_due` is the earliest deadline of an open message.
    """

    waiting: dict[str, int] = field(default_factory=dict)
    held: tuple[Unsettled, ...] = ()
    parked: int = 0
    next_due: float | None = None


Event = PeerEvent | Tick | Spoiled | Fetched


@value
class Store:
    """Journal: a new message. `queue` is None for an announcement, which is settled at once."""

    seq: int
    packet: Packet
    queue: str | None


@value
class RecordDelivery:
    """Journal: attempt `attempt` at message `seq` begins at `agent`."""

    seq: int
    attempt: int
    agent: str


Outcome = Literal["settled", "failed", "dead", "cancelled"]


@value
class RecordOutcome:
    """Journal: an attempt ended, or a wait. After `failed` the message is ready again; else it is final."""

    seq: int
    attempt: int
    agent: str
    outcome: Outcome
    code: str = ""
    reason: str = ""


@value
class RecordPresence:
    """Journal: an agent joined or left."""

    agent: str
    role: str
    joined: bool
    reason: str = ""


@value
class Send:
    """Transport: a control frame to a peer."""

    peer: Peer
    kind: Kind
    header: dict[str, Any] = field(default_factory=dict)


@value
class Deliver:
    """Transport: hand message `seq` to a peer, as attempt `attempt`."""

    peer: Peer
    seq: int
    attempt: int
    lease_s: float


Record = Store | RecordDelivery | RecordOutcome | RecordPresence
Action = Record | Send | Deliver | Fetch
