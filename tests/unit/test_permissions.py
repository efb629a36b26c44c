"""Who may say what: by role, by name, by run; and the routing asks before it does anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.bus.events import Ack, Deliver, Event, Heartbeat, Hello, Publish, Send, Store
from guildbus.bus.permissions import ANY_TYPE, OPERATOR, Permissions
from guildbus.bus.routing import Routing
from guildbus.bus.state import Limits
from guildbus.launch.config import default_roster
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.messages.control import MessageDied
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import Kind, Packet

TIME = "2026-11-22T21:14:53.000000Z"
TABLE = Permissions({"smith": ["made.v1", "broken.v1"], OPERATOR: [ANY_TYPE]})
TYPES = ("made.v1", "broken.v1", "asked.v1", "")


def packet(kind: str = "made.v1", source: str = "s/1", run: str = "r", name: str = "m") -> Packet:
    return Packet(Envelope(id=name, source=source, type=kind, subject=run, time=TIME, to="smith"), b"\x80")


def denied(*emits: Packet, role: str = "smith", answering: str | None = "r") -> str:
    """Where a publish of the first, or an ACK of all, is refused; '' if it is not."""
    ack = TABLE.denial(Ack(b"p", "m", 1, emits), role=role, instance="s/1", answering=answering)
    return "" if ack is None else ack.where


@given(st.sampled_from(["smith", "guest", OPERATOR]), st.sampled_from(TYPES), st.sampled_from(["s/1", "t/1"]))
def test_a_publish_needs_a_declared_type_and_ones_own_name(role: str, kind: str, source: str) -> None:
    event = Publish(b"p", packet(kind, source))
    found = TABLE.denial(event, role=role, instance="s/1")
    declared = role == OPERATOR or (role == "smith" and kind in ("made.v1", "broken.v1"))
    assert (found is None) == (declared and source == "s/1")
    assert found is None or found.code == "protocol.not_allowed"


def test_one_wrong_emit_refuses_the_ack() -> None:
    assert denied() == ""
    assert denied(packet(), packet("broken.v1")) == ""
    assert denied(packet(), packet("asked.v1")) == "type"
    assert denied(packet(), packet(source="t/1")) == "source"
    assert denied(packet(), role="guest") == "type"


def test_an_answer_stays_in_the_run_that_it_answers() -> None:
    assert denied(packet(run="other")) == "subject"
    assert denied(packet(run="other"), answering=None) == ""
    assert denied(packet(run="other"), role=OPERATOR) == "subject"


def test_other_frames_need_no_permission() -> None:
    assert TABLE.denial(Heartbeat(b"p"), role="guest", instance="s/1") is None


def test_nobody_but_the_broker_and_an_operator_may_announce_a_death() -> None:
    from guildbus.agents.roster import emitted_types

    for agent in default_roster():
        assert MessageDied.wire_type() not in emitted_types(agent.role)
        assert emitted_types(agent.role) <= set(standard_registry().bodies)


class TestInTheRouting:
    @pytest.fixture
    def routing(self) -> Routing:
        routing = Routing(Limits(), "b", permissions=TABLE)
        assert self.kinds(routing, Hello(b"p", "s", "smith", "1", credit=1)) == [Kind.WELCOME]
        return routing

    @staticmethod
    def kinds(routing: Routing, event: Event) -> list[Kind]:
        return [action.kind for action in routing.apply(event, 0.0) if isinstance(action, Send)]

    def test_what_is_denied_changes_nothing(self, routing: Routing) -> None:
        (refusal,) = routing.apply(Publish(b"p", packet("asked.v1")), 0.0)
        assert isinstance(refusal, Send)
        assert (refusal.header["code"], refusal.header["id"]) == ("protocol.not_allowed", "m")
        stored, *_ = routing.apply(Publish(b"p", packet()), 0.0)
        assert isinstance(stored, Store)
        assert stored.seq == 1

    def test_a_denied_ack_leaves_its_delivery_in_hand(self, routing: Routing) -> None:
        done = routing.apply(Publish(b"p", packet()), 0.0)
        assert any(isinstance(action, Deliver) for action in done)
        elsewhere = packet(run="other", name="n")
        assert self.kinds(routing, Ack(b"p", "m", 1, (elsewhere,))) == [Kind.ERROR]
        assert self.kinds(routing, Ack(b"p", "m", 1, (packet(name="n"),), credit=1)) == [Kind.ACCEPTED]
