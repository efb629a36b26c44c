"""The broker's mind, rule by rule: who joins, what is taken, who gets it. Nothing here sleeps."""

from typing import Any

import pytest

from guildbus.bus.events import (
    Ack,
    Bye,
    Credit,
    Deliver,
    Event,
    Heartbeat,
    Hello,
    Nack,
    Publish,
    RecordDelivery,
    RecordPresence,
    Renew,
    Send,
    Store,
)
from guildbus.bus.state import Limits
from guildbus.protocols.errors import NoSession, QueueFull, Refused, Replaced
from guildbus.protocols.wire import Kind
from routing_desk import Desk, packet


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestHello:
    def test_the_welcome_states_the_terms(self, desk: Desk) -> None:
        desk.join("a")
        assert desk.out == [
            RecordPresence("a/1", "q", joined=True),
            Send(
                b"a.1",
                Kind.WELCOME,
                {"broker": "b", "heartbeat_s": 1, "lease_s": 10, "max_attempts": 3, "batch": True},
            ),
        ]

    @pytest.mark.parametrize(
        ("event", "about"),
        [
            (Publish(b"x", packet("m")), {"id": "m", "attempt": 0}),
            (Ack(b"x", "m", 2), {"id": "m", "attempt": 2}),
            (Nack(b"x", "m", 2, "c", "r"), {"id": "m", "attempt": 2}),
            (Renew(b"x", "m", 2), {"id": "m", "attempt": 2}),
            (Credit(b"x", 1), {}),
            (Heartbeat(b"x"), {}),
            (Bye(b"x"), {}),
        ],
    )
    def test_without_it_every_frame_is_refused(self, desk: Desk, event: Event, about: dict[str, Any]) -> None:
        (answer,) = desk.tell(event)
        assert isinstance(answer, Send)
        assert answer.kind is Kind.ERROR
        assert answer.header["code"] == NoSession.code
        assert {name: answer.header[name] for name in answer.header.keys() & {"id", "attempt"}} == about

    def test_an_impatient_second_one_takes_nothing_back(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"))
        desk.join("a", credit=1)
        assert [type(action) for action in desk.out] == [Send]
        assert desk.credit("a") == 0

    def test_a_reconnect_keeps_what_is_in_hand_and_redelivers_the_rest(self, desk: Desk) -> None:
        me = desk.join("a", credit=2)
        desk.publish(me, packet("m1"), packet("m2"))
        desk.tell(Hello(b"new", "a", "q", "1", 1, frozenset({("m1", 1)})))
        assert desk.outcomes() == [(2, 1, "failed", "bus.lost")]
        assert desk.delivered() == [(b"new", 2, 2)]
        desk.tell(Ack(b"new", "m1", 1))
        assert desk.outcomes() == [(1, 1, "settled", "")]

    def test_the_old_connection_of_a_reconnected_agent_is_unknown(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.tell(Hello(b"new", "a", "q", "1"))
        desk.tell(Heartbeat(me))
        assert desk.codes() == [NoSession.code]

    def test_a_new_incarnation_takes_back_at_once(self, desk: Desk) -> None:
        old = desk.join("a", credit=1)
        desk.publish(old, packet("m1"))
        new = desk.join("a", credit=1, incarnation="2")
        assert desk.outcomes() == [(1, 1, "failed", "bus.agent_gone")]
        assert desk.delivered() == [(new, 1, 2)]
        assert RecordPresence("a/1", "q", joined=False, reason="replaced by a new incarnation") in desk.out

    def test_a_replaced_incarnation_that_wakes_up_does_not_take_over(self, desk: Desk) -> None:
        desk.join("a", credit=1)
        new = desk.join("a", credit=1, incarnation="2")
        desk.join("a", credit=1)
        assert desk.codes() == [Replaced.code]
        desk.publish(new, packet("m1"))
        assert desk.delivered() == [(new, 1, 1)]


class TestPublish:
    def test_it_is_stored_confirmed_and_handed_out_in_this_order(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        one = packet("m1")
        assert desk.tell(Publish(me, one)) == [
            Store(1, one, "q"),
            Send(me, Kind.ACCEPTED, {"id": "m1", "attempt": 0}),
            RecordDelivery(1, 1, "a/1"),
            Deliver(me, 1, 1, 10),
        ]

    def test_a_duplicate_is_confirmed_and_nothing_else(self, desk: Desk) -> None:
        me = desk.join("a", credit=9)
        desk.publish(me, packet("m1"))
        desk.tell(Publish(me, packet("m1"), duplicate=True))
        assert desk.out == [Send(me, Kind.ACCEPTED, {"id": "m1", "attempt": 0, "duplicate": True})]

    def test_an_announcement_is_stored_and_goes_nowhere(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1", to=None))
        assert [type(action) for action in desk.out] == [Store, Send]
        assert desk.routing.health(0)["queues"][0]["backlog"] == 0

    def test_a_full_queue_refuses_until_something_is_settled(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1"), packet("m2"), packet("m3"), packet("m4"))
        assert desk.codes() == [QueueFull.code]
        assert desk.stored() == []
        desk.publish(me, packet("m5", to="other"), packet("m6", to=None))
        assert desk.codes() == []
        desk.tell(Credit(me, 1))
        desk.publish(me, packet("m4"))
        assert desk.codes() == [QueueFull.code]
        desk.tell(Ack(me, "m1", 1))
        desk.publish(me, packet("m4"))
        assert len(desk.stored()) == 1

    def test_the_hop_limit(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", hops=5))
        assert desk.codes() == []
        desk.publish(me, packet("m2", hops=6))
        assert desk.codes() == [Refused.code]

    @pytest.mark.parametrize("attributes", [{"attempt": 1}, {"seq": 1}])
    def test_attempt_and_seq_are_the_brokers(self, desk: Desk, attributes: dict[str, Any]) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", **attributes))
        assert desk.codes() == [Refused.code]
        assert desk.stored() == []


class TestDispatch:
    def test_priority_then_age(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", priority=1), packet("m2", priority=9), packet("m3", priority=9))
        desk.tell(Credit(me, 3))
        assert [seq for _, seq, _ in desk.delivered()] == [2, 3, 1]

    def test_instances_of_a_role_take_turns(self, desk: Desk) -> None:
        desk = Desk(Limits())
        peers = [desk.join(name, credit=3) for name in "abc"]
        takers = []
        for number in range(6):
            desk.publish(peers[0], packet(f"m{number}"))
            takers.append(desk.delivered()[0][0])
        assert takers == peers * 2

    def test_no_credit_no_delivery(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"))
        assert desk.delivered() == []
        desk.tell(Ack(me, "m1", 1, credit=1))
        assert desk.delivered() == [(me, 2, 1)]

    def test_what_is_for_one_agent_reaches_it_and_nobody_else(self, desk: Desk) -> None:
        a, b = desk.join("a", credit=1), desk.join("b", credit=1)
        desk.publish(a, packet("m1", to="b"), packet("m2", to="b"))
        assert desk.delivered() == []
        desk.tell(Ack(b, "m1", 1, credit=1))
        assert desk.delivered() == [(b, 2, 1)]

    def test_what_is_for_one_agent_comes_before_what_is_for_its_role(self, desk: Desk) -> None:
        me = desk.join("a")
        desk.publish(me, packet("m1", to="q", priority=9), packet("m2", to="a", priority=0))
        desk.tell(Credit(me, 1))
        assert desk.delivered() == [(me, 2, 1)]

    def test_also_when_all_queues_are_looked_through(self, desk: Desk) -> None:
        other = desk.join("z", role="zz")
        desk.publish(other, packet("m1"), packet("m2"))
        me = desk.join("a", credit=1)
        desk.publish(other, packet("m3", to="a"))
        desk.tell(Nack(me, "m1", 1, "c", "r", fatal=True, credit=1))
        assert desk.delivered() == [(me, 3, 1)]
