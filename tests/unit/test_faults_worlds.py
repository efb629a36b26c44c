"""The worlds of the fault suite find a broken promise, and shrink it to the moves that break it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from guildbus.bus import reading
from guildbus.bus.answers import Answer
from guildbus.bus.events import Ack, Action, Event, Nack, Publish, Renew, Unreachable
from guildbus.bus.routing import Routing
from guildbus.bus.state import ConnectedAgent
from guildbus.launch.bench.faults.conversation import Move, World
from guildbus.launch.bench.faults.frames import moves_of, shrunk
from guildbus.launch.bench.faults.hostile import INSIDER, Maker, noise
from guildbus.protocols import wire
from guildbus.protocols.errors import ProtocolError

SEEDS = range(60)


class NoDedup(Routing):
    """Stores what was stored before."""

    def apply(self, event: Event, now: float) -> list[Action]:
        return super().apply(replace(event, duplicate=False) if isinstance(event, Publish) else event, now)


class Gullible(Routing):
    """Publishes also the results of late answers."""

    def _on_late_answer(self, event: Ack | Nack, answer: Answer, agent: ConnectedAgent) -> list[Action]:
        actions = super()._on_late_answer(event, answer, agent)
        emits = event.emits if isinstance(event, Ack) else ()
        return [*(a for p in emits for a in self._ledger.admit(p, agent.seen)), *actions]


class Deaf(Routing):
    """Does not answer an ACK of the second attempt."""

    def apply(self, event: Event, now: float) -> list[Action]:
        return [] if isinstance(event, Ack) and event.attempt == 2 else super().apply(event, now)


class Clumsy(Routing):
    """Cannot be left."""

    def apply(self, event: Event, now: float) -> list[Action]:
        if isinstance(event, Unreachable):
            raise KeyError(event.peer)
        return super().apply(event, now)


def found(routing: type[Routing]) -> str:
    return "\n".join(line for seed in SEEDS for line in World(routing).play(moves_of(seed)))


def test_the_shipped_routing_breaks_nothing() -> None:
    assert found(Routing) == ""


@pytest.mark.parametrize(
    ("routing", "breach"), [(NoDedup, "double"), (Gullible, "double"), (Deaf, "hang"), (Clumsy, "crash")]
)
def test_a_broken_routing_is_found(routing: type[Routing], breach: str) -> None:
    assert f"{breach}:" in found(routing)


def test_a_seed_gives_the_same_moves() -> None:
    assert moves_of(7) == moves_of(7) != moves_of(8)


def test_what_fails_is_shrunk_to_what_makes_it_fail() -> None:
    culprits: list[Move] = [("publish", 1, 5), ("swap up", 0, 9)]
    moves = moves_of(3)
    moves[4:4] = culprits[:1]
    moves[-2:-2] = culprits[1:]
    assert shrunk(moves, lambda some: all(one in some for one in culprits)) == culprits


@pytest.mark.parametrize("maker", [one for one in dict.fromkeys(INSIDER) if one is not noise])
def test_an_insider_never_sends_what_it_may(maker: Maker) -> None:
    """Malformed, or an answer to a message of others, or a PUBLISH that sets what is the broker's."""
    chance = Random(1)
    for _ in range(300):
        for event in understood(maker(chance, ("theirs", 1))):
            if isinstance(event, Publish):
                assert event.packet.envelope.attempt or event.packet.envelope.seq
            else:
                assert isinstance(event, Ack | Nack | Renew)


def understood(frames: list[bytes]) -> Iterator[Event]:
    """What the broker makes of it."""
    try:
        frame_sets = wire.unpack_batch(frames)
    except ProtocolError:
        return
    for frame_set in frame_sets:
        with contextlib.suppress(ProtocolError):
            yield reading.event_of(b"p", wire.parse(frame_set), lambda _: False)
