"""The two data structures under the routing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus.queues import RoleQueue
from guildbus.bus.timers import Timer, Timers


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=30))
def test_a_queue_gives_the_highest_priority_then_the_oldest(priorities: list[int]) -> None:
    queue = RoleQueue("q")
    for seq, priority in enumerate(priorities):
        queue.push(seq, priority)
    given_out = [queue.pop() for _ in priorities]
    assert given_out == sorted(range(len(priorities)), key=lambda seq: (-priorities[seq], seq))
    assert queue.ready == 0


def test_an_empty_queue_has_nothing() -> None:
    with pytest.raises(IndexError):
        RoleQueue("q").pop()


def test_consumers_take_turns() -> None:
    queue = RoleQueue("q")
    assert not queue.claimed
    for agent in ("a", "b", "c", "a"):
        queue.join(agent)
    assert queue.consumers() == ("a", "b", "c")
    queue.took("a")
    assert queue.consumers() == ("b", "c", "a")
    queue.leave("c")
    queue.leave("nobody")
    assert queue.consumers() == ("b", "a")


def test_a_queue_stays_claimed_when_its_last_consumer_leaves() -> None:
    queue = RoleQueue("q")
    queue.join("a")
    queue.leave("a")
    assert queue.claimed


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5)), max_size=30), st.floats(0, 100))
def test_timers_give_what_is_due_in_order_and_keep_the_rest(
    times: list[tuple[float, int]], now: float
) -> None:
    timers = Timers()
    for due, seq in times:
        timers.set("lease", due, seq, 1)
    ripe = timers.due(now)
    assert [timer.due for timer in ripe] == sorted(due for due, _ in times if due <= now)
    later = [due for due, _ in times if due > now]
    assert timers.next_due() == min(later, default=None)
    assert len(timers.due(100)) == len(later)


def test_a_timer_carries_what_it_was_set_for() -> None:
    timers = Timers()
    timers.set("delay", 5.0, 7, 2)
    assert timers.due(4.9) == []
    assert timers.due(5.0) == [Timer(5.0, 7, "delay", 2)]
    assert timers.next_due() is None
