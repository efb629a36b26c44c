"""Laws of the routing, under any sequence of events: a journal made of its records is the judge.

The judge (`Ledger`) knows only what the broker would have written to disk. It refuses every record
that breaks a promise, and it is what a new routing is restored from when the machine crashes one.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from guildbus.bus.events import (
    Ack,
    Action,
    Bye,
    Credit,
    Deliver,
    Event,
    Heartbeat,
    Hello,
    Nack,
    Publish,
    RecordDelivery,
    RecordOutcome,
    Renew,
    Send,
    Store,
    Tick,
    Unreachable,
)
from guildbus.bus.memory_log import MemoryLog, decide
from guildbus.bus.notices import NOTICE, Subscriptions
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import Withdrawn
from guildbus.protocols.wire import Kind, Packet

LIMITS = Limits(
    lease_s=10, silent_s=25, unclaimed_s=15, max_attempts=3, queue_bound=6, max_hops=3, undertaker="planner"
)
CANCEL = "run.cancelled.v1"
AGENTS = {"a": "q", "b": "q", "c": "planner"}


@dataclass
class Entry:
    """One stored message, as the journal would have it."""

    packet: Packet
    queue: str | None
    state: str
    attempt: int = 0
    holder: str = ""
    failures: list[tuple[int, str, str, str]] = field(default_factory=list)


class Ledger:
    """The journal, as a judge."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.ids: set[str] = set()
        self.acks: list[tuple[str, int, str]] = []
        self.obituaries: list[str] = []
        self.withdrawn: list[tuple[bytes, str, int]] = []

    def write(self, actions: list[Action]) -> None:
        """Take over the records of one event, in their order."""
        for action in actions:
            match action:
                case Store(seq, packet, queue):
                    assert seq == len(self.entries) + 1, "numbers have no gaps"
                    assert packet.envelope.id not in self.ids, "one id is stored once"
                    self.ids.add(packet.envelope.id)
                    self.entries[seq] = Entry(packet, queue, "announced" if queue is None else "open")
                    if packet.envelope.type == "message.died.v1":
                        self.obituaries.append(str(packet.envelope.causationid))
                case RecordDelivery(seq, attempt, agent):
                    entry = self.entries[seq]
                    assert entry.state == "open", "only open messages are handed out"
                    assert not entry.holder, "one attempt at a time"
                    assert attempt == entry.attempt + 1, "tokens grow by one"
                    lost = sum(code == "bus.lost" for _, _, code, _ in entry.failures)
                    assert attempt <= LIMITS.max_attempts + lost
                    entry.attempt, entry.holder = attempt, agent
                case RecordOutcome(seq, attempt, agent, outcome, code, reason):
                    entry = self.entries[seq]
                    assert entry.state == "open", "an end is final"
                    assert attempt == entry.attempt
                    assert agent == entry.holder, "only the holder's attempt ends"
                    assert agent or code in {"bus.expired", "bus.unclaimed", "bus.cancelled"}
                    assert (outcome == "cancelled") == (code == "bus.cancelled")
                    assert (outcome == "settled") == (not code), "a failure has its reason"
                    entry.holder = ""
                    if outcome == "failed":
                        entry.failures.append((attempt, agent, code, reason))
                    else:
                        entry.state = outcome
                    if outcome == "settled":
                        self.acks.append((entry.packet.envelope.id, attempt, agent))
                case Send(peer, Kind.ERROR, header) if header["code"] == Withdrawn.code:
                    entry = next(e for e in self.entries.values() if e.packet.envelope.id == header["id"])
                    assert not (entry.holder and entry.attempt == header["attempt"]), "it is its own"
                    self.withdrawn.append((peer, header["id"], header["attempt"]))
                case Deliver(_, seq, attempt, _):
                    entry = self.entries[seq]
                    assert (entry.state, entry.attempt) == ("open", attempt), "recorded before it is sent"
                    assert entry.holder


