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

This file knows the agents; `ledger.py` is the half that knows the messages. State is rebuilt by `restore`
from what the journal calls unsettled; `broker.py` is the edge.
"""

from collections.abc import Iterable
from typing import Any, Literal

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
    Peer,
    PeerEvent,
    Publish,
    RecordDelivery,
    RecordOutcome,
    RecordPresence,
    Renew,
    Send,
    Tick,
    Unreachable,
    Unsettled,
)
from guildbus.bus.ledger import Ledger
from guildbus.bus.letters import accepted, refusal_of, stale, withdrawal
from guildbus.bus.permissions import Permissions
from guildbus.bus.state import ConnectedAgent, Limits, QueuedMessage, health_report
from guildbus.protocols.errors import NoSession, NotAllowed, Replaced
from guildbus.protocols.messages.control import AttemptFailure
from guildbus.protocols.wire import Kind

Answer = tuple[int, str, Literal["ack", "nack"]]
"""How a message's attempt was ended by the agent instance that had it."""


class Routing:
    """All that the broker knows. `apply` is the only way to change it."""

    def __init__(
        self, limits: Limits, broker_id: str, next_seq: int = 1, permissions: Permissions | None = None
    ) -> None:
        self.limits = limits
        self._permissions = permissions
        self.broker_id = broker_id
        self._ledger = Ledger(limits, broker_id, next_seq)
        self._agents: dict[str, ConnectedAgent] = {}
        self._peers: dict[Peer, str] = {}
        self._answered: dict[str, Answer] = {}
        self._replaced: set[str] = set()
        self._parked = 0

    # -- the way in ------------------------------------------------------------------------

    def apply(self, event: Event, now: float) -> list[Action]:
        """What to do about an event: journal records in order, then transmissions."""
        match event:
            case Hello():
                return self._on_hello(event, now)
            case Tick():
                return self._on_tick(now)
        agent = self._agent_at(event.peer)
        if agent is None:
            return [refusal_of(event, NoSession("say HELLO first", where="session"))]
        agent.seen = now
        denial = self._denial(event, agent)
        if denial is not None:
            return [refusal_of(event, denial)]
        match event:
            case Publish():
                return self._on_publish(event, agent, now)
            case Ack():
                return self._on_ack(event, agent, now)
            case Nack():
                return self._on_nack(event, agent, now)
            case Renew():
                return self._on_renew(event, agent, now)
            case Credit():
                agent.credit += event.amount
                return self._dispatch(agent.queues, now)
            case Heartbeat():
                agent.activity = event.activity
                health = {"health": self.health(now)} if event.wants_health else {}
                return [Send(agent.peer, Kind.HEARTBEAT, health)]
            case Bye():
                return self._leave(agent, "left", now)
            case Unreachable():
                return self._leave(agent, "unreachable", now)

    def restore(
        self, unsettled: Iterable[Unsettled], now: float, acked: Iterable[tuple[str, int, str]] = ()
    ) -> None:
        """Take up where a former broker stopped.

        A message that was out keeps its attempt and its holder for one lease: if that agent is still
        there, its answer counts; if not, the message is handed out again. `acked` are the latest
        acknowledgements, (id, attempt, agent instance): their senders may not have heard of it yet. Of other
        runs than `Limits.only_run` nothing is taken up.
        """
        for message_id, attempt, instance in acked:
            self._remember_answer(message_id, (attempt, instance, "ack"))
        for item in unsettled:
            if self.limits.only_run not in (None, item.subject):
                self._parked += 1
                continue
            message = QueuedMessage(
                item.seq,
                item.id,
                item.type,
                item.subject,
                item.queue,
                item.priority,
                item.hops,
                item.deadline,
            )
            message.attempt = item.attempt
            message.failures = [
                AttemptFailure(attempt=attempt, agent=agent, code=code, reason=reason)
                for attempt, agent, code, reason in item.failures
            ]
            self._ledger.remember(message, now)
            if item.holder:
                self._ledger.hold(message, item.holder)
                self._ledger.lease(message, now)
            else:
                self._ledger.queue(item.queue).push(item.seq, item.priority)

    # -- events ------------------------------------------------------------------------------

    def _on_hello(self, hello: Hello, now: float) -> list[Action]:
        actions: list[Action] = []
        if f"{hello.agent}/{hello.incarnation}" in self._replaced:
            return [refusal_of(hello, Replaced("a newer incarnation has this name", where=hello.agent))]
        speaking = self._agent_at(hello.peer)
        if speaking is not None and speaking.instance != f"{hello.agent}/{hello.incarnation}":
            return [refusal_of(hello, NotAllowed("this connection is another agent's", where="HELLO"))]
        former = self._agents.get(hello.agent)
        if former is not None and former.incarnation != hello.incarnation:
            self._replaced.add(former.instance)
            actions += self._leave(former, "replaced by a new incarnation", now)
            former = None
        if former is not None and former.peer == hello.peer:
            # An impatient client asks again on the same connection, and there nothing gets lost.
            former.seen = now
            former.batch = hello.batch
            return [self._welcome(former)]
        if former is not None:
            self._peers.pop(former.peer, None)
        else:
            actions.append(RecordPresence(f"{hello.agent}/{hello.incarnation}", hello.role, joined=True))
        agent = ConnectedAgent(hello.agent, hello.role, hello.incarnation, hello.peer, now, hello.credit)
        agent.outstanding = set(hello.holding)
        agent.batch = hello.batch
        for instance in list(self._ledger.held_by):
            if instance == agent.instance:
                actions += self._ledger.take_back(instance, "it was lost on the way", now, keep=hello.holding)
            elif instance.startswith(f"{agent.name}/"):
                actions += self._ledger.take_back(
                    instance, "its agent was replaced by a new incarnation", now
                )
        self._agents[agent.name] = agent
        self._peers[agent.peer] = agent.name
        self._ledger.peers[agent.instance] = agent.peer
        for name in agent.queues:
            self._ledger.queue(name).join(agent.name)
        actions.append(self._welcome(agent))
        actions += self._withdraw_lost(agent)
        return actions + self._dispatch(tuple(self._ledger.queues), now)

    def _withdraw_lost(self, agent: ConnectedAgent) -> list[Action]:
        """What it has in hand but may not settle any more, because that changed while it was away."""
        return [
            withdrawal(agent.peer, message_id, attempt, "it was taken back while its holder was away")
            for message_id, attempt in sorted(agent.outstanding)
            if self._ledger.held(message_id, attempt, agent.instance) is None
            and self._answered.get(message_id, ("",))[:2] != (attempt, agent.instance)
        ]

    def _welcome(self, agent: ConnectedAgent) -> Send:
        header: dict[str, Any] = {
            "broker": self.broker_id,
            "heartbeat_s": self.limits.heartbeat_s,
            "lease_s": self.limits.lease_s,
            "max_attempts": self.limits.max_attempts,
            "batch": True,
        }
        return Send(agent.peer, Kind.WELCOME, header)

    def _on_publish(self, event: Publish, agent: ConnectedAgent, now: float) -> list[Action]:
        envelope = event.packet.envelope
        if event.duplicate:
            return [accepted(event, duplicate=True)]
        refusal = self._ledger.refusal(event.packet)
        if refusal is not None:
            return [refusal_of(event, refusal)]
        actions = self._ledger.admit(event.packet, now)
        actions.append(accepted(event))
        return actions + self._dispatch((envelope.to,), now)

    def _on_ack(self, ack: Ack, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._ledger.held(ack.id, ack.attempt, agent.instance)
        if message is None:
            return self._on_late_answer(ack, (ack.attempt, agent.instance, "ack"), agent, now)
        fresh = {p.envelope.id: p for p in ack.emits if p.envelope.id not in ack.duplicates}
        for packet in fresh.values():
            refusal = self._ledger.refusal(packet)
            if refusal is not None:
                return [refusal_of(ack, refusal)]
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, agent.instance, "settled")]
        self._ledger.forget(message)
        self._remember_answer(ack.id, (ack.attempt, agent.instance, "ack"))
        self._give_credit_back(ack, agent)
        for packet in fresh.values():
            actions += self._ledger.admit(packet, now)
        actions.append(accepted(ack))
        touched = (*agent.queues, *(packet.envelope.to for packet in fresh.values()))
        return actions + self._dispatch(touched, now)

    def _on_nack(self, nack: Nack, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._ledger.held(nack.id, nack.attempt, agent.instance)
        if message is None:
            return self._on_late_answer(nack, (nack.attempt, agent.instance, "nack"), agent, now)
        actions = self._ledger.fail(
            message, nack.code, nack.reason, now, delay_s=nack.delay_s, fatal=nack.fatal
        )
        self._remember_answer(nack.id, (nack.attempt, agent.instance, "nack"))
        self._give_credit_back(nack, agent)
        actions.append(accepted(nack))
        return actions + self._dispatch(tuple(self._ledger.queues), now)

    def _on_late_answer(
        self, event: Ack | Nack, answer: Answer, agent: ConnectedAgent, now: float
    ) -> list[Action]:
        """Said before, and confirmed again; or the answer of a zombie."""
        self._give_credit_back(event, agent)
        said_before = self._answered.get(event.id) == answer
        reply = accepted(event, duplicate=True) if said_before else stale(event)
        return [reply, *self._dispatch(agent.queues, now)]

    def _on_renew(self, renew: Renew, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._ledger.held(renew.id, renew.attempt, agent.instance)
        if message is None:
            return [stale(renew)]
        message.lease_until = now + self.limits.lease_s
        return []

    def _on_tick(self, now: float) -> list[Action]:
        actions: list[Action] = []
        for agent in list(self._agents.values()):
            if now - agent.seen > self.limits.silent_s:
                actions += self._leave(agent, f"silent for {now - agent.seen:.0f} s", now)
        for timer in self._ledger.timers.due(now):
            actions += self._ledger.ripen(timer, now)
        return actions + self._dispatch(tuple(self._ledger.queues), now)

    # -- what the events share -----------------------------------------------------------------

    def _remember_answer(self, message_id: str, answer: Answer) -> None:
        self._answered[message_id] = answer
        if len(self._answered) > self.limits.remembered_acks:
            del self._answered[next(iter(self._answered))]

    def _give_credit_back(self, answer: Ack | Nack, agent: ConnectedAgent) -> None:
        if (answer.id, answer.attempt) in agent.outstanding:
            agent.outstanding.remove((answer.id, answer.attempt))
            agent.credit += answer.credit

    def _leave(self, agent: ConnectedAgent, reason: str, now: float) -> list[Action]:
        del self._agents[agent.name]
        self._peers.pop(agent.peer, None)
        self._ledger.peers.pop(agent.instance, None)
        for name in agent.queues:
            self._ledger.queue(name).leave(agent.name)
        actions: list[Action] = [RecordPresence(agent.instance, agent.role, joined=False, reason=reason)]
        actions += self._ledger.take_back(agent.instance, f"its agent {reason}", now)
        return actions + self._dispatch(tuple(self._ledger.queues), now)

    def _dispatch(self, names: Iterable[str | None], now: float) -> list[Action]:
        """Hand out what is ready to whoever has credit: what is for one agent before what is for its role.

        Records come before transmissions.
        """
        records: list[Action] = []
        deliveries: list[Action] = []
        for name in sorted(dict.fromkeys(names), key=lambda name: name not in self._agents):
            queue = self._ledger.queues.get(name) if name is not None else None
            while queue is not None and queue.ready:
                taker = next((a for a in queue.consumers() if self._agents[a].credit > 0), None)
                if taker is None:
                    break
                message = self._ledger.at(queue.pop())
                if message is None:
                    continue
                agent = self._agents[taker]
                queue.took(taker)
                agent.credit -= 1
                message.attempt += 1
                agent.outstanding.add((message.id, message.attempt))
                self._ledger.hold(message, agent.instance)
                self._ledger.lease(message, now)
                records.append(RecordDelivery(message.seq, message.attempt, agent.instance))
                deliveries.append(Deliver(agent.peer, message.seq, message.attempt, self.limits.lease_s))
        return records + deliveries

    def _denial(self, event: PeerEvent, agent: ConnectedAgent) -> NotAllowed | None:
        """Why this agent may not say this; without a table of permissions everybody may say everything."""
        if self._permissions is None:
            return None
        answered = self._ledger.messages.get(event.id) if isinstance(event, Ack) else None
        subject = None if answered is None else answered.subject
        return self._permissions.denial(event, role=agent.role, instance=agent.instance, answering=subject)

    def _agent_at(self, peer: Peer) -> ConnectedAgent | None:
        name = self._peers.get(peer)
        return None if name is None else self._agents[name]

    # -- looking in --------------------------------------------------------------------------

    def takes_batches(self, peer: Peer) -> bool:
        """Whether the agent at this address has said that it reads BATCH frames."""
        agent = self._agent_at(peer)
        return agent is not None and agent.batch

    def next_due(self) -> float | None:
        """When `Tick` next has something to do, by the timers."""
        return self._ledger.timers.next_due()

    def health(self, now: float) -> dict[str, Any]:
        """What `guildbus status` shows: plain data for a HEARTBEAT header."""
        report = health_report(
            self._agents.values(),
            self._ledger.messages.values(),
            self._ledger.queues.values(),
            self._ledger.dead,
            now,
        )
        return report | {"parked": self._parked}
