"""Dead letters are a fold: the journal's messages and attempts in, what died and what became of it out."""

import pytest

from guildbus.bus.records import DEAD, OPEN, SETTLED
from guildbus.bus.tail import Attempt, Stored
from guildbus.launch.dead_letters import DeadLetter, dead_letters, find_letter
from guildbus.launch.requeueing import copy_of
from guildbus.protocols import codec
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.control import DeadDropped, DeadRequeued, MessageDied
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import Packet

NOW = 1_790_000_000.0


def envelope(message_id: str, kind: str = "draft.requested.v1", **more: object) -> Envelope:
    stated: dict[str, object] = {"source": "planner/1", "subject": "run", "to": "go-dev"} | more
    return Envelope(id=message_id, type=kind, time=format_time(NOW), **stated)  # type: ignore[arg-type]


def stored(seq: int, state: int, letter: Envelope, body: bytes = b"\x80") -> Stored:
    return Stored(seq, state, Packet(letter, body))


def said(seq: int, message: Message, cause: str) -> Stored:
    head = envelope(f"m{seq}", message.wire_type(), causationid=cause, to=None)
    return stored(seq, SETTLED, head, codec.encode(message))


def attempt(n: int, seq: int, event: str, code: str = "", number: int = 1) -> Attempt:
    return Attempt(n, NOW + n, seq, number, "go-dev/1", event, code, code and f"because {code}")


def folded(*messages: Stored, attempts: tuple[Attempt, ...] = ()) -> list[DeadLetter]:
    return dead_letters(messages, attempts, standard_registry())


DIED = stored(1, DEAD, envelope("a"))
OBITUARY = said(2, MessageDied(message_id="a", message_type="t", queue="q", code="c", reason="r"), "a")


def test_only_what_died_is_a_dead_letter() -> None:
    (letter,) = folded(
        stored(1, OPEN, envelope("a")), stored(2, SETTLED, envelope("b")), stored(3, DEAD, envelope("c"))
    )
    assert (letter.id, letter.fate, letter.failures, letter.death) == ("c", "dead", (), None)


def test_it_has_every_attempts_reason_and_no_one_elses() -> None:
    events = (
        attempt(1, 1, "delivered"),
        attempt(2, 1, "failed", "agent.crashed"),
        attempt(3, 2, "failed", "bus.lease"),
        attempt(4, 1, "delivered", number=2),
        attempt(5, 1, "dead", "agent.timeout", number=2),
    )
    (letter,) = folded(DIED, attempts=events)
    assert [one.code for one in letter.failures] == ["agent.crashed", "agent.timeout"]
    assert letter.death == events[-1]


def test_an_obituary_is_no_copy() -> None:
    (letter,) = folded(DIED, OBITUARY)
    assert (letter.fate, letter.copies) == ("dead", ())


def test_a_copy_makes_it_requeued_and_may_die_itself() -> None:
    copy = stored(3, DEAD, envelope("b", causationid="a"))
    first, second = folded(
        DIED, OBITUARY, said(4, DeadRequeued(message_id="a", copy_id="b", by="me"), "a"), copy
    )
    assert (first.fate, first.copies) == ("requeued", ("b",))
    assert (second.id, second.fate) == ("b", "dead")


def test_the_announcement_alone_requeues_nothing() -> None:
    (letter,) = folded(DIED, said(2, DeadRequeued(message_id="a", copy_id="b", by="me"), "a"))
    assert letter.fate == "dead"


def test_a_dropped_one_rests_until_it_is_requeued_after_all() -> None:
    word = said(3, DeadDropped(message_id="a", by="me", reason="known"), "a")
    (letter,) = folded(DIED, word)
    assert letter.fate == "dropped"
    assert letter.dropped is not None
    assert letter.dropped.reason == "known"
    (letter,) = folded(DIED, word, stored(4, OPEN, envelope("b", causationid="a")))
    assert letter.fate == "requeued"


def test_a_dead_obituary_can_be_requeued_too() -> None:
    died = stored(2, DEAD, envelope("o", MessageDied.wire_type(), causationid="a", to="planner"))
    again = stored(3, OPEN, envelope("p", MessageDied.wire_type(), causationid="o", to="planner"))
    letters = {letter.id: letter.fate for letter in folded(DIED, died, again)}
    assert letters == {"a": "dead", "o": "requeued"}


def test_a_copy_is_the_same_message_with_a_life_of_its_own() -> None:
    dead = envelope(
        "a", deadline=format_time(NOW - 1), priority=7, hops=500, attempt=5, seq=9, correlationid="root"
    )
    letter = DeadLetter(Packet(dead, b"body"), ())
    copy = copy_of(letter, "cli/1", NOW)
    made = copy.envelope
    assert copy.body == b"body"
    assert made.id != dead.id
    assert (made.type, made.subject, made.to, made.priority) == (dead.type, dead.subject, dead.to, 7)
    assert (made.source, made.causationid, made.correlationid) == ("cli/1", "a", "root")
    assert (made.deadline, made.attempt, made.seq, made.hops) == (None, 0, 0, 500)


def test_a_letter_is_found_by_its_id_or_the_only_one_that_begins_so() -> None:
    letters = folded(
        stored(1, DEAD, envelope("abc")), stored(2, DEAD, envelope("abd")), stored(3, DEAD, envelope("ab"))
    )
    assert find_letter(letters, "abc").id == "abc"
    assert find_letter(letters, "ab").id == "ab"
    assert find_letter(letters, "abd").id == "abd"
    with pytest.raises(UsageError, match="3 fit"):
        find_letter(letters, "a")
    for nothing in ("x", ""):
        with pytest.raises(UsageError, match="no dead letter"):
            find_letter(letters, nothing)
