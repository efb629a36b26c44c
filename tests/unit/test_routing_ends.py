"""The broker's mind, rule by rule: deaths, agents that go, a broker that comes back."""

import pytest

from guildbus.bus.events import (
    Ack,
    Bye,
    Credit,
    Heartbeat,
    Hello,
    Nack,
    RecordDelivery,
    RecordOutcome,
    Send,
    Store,
    Tick,
    Unreachable,
)
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import NoSession, StaleAttempt
from guildbus.protocols.wire import Kind
from routing_desk import Desk, died, packet


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestDeath:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk(Limits(lease_s=10, silent_s=1000, unclaimed_s=5, max_attempts=3, undertaker="planner"))

    def test_a_fatal_nack(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1", hops=2))
        desk.tell(Nack(me, "m1", 1, "agent.bug", "KeyError", fatal=True))
        assert desk.outcomes() == [(1, 1, "dead", "agent.bug")]
        assert died(desk.stored()) == {
            "message_id": "m1",
            "message_type": "x.v1",
            "queue": "q",
            "code": "agent.bug",
            "reason": "KeyError",
            "failures": [{"attempt": 1, "agent": "a/1", "code": "agent.bug", "reason": "KeyError"}],
        }
        obituary = desk.stored()[0].envelope
        assert (obituary.subject, obituary.to, obituary.causationid, obituary.hops) == (
            "r",
            "planner",
            "m1",
            3,
        )

    def test_too_many_attempts_with_the_reason_of_each(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "one", credit=1))
        desk.pass_time(11)
        desk.tell(Credit(me, 1))
        desk.tell(Nack(me, "m1", 3, "c", "three"))
        failures = died(desk.stored())["failures"]
        assert [(f["attempt"], f["reason"]) for f in failures] == [
            (1, "one"),
            (2, "its lease ran out"),
            (3, "three"),
        ]
        assert desk.routing.health(desk.now)["dead"] == 1

    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_delivery_that_never_arrived_is_no_attempt(self, desk: Desk, restarts: bool) -> None:
        desk.publish(desk.join("a", credit=1), packet("m1"))
        for number in range(10):
            desk.tell(Hello(f"peer{number}".encode(), "a", "q", "1", 1))
            assert desk.outcomes() == [(1, number + 1, "failed", "bus.lost")]
            if restarts and number == 0:
                desk.restart()
                break
        attempt = desk.log.entries[1].attempt
        peer = b"last"
        desk.tell(Hello(peer, "a", "q", "1", 0, frozenset({("m1", attempt)})))
        desk.tell(Nack(peer, "m1", attempt, "c", "r", credit=1))
        desk.tell(Nack(peer, "m1", attempt + 1, "c", "r", credit=1))
        assert desk.outcomes()[0] == (1, attempt + 1, "failed", "c")
        desk.tell(Nack(peer, "m1", attempt + 2, "c", "r"))
        assert desk.outcomes() == [(1, attempt + 2, "dead", "c")]

    def test_but_not_for_ever(self, desk: Desk) -> None:
        desk.publish(desk.join("a", credit=1), packet("m1"))
        for number in range(100):
            desk.tell(Hello(f"peer{number}".encode(), "a", "q", "1", 1))
        assert desk.outcomes() == [(1, 100, "dead", "bus.lost")]

    def test_the_obituary_goes_out_once_and_its_own_death_is_not_mourned(self, desk: Desk) -> None:
        undertaker = desk.join("p", role="planner", credit=1)
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", fatal=True))
        assert desk.delivered() == [(undertaker, 2, 1)]
        message_id = desk.stored()[0].envelope.id
        desk.tell(Nack(undertaker, message_id, 1, "c", "r", fatal=True))
        assert desk.outcomes() == [(2, 1, "dead", "c")]
        assert desk.stored() == []
        assert desk.pass_time(100) == []

    @pytest.mark.parametrize("in_hand", [True, False])
    def test_a_deadline(self, desk: Desk, in_hand: bool) -> None:
        me = desk.join("a", credit=int(in_hand))
        desk.publish(me, packet("m1", deadline=format_time(7.0)))
        assert desk.pass_time(6.9) == []
        desk.pass_time(0.2)
        assert desk.outcomes() == [(1, int(in_hand), "dead", "bus.expired")]
        assert died(desk.stored())["code"] == "bus.expired"
        desk.tell(Ack(me, "m1", 1))
        assert desk.codes() == [StaleAttempt.code]
        desk.tell(Credit(me, 5))
        assert desk.delivered() == []

    def test_a_role_that_nobody_has(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", to="go-rust"))
        assert desk.pass_time(4.9) == []
        desk.pass_time(0.2)
        assert desk.outcomes() == [(1, 0, "dead", "bus.unclaimed")]
        assert "go-rust" in died(desk.stored())["reason"]

    def test_a_role_that_came_in_time(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", to="late"))
        desk.join("l", role="late")
        assert desk.pass_time(6) == []


class TestLife:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk(Limits(lease_s=100, silent_s=10))

    def test_a_silent_agent_is_gone_and_its_work_goes_on(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.now = 8
        other = desk.join("b", credit=1)
        desk.pass_time(3)
        assert desk.outcomes() == [(1, 1, "failed", "bus.agent_gone")]
        assert desk.delivered() == [(other, 1, 2)]
        desk.tell(Heartbeat(me))
        assert desk.codes() == [NoSession.code]

    def test_any_frame_is_a_sign_of_life(self, desk: Desk) -> None:
        me = desk.join("a")
        for _ in range(5):
            desk.now += 9
            desk.tell(Heartbeat(me))
        assert desk.pass_time(9) == []

    @pytest.mark.parametrize("leave", [Bye, Unreachable])
    def test_who_leaves_hands_over_at_once(self, desk: Desk, leave: type[Bye] | type[Unreachable]) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        other = desk.join("b", credit=1)
        desk.tell(leave(me))
        assert desk.delivered() == [(other, 1, 2)]

    def test_health(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"))
        desk.now = 2.5
        desk.tell(Heartbeat(me, "thinks", wants_health=True))
        (header,) = desk.answers(Kind.HEARTBEAT)
        assert header["health"] == {
            "agents": [
                {
                    "name": "a",
                    "role": "q",
                    "credit": 0,
                    "activity": "thinks",
                    "silent_s": 0.0,
                    "handling": [{"type": "x.v1", "run": "r", "attempt": 1}],
                }
            ],
            "queues": [
                {"role": "a", "ready": 0, "leased": 0, "backlog": 0},
                {"role": "q", "ready": 1, "leased": 1, "backlog": 2},
            ],
            "dead": 0,
            "parked": 0,
            "published": 2,
        }


class TestRestore:
    def restored(self, *, holder: str, attempt: int = 1, deadline: float | None = None) -> Desk:
        desk = Desk()
        desk.now = 100.0
        text = None if deadline is None else format_time(deadline)
        desk.log.commit([Store(7, packet("m1", deadline=text), "q")])
        for number in range(1, attempt + 1):
            desk.log.commit([RecordDelivery(7, number, "a/1")])
            if number < attempt or not holder:
                desk.log.commit([RecordOutcome(7, number, "a/1", "failed", "c", "r")])
        desk.restart([("done", 2, "a/1")])
        return desk

    def test_what_waited_is_handed_out(self) -> None:
        desk = self.restored(holder="")
        me = desk.join("b", credit=1)
        assert desk.delivered() == [(me, 7, 2)]

    def test_what_was_out_is_its_holders_for_one_lease(self) -> None:
        desk = self.restored(holder="a/1")
        other = desk.join("b", credit=1)
        assert desk.delivered() == []
        desk.pass_time(9)
        assert desk.delivered() == []
        desk.pass_time(2)
        assert desk.delivered() == [(other, 7, 2)]

    def test_its_holder_may_settle_it(self) -> None:
        desk = self.restored(holder="a/1")
        me = desk.join("a", holding=frozenset({("m1", 1)}))
        desk.tell(Ack(me, "m1", 1))
        assert desk.outcomes() == [(7, 1, "settled", "")]

    def test_its_holders_next_incarnation_gets_it_at_once(self) -> None:
        desk = self.restored(holder="a/1")
        me = desk.join("a", credit=1, incarnation="2")
        assert desk.delivered() == [(me, 7, 2)]

    def test_failed_attempts_still_count(self) -> None:
        desk = self.restored(holder="a/1", attempt=3)
        me = desk.join("a", holding=frozenset({("m1", 3)}))
        desk.tell(Nack(me, "m1", 3, "c", "last"))
        assert desk.outcomes() == [(7, 3, "dead", "c")]

    def test_a_deadline_that_passed_meanwhile(self) -> None:
        desk = self.restored(holder="", deadline=50.0)
        desk.tell(Tick())
        assert desk.outcomes() == [(7, 1, "dead", "bus.expired")]

    def test_an_ack_that_the_former_broker_did_not_get_to_confirm(self) -> None:
        desk = self.restored(holder="")
        me = desk.join("a", role="other")
        desk.tell(Ack(me, "done", 2))
        assert desk.out == [Send(me, Kind.ACCEPTED, {"id": "done", "attempt": 2, "duplicate": True})]
        stranger = desk.join("b", role="other")
        desk.tell(Ack(stranger, "done", 2))
        assert desk.codes() == [StaleAttempt.code]
