"""The unsettled messages: admitted, waiting, held under a lease, failed, forgotten or dead. Pure.

This is the half of the broker's mind that knows messages; `routing.py` is the other, which knows agents. Each
method changes the state and returns the actions that make the change durable.
"""

from guildbus.bus.events import Action, Peer, RecordOutcome, Store
from guildbus.bus.letters import obituary, withdrawal
from guildbus.bus.queues import RoleQueue
from guildbus.bus.state import Limits, QueuedMessage
from guildbus.bus.timers import Timer, Timers
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import GuildbusError, QueueFull, Refused
from guildbus.protocols.messages.control import AttemptFailure, MessageDied
from guildbus.protocols.wire import Packet


class Ledger:
    """Every message without a final outcome; `held_by` has their ids by the agent instance that has them.

    `peers` is where an agent instance can be told that a delivery is withdrawn from it.
    """

    def __init__(self, limits: Limits, broker_id: str, next_seq: int) -> None:
        self.limits = limits
        self.broker_id = broker_id
        self.messages: dict[str, QueuedMessage] = {}
        self.queues: dict[str, RoleQueue] = {}
        self.timers = Timers()
        self.held_by: dict[str, set[str]] = {}
        self.peers: dict[str, Peer] = {}
        self.dead = 0
        self._next_seq = next_seq
        self._by_seq: dict[int, str] = {}

    def at(self, seq: int) -> QueuedMessage | None:
        """The unsettled message of this number."""
        return self.messages.get(self._by_seq.get(seq, ""))

    def refusal(self, packet: Packet) -> GuildbusError | None:
        """Why the broker does not take a message; None if it does."""
        envelope = packet.envelope
        if envelope.attempt or envelope.seq:
            return Refused("attempt and seq are the broker's to set", where="envelope")
        if envelope.hops > self.limits.max_hops:
            return Refused(f"hop limit of {self.limits.max_hops} reached", where=f"run {envelope.subject}")
        if envelope.to is not None and self.queue(envelope.to).backlog >= self.limits.queue_bound:
            return QueueFull(
                f"queue holds {self.limits.queue_bound} messages", where=envelope.to, remedy="try again later"
            )
        return None

    def admit(self, packet: Packet, now: float) -> list[Action]:
        """Number a message, and make it ready; an announcement is only stored, a cancellation also acts."""
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
            self.remember(message, now)
            self.queue(envelope.to).push(seq, envelope.priority)
        actions: list[Action] = [Store(seq, packet, envelope.to)]
        if envelope.type == self.limits.canceller:
            actions += self.cancel(envelope.subject, seq)
        return actions

    def cancel(self, subject: str, by_seq: int) -> list[Action]:
        """Message `by_seq` cancels all else that is open in its run: never redelivered, and not mourned."""
        records: list[Action] = []
        recalls: list[Action] = []
        for message in [m for m in self.messages.values() if m.subject == subject and m.seq != by_seq]:
            holder, reason = message.holder, "its run is cancelled"
            recalls += self.recall(message, reason)
            self.forget(message)
            records.append(
                RecordOutcome(message.seq, message.attempt, holder, "cancelled", "bus.cancelled", reason)
            )
        return records + recalls

    def recall(self, message: QueuedMessage, reason: str) -> list[Action]:
        """Tell the holder, if there is one and it is here, that the message is its no more."""
        peer = self.peers.get(message.holder)
        return [] if peer is None else [withdrawal(peer, message.id, message.attempt, reason)]

    def remember(self, message: QueuedMessage, now: float) -> None:
        """Keep an unsettled message, and set the timers that it starts with."""
        self.messages[message.id] = message
        self._by_seq[message.seq] = message.id
        queue = self.queue(message.queue)
        queue.backlog += 1
        if message.deadline is not None:
            self.timers.set("deadline", message.deadline, message.seq, 0)
        if not queue.claimed:
            self.timers.set("unclaimed", now + self.limits.unclaimed_s, message.seq, 0)

    def forget(self, message: QueuedMessage) -> None:
        """The message has its final outcome."""
        del self.messages[message.id]
        del self._by_seq[message.seq]
        self.queue(message.queue).backlog -= 1
        self.release(message)

    def held(self, message_id: str, attempt: int, instance: str) -> QueuedMessage | None:
        """The message, if this agent instance has this very attempt of it in hand."""
        message = self.messages.get(message_id)
        if message is None or message.holder != instance or message.attempt != attempt:
            return None
        return message

    def hold(self, message: QueuedMessage, instance: str) -> None:
        """An agent instance has the message now."""
        message.holder = instance
        self.held_by.setdefault(instance, set()).add(message.id)

    def release(self, message: QueuedMessage) -> None:
        """Nobody has the message now."""
        held = self.held_by.get(message.holder, set())
        held.discard(message.id)
        if not held:
            self.held_by.pop(message.holder, None)
        message.holder = ""

    def lease(self, message: QueuedMessage, now: float) -> None:
        """Start a lease."""
        message.lease_until = now + self.limits.lease_s
        self.timers.set("lease", message.lease_until, message.seq, message.attempt)

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
        if fatal or message.attempt >= self.limits.max_attempts:
            return self.die(message, code, reason, now)
        self.release(message)
        if delay_s > 0:
            self.timers.set("delay", now + delay_s, message.seq, message.attempt)
        else:
            self.queue(message.queue).push(message.seq, message.priority)
        return [RecordOutcome(message.seq, message.attempt, agent, "failed", code, reason)]

    def die(self, message: QueuedMessage, code: str, reason: str, now: float) -> list[Action]:
        """To the dead letters, and tell the role that closes runs."""
        holder = message.holder
        self.forget(message)
        self.dead += 1
        actions: list[Action] = [RecordOutcome(message.seq, message.attempt, holder, "dead", code, reason)]
        if self.limits.undertaker is not None and message.type != MessageDied.wire_type():
            actions += self.admit(
                obituary(message, code, reason, self.broker_id, self.limits.undertaker, now), now
            )
        return actions

    def take_back(
        self, instance: str, reason: str, now: float, keep: frozenset[tuple[str, int]] = frozenset()
    ) -> list[Action]:
        """Fail the attempts of an agent instance, but for those that it still has in hand."""
        actions: list[Action] = []
        for message_id in sorted(self.held_by.get(instance, ())):
            message = self.messages[message_id]
            if (message_id, message.attempt) not in keep:
                actions += self.fail(message, "bus.agent_gone", reason, now)
        return actions

    def ripen(self, timer: Timer, now: float) -> list[Action]:
        """A timer is due: what it means now, if anything."""
        message = self.at(timer.seq)
        if message is None:
            return []
        queue = self.queue(message.queue)
        if timer.kind == "deadline":
            recalls = self.recall(message, "its deadline passed")
            return self.die(message, "bus.expired", "its deadline passed", now) + recalls
        if timer.kind == "unclaimed":
            if queue.claimed:
                return []
            reason = f"no agent has ever taken messages to {message.queue!r}"
            return self.die(message, "bus.unclaimed", reason, now)
        if timer.attempt != message.attempt or (timer.kind == "lease") != bool(message.holder):
            return []
        if timer.kind == "delay":
            queue.push(message.seq, message.priority)
            return []
        if message.lease_until > now:
            self.timers.set("lease", message.lease_until, message.seq, message.attempt)
            return []
        recalls = self.recall(message, "its lease ran out")
        return self.fail(message, "bus.lease", "its lease ran out", now) + recalls

    def queue(self, name: str) -> RoleQueue:
        """The queue of a role or agent, made when it is first named."""
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = RoleQueue(name)
        return queue
