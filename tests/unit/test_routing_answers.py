"""The broker's mind, rule by rule: acks, leases, nacks."""

import pytest

from guildbus.bus.events import (
    Ack,
    Credit,
    Hello,
    Nack,
    RecordOutcome,
    Renew,
    Send,
    Store,
)
from guildbus.protocols.errors import QueueFull, Refused, StaleAttempt
from guildbus.protocols.wire import Kind, Packet
from routing_desk import Desk, packet


@pytest.fixture
def desk() -> Desk:
    return Desk()


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
