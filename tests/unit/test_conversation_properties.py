"""Both ends of the conversation over a network that loses connections and brokers that die.

`ClientSession` and `Routing` talk through queues in this file. Whatever was lost on the way, in the
end every message is settled, its results are there once, and nobody waits for an answer that never comes.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus import reading
from guildbus.bus.events import Action, Deliver, Event, RecordDelivery, RecordOutcome, Send, Store, Tick
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.bus.memory_log import MemoryLog, decide
from guildbus.bus.notices import NOTICE, Subscriptions
from guildbus.bus.routing import Routing
from guildbus.bus.session import (
    ClientSession,
    Confirmed,
    Delivered,
    Denied,
    Reconnect,
    Step,
    Transmit,
    Withdrawn,
)
from guildbus.bus.state import Limits
from guildbus.protocols import wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Frame, Kind, Packet

LIMITS = Limits(lease_s=60, heartbeat_s=1, silent_s=20, unclaimed_s=1000, max_attempts=1000, window=1)
CHAIN = 3
"""A message of generation n is answered by one of generation n + 1, up to this."""


def packet(message_id: str, generation: int) -> Packet:
    to = f"role{generation % 2}"
    return Packet(
        Envelope(id=message_id, source="t", type="x.v1", subject="r", time=format_time(0), to=to), b"\x80"
    )


@dataclass
class Client:
    """One agent, its work in hand, and its present connection."""

    session: ClientSession
    number: int
    peer: bytes = b""
    up: deque[Frame] = field(default_factory=deque)
    down: deque[Frame] = field(default_factory=deque)
    work: list[Delivery] = field(default_factory=list)
    waits_for: set[tuple[str, int]] = field(default_factory=set)
    denied: list[str] = field(default_factory=list)


class World:
    """A broker with its disk, two clients, a clock."""

    def __init__(self, heard: Subscriptions | None = None) -> None:
        self.now = 0.0
        self.heard = heard
        self.connections = 0
        self.stored: dict[int, Packet] = {}
        self.open: dict[int, tuple[int, str]] = {}
        self.settled: list[str] = []
        self.acks: list[tuple[str, int, str]] = []
        self.log = MemoryLog()
        self.routing = Routing(LIMITS, "b", subscriptions=heard)
        self.clients = [self.client(number) for number in range(2)]

    def client(self, number: int) -> Client:
        identity = AgentIdentity(f"a{number}", f"role{number}", "1")
        client = Client(ClientSession(identity, credit=1), number)
        self.connect(client)
        self.take(client, client.session.connect(self.now))
        return client

    def connect(self, client: Client) -> None:
        self.connections += 1
        client.peer = f"peer{self.connections}".encode()
        client.up.clear()
        client.down.clear()

    def take(self, client: Client, steps: list[Step]) -> None:
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
                case Withdrawn(delivery, _):
                    envelope = delivery.packet.envelope
                    held = self.open.get(envelope.seq)
                    assert held != (envelope.attempt, client.session.identity.instance), "it is still its own"
                case Denied(request, error):
                    client.waits_for.discard(request)
                    client.denied.append(error.code)

    def publish(self, client: Client, message_id: str) -> None:
        envelope = packet(message_id, 0).envelope
        client.waits_for.add((message_id, 0))
        self.take(client, client.session.submit(Frame(Kind.PUBLISH, envelope.to_header(), b"\x80")))

    def finish(self, client: Client, fails: bool) -> None:
        """The handler of the oldest message in hand is done."""
        if not client.work:
            return
        envelope = client.work.pop(0).packet.envelope
        header = {"id": envelope.id, "attempt": envelope.attempt, "credit": 1}
        generation = envelope.id.count("+") + 1
        if fails:
            frame = Frame(Kind.NACK, header | {"code": "c", "reason": "r"})
        else:
            goes_on = generation < CHAIN and envelope.type != NOTICE
            emits = [packet(f"{envelope.id}+", generation)] if goes_on else []
            frame = Frame(Kind.ACK, header, wire.pack_emits(emits))
        client.waits_for.add((envelope.id, envelope.attempt))
        self.take(client, client.session.submit(frame))

    def knows(self, message_id: str) -> bool:
        return any(packet.envelope.id == message_id for packet in self.stored.values())

    def broker_turn(self, client: Client, crash: str = "") -> None:
        """The broker reads one frame; it may die before its commit, or before it says a word."""
        if not client.up:
            return
        event = reading.event_of(client.peer, client.up.popleft(), self.knows)
        if crash == "before commit":
            self.routing.apply(event, self.now)
            self.restart()
            return
        actions = self.decided(event)
        if crash:
            self.restart()
        else:
            self.say(actions)

    def decided(self, event: Event) -> list[Action]:
        actions = decide(self.routing, self.log, event, self.now)
        self.commit(actions)
        return actions

    def commit(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Store(seq, stored, _):
                    assert not self.knows(stored.envelope.id)
                    self.stored[seq] = stored
                    self.open[seq] = (0, "")
                case RecordDelivery(seq, attempt, agent):
                    self.open[seq] = (attempt, agent)
                case RecordOutcome(seq, attempt, agent, "settled"):
                    message_id = self.stored[seq].envelope.id
                    self.settled.append(message_id)
                    self.acks.append((message_id, attempt, agent))
                    del self.open[seq]
                case RecordOutcome(seq, attempt, _, "failed"):
                    self.open[seq] = (attempt, "")

    def say(self, actions: list[Action]) -> None:
        links = {client.peer: client.down for client in self.clients}
        for action in actions:
            match action:
                case Send(peer, kind, header) if peer in links:
                    links[peer].append(Frame(kind, header))
                case Deliver(peer, seq, attempt, _) if peer in links:
                    envelope = replace(self.stored[seq].envelope, attempt=attempt, seq=seq)
                    links[peer].append(Frame(Kind.DELIVER, envelope.to_header(), b"\x80"))

    def restart(self) -> None:
        """ZeroMQ reconnects by itself, under a new address; what was on the way to the broker is lost."""
        self.routing = Routing(LIMITS, "b", next_seq=len(self.stored) + 1, subscriptions=self.heard)
        self.routing.restore(self.log.recovered(), self.now, self.acks)
        for client in self.clients:
            self.connect(client)

    def client_turn(self, client: Client) -> None:
        if client.down:
            self.take(client, client.session.received(client.down.popleft(), self.now))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for client in self.clients:
            self.take(client, client.session.tick(self.now))
        self.say(self.decided(Tick()))

    def settle_down(self) -> None:
        """No more faults, and enough time."""
        for _ in range(120):
            self.pass_time(1.0)
            for _ in range(20):
                for client in self.clients:
                    self.broker_turn(client)
                    self.client_turn(client)
                    self.finish(client, fails=False)


MOVES = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 1)),
    st.tuples(st.just("broker"), st.integers(0, 1)),
    st.tuples(st.just("broker"), st.integers(0, 1)),
    st.tuples(st.just("client"), st.integers(0, 1)),
    st.tuples(st.just("client"), st.integers(0, 1)),
    st.tuples(st.just("finish"), st.integers(0, 1)),
    st.tuples(st.just("fail"), st.integers(0, 1)),
    st.tuples(st.just("lose"), st.integers(0, 1)),
    st.tuples(st.just("crash early"), st.integers(0, 1)),
    st.tuples(st.just("crash late"), st.integers(0, 1)),
    st.tuples(st.just("time"), st.sampled_from([1, 5, 9, 30])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=60), st.booleans())
def test_nothing_is_lost_and_nothing_is_done_twice(moves: list[tuple[str, int]], heard: bool) -> None:
    """If each role hears of what the other takes, each message is heard of once, whatever happens."""
    world = World(Subscriptions({"x.v1": ["role0", "role1"]}) if heard else None)
    published: list[str] = []
    for move, number in moves:
        client = world.clients[number % 2]
        match move:
            case "publish":
                published.append(f"m{len(published)}")
                world.publish(client, published[-1])
            case "broker":
                world.broker_turn(client)
            case "client":
                world.client_turn(client)
            case "finish" | "fail":
                world.finish(client, fails=move == "fail")
            case "lose":
                world.connect(client)
            case "crash early":
                world.broker_turn(client, "before commit")
            case "crash late":
                world.broker_turn(client, "before a word")
            case "time":
                world.pass_time(number)
    world.settle_down()
    everything = [message_id + "+" * generation for message_id in published for generation in range(CHAIN)]
    told = [packet.envelope for packet in world.stored.values() if packet.envelope.type == NOTICE]
    assert sorted(str(notice.causationid) for notice in told) == (sorted(everything) if heard else [])
    assert sorted(world.settled) == sorted([*everything, *(notice.id for notice in told)]), "each once"
    assert world.open == {}
    assert [client.waits_for for client in world.clients] == [set(), set()]
    assert [agent["credit"] for agent in world.routing.health(world.now)["agents"]] == [1, 1]


def test_a_quiet_world_never_hears_stale() -> None:
    """The judge above lets a lost race be refused; without a fault there is none to lose."""
    world = World()
    for number in range(5):
        world.publish(world.clients[0], f"m{number}")
    world.settle_down()
    assert len(world.settled) == 5 * CHAIN
    assert [client.denied for client in world.clients] == [[], []]


def test_an_ack_whose_confirmation_died_with_the_broker_is_confirmed_by_the_next() -> None:
    world = World()
    world.publish(world.clients[0], "m")
    for _ in range(4):
        for client in world.clients:
            world.broker_turn(client)
            world.client_turn(client)
    (holder,) = [client for client in world.clients if client.work]
    world.finish(holder, fails=False)
    world.broker_turn(holder, "before a word")
    assert world.settled == ["m"]
    world.settle_down()
    assert holder.denied == []
    assert sorted(world.settled) == ["m", "m+", "m++"]
