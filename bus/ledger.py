"""The unsettled messages: admitted, waiting, held under a lease, failed, forgotten or dead. Pure.

This is the half of the broker's mind that knows messages; `routing.py` is the other, which knows agents. Each
method changes the state and returns the actions that make the change durable.

In memory are the messages that are leased or delayed, and the front of each queue. The rest of a long queue
is a number here and rows in the journal; `backlog.py` moves messages in and out.
"""

from collections.abc import Callable
from typing import Final

from guildbus.bus.backlog import LOST, Backlog
from guildbus.bus.events import Action, Peer, RecordOutcome, Store
from guildbus.bus.letters import obituary, withdrawal
from guildbus.bus.notices import NOTICE, Subscriptions, notice_of
from guildbus.bus.state import Limits, QueuedMessage
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import GuildbusError, QueueFull, Refused, TooMany
from guildbus.protocols.messages.control import AttemptFailure, MessageDied
from guildbus.protocols.wire import Packet

MOST_LOST: Final = 100
"""An attempt that never reached its agent counts as none, but for a message that is lost again and again."""


class Ledger(Backlog):
    """Every message without a final outcome.

    `leased` has by id those that an agent has, `held_by` the same by the agent's name. `peers` is where an
    agent instance can be told that a delivery is withdrawn from it.
    """

    def __init__(
        self,
        limits: Limits,
        broker_id: str,
        next_seq: int,
        new_id: Callable[[], str],
        subscriptions: Subscriptions | None = None,
    ) -> None:
        super().__init__(limits, next_seq)
        self.broker_id = broker_id
        self.leased: dict[str, QueuedMessage] = {}
        self.held_by: dict[str, dict[str, QueuedMessage]] = {}
        self.peers: dict[str, Peer] = {}
        self.dead = 0
        self._new_id = new_id
        self._subscriptions = subscriptions or Subscriptions()

    # -- in ----------------------------------------------------------------------------------

    def refusal(self, packet: Packet, *, copy: bool = False) -> GuildbusError | None:
        """Why the broker does not take a message; None if it does. A `copy` has no notices."""
        envelope = packet.envelope
        if envelope.attempt or envelope.seq:
            return Refused("attempt and seq are the broker's to set", where="envelope")
        if envelope.hops > self.limits.max_hops:
            return Refused(f"hop limit of {self.limits.max_hops} reached", where=f"run {envelope.subject}")
        heard = () if copy else self._subscriptions.roles(envelope)
        names = heard if envelope.to is None else (envelope.to, *heard)
        missing = 0
        for name in names:
            queue = self.queues.get(name)
            if queue is None:
                missing += 1
            elif queue.backlog >= self.limits.queue_bound:
                return QueueFull(
                    f"queue holds {self.limits.queue_bound} messages", where=name, remedy="try again later"
                )
        return self.no_room(missing) if missing else None

    def no_room(self, names: int) -> GuildbusError | None:
        """Why there can be no more queues; None if there can. Roles that nobody has make room."""
        spare = self.limits.max_queues - names - len(self.queues)
        if spare < 0:
            for queue in [queue for queue in self.queues.values() if queue.deserted][:-spare]:
                del self.queues[queue.name]
                spare += 1
        if spare >= 0:
            return None
        return TooMany(f"there are {len(self.queues)} queues", where="broker", remedy="raise max_queues")

    def admit(self, packet: Packet, now: float, *, copy: bool = False) -> list[Action]:
        """Number a message, make it ready, and tell its subscribers; an announcement is only stored.

        Of a `copy` nobody is told.
        """
        seq = self.next_seq
        actions = self._enter(packet, now)
        if not copy:
            for role in self._subscriptions.roles(packet.envelope):
                notice = notice_of(packet, seq, role, self.broker_id, now, self._new_id())
                actions += self._enter(notice, now)
        return actions

    def _enter(self, packet: Packet, now: float) -> list[Action]:
        envelope = packet.envelope
        seq = self.next_seq
        self.next_seq += 1
        actions: list[Action] = [Store(seq, packet, envelope.to)]
        if envelope.to is None:
            return actions
        queue = self.queue(envelope.to)
        queue.backlog += 1
        self.await_consumer(queue, now)
        deadline = None if envelope.deadline is None else parse_time(envelope.deadline)
        if queue.holds((-envelope.priority, seq)):
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
            self.open[seq] = message
            self.make_ready(message)
            if deadline is not None and seq in self.open:
                self.set_timer("deadline", deadline, message)
        else:
            queue.ready += 1
            self.count_out(queue, deadline)
        return actions

    # -- held --------------------------------------------------------------------------------

    def held(self, message_id: str, attempt: int, instance: str) -> QueuedMessage | None:
        """The message, if this agent instance has this very attempt of it in hand."""
        message = self.leased.get(message_id)
        if message is None or message.holder != instance or message.attempt != attempt:
            return None
        return message

    def hold(self, message: QueuedMessage, instance: str, now: float) -> None:
        """An agent instance has the message now, under a lease."""
        queue = self.queues[message.queue]
        self.unready(message)
        queue.leased += 1
        message.holder = instance
        self.leased[message.id] = message
        self.held_by.setdefault(instance.partition("/")[0], {})[message.id] = message
        message.lease_until = now + self.limits.lease_s
        self.set_timer("lease", message.lease_until, message)

    def release(self, message: QueuedMessage) -> None:
        """Nobody has the message now."""
        if not message.holder:
            return
        self.queues[message.queue].leased -= 1
        name = message.holder.partition("/")[0]
        held = self.held_by[name]
        del held[message.id]
        if not held:
            del self.held_by[name]
        del self.leased[message.id]
        message.holder = ""

    def renew_leases(self, now: float) -> None:
        """A fresh lease for whoever holds a message."""
        for message in self.leased.values():
            message.lease_until = now + self.limits.lease_s

    def recall(self, message: QueuedMessage, reason: str) -> list[Action]:
        """Tell the holder, if there is one and it is here, that the message is its no more."""
        peer = self.peers.get(message.holder)
        return [] if peer is None else [withdrawal(peer, message.id, message.attempt, reason)]

    # -- out ---------------------------------------------------------------------------------

    def forget(self, message: QueuedMessage) -> None:
        """The message has its final outcome."""
        self.release(message)
        self.unready(message)
        del self.open[message.seq]
        queue = self.queues[message.queue]
        queue.backlog -= 1
        if not queue.backlog:
            queue.unclaimed_due = None
            self.drop_if_deserted(queue)

    def fail(
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
        message.lost += code == LOST
        attempts = message.attempt - message.lost
        if fatal or attempts >= self.limits.max_attempts or message.lost >= MOST_LOST:
            return self.die(message, code, reason, now)
        self.release(message)
        if delay_s > 0:
            self.set_timer("delay", now + delay_s, message)
        else:
            self.make_ready(message)
        return [RecordOutcome(message.seq, message.attempt, agent, "failed", code, reason)]

    def die(self, message: QueuedMessage, code: str, reason: str, now: float) -> list[Action]:
        """To the dead letters, and tell the role that closes runs.

        A notice's death is announced only: whoever listens in is not what its run depends on.
        """
        holder = message.holder
        self.forget(message)
        self.dead += 1
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, holder, "dead", code, reason)]
        to = self.limits.undertaker
        if to is not None and message.type != MessageDied.wire_type():
            taker = None if message.type == NOTICE else to
            letter = obituary(message, code, reason, self.broker_id, taker, now, self._new_id())
            actions += self.admit(letter, now)
        return actions

    def cancel(self, subject: str) -> list[Action]:
        """All that is open in a run ends now: never redelivered, and not mourned. It is all in memory."""
        records: list[Action] = []
        recalls: list[Action] = []
        for message in [m for m in self.open.values() if m.subject == subject]:
            holder, reason = message.holder, "its run is cancelled"
            recalls += self.recall(message, reason)
            self.forget(message)
            records.append(
                RecordOutcome(message.seq, message.attempt, holder, "cancelled", "bus.cancelled", reason)
            )
        return records + recalls

    def take_back(self, agent: str, reason: str, now: float) -> list[Action]:
        """An agent is gone: fail all its attempts."""
        actions: list[Action] = []
        for message in list(self.held_by.get(agent, {}).values()):
            actions += self.fail(message, "bus.agent_gone", reason, now)
        return actions

    def take_back_lost(
        self, agent: str, instance: str, keep: frozenset[tuple[str, int]], now: float
    ) -> list[Action]:
        """An agent is back on a new connection: what it was sent and has not in hand never reached it."""
        actions: list[Action] = []
        for message in list(self.held_by.get(agent, {}).values()):
            if message.holder != instance:
                reason = "its agent was replaced by a new incarnation"
                actions += self.fail(message, "bus.agent_gone", reason, now)
            elif (message.id, message.attempt) not in keep:
                actions += self.fail(message, LOST, "it was lost on the way", now)
        return actions
