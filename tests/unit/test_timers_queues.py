"""The two data structures under the routing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus.queues import RoleQueue
from guildbus.bus.timers import Timer, Timers

PLACES = st.lists(st.tuples(st.integers(-9, 0), st.integers(1, 10**6)), max_size=30, unique=True)


@settings(deadline=None)
@given(PLACES)
def test_a_queue_gives_the_highest_priority_then_the_oldest(places: list[tuple[int, int]]) -> None:
    queue = RoleQueue("q")
    for count, place in enumerate(places, start=1):
        assert queue.push(place) == count
    assert [queue.pop() for _ in places] == [seq for _, seq in sorted(places)]
    assert queue.pop() is None


@settings(deadline=None)
@given(PLACES, st.integers(1, 5), st.sets(st.integers(0, 29)))
def test_a_cut_keeps_the_first_that_are_alive(
    places: list[tuple[int, int]], keep: int, dead: set[int]
) -> None:
    queue = RoleQueue("q")
    gone = {place[1] for at, place in enumerate(places) if at in dead}
    for place in places:
        queue.push(place)
    out = queue.cut(keep, lambda seq: seq not in gone)
    alive = sorted(place for place in places if place[1] not in gone)
    assert out == [seq for _, seq in alive[keep:]]
    assert queue.beyond == (alive[keep] if out else None)
    assert all(queue.holds(place) for place in alive[:keep])
    assert not any(queue.holds(place) for place in alive[keep:])
    assert [queue.pop() for _ in alive[:keep]] == [seq for _, seq in alive[:keep]]


class Line:
    """Agents with credit in a queue's line."""

    def __init__(self, **credit: int) -> None:
        self.queue = RoleQueue("q")
        self.credit = credit
        for agent in credit:
            self.queue.join(agent, as_role=True)
            self.queue.offer(agent)

    def give(self, agent: str) -> None:
        self.credit[agent] += 1
        self.queue.offer(agent)

    def next(self) -> str | None:
        taker = self.queue.taker(lambda agent: self.credit[agent] > 0)
        if taker is not None:
            self.queue.took(taker)
            self.credit[taker] -= 1
        return taker


def test_consumers_take_turns() -> None:
    line = Line(a=2, b=2, c=2)
    assert [line.next() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", None]


def test_who_has_no_credit_keeps_its_turn() -> None:
    line = Line(a=0, b=3)
    assert [line.next(), line.next()] == ["b", "b"]
    line.give("a")
    assert [line.next(), line.next()] == ["a", "b"]


def test_who_leaves_is_not_asked() -> None:
    line = Line(a=1, b=1)
    line.queue.leave("a")
    line.queue.leave("nobody")
    line.queue.offer("a")
    assert [line.next(), line.next()] == ["b", None]


def test_a_thousand_consumers_without_credit_cost_nothing_after_the_first_look() -> None:
    line = Line(**{f"a{number}": 0 for number in range(1000)})
    assert line.next() is None
    looked = []
    line.give("a500")
    assert line.queue.taker(lambda agent: looked.append(agent) or True) == "a500"  # type: ignore[func-returns-value]
    assert looked == ["a500"]


def test_a_queue_stays_claimed_when_its_last_consumer_leaves() -> None:
    queue = RoleQueue("q")
    assert not queue.claimed
    queue.join("a", as_role=False)
    queue.leave("a")
    assert queue.claimed
    assert queue.deserted


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


def test_timers_that_mean_nothing_any_more_are_dropped() -> None:
    timers = Timers()
    for seq in range(10):
        timers.set("lease", 10.0 - seq, seq, 1)
    timers.keep(lambda timer: timer.seq % 2 == 0)
    assert len(timers) == 5
    assert [timer.seq for timer in timers.due(100)] == [8, 6, 4, 2, 0]
