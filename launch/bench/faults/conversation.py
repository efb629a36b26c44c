"""Client sessions and the routing talk over links that duplicate and reorder frames: in memory, by moves.

Both are the shipped ones (`bus/session.py`, `bus/routing.py`). A list of moves is played, then the links
behave and everything must come to its end. ZeroMQ neither duplicates nor reorders on one connection, so this
asks more than the bus will meet there; but what an old connection still had on the way may come after the new
one's HELLO, and fencing and dedup should rest on no transport. `frames.py` draws the moves from seeds.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Final

from guildbus.bus import reading
from guildbus.bus.events import (
    Action,
    Deliver,
    Event,
    Peer,
    RecordDelivery,
    RecordOutcome,
    Send,
    Store,
    Tick,
    Unreachable,
)
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.bus.memory_log import MemoryLog, decide
from guildbus.bus.routing import Routing
from guildbus.bus.session import (
    ClientSession,
    Confirmed,
    Delivered,
    Denied,
    Fenced,
    Reconnect,
    Step,
    Transmit,
)
from guildbus.bus.state import Limits
from guildbus.protocols import wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import StaleAttempt
from guildbus.protocols.wire import Frame, Kind, Packet

LIMITS: Final = Limits(lease_s=20, heartbeat_s=1, silent_s=8, unclaimed_s=10_000, max_attempts=1000)
ROLES: Final = ("cut", "weld", "cut")
STAGES: Final = 2
QUIET_TICKS: Final = 400
NEVER: Final = format_time(0)

Move = tuple[str, int, int]
"""What happens, to which client, and a number that chooses among frames or seconds."""
MOVES: Final = {
    "publish": 10,
    "broker": 30,
    "client": 30,
    "finish": 12,
    "fail": 2,
    "renew": 2,
    "double up": 6,
    "double down": 6,
    "swap up": 6,
    "swap down": 6,
    "ghost": 6,
    "reconnect": 2,
    "new process": 1,
    "crash before commit": 1,
    "crash before a word": 1,
    "time": 6,
}
"""Each move's weight."""


@dataclass(slots=True)
class Client:
    """One agent: its session, its connection in both directions, and the work in its hands."""

    session: ClientSession
    number: int
    peer: Peer = b""
    up: deque[Frame] = field(default_factory=deque)
    down: deque[Frame] = field(default_factory=deque)
    work: list[Delivery] = field(default_factory=list)
    waits_for: set[tuple[str, int]] = field(default_factory=set)


