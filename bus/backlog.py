"""Which open messages are in memory, and what is known of the others. Pure.

A queue keeps the front of its ready messages here: at most twice `window`, then the worse half goes out. What
is out is only counted, because the journal has it; it comes back a page at a time, in the order that one
large heap would have. So memory is bounded by the window times the queues, beside what is leased or delayed.

`ledger.py` builds on this, and says what happens to messages.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from guildbus.bus.events import Fetch, Fetched, Recovered, Unsettled
from guildbus.bus.queues import RoleQueue
from guildbus.bus.state import Limits, QueuedMessage
from guildbus.bus.timers import Timer, TimerKind, Timers
from guildbus.protocols.messages.control import AttemptFailure

LOST: Final = "bus.lost"
"""Why an attempt failed whose delivery never reached its agent."""
FRONT: Final = (-10, 0)
"""Before every place in a queue."""
PAGE: Final = 1024
"""So many messages come back at once, at most: nobody is served meanwhile."""
DEATHS_A_TURN: Final = 500
"""So many paged-out messages die in one turn; the next tick goes on with the rest."""


class Backlog:
    """`open` are the messages in memory, by seq; `touched` the queues that have got something to hand out."""

    def __init__(self, limits: Limits, next_seq: int) -> None:
        self.limits = limits
        self.next_seq = next_seq
        self.serves = None if limits.only_run is None else (limits.only_run, next_seq)
        self.open: dict[int, QueuedMessage] = {}
        self.queues: dict[str, RoleQueue] = {}
        self.timers = Timers()
        self.touched: dict[str, None] = {}
        self.paged = 0
        self.paged_due: float | None = None
        self.parked = 0
        self._patience: deque[tuple[float, str]] = deque()

    # -- queues ------------------------------------------------------------------------------

    def queue(self, name: str) -> RoleQueue:
        """The queue of a role or agent, made when it is first named."""
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = RoleQueue(name)
        return queue

    def drop_if_deserted(self, queue: RoleQueue) -> None:
        """Names that come once must not stay for ever; roles come again."""
        if not queue.is_role and queue.deserted:
            self.queues.pop(queue.name, None)

    def await_consumer(self, queue: RoleQueue, now: float) -> None:
        """Something waits: if nobody ever took from here, not for long."""
        if not queue.claimed and queue.unclaimed_due is None:
            queue.unclaimed_due = now + self.limits.unclaimed_s
            self._patience.append((queue.unclaimed_due, queue.name))

    def ask_again(self, queue: RoleQueue, now: float) -> None:
        """Not all that waits in vain is gone yet: go on at the next tick."""
        queue.unclaimed_due = now
        self._patience.appendleft((now, queue.name))

    def unclaimed(self, now: float) -> Iterator[RoleQueue]:
        """The queues that waited too long for somebody to take from them."""
        over: list[RoleQueue] = []
        while self._patience and self._patience[0][0] <= now:
            due, name = self._patience.popleft()
            queue = self.queues.get(name)
            if queue is not None and queue.unclaimed_due == due and not queue.claimed:
                queue.unclaimed_due = None
                over.append(queue)
        yield from over

    # -- in and out of memory ----------------------------------------------------------------

    def make_ready(self, message: QueuedMessage) -> None:
        """The message waits for an agent: in memory if it is among the first, else in the journal."""
        queue = self.queue(message.queue)
        queue.ready += 1
        place = (-message.priority, message.seq)
        if not queue.holds(place):
            self._page_out(queue, message)
            return
        message.ready = True
        self.touched[queue.name] = None
        if queue.push(place) > 2 * self.limits.window:
            for seq in queue.cut(self.limits.window, self._is_ready):
                self._page_out(queue, self.open[seq])

    def count_out(self, queue: RoleQueue, deadline: float | None) -> None:
        """One ready message more that only the journal has."""
        queue.paged += 1
        self.paged += 1
        if deadline is not None:
            self.paged_due = deadline if self.paged_due is None else min(self.paged_due, deadline)

    def _page_out(self, queue: RoleQueue, message: QueuedMessage) -> None:
        message.ready = False
        del self.open[message.seq]
        self.count_out(queue, message.deadline)

    def _is_ready(self, seq: int) -> bool:
        message = self.open.get(seq)
        return message is not None and message.ready

    def next_ready(self, queue: RoleQueue) -> QueuedMessage | None:
        """Take the first ready message that is in memory. None: if there are more, a page must be fetched."""
        while (seq := queue.pop()) is not None:
            message = self.open.get(seq)
            if message is not None and message.ready:
                return message
        return None

    def page_of(self, queue: RoleQueue, queues: tuple[str, ...]) -> Fetch:
        """Ask for the next page of a queue; `queues` are to be served then."""
        return Fetch(
            "ready",
            queue.name,
            after=queue.beyond,
            limit=min(self.limits.window, PAGE),
            serves=self.serves,
            queues=queues,
        )

    def take_page(self, fetched: Fetched) -> None:
        """Put a page of ready messages into memory, unless things have changed since it was asked for."""
        queue = self.queues.get(fetched.fetch.name)
        if queue is None or queue.beyond != fetched.fetch.after:
            return
        for row in fetched.rows:
            message = self._load(row)
            if message is not None:
                message.ready = True
                queue.push((-row.priority, row.seq))
                if message.deadline is not None:
                    self.set_timer("deadline", message.deadline, message)
        if queue.paged and fetched.next_place is not None:
            queue.beyond = fetched.next_place
        elif queue.paged:
            # The journal could not read them, or found them to be settled: waiting for them is in vain.
            queue.backlog -= queue.paged
            queue.ready -= queue.paged
            self.paged -= queue.paged
            queue.paged = 0
            queue.beyond = None

    def _load(self, row: Unsettled) -> QueuedMessage | None:
        """A message that was out, in memory; None if it was not."""
        queue = self.queues.get(row.queue)
        if row.seq in self.open or queue is None or not queue.paged:
            return None
        message = self.open[row.seq] = _message(row)
        queue.paged -= 1
        self.paged -= 1
        if not queue.paged:
            queue.beyond = None
        return message

    def withhold(self, rows: Iterable[Unsettled]) -> list[QueuedMessage]:
        """Open messages that are about to end, in memory and not ready any more."""
        messages: list[QueuedMessage] = []
        for row in rows:
            message = self._load(row)
            if message is not None:
                self.queues[row.queue].ready -= 1
            elif row.seq in self.open:
                message = self.open[row.seq]
                self.unready(message)
            if message is not None:
                messages.append(message)
        return messages

    def unready(self, message: QueuedMessage) -> None:
        """If it waited for an agent, it does so no more."""
        if message.ready:
            message.ready = False
            self.queues[message.queue].ready -= 1

    def recover(self, found: Recovered, now: float) -> list[QueuedMessage]:
        """Start from a journal. What waits stays there until it is wanted; gives back those that are held."""
        for name, number in found.waiting.items():
            queue = self.queue(name)
            queue.backlog += number
            queue.ready += number
            queue.paged += number
            self.paged += number
            queue.beyond = FRONT
            self.await_consumer(queue, now)
        self.parked, self.paged_due = found.parked, found.next_due
        held: list[QueuedMessage] = []
        for row in found.held:
            message = self.open[row.seq] = _message(row)
            queue = self.queue(row.queue)
            queue.backlog += 1
            self.await_consumer(queue, now)
            if message.deadline is not None:
                self.set_timer("deadline", message.deadline, message)
            held.append(message)
        return held

    # -- time --------------------------------------------------------------------------------

    def set_timer(self, kind: TimerKind, due: float, message: QueuedMessage) -> None:
        """Remember to look at a message; forget the timers that mean nothing when they are the most."""
        self.timers.set(kind, due, message.seq, message.attempt)
        if len(self.timers) > 4 * len(self.open) + 1024:
            self.timers.keep(self.means)

    def means(self, timer: Timer) -> bool:
        """Whether a timer is about how things stand now."""
        message = self.open.get(timer.seq)
        if message is None:
            return False
        if timer.kind == "deadline":
            return True
        return timer.attempt == message.attempt and (timer.kind == "lease") == bool(message.holder)

    def next_due(self) -> float | None:
        """When a tick next has something to do."""
        dues = [self.timers.next_due(), self.paged_due, self._patience[0][0] if self._patience else None]
        return min((due for due in dues if due is not None), default=None)


def _message(row: Unsettled) -> QueuedMessage:
    message = QueuedMessage(
        row.seq, row.id, row.type, row.subject, row.queue, row.priority, row.hops, row.deadline, row.attempt
    )
    if row.failures:
        message.lost = sum(code == LOST for _, _, code, _ in row.failures)
        message.failures = [
            AttemptFailure(attempt=attempt, agent=agent, code=code, reason=reason)
            for attempt, agent, code, reason in row.failures
        ]
    return message
