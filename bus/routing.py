"""The broker's mind: one event in, a list of actions out. No I/O; the clock is an argument.

Its rules, each from design §3:

- a message is stored before anyone hears of it: journal actions come first, and the edge
  commits them before it sends the rest
- an acknowledgement settles its message and publishes its results in one list of actions
- a message belongs to one attempt at a time; only that attempt's number (the fencing token) may
  settle, fail or renew it, so the late answer of a zombie changes nothing
- a lease that runs out and an agent that dies mean redelivery; after `max_attempts`, the dead letters
- a queue is bounded, and a publisher that outruns it is told so

State is rebuilt by `restore` from what the journal calls unsettled. `queues.py` and `timers.py` hold
the two data structures; `broker.py` is the edge.
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
    Publish,
    RecordDelivery,
    RecordOutcome,
    RecordPresence,
    Renew,
    Send,
    Store,
    Tick,
    Unreachable,
    Unsettled,
)
from guildbus.bus.letters import accepted, obituary, refusal_of, stale
from guildbus.bus.queues import RoleQueue
from guildbus.bus.state import ConnectedAgent, Limits, QueuedMessage, health_report
from guildbus.bus.timers import Timer, Timers
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import GuildbusError, NoSession, QueueFull, Refused, Replaced
from guildbus.protocols.messages.control import AttemptFailure, MessageDied
from guildbus.protocols.wire import Kind, Packet

Answer = tuple[int, str, Literal["ack", "nack"]]
"""How a message's attempt was ended by the agent instance that had it."""