class World:
    """A broker with its disk, three clients, what old connections carry, a clock. `broken` stays empty."""

    def __init__(self, routing: type[Routing] = Routing) -> None:
        self.now = 0.0
        self.broken: list[str] = []
        self.stored: dict[int, Packet] = {}
        self.known: set[str] = set()
        self.open: dict[int, tuple[int, str]] = {}
        self.settled: Counter[int] = Counter()
        self.confirmed: set[str] = set()
        self.acks: list[tuple[str, int, str]] = []
        self.ghosts: list[tuple[Peer, Frame]] = []
        self._numbers = 0
        self._routing = routing
        self.log = MemoryLog()
        self.routing = routing(LIMITS, "b")
        self.clients = [self._client(number) for number in range(len(ROLES))]

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _client(self, number: int) -> Client:
        identity = AgentIdentity(f"a{number}", ROLES[number], str(self._next()))
        client = Client(ClientSession(identity, credit=1), number)
        self.connect(client)
        self.take(client, client.session.connect(self.now))
        return client

    def play(self, moves: list[Move]) -> list[str]:
        """All moves, then quiet; what is not as promised."""
        try:
            for move, number, choice in moves:
                self.move(move, self.clients[number % len(self.clients)], choice)
            return self.settle_down()
        except Exception as error:  # noqa: BLE001  (a broker that raises is a finding, and has a seed)
            return [*self.broken, f"crash: {error!r}"]

    def move(self, move: str, client: Client, choice: int) -> None:
        """One thing happens."""
        match move:
            case "publish":
                self.publish(client)
            case "broker":
                self.broker_turn(client)
            case "client" if client.down:
                self.take(client, client.session.received(client.down.popleft(), self.now))
            case "finish" | "fail":
                self.finish(client, fails=move == "fail")
            case "renew" if client.work:
                envelope = client.work[0].packet.envelope
                header = {"id": envelope.id, "attempt": envelope.attempt}
                self.take(client, client.session.post(Frame(Kind.RENEW, header)))
            case "double up" | "double down" | "swap up" | "swap down":
                _disturb(client.up if move.endswith("up") else client.down, move.startswith("double"), choice)
            case "ghost" if self.ghosts:
                peer, frame = self.ghosts.pop(choice % len(self.ghosts))
                self.broker_reads(peer, frame)
            case "reconnect":
                self.connect(client)
                self.take(client, client.session.connect(self.now))
            case "new process":
                self.clients[client.number] = self._client(client.number)
            case "crash before commit" | "crash before a word":
                self.broker_turn(client, crash=move)
            case "time":
                self.pass_time((1, 3, 9, 25)[choice % 4])

    # -- the agents' side ----------------------------------------------------------------------

    def connect(self, client: Client) -> None:
        """A fresh connection. What the old one had on its way up may come later, or never."""
        if client.peer:
            self.ghosts += [(client.peer, frame) for frame in client.up]
        client.peer = f"peer{self._next()}".encode()
        client.up = deque()
        client.down = deque()

    def take(self, client: Client, steps: list[Step]) -> None:
        """What a session wants done."""
        if Reconnect() in steps:
            self.connect(client)
        for step in steps:
            match step:
                case Transmit(frame):
                    client.up.append(frame)
                case Delivered(delivery):
                    client.work.append(delivery)
                case Confirmed(request):
                    client.waits_for.discard(request)
                    if request[1] == 0:
                        self.confirmed.add(request[0])
                case Denied(request, error):
                    client.waits_for.discard(request)
                    if not isinstance(error, StaleAttempt):
                        self.broken.append(f"refused: {error}")
                case Fenced():
                    # Its process ends, and whoever waited hears of it; the supervisor starts another.
                    self.clients[client.number] = self._client(client.number)

    def publish(self, client: Client) -> None:
        """A new piece."""
        envelope = self._envelope(0, None)
        client.waits_for.add((envelope.id, 0))
        self.take(client, client.session.submit(Frame(Kind.PUBLISH, envelope.to_header(), b"\x80")))

    def finish(self, client: Client, *, fails: bool) -> None:
        """The handler of the oldest message in hand is done, with a result of a new id."""
        if not client.work:
            return
        envelope = client.work.pop(0).packet.envelope
        header = {"id": envelope.id, "attempt": envelope.attempt, "credit": 1}
        if fails:
            frame = Frame(Kind.NACK, header | {"code": "c", "reason": "r"})
        else:
            result = Packet(self._envelope(envelope.hops + 1, envelope.id), b"\x80")
            frame = Frame(Kind.ACK, header, wire.pack_emits([result]))
        client.waits_for.add((envelope.id, envelope.attempt))
        self.take(client, client.session.submit(frame))

    def _envelope(self, stage: int, cause: str | None) -> Envelope:
        to = ROLES[stage] if stage < STAGES else None
        return Envelope(
            id=f"m{self._next()}", source="t", type="x.v1", subject="r", time=NEVER, to=to,
            causationid=cause, hops=stage,
        )  # fmt: skip

    # -- the broker's side ---------------------------------------------------------------------

    def broker_turn(self, client: Client, crash: str = "") -> None:
        """The broker reads a client's next frame."""
        if client.up:
            self.broker_reads(client.peer, client.up.popleft(), crash)

    def broker_reads(self, peer: Peer, frame: Frame, crash: str = "") -> None:
        """One frame, one turn; it may die before its commit, or before it says a word."""
        event = reading.event_of(peer, frame, self.known.__contains__)
        if crash == "crash before commit":
            self.routing.apply(event, self.now)
            self.restart()
            return
        actions = self.decided(event)
        if crash:
            self.restart()
        else:
            self.say(actions)

    def decided(self, event: Event) -> list[Action]:
        """One turn, up to its commit."""
        actions = decide(self.routing, self.log, event, self.now)
        self.commit(actions)
        return actions

    def commit(self, actions: list[Action]) -> None:
        """What the journal would hold."""
        for action in actions:
            match action:
                case Store(seq, packet, queue):
                    if packet.envelope.id in self.known:
                        self.broken.append(f"double: {packet.envelope.id} is stored twice")
                    self.known.add(packet.envelope.id)
                    self.stored[seq] = packet
                    if queue is not None:
                        self.open[seq] = (0, "")
                case RecordDelivery(seq, attempt, agent):
                    self.open[seq] = (attempt, agent)
                case RecordOutcome(seq, attempt, agent, outcome):
                    if outcome == "failed":
                        self.open[seq] = (attempt, "")
                        continue
                    self.settled[seq] += 1
                    self.open.pop(seq, None)
                    self.acks.append((self.stored[seq].envelope.id, attempt, agent))

    def say(self, actions: list[Action]) -> None:
        """Deliver to whoever is still there; a connection that is gone is an event of its own."""
        links = {client.peer: client.down for client in self.clients}
        lost: dict[Peer, None] = {}
        for action in actions:
            match action:
                case Send(peer, kind, header) if peer in links:
                    links[peer].append(Frame(kind, header))
                case Deliver(peer, seq, attempt, _):
                    envelope = replace(self.stored[seq].envelope, attempt=attempt, seq=seq)
                    if peer in links:
                        links[peer].append(Frame(Kind.DELIVER, envelope.to_header(), b"\x80"))
                    else:
                        lost[peer] = None
        for peer in lost:
            self.say(self.decided(Unreachable(peer)))

    def restart(self) -> None:
        """A new broker on the same disk; ZeroMQ connects anew by itself, under new addresses."""
        self.routing = self._routing(LIMITS, "b", next_seq=max(self.stored, default=0) + 1)
        self.routing.restore(self.log.recovered(), self.now, self.acks)
        self.ghosts.clear()
        for client in self.clients:
            client.peer = b""
            self.connect(client)

    def pass_time(self, seconds: float) -> None:
        """The clock, for everybody."""
        self.now += seconds
        for client in self.clients:
            self.take(client, client.session.tick(self.now))
        self.say(self.decided(Tick()))

    # -- the end -------------------------------------------------------------------------------

    def settle_down(self) -> list[str]:
        """No more faults, and enough time. What is broken then."""
        while self.ghosts:
            self.broker_reads(*self.ghosts.pop())
        for _ in range(QUIET_TICKS):
            self._exchange()
            if self._at_rest():
                break
            self.pass_time(1.0)
        return self.broken + self._verdict()

    def _exchange(self) -> None:
        busy = True
        while busy:
            busy = False
            for client in self.clients:
                while client.up:
                    self.broker_turn(client)
                    busy = True
                while client.down:
                    self.move("client", client, 0)
                    busy = True
                while client.work:
                    self.finish(client, fails=False)
                    busy = True

    def _at_rest(self) -> bool:
        waiting = self.open or any(client.waits_for for client in self.clients) or self._without_credit()
        return not waiting and all(client.session.welcomed for client in self.clients)

    def _without_credit(self) -> list[str]:
        """Agents that the broker would give nothing: a late HELLO may seat one until its client says more."""
        return [one["name"] for one in self.routing.health(self.now)["agents"] if one["credit"] < 1]

    def _verdict(self) -> list[str]:
        found = [f"lost: {message_id} was confirmed" for message_id in self.confirmed - self.known]
        found += [f"hang: {self.stored[seq].envelope.id} is open" for seq in self.open]
        found += [f"hang: a{c.number} waits for {sorted(c.waits_for)}" for c in self.clients if c.waits_for]
        children = Counter(packet.envelope.causationid for packet in self.stored.values())
        for seq, packet in self.stored.items():
            message_id, effects = packet.envelope.id, children[packet.envelope.id]
            if packet.envelope.to is None or seq in self.open:
                continue
            if (self.settled[seq], effects) != (1, 1):
                kind = "lost" if min(self.settled[seq], effects) < 1 else "double"
                found.append(f"{kind}: {message_id} ended {self.settled[seq]} times, with {effects} results")
        return found + [f"hang: {name} has no credit left" for name in self._without_credit()]


def _disturb(link: deque[Frame], doubles: bool, choice: int) -> None:
    """Repeat a frame that is on the way, or let another go before it."""
    if not link:
        return
    at, to = choice % len(link), (choice // 97) % len(link)
    frame = link[at]
    if not doubles:
        del link[at]
    link.insert(to, frame)
