"""What time does to messages: leases and delays that run out, deadlines, queues that nobody takes from. Pure.

What is in memory has timers. Of what is not, only the earliest deadline is known; when it passes, the rows
are fetched and die like the others, a limited number a turn.
"""

from collections.abc import Iterable

from guildbus.bus.backlog import DEATHS_A_TURN
from guildbus.bus.events import Action, Fetch, Fetched
from guildbus.bus.ledger import Ledger
from guildbus.bus.queues import RoleQueue
from guildbus.bus.state import QueuedMessage
from guildbus.bus.timers import Timer


def tick(ledger: Ledger, now: float) -> list[Action]:
    """All that is due. Last comes what must be fetched for it."""
    actions: list[Action] = []
    fetches: list[Action] = []
    for timer in ledger.timers.due(now):
        actions += _ripen(ledger, timer, now)
    for queue in ledger.unclaimed(now):
        if queue.paged:
            fetches.append(
                Fetch(
                    "unclaimed", queue.name, below=ledger.next_seq, limit=DEATHS_A_TURN, serves=ledger.serves
                )
            )
        else:
            messages = [message for message in ledger.open.values() if message.queue == queue.name]
            for message in messages:
                ledger.unready(message)
            messages.sort(key=lambda message: (-message.priority, message.seq))
            actions += _bury(ledger, queue, messages, now)
    if ledger.paged_due is not None and ledger.paged_due <= now:
        fetches.append(Fetch("due", upto=now, limit=DEATHS_A_TURN, serves=ledger.serves))
    return actions + fetches


def fetched_due(ledger: Ledger, fetched: Fetched, now: float) -> list[Action]:
    """Messages whose deadline passed while they were not in memory."""
    actions: list[Action] = []
    ledger.paged_due = now if _is_full(fetched) else fetched.next_due
    for message in ledger.withhold(fetched.rows):
        actions += _expire(ledger, message, now)
    return actions


def fetched_unclaimed(ledger: Ledger, fetched: Fetched, now: float) -> list[Action]:
    """A long queue that nobody took from."""
    queue = ledger.queues.get(fetched.fetch.name)
    if queue is None or queue.claimed:
        return []
    actions = _bury(ledger, queue, ledger.withhold(fetched.rows), now)
    if _is_full(fetched):
        ledger.ask_again(queue, now)
    return actions


def fetched_page(ledger: Ledger, fetched: Fetched, now: float) -> list[Action]:
    """The next page of a queue. Damaged messages die on their way in."""
    ledger.take_page(fetched)
    actions: list[Action] = []
    for row in fetched.rows:
        message = ledger.open.get(row.seq) if row.damaged else None
        if message is not None:
            actions += ledger.die(message, "bus.damaged", row.damaged, now)
    return actions


def _is_full(fetched: Fetched) -> bool:
    return len(fetched.rows) == fetched.fetch.limit


def _ripen(ledger: Ledger, timer: Timer, now: float) -> list[Action]:
    message = ledger.open.get(timer.seq)
    if message is None or not ledger.means(timer):
        return []
    if timer.kind == "deadline":
        return _expire(ledger, message, now)
    if timer.kind == "delay":
        ledger.make_ready(message)
        return []
    if message.lease_until > now:
        ledger.set_timer("lease", message.lease_until, message)
        return []
    reason = "its lease ran out"
    recalls = ledger.recall(message, reason)
    return ledger.fail(message, "bus.lease", reason, now) + recalls


def _expire(ledger: Ledger, message: QueuedMessage, now: float) -> list[Action]:
    reason = "its deadline passed"
    recalls = ledger.recall(message, reason)
    return ledger.die(message, "bus.expired", reason, now) + recalls


def _bury(ledger: Ledger, queue: RoleQueue, messages: Iterable[QueuedMessage], now: float) -> list[Action]:
    actions: list[Action] = []
    reason = f"no agent has ever taken messages to {queue.name!r}"
    for message in messages:
        recalls = ledger.recall(message, reason)
        actions += ledger.die(message, "bus.unclaimed", reason, now) + recalls
    if queue.backlog:
        ledger.await_consumer(queue, now)
    return actions
