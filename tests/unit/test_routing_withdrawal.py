"""The broker's mind, rule by rule: deliveries that are taken back, and runs that are cancelled."""

import pytest

from guildbus.bus.events import Ack, Bye, Credit, Hello, Nack, Publish, Renew, Send
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import StaleAttempt, Withdrawn
from guildbus.protocols.wire import Kind
from routing_desk import Desk, packet

LIMITS = Limits(lease_s=10, silent_s=1000, unclaimed_s=1000, max_attempts=3, undertaker="planner")
CANCEL = "run.cancelled.v1"


@pytest.fixture
def desk() -> Desk:
    return Desk(LIMITS)


def withdrawn(desk: Desk) -> list[tuple[bytes, str, int]]:
    """(peer, message id, attempt) of each withdrawal that the last event led to."""
    return [
        (a.peer, a.header["id"], a.header["attempt"])
        for a in desk.out
        if isinstance(a, Send) and a.kind is Kind.ERROR and a.header["code"] == Withdrawn.code
    ]


class TestWithdrawal:
    @pytest.mark.parametrize("seconds", [5, 10])
    def test_a_deadline_or_a_lease_that_runs_out_in_hand(self, desk: Desk, seconds: int) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1", deadline=format_time(5.0) if seconds == 5 else None))
        desk.pass_time(seconds - 0.1)
        assert withdrawn(desk) == []
        desk.pass_time(0.2)
        assert withdrawn(desk) == [(me, "m1", 1)]

    def test_the_nack_that_answers_it_is_stale_and_gives_the_credit_back(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1", deadline=format_time(5.0)))
        desk.pass_time(6)
        assert desk.credit("a") == 0
        desk.tell(Nack(me, "m1", 1, "agent.withdrawn", "r", credit=1))
        assert desk.codes() == [StaleAttempt.code]
        assert desk.credit("a") == 1

    def test_a_holder_that_is_gone_is_not_told(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Bye(me))
        assert withdrawn(desk) == []

    def test_nor_one_whose_own_answer_ended_it(self, desk: Desk) -> None:
        me = desk.join("a", credit=2)
        desk.publish(me, packet("m1"), packet("m2"))
        desk.tell(Nack(me, "m1", 1, "c", "r", fatal=True))
        assert withdrawn(desk) == []
        desk.tell(Ack(me, "m2", 1))
        assert withdrawn(desk) == []

    def test_what_was_taken_back_while_its_holder_was_away_is_withdrawn_when_it_returns(
        self, desk: Desk
    ) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Bye(me))
        again = Hello(b"new", "a", "q", "1", 0, frozenset({("m1", 1)}))
        desk.tell(again)
        assert withdrawn(desk) == [(b"new", "m1", 1)]
        desk.tell(Nack(b"new", "m1", 1, "agent.withdrawn", "r", credit=1))
        assert desk.delivered() == [(b"new", 1, 2)]

    def test_what_it_answered_before_is_not(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Ack(me, "m1", 1))
        desk.tell(Hello(b"new", "a", "q", "1", 0, frozenset({("m1", 1)})))
        assert withdrawn(desk) == []

    def test_nor_what_it_still_has(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Hello(b"new", "a", "q", "1", 0, frozenset({("m1", 1)})))
        assert withdrawn(desk) == []


class TestCancellation:
    def test_all_else_of_its_run_ends_and_nobody_is_told_of_a_death(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"), packet("m3", to="elsewhere"), packet("o", subject="x"))
        desk.publish(me, packet("c", to="planner", type=CANCEL))
        assert desk.outcomes() == [
            (1, 1, "cancelled", "bus.cancelled"),
            (2, 0, "cancelled", "bus.cancelled"),
            (3, 0, "cancelled", "bus.cancelled"),
        ]
        assert [stored.envelope.id for stored in desk.stored()] == ["c"]
        assert withdrawn(desk) == [(me, "m1", 1)]
        assert desk.backlog() == {"q": 1, "planner": 1}

    def test_what_its_holder_still_says_changes_nothing(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("c", to="planner", type=CANCEL))
        desk.tell(Ack(me, "m1", 1, (packet("e"),), credit=1))
        assert desk.codes() == [StaleAttempt.code]
        assert desk.stored() == []
        desk.tell(Renew(me, "m1", 1))
        assert desk.codes() == [StaleAttempt.code]
        assert desk.credit("a") == 1
        assert desk.pass_time(100) == []

    def test_the_cancellation_itself_is_handled_and_its_results_are_taken(self, desk: Desk) -> None:
        planner = desk.join("p", role="planner", credit=1)
        desk.publish(planner, packet("m1"), packet("c", to="planner", type=CANCEL))
        assert desk.delivered() == [(planner, 2, 1)]
        desk.tell(Ack(planner, "c", 1, (packet("end", to=None),)))
        assert [stored.envelope.id for stored in desk.stored()] == ["end"]

    def test_a_delayed_message_does_not_come_back(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", delay_s=5, credit=1))
        desk.publish(me, packet("c", to="planner", type=CANCEL))
        assert desk.outcomes() == [(1, 1, "cancelled", "bus.cancelled")]
        assert desk.pass_time(6) == []

    def test_one_that_is_emitted_spares_what_is_emitted_with_it(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"))
        emits = (packet("e1"), packet("c", to="planner", type=CANCEL), packet("e2"))
        desk.tell(Ack(me, "m1", 1, emits, credit=1))
        assert desk.outcomes() == [(1, 1, "settled", ""), (2, 0, "cancelled", "bus.cancelled")]
        assert desk.delivered() == [(me, 3, 1)]
        assert desk.backlog() == {"q": 2, "planner": 1}

    def test_a_refused_one_cancels_nothing(self) -> None:
        desk = Desk(Limits(queue_bound=1))
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("p", to="planner", subject="x"))
        desk.tell(Publish(me, packet("c", to="planner", type=CANCEL)))
        assert desk.outcomes() == []

    def test_a_bus_without_cancellation(self) -> None:
        desk = Desk(Limits(canceller=None))
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("c", to="planner", type=CANCEL))
        assert desk.outcomes() == []

    def test_also_after_a_restart(self, desk: Desk) -> None:
        desk.publish(desk.join("a", credit=1), packet("m1"))
        desk.restart()
        other = desk.join("b")
        desk.publish(other, packet("c", to="planner", type=CANCEL))
        assert desk.outcomes() == [(1, 1, "cancelled", "bus.cancelled")]
        me = desk.join("a", holding=frozenset({("m1", 1)}))
        assert withdrawn(desk) == [(me, "m1", 1)]
        desk.tell(Credit(me, 5))
        assert desk.delivered() == []
