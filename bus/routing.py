"""The broker's mind: one event in, a list of actions out. No I/O; the clock is an argument.

Its rules, each from design §3:

- a message is stored before anyone hears of it: journal actions come first, and the edge
  commits them before it sends the rest
- an acknowledgement settles its message and publishes its results in one list of actions
- a message belongs to one attempt at a time; only that attempt's number (the fencing token) may
  settle, fail or renew it, so the late answer of a zombie changes nothing
- a lease that runs out and an agent that dies mean redelivery; after `max_attempts`, the dead letters
- a delivery that is taken back from an agent that is here is withdrawn: the agent hears it at once
- a queue is bounded, and a publisher that outruns it is told so

Nothing here looks through all messages, queues or agents for one event: a message costs O(log n). Given
the same events, times and ids it decides the same. `ledger.py` knows the messages, `attendance.py` the
agents; this file brings them together. `restore` rebuilds it from the journal; `broker.py` is the edge.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from guildbus.bus import ripening
from guildbus.bus.answers import Answer, Answers
from guildbus.bus.attendance import Attendance
from guildbus.bus.events import (
    Ack,
    Action,
    Bye,
    Credit,
    Deliver,
    Event,
    Fetch,
    Fetched,
    Heartbeat,
    Hello,
    Nack,
    Peer,
    PeerEvent,
    Publish,
    RecordDelivery,
    RecordOutcome,
    Recovered,
    Renew,
    Send,
    Spoiled,
    Tick,
    Unreachable,
)
from guildbus.bus.ledger import Ledger
from guildbus.bus.letters import accepted, refusal_of, stale, withdrawal
from guildbus.bus.notices import Subscriptions, is_copy
from guildbus.bus.permissions import Permissions
from guildbus.bus.state import ConnectedAgent, Limits, health_report
from guildbus.protocols import ids
from guildbus.protocols.errors import NoSession, NotAllowed
from guildbus.protocols.wire import Kind, Packet

Word = Publish | Ack | Nack | Renew | Credit | Heartbeat | Bye | Unreachable
"""What only an agent that has said HELLO may say."""


class Routing:
    """All that the broker knows. `apply` is the only way to change it."""

    def __init__(
        self,
        limits: Limits,
        broker_id: str,
        next_seq: int = 1,
        permissions: Permissions | None = None,
        new_id: Callable[[], str] = ids.new_message_id,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        """`new_id` names the messages that the broker itself writes."""
        self.limits = limits
        self._permissions = permissions
        self._ledger = Ledger(limits, broker_id, next_seq, new_id, subscriptions)
        self._attendance = Attendance(limits, broker_id, self._ledger)
        self._agents = self._attendance.agents
        self._answers = Answers(limits.remembered_acks)

    # -- the way in ------------------------------------------------------------------------

    def apply(self, event: Event, now: float) -> list[Action]:
        """What to do about an event: journal records in order, then transmissions, then what to fetch."""
        match event:
            case Publish() | Ack():  # the most frequent first
                actions = self._on_word(event, now)
            case Hello():
                actions = self._on_hello(event, now)
            case Tick():
                actions = self._attendance.silent(now) + ripening.tick(self._ledger, now)
            case Fetched():
                actions = self._on_fetched(event, now)
            case Spoiled():
                actions = self._on_spoiled(event, now)
            case _:
                actions = self._on_word(event, now)
        touched = self._ledger.touched
        if touched:
            self._ledger.touched = {}
            actions += self._dispatch(touched, now)
        return actions

    def _on_word(self, event: Word, now: float) -> list[Action]:
        """Something that only an agent of this session may say."""
        agent = self._attendance.at(event.peer)
        if agent is None:
            return [refusal_of(event, NoSession("say HELLO first", where="session"))]
        agent.seen = now
        denial = self._denial(event, agent)
        if denial is not None:
            return [refusal_of(event, denial)]
        match event:
            case Publish():
                return self._on_publish(event, now)
            case Ack():
                return self._on_ack(event, agent, now)
            case Nack():
                return self._on_nack(event, agent, now)
            case Renew():
                return self._on_renew(event, agent, now)
            case Credit():
                self._attendance.give_credit(agent, event.amount)
                return []
            case Heartbeat():
                agent.activity = event.activity
                health = {"health": self.health(now)} if event.wants_health else {}
                return [Send(agent.peer, Kind.HEARTBEAT, health)]
            case Bye():
                return self._attendance.leave(agent, "left", now)
            case Unreachable():
                return self._attendance.leave(agent, "unreachable", now)

    def restore(self, found: Recovered, now: float, acked: Iterable[tuple[str, int, str]] = ()) -> None:
        """Take up where a former broker stopped.

        A message that was out keeps its attempt and its holder for one lease: if that agent is still
        there, its answer counts; if not, the message is handed out again. `acked` are the latest
        acknowledgements, (id, attempt, agent instance): their senders may not have heard of it yet. Of other
        runs than `Limits.only_run` nothing is taken up.
        """
        for message_id, attempt, instance in acked:
            self._answers.remember(message_id, (attempt, instance, "ack"))
        holders = {row.seq: row.holder for row in found.held}
        for message in self._ledger.recover(found, now):
            self._ledger.hold(message, holders[message.seq], now)

    def renew_leases(self, now: float) -> None:
        """Give whoever holds a message a fresh lease: the broker stood still, and heard no answer."""
        self._ledger.renew_leases(now)

    # -- events ------------------------------------------------------------------------------

    def _on_hello(self, hello: Hello, now: float) -> list[Action]:
        actions = self._attendance.join(hello, now)
        agent = self._attendance.at(hello.peer)
        return actions if agent is None else actions + self._withdraw_lost(agent)

    def _withdraw_lost(self, agent: ConnectedAgent) -> list[Action]:
        """What it has in hand but may not settle any more, because that changed while it was away."""
        return [
            withdrawal(agent.peer, message_id, attempt, "it was taken back while its holder was away")
            for message_id, attempt in sorted(agent.outstanding)
            if self._ledger.held(message_id, attempt, agent.instance) is None
            and not self._answers.ended(message_id, attempt, agent.instance)
        ]

    def _on_publish(self, event: Publish, now: float, *, run_is_here: bool = False) -> list[Action]:
        if event.duplicate:
            return [accepted(event, duplicate=True)]
        copy = is_copy(event.packet.envelope)
        refusal = self._ledger.refusal(event.packet, copy=copy)
        if refusal is not None:
            return [refusal_of(event, refusal)]
        unknown = None if run_is_here else self._run_to_fetch(event, (event.packet,))
        if unknown is not None:
            return [unknown]
        actions = self._cancel_runs((event.packet,))
        actions += self._ledger.admit(event.packet, now, copy=copy)
        actions.append(accepted(event))
        return actions

    def _on_ack(
        self, ack: Ack, agent: ConnectedAgent, now: float, *, run_is_here: bool = False
    ) -> list[Action]:
        message = self._ledger.held(ack.id, ack.attempt, agent.instance)
        if message is None:
            return self._on_late_answer(ack, (ack.attempt, agent.instance, "ack"), agent)
        fresh = {p.envelope.id: p for p in ack.emits if p.envelope.id not in ack.duplicates}
        for packet in fresh.values():
            refusal = self._ledger.refusal(packet)
            if refusal is not None:
                return [refusal_of(ack, refusal)]
        unknown = None if run_is_here else self._run_to_fetch(ack, fresh.values())
        if unknown is not None:
            return [unknown]
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, agent.instance, "settled")]
        self._ledger.forget(message)
        self._answers.remember(ack.id, (ack.attempt, agent.instance, "ack"))
        self._give_credit_back(ack, agent)
        actions += self._cancel_runs(fresh.values())
        for packet in fresh.values():
            actions += self._ledger.admit(packet, now)
        actions.append(accepted(ack))
        return actions

    def _run_to_fetch(self, event: Publish | Ack, packets: Iterable[Packet]) -> Fetch | None:
        """A cancellation is one transaction, so first all of its run must be known."""
        if self._ledger.paged:
            for packet in packets:
                if packet.envelope.type == self.limits.canceller:
                    run = packet.envelope.subject
                    return Fetch("run", run, serves=self._ledger.serves, event=event)
        return None

    def _cancel_runs(self, packets: Iterable[Packet]) -> list[Action]:
        """A cancellation ends what is open in its run, but for itself and what is published with it."""
        actions: list[Action] = []
        for packet in packets:
            if packet.envelope.type == self.limits.canceller:
                actions += self._ledger.cancel(packet.envelope.subject)
        return actions

    def _on_nack(self, nack: Nack, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._ledger.held(nack.id, nack.attempt, agent.instance)
        if message is None:
            return self._on_late_answer(nack, (nack.attempt, agent.instance, "nack"), agent)
        actions = self._ledger.fail(
            message, nack.code, nack.reason, now, delay_s=nack.delay_s, fatal=nack.fatal
        )
        self._answers.remember(nack.id, (nack.attempt, agent.instance, "nack"))
        self._give_credit_back(nack, agent)
        actions.append(accepted(nack))
        return actions

    def _on_late_answer(self, event: Ack | Nack, answer: Answer, agent: ConnectedAgent) -> list[Action]:
        """Said before, and confirmed again; or the answer of a zombie."""
        self._give_credit_back(event, agent)
        said_before = self._answers.has(event.id, answer)
        return [accepted(event, duplicate=True) if said_before else stale(event)]

    def _on_renew(self, renew: Renew, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._ledger.held(renew.id, renew.attempt, agent.instance)
        if message is None:
            return [stale(renew)]
        message.lease_until = now + self.limits.lease_s
        return []

    def _on_fetched(self, fetched: Fetched, now: float) -> list[Action]:
        """What was asked for is here: go on where the asking was."""
        fetch = fetched.fetch
        match fetch.want:
            case "ready":
                actions = ripening.fetched_page(self._ledger, fetched, now)
                return actions + self._dispatch(fetch.queues, now)
            case "due":
                return ripening.fetched_due(self._ledger, fetched, now)
            case "unclaimed":
                return ripening.fetched_unclaimed(self._ledger, fetched, now)
            case "run":
                self._ledger.withhold(fetched.rows)
        agent = None if fetch.event is None else self._attendance.at(fetch.event.peer)
        match fetch.event:
            case Publish() if agent is not None:
                return self._on_publish(fetch.event, now, run_is_here=True)
            case Ack() if agent is not None:
                return self._on_ack(fetch.event, agent, now, run_is_here=True)
            case _:
                return []

    def _on_spoiled(self, event: Spoiled, now: float) -> list[Action]:
        """Nobody may have it any more; who was to get it just now has its credit back."""
        message = self._ledger.open.get(event.seq)
        if message is None:
            return []
        agent = self._agents.get(message.holder.partition("/")[0])
        if agent is not None and (message.id, message.attempt) in agent.outstanding:
            agent.outstanding.remove((message.id, message.attempt))
            self._attendance.give_credit(agent, 1)
        return self._ledger.die(message, "bus.damaged", event.reason, now)

    # -- what the events share -----------------------------------------------------------------

    def _give_credit_back(self, answer: Ack | Nack, agent: ConnectedAgent) -> None:
        if (answer.id, answer.attempt) in agent.outstanding:
            agent.outstanding.remove((answer.id, answer.attempt))
            self._attendance.give_credit(agent, answer.credit)

    def _dispatch(self, names: Collection[str], now: float) -> list[Action]:
        """Hand out what is ready to whoever has credit: what is for one agent before what is for its role.

        Records come before transmissions. If a queue is to give more than is in memory, the rest of the
        work waits for its next page.
        """
        records: list[Action] = []
        deliveries: list[Action] = []
        ordered = sorted(names, key=self._is_no_agent) if len(names) > 1 else list(names)
        for at, name in enumerate(ordered):
            queue = self._ledger.queues.get(name)
            while queue is not None and queue.ready:
                taker = queue.taker(self._has_credit)
                if taker is None:
                    break
                message = self._ledger.next_ready(queue)
                if message is None:
                    deliveries.append(self._ledger.page_of(queue, tuple(ordered[at:])))
                    return records + deliveries
                agent = self._agents[taker]
                queue.took(taker)
                agent.credit -= 1
                message.attempt += 1
                agent.outstanding.add((message.id, message.attempt))
                self._ledger.hold(message, agent.instance, now)
                records.append(RecordDelivery(message.seq, message.attempt, agent.instance))
                deliveries.append(Deliver(agent.peer, message.seq, message.attempt, self.limits.lease_s))
        return records + deliveries

    def _has_credit(self, name: str) -> bool:
        return self._agents[name].credit > 0

    def _is_no_agent(self, name: str) -> bool:
        return name not in self._agents

    def _denial(self, event: PeerEvent, agent: ConnectedAgent) -> NotAllowed | None:
        """Why this agent may not say this; without a table of permissions everybody may say everything."""
        if self._permissions is None:
            return None
        answered = self._ledger.leased.get(event.id) if isinstance(event, Ack) else None
        subject = None if answered is None else answered.subject
        return self._permissions.denial(event, role=agent.role, instance=agent.instance, answering=subject)

    # -- looking in --------------------------------------------------------------------------

    def takes_batches(self, peer: Peer) -> bool:
        """Whether the agent at this address has said that it reads BATCH frames."""
        agent = self._attendance.at(peer)
        return agent is not None and agent.batch

    def is_patient(self, peer: Peer) -> bool:
        """Whether the agent at this address lets its confirmations wait a moment."""
        agent = self._attendance.at(peer)
        return agent is not None and agent.patient

    def next_due(self) -> float | None:
        """When `Tick` next has something to do, by the timers."""
        return self._ledger.next_due()

    def health(self, now: float) -> dict[str, Any]:
        """What `guildbus status` shows: plain data for a HEARTBEAT header."""
        ledger = self._ledger
        report = health_report(self._agents.values(), ledger.held_by, ledger.queues.values(), now)
        return report | {"dead": ledger.dead, "parked": ledger.parked, "published": ledger.next_seq - 1}
