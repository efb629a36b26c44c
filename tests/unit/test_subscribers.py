"""Agents of somebody else's on the in-memory bus: what they hear of, types of their own, what ctx gives."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

import msgpack
import pytest

from guildbus import (
    Agent,
    AgentIdentity,
    Context,
    EventNoticed,
    InfrastructureError,
    MemoryBroker,
    MemoryBus,
    Message,
    Runtime,
    Subscriptions,
    VerificationFinished,
    handles,
    standard_registry,
    wrap,
)
from guildbus.agents.contracts import Member, subscriptions
from guildbus.bus.state import Limits
from guildbus.protocols import codec
from guildbus.protocols.envelope import format_time
from guildbus.protocols.messages.verification import Score
from guildbus.protocols.wire import Packet
from told import IMPLEMENTATION, NUMKIT, RUN, SUITE, Told

LIMITS = Limits(lease_s=1e6, silent_s=1e6, unclaimed_s=1e6, max_attempts=1, undertaker="closer")
RED = VerificationFinished(stage=0, round=0, score=Score(build=True), green=False, files=())


class Reviewed(Message):
    """What a reviewer says of a verified tree. Version 1 had no `by`."""

    type: ClassVar[str] = "review.done"
    version: ClassVar[int] = 2
    upcasters: ClassVar[Mapping[int, Any]] = MappingProxyType({1: lambda fields: fields | {"by": "somebody"}})

    verdict: str
    by: str


class Reviewer(Agent):
    """Hears of verifications; keeps what it was given, for the tests."""

    role = "go-review"
    subscribes = (VerificationFinished,)
    emits = (Reviewed,)
    seen: ClassVar[list[tuple[Message, Context, list[Message], list[Message]]]]

    @handles(VerificationFinished)
    async def on_verification_finished(
        self, message: VerificationFinished, ctx: Context
    ) -> Sequence[Message]:
        self.seen.append((message, ctx, await ctx.history(), await ctx.history(Reviewed)))
        return [Reviewed(verdict=f"{message.score.total}/3", by=self.role)]


REGISTRY = standard_registry().extended([Reviewed])


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


class Room:
    """A broker, a reviewer, and somebody who publishes."""

    def __init__(self) -> None:
        Reviewer.seen = []
        table = subscriptions([Member("go-review", Reviewer)])
        self.broker = MemoryBroker(LIMITS, subscriptions=Subscriptions(table))
        identity = AgentIdentity("go-review", "go-review", "1")
        self.runtime = Runtime(Reviewer(), MemoryBus(self.broker, identity), identity, REGISTRY)
        self.visitor = MemoryBus(self.broker, AgentIdentity("visitor", "visitor", "1"), credit=0)

    async def say(self, *messages: Message, deadline: str | None = None) -> None:
        for message in messages:
            packet = wrap(message, source="visitor/1", subject=RUN, now=time.time())
            await self.visitor.publish(replace(packet, envelope=replace(packet.envelope, deadline=deadline)))

    async def reviews(self, count: int) -> list[Message]:
        await until(lambda: len(self.said(Reviewed)) >= count)
        return self.said(Reviewed)

    def said(self, body: type[Message]) -> list[Message]:
        packets = [packet for _, packet in self.broker.log if packet.envelope.type == body.wire_type()]
        return [codec.decode(packet.envelope.type, packet.body, REGISTRY) for packet in packets]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    running = asyncio.create_task(room.runtime.run())
    await room.visitor.open()
    yield room
    room.runtime.stop()
    await running
    await room.visitor.close()


async def test_a_subscriber_is_given_the_message_itself_and_answers_its_notice(room: Room) -> None:
    await room.say(RED)
    assert await room.reviews(1) == [Reviewed(verdict="1/3", by="go-review")]
    ((message, ctx, everything, reviews),) = Reviewer.seen
    assert message == RED
    assert ctx.original is not None
    assert (ctx.original.type, ctx.envelope.type) == (RED.wire_type(), EventNoticed.wire_type())
    assert (everything, reviews) == ([RED], []), "notices are the bus's business, not the run's"
    _, notice, review = (packet.envelope for _, packet in room.broker.log)
    assert (review.causationid, notice.causationid) == (notice.id, ctx.original.id)
    assert [one.outcome for one in room.broker.outcomes] == ["settled"]


async def test_what_it_answered_in_an_older_version_is_in_its_history(room: Room) -> None:
    await room.say(RED)
    await room.reviews(1)
    seq, packet = room.broker.log[-1]
    older = replace(packet.envelope, type="review.done.v1")
    room.broker.log[-1] = (seq, Packet(older, msgpack.packb({"verdict": "fine"})))
    await room.say(RED)
    await room.reviews(1)
    assert Reviewer.seen[1][3] == [Reviewed(verdict="fine", by="somebody")]


async def test_ctx_knows_the_deadline_and_the_files_so_far(room: Room) -> None:
    await room.say(RED)
    await room.reviews(1)
    assert await Reviewer.seen[0][1].artifacts() == {}, "there is no plan yet"
    run = Told.of(NUMKIT)
    run.accept("numkit.go", IMPLEMENTATION)
    run.accept("numkit_test.go", SUITE)
    run.verify()
    deadline = time.time() + 60
    await room.say(*run.messages, deadline=format_time(deadline))
    await room.reviews(2)
    ctx = Reviewer.seen[1][1]
    assert ctx.deadline == pytest.approx(deadline, abs=1e-3)
    assert ctx.left_s is not None
    assert 50 < ctx.left_s <= 60
    files = await ctx.artifacts()
    assert files.pop("go.mod").startswith("module example.com/numkit")
    assert files == {"numkit.go": IMPLEMENTATION, "numkit_test.go": SUITE}


async def test_an_agent_without_settings_is_told_that_it_has_no_model_and_no_sandbox(room: Room) -> None:
    await room.say(RED)
    await room.reviews(1)
    ctx = Reviewer.seen[0][1]
    with pytest.raises(InfrastructureError, match="no model"):
        await ctx.complete("hello")
    with pytest.raises(InfrastructureError, match="no sandbox"):
        await ctx.sandbox("go", "version")


async def test_a_notice_of_a_message_that_is_not_there_dies_with_the_reason(room: Room) -> None:
    lost = wrap(
        EventNoticed(message_id="nobody", message_type=RED.wire_type()), source="x", subject=RUN, now=0.0
    )
    addressed = replace(lost, envelope=replace(lost.envelope, to="go-review", causationid="nobody"))
    await room.visitor.publish(addressed)
    await until(lambda: bool(room.broker.outcomes))
    (end,) = room.broker.outcomes
    assert (end.outcome, end.code) == ("dead", "protocol.refused")
    assert "not in the run" in end.reason