class Routing:
    """All that the broker knows. `apply` is the only way to change it."""

    def __init__(self, limits: Limits, broker_id: str, next_seq: int = 1) -> None:
        self.limits = limits
        self.broker_id = broker_id
        self._next_seq = next_seq
        self._messages: dict[str, QueuedMessage] = {}
        self._by_seq: dict[int, str] = {}
        self._queues: dict[str, RoleQueue] = {}
        self._agents: dict[str, ConnectedAgent] = {}
        self._peers: dict[Peer, str] = {}
        self._timers = Timers()
        self._held_by: dict[str, set[str]] = {}
        self._answered: dict[str, Answer] = {}
        self._replaced: set[str] = set()
        self._dead = 0

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
        acknowledgements, (id, attempt, agent instance): their senders may not have heard of it yet.
        """
        for message_id, attempt, instance in acked:
            self._remember_answer(message_id, (attempt, instance, "ack"))
        for item in unsettled:
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
            self._remember(message, now)
            if item.holder:
                self._hold(message, item.holder)
                self._lease(message, now)
            else:
                self._queue(item.queue).push(item.seq, item.priority)

    # -- events ------------------------------------------------------------------------------

    def _on_hello(self, hello: Hello, now: float) -> list[Action]:
        actions: list[Action] = []
        if f"{hello.agent}/{hello.incarnation}" in self._replaced:
            return [refusal_of(hello, Replaced("a newer incarnation has this name", where=hello.agent))]
        former = self._agents.get(hello.agent)
        if former is not None and former.incarnation != hello.incarnation:
            self._replaced.add(former.instance)
            actions += self._leave(former, "replaced by a new incarnation", now)
            former = None
        if former is not None and former.peer == hello.peer:
            # An impatient client asks again on the same connection, and there nothing gets lost.
            former.seen = now
            return [self._welcome(former)]
        if former is not None:
            self._peers.pop(former.peer, None)
        else:
            actions.append(RecordPresence(f"{hello.agent}/{hello.incarnation}", hello.role, joined=True))
        agent = ConnectedAgent(hello.agent, hello.role, hello.incarnation, hello.peer, now, hello.credit)
        agent.outstanding = set(hello.holding)
        for instance in list(self._held_by):
            if instance == agent.instance:
                actions += self._take_back(instance, "it was lost on the way", now, keep=hello.holding)
            elif instance.startswith(f"{agent.name}/"):
                actions += self._take_back(instance, "its agent was replaced by a new incarnation", now)
        self._agents[agent.name] = agent
        self._peers[agent.peer] = agent.name
        for name in agent.queues:
            self._queue(name).join(agent.name)
        actions.append(self._welcome(agent))
        return actions + self._dispatch(tuple(self._queues), now)

    def _welcome(self, agent: ConnectedAgent) -> Send:
        header: dict[str, Any] = {
            "broker": self.broker_id,
            "heartbeat_s": self.limits.heartbeat_s,
            "lease_s": self.limits.lease_s,
            "max_attempts": self.limits.max_attempts,
        }
        return Send(agent.peer, Kind.WELCOME, header)

    def _on_publish(self, event: Publish, agent: ConnectedAgent, now: float) -> list[Action]:
        envelope = event.packet.envelope
        if event.duplicate:
            return [accepted(event, duplicate=True)]
        refusal = self._refusal(event.packet)
        if refusal is not None:
            return [refusal_of(event, refusal)]
        actions = self._admit(event.packet, now)
        actions.append(accepted(event))
        return actions + self._dispatch((envelope.to,), now)

    def _on_ack(self, ack: Ack, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._held(ack.id, ack.attempt, agent)
        if message is None:
            return self._on_late_answer(ack, (ack.attempt, agent.instance, "ack"), agent, now)
        fresh = {p.envelope.id: p for p in ack.emits if p.envelope.id not in ack.duplicates}
        for packet in fresh.values():
            refusal = self._refusal(packet)
            if refusal is not None:
                return [refusal_of(ack, refusal)]
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, agent.instance, "settled")]
        self._forget(message)
        self._remember_answer(ack.id, (ack.attempt, agent.instance, "ack"))
        self._give_credit_back(ack, agent)
        for packet in fresh.values():
            actions += self._admit(packet, now)
        actions.append(accepted(ack))
        touched = (*agent.queues, *(packet.envelope.to for packet in fresh.values()))
        return actions + self._dispatch(touched, now)

    def _on_nack(self, nack: Nack, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._held(nack.id, nack.attempt, agent)
        if message is None:
            return self._on_late_answer(nack, (nack.attempt, agent.instance, "nack"), agent, now)
        actions = self._fail(message, nack.code, nack.reason, now, delay_s=nack.delay_s, fatal=nack.fatal)
        self._remember_answer(nack.id, (nack.attempt, agent.instance, "nack"))
        self._give_credit_back(nack, agent)
        actions.append(accepted(nack))
        return actions + self._dispatch(tuple(self._queues), now)

    def _on_late_answer(
        self, event: Ack | Nack, answer: Answer, agent: ConnectedAgent, now: float
    ) -> list[Action]:
        """Said before, and confirmed again; or the answer of a zombie."""
        self._give_credit_back(event, agent)
        said_before = self._answered.get(event.id) == answer
        reply = accepted(event, duplicate=True) if said_before else stale(event)
        return [reply, *self._dispatch(agent.queues, now)]

    def _on_renew(self, renew: Renew, agent: ConnectedAgent, now: float) -> list[Action]:
        message = self._held(renew.id, renew.attempt, agent)
        if message is None:
            return [stale(renew)]
        message.lease_until = now + self.limits.lease_s
        return []

    def _on_tick(self, now: float) -> list[Action]:
        actions: list[Action] = []
        for agent in list(self._agents.values()):
            if now - agent.seen > self.limits.silent_s:
                actions += self._leave(agent, f"silent for {now - agent.seen:.0f} s", now)
        for timer in self._timers.due(now):
            actions += self._on_timer(timer, now)
        return actions + self._dispatch(tuple(self._queues), now)

    def _on_timer(self, timer: Timer, now: float) -> list[Action]:
        message = self._messages.get(self._by_seq.get(timer.seq, ""))
        if message is None:
            return []
        queue = self._queue(message.queue)
        if timer.kind == "deadline":
            return self._die(message, "bus.expired", "its deadline passed", now)
        if timer.kind == "unclaimed":
            if queue.claimed:
                return []
            reason = f"no agent has ever taken messages to {message.queue!r}"
            return self._die(message, "bus.unclaimed", reason, now)
        if timer.attempt != message.attempt or (timer.kind == "lease") != bool(message.holder):
            return []
        if timer.kind == "delay":
            queue.push(message.seq, message.priority)
            return []
        if message.lease_until > now:
            self._timers.set("lease", message.lease_until, message.seq, message.attempt)
            return []
        return self._fail(message, "bus.lease", "its lease ran out", now)

    # -- what the events share -----------------------------------------------------------------

    def _refusal(self, packet: Packet) -> GuildbusError | None:
        envelope = packet.envelope
        if envelope.attempt or envelope.seq:
            return Refused("attempt and seq are the broker's to set", where="envelope")
        if envelope.hops > self.limits.max_hops:
            return Refused(f"hop limit of {self.limits.max_hops} reached", where=f"run {envelope.subject}")
        if envelope.to is not None and self._queue(envelope.to).backlog >= self.limits.queue_bound:
            return QueueFull(
                f"queue holds {self.limits.queue_bound} messages", where=envelope.to, remedy="try again later"
            )
        return None

    def _admit(self, packet: Packet, now: float) -> list[Action]:
        envelope = packet.envelope
        seq = self._next_seq
        self._next_seq += 1
        if envelope.to is not None:
            deadline = None if envelope.deadline is None else parse_time(envelope.deadline)
            message = QueuedMessage(
                seq,
                envelope.id,
                envelope.type,
                envelope.subject,
                envelope.to,
                envelope.priority,
                envelope.hops,
                deadline,
            )
            self._remember(message, now)
            self._queue(envelope.to).push(seq, envelope.priority)
        return [Store(seq, packet, envelope.to)]

    def _remember(self, message: QueuedMessage, now: float) -> None:
        self._messages[message.id] = message
        self._by_seq[message.seq] = message.id
        queue = self._queue(message.queue)
        queue.backlog += 1
        if message.deadline is not None:
            self._timers.set("deadline", message.deadline, message.seq, 0)
        if not queue.claimed:
            self._timers.set("unclaimed", now + self.limits.unclaimed_s, message.seq, 0)

    def _forget(self, message: QueuedMessage) -> None:
        del self._messages[message.id]
        del self._by_seq[message.seq]
        self._queue(message.queue).backlog -= 1
        self._release(message)

    def _remember_answer(self, message_id: str, answer: Answer) -> None:
        self._answered[message_id] = answer
        if len(self._answered) > self.limits.remembered_acks:
            del self._answered[next(iter(self._answered))]

    def _give_credit_back(self, answer: Ack | Nack, agent: ConnectedAgent) -> None:
        if (answer.id, answer.attempt) in agent.outstanding:
            agent.outstanding.remove((answer.id, answer.attempt))
            agent.credit += answer.credit

    def _held(self, message_id: str, attempt: int, agent: ConnectedAgent) -> QueuedMessage | None:
        message = self._messages.get(message_id)
        if message is None or message.holder != agent.instance or message.attempt != attempt:
            return None
        return message

    def _lease(self, message: QueuedMessage, now: float) -> None:
        message.lease_until = now + self.limits.lease_s
        self._timers.set("lease", message.lease_until, message.seq, message.attempt)

    def _fail(
        self,
        message: QueuedMessage,
        code: str,
        reason: str,
        now: float,
        *,
        delay_s: float = 0.0,
        fatal: bool = False,
    ) -> list[Action]:
        """One attempt is over without a result: try again, or give the message up."""
        agent = message.holder
        message.failures.append(
            AttemptFailure(attempt=message.attempt, agent=agent, code=code, reason=reason)
        )
        if fatal or message.attempt >= self.limits.max_attempts:
            return self._die(message, code, reason, now)
        self._release(message)
        if delay_s > 0:
            self._timers.set("delay", now + delay_s, message.seq, message.attempt)
        else:
            self._queue(message.queue).push(message.seq, message.priority)
        return [RecordOutcome(message.seq, message.attempt, agent, "failed", code, reason)]

    def _die(self, message: QueuedMessage, code: str, reason: str, now: float) -> list[Action]:
        """To the dead letters, and tell the role that closes runs."""
        holder = message.holder
        self._forget(message)
        self._dead += 1
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, holder, "dead", code, reason)]
        if self.limits.undertaker is not None and message.type != MessageDied.wire_type():
            actions += self._admit(
                obituary(message, code, reason, self.broker_id, self.limits.undertaker, now), now
            )
        return actions

    def _leave(self, agent: ConnectedAgent, reason: str, now: float) -> list[Action]:
        del self._agents[agent.name]
        self._peers.pop(agent.peer, None)
        for name in agent.queues:
            self._queue(name).leave(agent.name)
        actions: list[Action] = [RecordPresence(agent.instance, agent.role, joined=False, reason=reason)]
        actions += self._take_back(agent.instance, f"its agent {reason}", now)
        return actions + self._dispatch(tuple(self._queues), now)

    def _take_back(
        self, instance: str, reason: str, now: float, keep: frozenset[tuple[str, int]] = frozenset()
    ) -> list[Action]:
        """Fail the attempts of an agent instance, but for those that it still has in hand."""
        actions: list[Action] = []
        for message_id in sorted(self._held_by.get(instance, ())):
            message = self._messages[message_id]
            if (message_id, message.attempt) not in keep:
                actions += self._fail(message, "bus.agent_gone", reason, now)
        return actions

    def _hold(self, message: QueuedMessage, instance: str) -> None:
        message.holder = instance
        self._held_by.setdefault(instance, set()).add(message.id)

    def _release(self, message: QueuedMessage) -> None:
        held = self._held_by.get(message.holder, set())
        held.discard(message.id)
        if not held:
            self._held_by.pop(message.holder, None)
        message.holder = ""

    def _dispatch(self, names: Iterable[str | None], now: float) -> list[Action]:
        """Hand out what is ready to whoever has credit: what is for one agent before what is for its role.

        Records come before transmissions.
        """
        records: list[Action] = []
        deliveries: list[Action] = []
        for name in sorted(dict.fromkeys(names), key=lambda name: name not in self._agents):
            queue = self._queues.get(name) if name is not None else None
            while queue is not None and queue.ready:
                taker = next((a for a in queue.consumers() if self._agents[a].credit > 0), None)
                if taker is None:
                    break
                message = self._messages.get(self._by_seq.get(queue.pop(), ""))
                if message is None:
                    continue
                agent = self._agents[taker]
                queue.took(taker)
                agent.credit -= 1
                message.attempt += 1
                agent.outstanding.add((message.id, message.attempt))
                self._hold(message, agent.instance)
                self._lease(message, now)
                records.append(RecordDelivery(message.seq, message.attempt, agent.instance))
                deliveries.append(Deliver(agent.peer, message.seq, message.attempt, self.limits.lease_s))
        return records + deliveries

    def _queue(self, name: str) -> RoleQueue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = RoleQueue(name)
        return queue

    def _agent_at(self, peer: Peer) -> ConnectedAgent | None:
        name = self._peers.get(peer)
        return None if name is None else self._agents[name]

    # -- looking in --------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When `Tick` next has something to do, by the timers."""
        return self._timers.next_due()

    def health(self, now: float) -> dict[str, Any]:
        """What `guildbus status` shows: plain data for a HEARTBEAT header."""
        return health_report(
            self._agents.values(), self._messages.values(), self._queues.values(), self._dead, now
        )
