"""The broker's mind, rule by rule. The clock is a number; nothing here sleeps."""

from collections.abc import Sequence
from typing import Any

import msgpack
import pytest

from guildbus.bus.events import (
    Ack,
    Action,
    Bye,
    Credit,
    Deliver,
    Event,
    Heartbeat,
    Hello,
    Nack,
    Publish,
    RecordDelivery,
    RecordOutcome,
    RecordPresence,
    Renew,
    Send,
    Store,
    Tick,
    Unreachable,
    Unsettled,
)
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import NoSession, QueueFull, Refused, Replaced, StaleAttempt
from guildbus.protocols.wire import Kind, Packet

LIMITS = Limits(
    lease_s=10, heartbeat_s=1, silent_s=1000, unclaimed_s=5, max_attempts=3, max_hops=5, queue_bound=3
)


def packet(message_id: str, to: str | None = "q", **attributes: Any) -> Packet:
    stated = {"source": "t", "type": "x.v1", "subject": "r", "time": format_time(0.0)} | attributes
    return Packet(Envelope(id=message_id, to=to, **stated), b"\x80")


class Desk:
    """A routing and the time. `out` is what the last event led to."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.routing = Routing(limits, "b")
        self.now = 0.0
        self.out: list[Action] = []

    def tell(self, event: Event) -> list[Action]:
        self.out = self.routing.apply(event, self.now)
        return self.out

    def join(self, name: str, role: str = "q", credit: int = 0, incarnation: str = "1", **more: Any) -> bytes:
        peer = f"{name}.{incarnation}".encode()
        self.tell(Hello(peer, name, role, incarnation, credit, **more))
        return peer

    def publish(self, peer: bytes, *packets: Packet) -> None:
        for one in packets:
            self.tell(Publish(peer, one))

    def pass_time(self, seconds: float) -> list[Action]:
        self.now += seconds
        return self.tell(Tick())

    def delivered(self) -> list[tuple[bytes, int, int]]:
        return [(a.peer, a.seq, a.attempt) for a in self.out if isinstance(a, Deliver)]

    def outcomes(self) -> list[tuple[int, int, str, str]]:
        return [(a.seq, a.attempt, a.outcome, a.code) for a in self.out if isinstance(a, RecordOutcome)]

    def stored(self) -> list[Packet]:
        return [a.packet for a in self.out if isinstance(a, Store)]

    def answers(self, kind: Kind) -> list[dict[str, Any]]:
        return [a.header for a in self.out if isinstance(a, Send) and a.kind is kind]

    def codes(self) -> list[str]:
        return [header["code"] for header in self.answers(Kind.ERROR)]

    def credit(self, name: str) -> int:
        report = {agent["name"]: agent["credit"] for agent in self.routing.health(self.now)["agents"]}
        return int(report[name])


@pytest.fixture
def desk() -> Desk:
    return Desk()


def died(packets: Sequence[Packet]) -> dict[str, Any]:
    (one,) = packets
    assert one.envelope.type == "message.died.v1"
    body: dict[str, Any] = msgpack.unpackb(one.body)
    return body


class TestHello:
    def test_the_welcome_states_the_terms(self, desk: Desk) -> None:
        desk.join("a")
        assert desk.out == [
            RecordPresence("a/1", "q", joined=True),
            Send(b"a.1", Kind.WELCOME, {"broker": "b", "heartbeat_s": 1, "lease_s": 10, "max_attempts": 3}),
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
        assert desk.outcomes() == [(2, 1, "failed", "bus.agent_gone")]
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


class TestAck:
    def test_it_settles_and_publishes_in_one_list(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        emits = (packet("e1", to="p"), packet("e2", to=None))
        assert desk.tell(Ack(me, "m1", 1, emits)) == [
            RecordOutcome(1, 1, "a/1", "settled"),
            Store(2, emits[0], "p"),
            Store(3, emits[1], None),
            Send(me, Kind.ACCEPTED, {"id": "m1", "attempt": 1}),
        ]

    def test_a_duplicate_is_confirmed_without_a_second_effect(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        emit = packet("e1")
        desk.tell(Ack(me, "m1", 1, (emit,), credit=1))
        desk.tell(Ack(me, "m1", 1, (emit,), frozenset({"e1"}), credit=1))
        assert desk.out == [Send(me, Kind.ACCEPTED, {"id": "m1", "attempt": 1, "duplicate": True})]

    def test_an_ack_that_is_repeated_after_a_reconnect_gives_its_credit_back(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Ack(me, "m1", 1, credit=1))
        desk.tell(Hello(b"new", "a", "q", "1", 0, frozenset({("m1", 1)})))
        desk.tell(Ack(b"new", "m1", 1, credit=1))
        assert desk.credit("a") == 1
        desk.tell(Ack(b"new", "m1", 1, credit=1))
        assert desk.credit("a") == 1

    def test_one_id_twice_among_the_emits_is_stored_once(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Ack(me, "m1", 1, (packet("e1"), packet("e1"))))
        assert len(desk.stored()) == 1

    def test_emits_that_were_stored_before_are_left_out(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Ack(me, "m1", 1, (packet("e1"), packet("e2")), frozenset({"e1"})))
        assert [stored.envelope.id for stored in desk.stored()] == ["e2"]

    @pytest.mark.parametrize(
        ("emit", "code"), [(packet("e", hops=6), Refused.code), (packet("e", to="full"), QueueFull.code)]
    )
    def test_a_refused_emit_leaves_the_message_in_hand(self, desk: Desk, emit: Packet, code: str) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, *(packet(f"f{number}", to="full") for number in range(3)), packet("m1"))
        desk.tell(Ack(me, "m1", 1, (packet("good"), emit), credit=1))
        assert desk.codes() == [code]
        assert len(desk.out) == 1
        assert desk.credit("a") == 0
        desk.tell(Ack(me, "m1", 1, credit=1))
        assert desk.outcomes() == [(4, 1, "settled", "")]
        assert desk.credit("a") == 1

    @pytest.mark.parametrize(("message_id", "attempt"), [("m1", 2), ("m1", 99), ("m2", 1), ("never", 1)])
    def test_a_token_that_is_not_held_changes_nothing(
        self, desk: Desk, message_id: str, attempt: int
    ) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"), packet("m2"))
        desk.tell(Ack(me, message_id, attempt, (packet("e"),), credit=1))
        assert desk.codes() == [StaleAttempt.code]
        assert len(desk.out) == 1
        assert desk.credit("a") == 0

    def test_another_agent_cannot_settle_it(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        other = desk.join("b")
        desk.publish(me, packet("m1"))
        desk.tell(Ack(other, "m1", 1, (packet("e"),)))
        assert desk.codes() == [StaleAttempt.code]
        assert desk.stored() == []


class TestLeases:
    def test_one_that_runs_out_means_another_attempt_elsewhere(self, desk: Desk) -> None:
        zombie = desk.join("a", credit=1)
        desk.publish(zombie, packet("m1"))
        other = desk.join("b", credit=1)
        assert desk.pass_time(9.9) == []
        desk.pass_time(0.2)
        assert desk.outcomes() == [(1, 1, "failed", "bus.lease")]
        assert desk.delivered() == [(other, 1, 2)]
        desk.tell(Ack(zombie, "m1", 1, (packet("e"),), credit=1))
        assert desk.codes() == [StaleAttempt.code]
        assert desk.stored() == []
        assert desk.credit("a") == 1
        desk.tell(Ack(other, "m1", 2))
        assert desk.outcomes() == [(1, 2, "settled", "")]

    def test_a_renewed_one_does_not(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        for _ in range(5):
            assert desk.pass_time(8) == []
            assert desk.tell(Renew(me, "m1", 1)) == []
        desk.pass_time(10)
        assert desk.outcomes() == [(1, 1, "failed", "bus.lease")]

    def test_a_zombie_cannot_renew(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.pass_time(11)
        desk.tell(Renew(me, "m1", 1))
        assert desk.codes() == [StaleAttempt.code]

    def test_an_old_lease_does_not_touch_a_message_that_waits(self, desk: Desk) -> None:
        """Its attempt is over, and nobody has taken it since: the lease's timer is about nothing."""
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r"))
        assert desk.pass_time(11) == []
        desk.tell(Credit(me, 5))
        assert desk.delivered() == [(me, 1, 2)]

    def test_nor_one_that_is_delayed(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", delay_s=30, credit=5))
        assert desk.pass_time(11) == []
        desk.pass_time(20)
        assert desk.delivered() == [(me, 1, 2)]


class TestNack:
    def test_it_goes_on_at_once(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", credit=1))
        assert desk.outcomes() == [(1, 1, "failed", "c")]
        assert desk.delivered() == [(me, 1, 2)]
        assert desk.answers(Kind.ACCEPTED) == [{"id": "m1", "attempt": 1}]

    def test_or_after_its_delay(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", delay_s=4, credit=1))
        assert desk.delivered() == []
        assert desk.pass_time(3.9) == []
        desk.pass_time(0.2)
        assert desk.delivered() == [(me, 1, 2)]

    def test_a_duplicate_is_confirmed_without_a_second_effect(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        nack = Nack(me, "m1", 1, "c", "r", delay_s=4, credit=1)
        desk.tell(nack)
        desk.tell(nack)
        assert desk.out == [Send(me, Kind.ACCEPTED, {"id": "m1", "attempt": 1, "duplicate": True})]
        assert desk.credit("a") == 1

    def test_an_ack_after_a_nack_is_stale(self, desk: Desk) -> None:
        me = desk.join("a", credit=1)
        desk.publish(me, packet("m1"))
        desk.tell(Nack(me, "m1", 1, "c", "r", delay_s=4))
        desk.tell(Ack(me, "m1", 1))
        assert desk.codes() == [StaleAttempt.code]


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
        }


class TestRestore:
    def restored(self, *, holder: str, attempt: int = 1, deadline: float | None = None) -> Desk:
        desk = Desk()
        desk.now = 100.0
        open_message = Unsettled(
            seq=7, id="m1", type="x.v1", subject="r", queue="q", priority=4, hops=0, deadline=deadline,
            attempt=attempt, holder=holder, failures=((1, "a/1", "c", "r"),) if attempt > 1 else (),
        )  # fmt: skip
        desk.routing.restore([open_message], desk.now, [("done", 2, "a/1")])
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
