"""The client's side of the conversation: what it sends again, and what it drops."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.bus.interface import AgentIdentity
from guildbus.bus.session import (
    BUSY_RETRY_S,
    SILENT_BEATS,
    ClientSession,
    Confirmed,
    Delivered,
    Denied,
    Fenced,
    Health,
    Reconnect,
    Step,
    Transmit,
    Welcomed,
    Withdrawn,
)
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import (
    FrameError,
    GuildbusError,
    NoSession,
    NotAllowed,
    QueueFull,
    Refused,
    Replaced,
    StaleAttempt,
    TooMany,
)
from guildbus.protocols.errors import Withdrawn as WithdrawnError
from guildbus.protocols.wire import Frame, Kind

WELCOME = Frame(Kind.WELCOME, {"broker": "b", "heartbeat_s": 1.0, "lease_s": 9.0, "max_attempts": 3})


def envelope(message_id: str, attempt: int = 0, seq: int = 0) -> dict[str, object]:
    return Envelope(
        id=message_id,
        source="a/1",
        type="x.v1",
        subject="r",
        time="2026-11-22T21:14:53.000000Z",
        attempt=attempt,
        seq=seq,
    ).to_header()


def publish(message_id: str) -> Frame:
    return Frame(Kind.PUBLISH, envelope(message_id), b"\x80")


def deliver(message_id: str, attempt: int = 1) -> Frame:
    return Frame(Kind.DELIVER, envelope(message_id, attempt, 1), b"\x80")


def ack(message_id: str, attempt: int = 1) -> Frame:
    return Frame(Kind.ACK, {"id": message_id, "attempt": attempt, "credit": 1})


def accepted(message_id: str, attempt: int = 0) -> Frame:
    return Frame(Kind.ACCEPTED, {"id": message_id, "attempt": attempt})


def error(code: str, message_id: str = "", attempt: int = 0) -> Frame:
    about = {"id": message_id, "attempt": attempt} if message_id else {}
    return Frame(Kind.ERROR, {"code": code, "what": "no", "where": "here", "remedy": "wait"} | about)


def sent(steps: list[Step]) -> list[Frame]:
    return [step.frame for step in steps if isinstance(step, Transmit)]


def hello(credit: int, holding: list[list[object]]) -> Frame:
    header = {"agent": "a", "role": "ra", "incarnation": "1", "credit": credit, "holding": holding}
    header |= {"batch": True, "patient": True}
    return Frame(Kind.HELLO, header)


@pytest.fixture
def session() -> ClientSession:
    """Welcomed at time 0, with credit for two."""
    fresh = ClientSession(AgentIdentity("a", "ra", "1"), credit=2)
    assert fresh.connect(0.0) == [Transmit(hello(2, []))]
    assert fresh.received(WELCOME, 0.0) == [Welcomed("b")]
    return fresh


def test_the_broker_sets_the_terms(session: ClientSession) -> None:
    assert (session.heartbeat_s, session.lease_s, session.max_attempts) == (1.0, 9.0, 3)


def test_nothing_is_sent_before_the_welcome_and_all_of_it_after() -> None:
    session = ClientSession(AgentIdentity("a", "ra", "1"), credit=1)
    session.connect(0.0)
    assert session.submit(publish("m1")) == []
    assert session.submit(publish("m2")) == []
    assert session.post(Frame(Kind.RENEW, {"id": "m", "attempt": 1})) == []
    assert sent(session.received(WELCOME, 0.1)) == [publish("m1"), publish("m2")]


def test_what_is_confirmed_is_not_sent_again(session: ClientSession) -> None:
    session.submit(publish("m1"))
    session.submit(publish("m2"))
    assert session.received(accepted("m1"), 0.1) == [Confirmed(("m1", 0))]
    assert session.received(accepted("m1"), 0.2) == []
    session.connect(1.0)
    assert sent(session.received(WELCOME, 1.1)) == [publish("m2")]


def test_a_broker_that_forgot_us_hears_hello_once_and_gets_the_rest_again(session: ClientSession) -> None:
    session.submit(publish("m1"))
    assert sent(session.received(error(NoSession.code, "m1"), 0.5)) == [hello(2, [])]
    assert session.received(error(NoSession.code), 0.6) == []
    assert sent(session.received(WELCOME, 0.7)) == [publish("m1")]


def test_a_hello_names_what_is_in_hand_and_asks_for_no_more_than_the_rest(session: ClientSession) -> None:
    session.received(deliver("m1", 2), 0.1)
    session.submit(ack("m1", 2))
    assert sent(session.connect(0.2)) == [hello(1, [["m1", 2]])]
    assert sent(session.received(WELCOME, 0.3)) == [ack("m1", 2)]
    session.received(accepted("m1", 2), 0.4)
    assert sent(session.connect(0.5)) == [hello(2, [])]


def test_a_delivery_that_comes_twice_is_dropped(session: ClientSession) -> None:
    first = session.received(deliver("m1"), 0.1)
    assert [type(step) for step in first] == [Delivered]
    assert session.received(deliver("m1"), 0.2) == []
    assert len(session.received(deliver("m1", attempt=2), 0.3)) == 1


def test_a_delivery_carries_the_terms(session: ClientSession) -> None:
    (step,) = session.received(deliver("m1"), 0.1)
    assert isinstance(step, Delivered)
    assert (step.delivery.lease_s, step.delivery.max_attempts) == (9.0, 3)
    assert step.delivery.packet.envelope.attempt == 1


def test_two_attempts_of_one_message_are_answered_apart(session: ClientSession) -> None:
    session.received(deliver("m1", 1), 0.1)
    session.received(deliver("m1", 2), 0.2)
    session.submit(ack("m1", 1))
    session.submit(ack("m1", 2))
    (denied,) = session.received(error(StaleAttempt.code, "m1", 1), 0.3)
    assert isinstance(denied, Denied)
    assert denied.request == ("m1", 1)
    assert session.received(accepted("m1", 2), 0.4) == [Confirmed(("m1", 2))]


@pytest.mark.parametrize("code", [WithdrawnError.code, StaleAttempt.code])
def test_a_delivery_in_hand_can_be_withdrawn_also_by_the_answer_to_a_renewal(
    session: ClientSession, code: str
) -> None:
    (delivered,) = session.received(deliver("m1", 2), 0.1)
    assert isinstance(delivered, Delivered)
    (step,) = session.received(error(code, "m1", 2), 0.2)
    assert isinstance(step, Withdrawn)
    assert step.delivery is delivered.delivery
    assert type(step.error) is WithdrawnError
    assert sent(session.connect(0.3)) == [hello(1, [["m1", 2]])]
    session.received(WELCOME, 0.4)
    session.submit(ack("m1", 2))
    (denied,) = session.received(error(StaleAttempt.code, "m1", 2), 0.5)
    assert isinstance(denied, Denied)
    assert sent(session.connect(0.6)) == [hello(2, [])]


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_a_withdrawal_of_what_is_not_in_hand_says_nothing(session: ClientSession, attempt: int) -> None:
    session.received(deliver("m1", 2), 0.1)
    assert session.received(error(WithdrawnError.code, "m1", attempt), 0.2) == []
    assert session.received(error(WithdrawnError.code), 0.2) == []


def test_a_withdrawal_is_no_answer_to_an_ack_that_is_on_its_way(session: ClientSession) -> None:
    session.received(deliver("m1"), 0.1)
    session.submit(ack("m1"))
    assert session.received(error(WithdrawnError.code, "m1", 1), 0.2) == []
    (denied,) = session.received(error(StaleAttempt.code, "m1", 1), 0.3)
    assert isinstance(denied, Denied)


def test_publishing_and_settling_one_message_are_answered_apart(session: ClientSession) -> None:
    session.submit(publish("m1"))
    session.received(deliver("m1"), 0.1)
    session.submit(ack("m1"))
    assert session.received(accepted("m1", 0), 0.2) == [Confirmed(("m1", 0))]
    assert session.received(accepted("m1", 1), 0.3) == [Confirmed(("m1", 1))]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(StaleAttempt.code, StaleAttempt), (Refused.code, Refused), ("protocol.frame", Refused)],
)
def test_a_refusal_reaches_whoever_asked(
    session: ClientSession, code: str, kind: type[GuildbusError]
) -> None:
    session.submit(publish("m1"))
    (denied,) = session.received(error(code, "m1"), 0.1)
    assert isinstance(denied, Denied)
    assert type(denied.error) is kind
    assert (denied.error.what, denied.error.where, denied.error.remedy) == ("no", "here", "wait")
    session.connect(1.0)
    assert sent(session.received(WELCOME, 1.1)) == []


def test_a_full_queue_is_tried_again_after_a_while(session: ClientSession) -> None:
    session.submit(publish("m1"))
    assert session.received(error(QueueFull.code, "m1"), 0.1) == []
    assert publish("m1") not in sent(session.tick(0.1 + BUSY_RETRY_S - 0.01))
    assert publish("m1") in sent(session.tick(0.1 + BUSY_RETRY_S))
    assert publish("m1") not in sent(session.tick(0.1 + BUSY_RETRY_S + 0.01))
    assert session.received(accepted("m1"), 1.0) == [Confirmed(("m1", 0))]


def test_a_retry_that_a_reconnect_overtook_is_not_made(session: ClientSession) -> None:
    session.submit(publish("m1"))
    session.received(error(QueueFull.code, "m1"), 0.1)
    session.connect(0.2)
    assert sent(session.received(WELCOME, 0.3)) == [publish("m1")]
    session.received(accepted("m1"), 0.4)
    assert publish("m1") not in sent(session.tick(0.7))


def test_heartbeats_say_what_the_agent_does(session: ClientSession) -> None:
    session.activity = "thinks"
    assert session.tick(0.9) == []
    assert sent(session.tick(1.0)) == [Frame(Kind.HEARTBEAT, {"activity": "thinks"})]
    assert session.tick(1.5) == []


def test_a_hello_without_an_answer_is_repeated() -> None:
    session = ClientSession(AgentIdentity("a", "ra", "1"), credit=2)
    session.connect(0.0)
    assert sent(session.tick(2.0)) == [hello(2, [])]


def test_silence_means_a_fresh_socket(session: ClientSession) -> None:
    quiet = SILENT_BEATS * session.heartbeat_s
    assert Reconnect() not in session.tick(quiet)
    steps = session.tick(quiet + 0.1)
    assert steps == [Reconnect(), Transmit(hello(2, []))]
    assert not session.welcomed
    assert Reconnect() not in session.tick(quiet + 0.2)


def test_any_frame_breaks_the_silence(session: ClientSession) -> None:
    session.received(Frame(Kind.HEARTBEAT, {}), 3.0)
    assert Reconnect() not in session.tick(6.9)
    assert Reconnect() in session.tick(7.1)


@pytest.mark.parametrize("unwelcome", [NotAllowed, TooMany])
def test_a_hello_that_is_refused_ends_it(session: ClientSession, unwelcome: type[GuildbusError]) -> None:
    (fenced,) = session.received(error(unwelcome.code), 0.2)
    assert isinstance(fenced, Fenced)
    assert isinstance(fenced.error, unwelcome)
    assert session.tick(1e3) == []


def test_a_message_that_is_not_allowed_is_denied_and_the_session_goes_on(session: ClientSession) -> None:
    session.submit(publish("m1"))
    (denied,) = session.received(error(NotAllowed.code, "m1"), 0.2)
    assert isinstance(denied, Denied)
    assert isinstance(denied.error, NotAllowed)
    assert session.welcomed


def test_a_replaced_incarnation_falls_silent(session: ClientSession) -> None:
    session.submit(publish("m1"))
    session.received(error(NoSession.code), 0.1)
    (fenced,) = session.received(error(Replaced.code), 0.2)
    assert isinstance(fenced, Fenced)
    assert isinstance(fenced.error, Replaced)
    assert session.tick(100.0) == []
    assert session.post(Frame(Kind.HEARTBEAT, {})) == []
    assert session.submit(publish("m2")) == []


def test_health_is_handed_on(session: ClientSession) -> None:
    assert session.received(Frame(Kind.HEARTBEAT, {"health": {"dead": 0}}), 0.1) == [Health({"dead": 0})]
    assert session.received(Frame(Kind.HEARTBEAT, {}), 0.1) == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Kind.HELLO, {}),
        Frame(Kind.PUBLISH, {}),
        Frame(Kind.DELIVER, {}),
        Frame(Kind.WELCOME, {"heartbeat_s": "soon"}),
        Frame(Kind.WELCOME, {"heartbeat_s": 0}),
        Frame(Kind.ACCEPTED, {"id": []}),
        Frame(Kind.ERROR, {"id": "m", "attempt": "1"}),
    ],
)
def test_a_broker_that_talks_nonsense_is_refused(session: ClientSession, frame: Frame) -> None:
    with pytest.raises(FrameError):
        session.received(frame, 0.1)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["full", "lost", "welcome", "beat", "submit", "nothing"]), max_size=12))
def test_rest_is_until_the_next_thing_to_do_and_a_tick_always_earns_some(happened: list[str]) -> None:
    session = ClientSession(AgentIdentity("a", "ra", "1"), credit=1)
    session.connect(0.0)
    now = 0.0
    for what in happened:
        match what:
            case "full":
                session.received(Frame(Kind.ERROR, {"code": QueueFull.code, "id": "m", "attempt": 0}), now)
            case "lost":
                session.received(Frame(Kind.ERROR, {"code": NoSession.code}), now)
            case "welcome":
                session.received(WELCOME, now)
            case "beat":
                session.received(Frame(Kind.HEARTBEAT, {}), now)
            case "submit":
                session.submit(publish("m"))
        session.tick(now)
        rest = session.rest_s(now)
        assert rest > 0
        if rest > 1e-9:  # what is less may be lost in the sum
            assert session.tick(now + rest * 0.99) == []
        now += rest + 0.001
        assert session.tick(now) != [] or what == "full"


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
)
NAMES = ["id", "attempt", "code", "what", "health", "broker", "heartbeat_s", "lease_s", "max_attempts"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(Kind)), st.dictionaries(st.sampled_from(NAMES), VALUES)), max_size=5
    )
)
def test_no_broker_can_crash_a_client(frames: list[tuple[Kind, dict[str, object]]]) -> None:
    session = ClientSession(AgentIdentity("a", "ra", "1"), credit=1)
    session.connect(0.0)
    session.submit(publish("m"))
    for at, (kind, header) in enumerate(frames):
        try:
            session.received(Frame(kind, header), float(at))
        except GuildbusError:
            continue
        session.tick(float(at))
