"""Subscriptions at the routing: who is told of a message, when, and what becomes of it.

That every admitted message has one notice a role, whatever happens, is a law in test_routing_properties.py.
"""

import msgpack
import pytest

from guildbus.bus.events import Ack, Nack, Publish, RecordOutcome
from guildbus.bus.notices import NOTICE, Subscriptions
from guildbus.bus.state import Limits
from guildbus.protocols.envelope import format_time
from guildbus.protocols.wire import Kind, Packet
from routing_desk import Desk, died, packet

LIMITS = Limits(lease_s=10, silent_s=1000, unclaimed_s=5, max_attempts=2, queue_bound=2, undertaker="closer")
CANCEL = "run.cancelled.v1"


@pytest.fixture
def desk() -> Desk:
    """Two roles hear of `x.v1`, which goes to q; one of them hears of obituaries too."""
    heard = Subscriptions({"x.v1": ["ear", "eye"], "message.died.v1": ["ear"]})
    return Desk(LIMITS, subscriptions=heard)


def notices(desk: Desk) -> list[Packet]:
    return [stored for stored in desk.stored() if stored.envelope.type == NOTICE]


def test_a_notice_names_its_message_and_is_of_its_run_deadline_and_priority(desk: Desk) -> None:
    deadline = format_time(50.0)
    desk.publish(desk.join("a"), packet("m", "q", deadline=deadline, priority=7, hops=2, subject="run"))
    original, first, second = desk.stored()
    assert original.envelope.id == "m"
    assert [first.envelope.to, second.envelope.to] == ["ear", "eye"]
    envelope = first.envelope
    assert (envelope.type, envelope.source, envelope.subject) == (NOTICE, "broker/b", "run")
    assert (envelope.causationid, envelope.correlationid) == ("m", "m")
    assert (envelope.deadline, envelope.priority, envelope.hops) == (deadline, 7, 3)
    assert msgpack.unpackb(first.body) == {"message_id": "m", "message_type": "x.v1", "seq": 1}


def test_a_role_that_takes_the_message_gets_no_notice_of_it(desk: Desk) -> None:
    desk.publish(desk.join("a"), packet("m", "ear"))
    assert [one.envelope.to for one in notices(desk)] == ["eye"]


def test_an_announcement_is_heard_of_and_another_type_is_not(desk: Desk) -> None:
    peer = desk.join("a")
    desk.publish(peer, packet("m", None))
    assert len(notices(desk)) == 2
    desk.publish(peer, packet("n", None, type="y.v1"))
    assert notices(desk) == []


def test_what_an_ack_publishes_is_heard_of_in_the_same_step(desk: Desk) -> None:
    peer = desk.join("a", credit=1)
    desk.publish(peer, packet("m", "q", type="y.v1"))
    desk.tell(Ack(peer, "m", 1, (packet("answer", None, causationid="m"),), credit=0))
    assert desk.outcomes() == [(1, 1, "settled", "")]
    assert [one.envelope.causationid for one in notices(desk)] == ["answer", "answer"]


def test_what_is_said_again_is_not_heard_of_again(desk: Desk) -> None:
    peer = desk.join("a")
    desk.publish(peer, packet("m", None))
    desk.tell(Publish(peer, packet("m", None), duplicate=True))
    assert notices(desk) == []
    desk.publish(peer, packet("copy", None, causationid="m"))
    assert (len(desk.stored()), notices(desk)) == (1, [])


def test_a_full_queue_of_a_subscriber_holds_the_publisher_up(desk: Desk) -> None:
    desk.join("listener", role="ear")
    peer = desk.join("a")
    desk.publish(peer, packet("m", None), packet("n", None))
    desk.publish(peer, packet("o", None))
    assert (desk.codes(), desk.stored()) == (["protocol.queue_full"], [])
    assert desk.answers(Kind.ERROR)[0]["where"] == "ear"


def test_a_broker_that_comes_back_serves_the_notices_and_writes_none_twice(desk: Desk) -> None:
    desk.publish(desk.join("a"), packet("m", None))
    before = sorted(desk.log.entries)
    desk.restart()
    peer = desk.join("listener", role="ear", credit=1)
    assert desk.delivered() == [(peer, 2, 1)]
    desk.tell(Publish(desk.join("a"), packet("m", None), duplicate=True))
    assert sorted(desk.log.entries) == before


def test_a_notice_that_dies_is_announced_and_closes_no_run(desk: Desk) -> None:
    desk.join("closer", role="closer", credit=9)
    peer = desk.join("listener", role="eye", credit=1)
    desk.publish(peer, packet("m", None))
    (_, _, seq) = sorted(desk.log.entries)
    notice = desk.log.entries[seq].packet.envelope.id
    desk.tell(Nack(peer, notice, 1, "agent.crashed", "a bug", fatal=True))
    obituary = desk.stored()[0]
    assert died([obituary])["message_type"] == NOTICE
    assert obituary.envelope.to is None
    assert desk.delivered() == []


def test_an_obituary_is_heard_of(desk: Desk) -> None:
    peer = desk.join("a", credit=1)
    desk.publish(peer, packet("m", "q", type="y.v1"))
    desk.tell(Nack(peer, "m", 1, "c", "r", fatal=True))
    assert [(one.envelope.type, one.envelope.to) for one in desk.stored()] == [
        ("message.died.v1", "closer"),
        (NOTICE, "ear"),
    ]


def test_a_cancelled_run_is_heard_of_no_more(desk: Desk) -> None:
    peer = desk.join("a")
    desk.publish(peer, packet("m", None))
    desk.publish(peer, packet("stop", "closer", type=CANCEL))
    ends = [(one.seq, one.outcome) for one in desk.out if isinstance(one, RecordOutcome)]
    assert ends == [(2, "cancelled"), (3, "cancelled")]