class Swarm(RuleBasedStateMachine):
    """Agents that say anything at any time, a clock, and brokers that crash."""

    limits = LIMITS
    heard: ClassVar[dict[str, tuple[str, ...]]] = {}
    handed_out = Bundle("handed_out")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.ledger = Ledger()
        self.log = MemoryLog()
        self.routing = Routing(self.limits, "b", subscriptions=Subscriptions(self.heard))
        self.incarnations = dict.fromkeys(AGENTS, 1)
        self.connections = 0
        self.peers: dict[str, bytes] = {}
        self.names = 0

    def tell(self, event: Event) -> list[Action]:
        actions = decide(self.routing, self.log, event, self.now)
        self.ledger.write(actions)
        stored = [action.packet for action in actions if isinstance(action, Store)]
        told = Counter(
            (str(notice.envelope.causationid), str(notice.envelope.to))
            for notice in stored
            if notice.envelope.type == NOTICE
        )
        subscribed = Counter(
            (packet.envelope.id, role)
            for packet in stored
            for role in self.heard.get(packet.envelope.type, ())
            if role != packet.envelope.to and packet.envelope.type != NOTICE
        )
        assert told == subscribed, "one notice a subscribing role, in the same transaction"
        return actions

    def packet(
        self,
        to: str | None,
        priority: int,
        hops: int,
        lives_s: float | None,
        wire_type: str = "x.v1",
        subject: str = "r",
    ) -> Packet:
        self.names += 1
        return Packet(
            Envelope(
                id=f"m{self.names}",
                source="t",
                type=wire_type,
                subject=subject,
                time=format_time(self.now),
                to=to,
                priority=priority,
                hops=hops,
                deadline=None if lives_s is None else format_time(self.now + lives_s),
            ),
            b"\x80",
        )

    agents = st.sampled_from(sorted(AGENTS))
    targets = st.sampled_from(["q", "q", "q", "planner", "a", "nobody", None])
    subjects = st.sampled_from(["r", "r", "other run"])
    lives = st.none() | st.none() | st.floats(0, 60)

    @rule(
        name=agents,
        restarted=st.booleans(),
        reconnects=st.booleans(),
        credit=st.integers(0, 3),
        data=st.data(),
    )
    def hello(self, name: str, restarted: bool, reconnects: bool, credit: int, data: st.DataObject) -> None:
        """An agent comes, comes back on a new connection, or asks again on its old one."""
        self.incarnations[name] += restarted
        if restarted or reconnects or name not in self.peers:
            self.connections += 1
            self.peers[name] = f"peer{self.connections}".encode()
        instance = f"{name}/{self.incarnations[name]}"
        held = [
            (entry.packet.envelope.id, entry.attempt)
            for entry in self.ledger.entries.values()
            if entry.holder == instance
        ]
        holding = frozenset(data.draw(st.sets(st.sampled_from(held)))) if held else frozenset()
        self.tell(Hello(self.peers[name], name, AGENTS[name], str(self.incarnations[name]), credit, holding))

    @precondition(lambda self: self.peers)
    @rule(
        to=targets,
        priority=st.integers(0, 9),
        hops=st.integers(0, 4),
        lives_s=lives,
        subject=subjects,
        data=st.data(),
    )
    def publish(
        self,
        to: str | None,
        priority: int,
        hops: int,
        lives_s: float | None,
        subject: str,
        data: st.DataObject,
    ) -> None:
        """Anyone publishes; what is confirmed is stored, and what is refused is not."""
        peer = data.draw(st.sampled_from(sorted(self.peers.values())))
        packet = self.packet(to, priority, hops, lives_s, subject=subject)
        actions = self.tell(Publish(peer, packet))
        confirmed = any(isinstance(a, Send) and a.kind is Kind.ACCEPTED for a in actions)
        assert confirmed == (packet.envelope.id in self.ledger.ids)
        again = self.tell(Publish(peer, packet, duplicate=packet.envelope.id in self.ledger.ids))
        if confirmed:
            assert not any(isinstance(a, Store) for a in again)

    @precondition(lambda self: self.peers)
    @rule(subject=subjects, data=st.data())
    def cancel(self, subject: str, data: st.DataObject) -> None:
        """All else that is open in the run ends; its holders that are here hear of it, each once."""
        peer = data.draw(st.sampled_from(sorted(self.peers.values())))
        cancellation = self.packet("planner", 9, 0, None, CANCEL, subject)
        entries = [entry for entry in self.ledger.entries.values() if entry.state == "open"]
        here = {
            f"{agent['name']}/{self.incarnations[agent['name']]}"
            for agent in self.routing.health(self.now)["agents"]
        }
        holders = {
            (entry.packet.envelope.id, entry.attempt)
            for entry in entries
            if entry.holder in here and entry.packet.envelope.subject == subject
        }
        self.ledger.withdrawn.clear()
        self.tell(Publish(peer, cancellation))
        if cancellation.envelope.id in self.ledger.ids:
            assert {e.state for e in entries if e.packet.envelope.subject == subject} <= {"cancelled"}
            assert sorted(told[1:] for told in self.ledger.withdrawn) == sorted(holders)
        assert {e.state for e in entries if e.packet.envelope.subject != subject} <= {"open"}

    @precondition(lambda self: self.peers and self.ledger.entries)
    @rule(
        target=handed_out,
        name=agents,
        how=st.sampled_from(["ack", "ack", "ack", "nack", "fatal", "renew"]),
        right=st.sampled_from([True, True, True, False]),
        emits=st.lists(st.tuples(targets, st.integers(0, 3)), max_size=2),
        delay_s=st.sampled_from([0.0, 0.0, 5.0, 40.0]),
        credit=st.integers(0, 2),
        data=st.data(),
    )
    def answer(
        self,
        name: str,
        how: str,
        right: bool,
        emits: list[tuple[str | None, int]],
        delay_s: float,
        credit: int,
        data: st.DataObject,
    ) -> Event:
        """An agent answers for a message that it holds, or for one that it does not."""
        instance = f"{name}/{self.incarnations[name]}"
        held = [seq for seq, entry in self.ledger.entries.items() if right and entry.holder == instance]
        entry = self.ledger.entries[data.draw(st.sampled_from(held or sorted(self.ledger.entries)))]
        message_id, attempt = entry.packet.envelope.id, max(1, entry.attempt - (not right))
        peer = self.peers.get(name, b"?")
        event: Event
        match how:
            case "ack":
                packets = tuple(self.packet(to, 4, hops, None) for to, hops in emits)
                event = Ack(peer, message_id, attempt, packets, credit=credit)
            case "renew":
                event = Renew(peer, message_id, attempt)
            case _:
                event = Nack(peer, message_id, attempt, "c", "r", delay_s, how == "fatal", credit)
        self.judge_answer(event, entry, instance, attempt)
        return event

    @rule(event=handed_out)
    def answer_again(self, event: Event) -> None:
        """What was said before is said again: confirmed or refused, but never done twice."""
        if isinstance(event, Ack):
            known = frozenset(p.envelope.id for p in event.emits if p.envelope.id in self.ledger.ids)
            event = Ack(event.peer, event.id, event.attempt, event.emits, known, event.credit)
        if isinstance(event, Ack | Nack | Renew):
            entry = next(e for e in self.ledger.entries.values() if e.packet.envelope.id == event.id)
            name = next((name for name, peer in self.peers.items() if peer == event.peer), "?")
            self.judge_answer(event, entry, f"{name}/{self.incarnations.get(name, 0)}", event.attempt)

    def judge_answer(self, event: Event, entry: Entry, instance: str, attempt: int) -> None:
        """A stale token changes nothing; a good one is confirmed or refused, and says so."""
        valid = entry.state == "open" and entry.holder == instance and entry.attempt == attempt
        state, failures = entry.state, len(entry.failures)
        actions = self.tell(event)
        if not valid:
            assert not any(isinstance(a, Store | RecordOutcome) for a in actions)
            assert (entry.state, len(entry.failures)) == (state, failures)
        if not isinstance(event, Renew):
            kinds = [a.kind for a in actions if isinstance(a, Send)]
            assert len(kinds) == 1
            assert kinds[0] in {Kind.ACCEPTED, Kind.ERROR}
            if valid and kinds == [Kind.ACCEPTED] and isinstance(event, Ack):
                assert entry.state == "settled"
                assert all(packet.envelope.id in self.ledger.ids for packet in event.emits)

    @rule(
        name=agents,
        what=st.sampled_from(["credit", "heartbeat", "bye", "unreachable"]),
        amount=st.integers(1, 3),
    )
    def control(self, name: str, what: str, amount: int) -> None:
        """Everything that is not about a message."""
        peer = self.peers.get(name, b"?")
        choices: dict[str, Event] = {
            "credit": Credit(peer, amount),
            "heartbeat": Heartbeat(peer),
            "bye": Bye(peer),
            "unreachable": Unreachable(peer),
        }
        self.tell(choices[what])

    @rule(seconds=st.sampled_from([0.5, 4.0, 11.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        """Leases, delays, deadlines and patience run out."""
        self.now += seconds
        self.tell(Tick())

    @rule()
    def broker_crashes(self) -> None:
        """A new one is made of the journal alone, and knows the same open messages."""
        before = {queue["role"]: queue["backlog"] for queue in self.routing.health(self.now)["queues"]}
        self.routing = Routing(
            self.limits,
            "b",
            next_seq=len(self.ledger.entries) + 1,
            subscriptions=Subscriptions(self.heard),
        )
        self.routing.restore(self.log.recovered(), self.now, self.ledger.acks)
        after = {queue["role"]: queue["backlog"] for queue in self.routing.health(self.now)["queues"]}
        assert after == {role: backlog for role, backlog in before.items() if backlog}
        self.peers.clear()

    @invariant()
    def credit_is_never_negative_and_never_idle(self) -> None:
        """Whoever has credit has been given what there is."""
        report = self.routing.health(self.now)
        ready = {queue["role"] for queue in report["queues"] if queue["ready"]}
        for agent in report["agents"]:
            assert agent["credit"] >= 0
            assert not agent["credit"] or not ready & {agent["name"], agent["role"]}

    @invariant()
    def memory_is_bounded(self) -> None:
        """Beside what is leased or delayed, a queue has no more in memory than it may."""
        ledger = self.routing._ledger
        here = Counter(message.queue for message in ledger.open.values() if message.ready)
        assert max(here.values(), default=0) <= 2 * self.limits.window
        assert {q.name: q.ready - q.paged for q in ledger.queues.values() if q.ready > q.paged} == here

    @invariant()
    def the_backlog_is_what_is_open(self) -> None:
        """The routing's counts agree with the journal."""
        backlog: dict[str, int] = {}
        for entry in self.ledger.entries.values():
            if entry.state == "open":
                backlog[str(entry.queue)] = backlog.get(str(entry.queue), 0) + 1
        report = self.routing.health(self.now)["queues"]
        assert {queue["role"]: queue["backlog"] for queue in report if queue["backlog"]} == backlog

    @invariant()
    def every_death_is_told_once(self) -> None:
        """One obituary a dead message, none for an obituary."""
        dead = [
            entry.packet.envelope.id
            for entry in self.ledger.entries.values()
            if entry.state == "dead" and entry.packet.envelope.type != "message.died.v1"
        ]
        assert sorted(self.ledger.obituaries) == sorted(dead)

    def teardown(self) -> None:
        """With one good agent a queue, everything ends."""
        self.now += 100
        self.tell(Tick())
        served = {"q": b"good-q", "planner": b"good-p", "a": b"good-a"}
        for role, peer in served.items():
            name = role if role == "a" else f"good-{role}"
            self.tell(Hello(peer, name, "other" if role == "a" else role, "999", 1))
        for _ in range(len(self.ledger.entries) * 2 + 5):
            self.now += 1
            for entry in list(self.ledger.entries.values()):
                if entry.holder.endswith("/999") and entry.queue in served:
                    self.tell(Ack(served[entry.queue], entry.packet.envelope.id, entry.attempt, credit=1))
        self.now += 50
        self.tell(Tick())
        assert {entry.state for entry in self.ledger.entries.values()} <= {
            "settled",
            "dead",
            "announced",
            "cancelled",
        }


class PagedSwarm(Swarm):
    """The same laws, when next to nothing of a queue is in memory."""

    limits = replace(LIMITS, window=1)


class HearingSwarm(PagedSwarm):
    """The same laws, and roles that hear of what is not theirs, obituaries among it."""

    heard: ClassVar[dict[str, tuple[str, ...]]] = {
        "x.v1": ("planner", "q"),
        "message.died.v1": ("planner", "q"),
        NOTICE: ("q",),
    }


SETTINGS = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSwarm = Swarm.TestCase
TestSwarm.settings = SETTINGS
TestPagedSwarm = PagedSwarm.TestCase
TestPagedSwarm.settings = SETTINGS
TestHearingSwarm = HearingSwarm.TestCase
TestHearingSwarm.settings = settings(SETTINGS, max_examples=20)
