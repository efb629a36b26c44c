"""Queues that are longer than memory: paged, the routing decides what it would with all in memory."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guildbus.bus.events import Ack, Bye, Credit, Deliver, Fetch, Nack, Spoiled, Store
from guildbus.bus.memory_log import MemoryLog
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import StaleAttempt
from routing_desk import Desk, died, packet

LIMITS = Limits(lease_s=10, silent_s=1000, unclaimed_s=60, max_attempts=3, undertaker="planner", window=2)
ROLES = {"a": "q", "b": "q", "p": "planner"}


# -- the law ---------------------------------------------------------------------------------


@dataclass
class Pair:
    """The same events for a routing with next to nothing in memory, and for one with everything."""

    paged: Desk
    whole: Desk

    @classmethod
    def of(cls, window: int, undertaker: str | None) -> "Pair":
        limits = replace(LIMITS, undertaker=undertaker)
        return cls(Desk(replace(limits, window=window)), Desk(replace(limits, window=10**6)))

    def each(self, what: str, *values: Any) -> None:
        for desk in (self.paged, self.whole):
            getattr(desk, what)(*values)
        mine, its = self.paged.out, self.whole.out
        assert [a for a in mine if isinstance(a, Deliver)] == [a for a in its if isinstance(a, Deliver)]
        assert sorted(map(repr, mine)) == sorted(map(repr, its))
        assert self.paged.routing.health(0) == self.whole.routing.health(0)


NUMBERS = st.integers(0, 10**6)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["publish"] * 6 + ["credit", "credit", "ack", "ack", "nack", "time", "bye", "cancel", "restart"]
        ),
        NUMBERS,
        NUMBERS,
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MOVES, st.integers(1, 3), st.booleans())
def test_paging_changes_no_decision(moves: list[tuple[str, int, int]], window: int, mourned: bool) -> None:
    # Deaths of one tick come in no promised order, and obituaries have the order of deaths: one or the other.
    pair = Pair.of(window, "planner" if mourned else None)
    for name, role in ROLES.items():
        pair.each("join", name, role, 1)
    for number, (move, one, two) in enumerate(moves):
        play(pair, number, move, one, two, mortal=not mourned)


def play(pair: Pair, number: int, move: str, one: int, two: int, *, mortal: bool) -> None:
    """One move for both. Agents that left come back at once."""
    name = sorted(ROLES)[one % 3]
    peer = f"{name}.1".encode()
    held = [entry for entry in pair.whole.log.open.values() if entry.holder == f"{name}/1"]
    match move:
        case "publish":
            more = {"deadline": format_time(pair.whole.now + two % 50)} if mortal and two % 5 == 0 else {}
            to = ["q", "q", "q", "planner", "a", "nobody"][one % 6]
            run = ["r", "r", "s"][two % 3]
            pair.each("publish", peer, packet(f"m{number}", to, priority=two % 4, subject=run, **more))
        case "cancel":
            run = ["r", "s"][two % 2]
            about = {"priority": 9, "type": "run.cancelled.v1", "subject": run}
            pair.each("publish", peer, packet(f"m{number}", "planner", **about))
        case "credit":
            pair.each("tell", Credit(peer, 1 + two % 5))
        case "ack" | "nack" if held:
            entry = held[two % len(held)]
            answer: Ack | Nack = Ack(peer, entry.packet.envelope.id, entry.attempt, (), credit=1)
            if move == "ack" and two % 3 == 0:
                answer = replace(answer, emits=(packet(f"e{number}", "q", priority=two % 4),))
            if move == "nack":
                answer = Nack(peer, answer.id, answer.attempt, "c", "r", [0.0, 5.0][two % 2], credit=1)
            pair.each("tell", answer)
        case "time":
            pair.each("pass_time", [1.0, 6.0, 20.0][two % 3])
        case "bye":
            pair.each("tell", Bye(peer))
            pair.each("join", name, ROLES[name], two % 3)
        case "restart":
            for desk in (pair.paged, pair.whole):
                desk.restart()
            for other, role in ROLES.items():
                pair.each("join", other, role, two % 3)


# -- rule by rule ----------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    return Desk(LIMITS)


def in_memory(desk: Desk) -> int:
    return len(desk.routing._ledger.open)


def filled(desk: Desk, number: int, **attributes: Any) -> bytes:
    """A consumer without credit, and messages m1, m2 ... that wait for it."""
    me = desk.join("a")
    desk.publish(me, *(packet(f"m{n}", **attributes) for n in range(1, number + 1)))
    return me


def test_only_the_front_is_in_memory_and_all_is_counted(desk: Desk) -> None:
    filled(desk, 50)
    assert in_memory(desk) <= 2 * LIMITS.window
    (queue,) = [q for q in desk.routing.health(0)["queues"] if q["role"] == "q"]
    assert (queue["ready"], queue["backlog"], queue["leased"]) == (50, 50, 0)


def test_a_routing_asks_once_for_a_page_and_goes_on_with_it() -> None:
    routing, log = Routing(LIMITS, "b"), MemoryLog()
    desk = Desk(LIMITS)
    desk.routing, desk.log = routing, log
    me = filled(desk, 8)
    actions = routing.apply(Credit(me, 8), 0.0)
    assert [a.seq for a in actions if isinstance(a, Deliver)] == [1, 2]
    (fetch,) = [a for a in actions if isinstance(a, Fetch)]
    assert (fetch.want, fetch.name, fetch.after, fetch.limit) == ("ready", "q", (-4, 3), 2)
    log.commit(actions)
    page = log.fetch(fetch)
    more = routing.apply(page, 0.0)
    assert [a.seq for a in more if isinstance(a, Deliver)] == [3, 4]
    assert routing.apply(page, 0.0) == [a for a in more if isinstance(a, Fetch)], (
        "an old page changes nothing"
    )


def test_what_is_urgent_goes_before_what_is_paged_out(desk: Desk) -> None:
    me = filled(desk, 20)
    desk.publish(me, packet("urgent", priority=9), packet("idle", priority=0))
    desk.tell(Credit(me, 22))
    assert [seq for _, seq, _ in desk.delivered()] == [21, *range(1, 21), 22]


def test_what_failed_goes_back_to_its_place(desk: Desk) -> None:
    me = filled(desk, 20)
    desk.tell(Credit(me, 3))
    desk.tell(Nack(me, "m2", 1, "c", "one"))
    desk.tell(Credit(me, 2))
    assert desk.delivered() == [(me, 2, 2), (me, 4, 1)]


def test_a_failed_message_that_was_paged_out_knows_its_failures(desk: Desk) -> None:
    me = desk.join("a", credit=1)
    desk.publish(me, packet("m1", priority=0))
    desk.publish(me, *(packet(f"n{n}") for n in range(20)))
    desk.tell(Nack(me, "m1", 1, "c", "one"))
    assert 1 not in desk.routing._ledger.open
    desk.tell(Credit(me, 21))
    assert desk.delivered()[-1] == (me, 1, 2)
    desk.tell(Nack(me, "m1", 2, "c", "two", fatal=True))
    assert [failure["reason"] for failure in died(desk.stored())["failures"]] == ["one", "two"]


def test_a_deadline_passes_also_out_of_memory(desk: Desk) -> None:
    me = filled(desk, 10)
    desk.publish(me, packet("late", deadline=format_time(7.0)))
    assert desk.routing.next_due() == 7.0
    assert desk.pass_time(6.9) == []
    desk.pass_time(0.2)
    assert desk.outcomes() == [(11, 0, "dead", "bus.expired")]
    assert died(desk.stored())["message_id"] == "late"
    assert desk.backlog() == {"q": 10, "planner": 1}
    assert desk.routing.next_due() == 7.1 + LIMITS.unclaimed_s, "the obituary waits for somebody"


def test_many_deaths_take_several_ticks() -> None:
    desk = Desk(replace(LIMITS, undertaker=None))
    filled(desk, 1200, deadline=format_time(5.0))
    desk.now = 6.0
    ticks = 0
    while desk.backlog():
        desk.pass_time(0.0)
        assert len(desk.outcomes()) <= 510
        ticks += 1
    assert ticks == 3
    assert desk.routing.next_due() is None


@pytest.mark.parametrize("restarted", [False, True])
def test_a_long_queue_that_nobody_takes_from(desk: Desk, restarted: bool) -> None:
    me = desk.join("a")
    desk.publish(me, *(packet(f"m{n}", to="nobody") for n in range(20)))
    if restarted:
        desk.restart()
        assert in_memory(desk) == 0
    assert desk.pass_time(LIMITS.unclaimed_s - 1) == []
    desk.pass_time(2)
    assert {code for *_, code in desk.outcomes()} == {"bus.unclaimed"}
    assert desk.backlog() == {"planner": 20}


def test_a_cancelled_run_is_known_whole_before_it_ends(desk: Desk) -> None:
    me = filled(desk, 20)
    desk.publish(me, packet("other", subject="another run"))
    desk.tell(Credit(me, 1))
    desk.publish(me, packet("c", to="planner", type="run.cancelled.v1"))
    assert [seq for seq, _, outcome, _ in desk.outcomes() if outcome == "cancelled"] == [*range(1, 21)]
    first_record = next(a for a in desk.out if isinstance(a, Store))
    assert first_record.packet.envelope.id == "c", "one list of actions, one transaction"
    assert desk.backlog() == {"q": 1, "planner": 1}
    desk.tell(Credit(me, 5))
    assert [seq for _, seq, _ in desk.delivered()] == [21]


def test_a_restart_reads_only_what_is_wanted(desk: Desk) -> None:
    me = filled(desk, 20)
    desk.tell(Credit(me, 1))
    desk.restart()
    assert in_memory(desk) == 1, "what is held"
    me = desk.join("a", credit=2, holding=frozenset({("m1", 1)}))
    assert [seq for _, seq, _ in desk.delivered()] == [2, 3]
    assert in_memory(desk) <= 3 + LIMITS.window


def test_what_is_damaged_dies_on_its_way_in(desk: Desk) -> None:
    me = filled(desk, 3)
    desk.restart()
    page = desk.log.fetch
    desk.log.fetch = lambda fetch: replace(  # type: ignore[method-assign]
        page(fetch), rows=tuple(replace(r, damaged="bits" * (r.seq == 1)) for r in page(fetch).rows)
    )
    me = desk.join("a", credit=2)
    assert desk.outcomes() == [(1, 0, "dead", "bus.damaged")]
    assert desk.delivered() == [(me, 2, 1), (me, 3, 1)]
    desk.tell(Spoiled(2, "bits"))
    assert desk.outcomes() == [(2, 1, "dead", "bus.damaged")]
    desk.tell(Ack(me, "m2", 1))
    assert desk.codes() == [StaleAttempt.code]


def test_rows_that_the_journal_no_longer_has_are_not_waited_for(desk: Desk) -> None:
    filled(desk, 10)
    desk.restart()
    desk.log.open.clear()
    desk.join("a", credit=1)
    assert desk.backlog() == {}
    assert desk.delivered() == []
