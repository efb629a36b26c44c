"""The runtime and the thinking agents on the in-memory bus: every message ends in a result or a reason."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.ladder import after_red
from guildbus.agents.planner import Planner
from guildbus.agents.repair_router import RepairRouter
from guildbus.agents.runtime import Runtime, retry_delay_s, wrap
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.memory import MemoryBroker, MemoryBus
from guildbus.bus.state import Limits
from guildbus.protocols import codec
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildPlanned, BuildRequested, BuildStopped
from guildbus.protocols.messages.control import DeadRequeued, RunCancelled
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.verification import VerificationFinished
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import DEFAULT_MAX_BYTES, Packet
from told import IMPLEMENTATION, NUMKIT, RUN, SUITE, Told, failure, proposed

FAST = 100.0
LIMITS = Limits(
    lease_s=1e6, silent_s=1e6, unclaimed_s=1e6, heartbeat_s=1.0, max_attempts=3, undertaker="planner"
)
REGISTRY = standard_registry()


def fast_clock() -> Callable[[], float]:
    """A clock that runs ahead of the real one, so that pauses between attempts pass soon."""
    start, began = time.time(), time.monotonic()
    return lambda: start + (time.monotonic() - began) * FAST


@dataclass
class Hall:
    """One in-memory broker, agents on it, and somebody who publishes from outside."""

    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(LIMITS, fast_clock()))
    runtimes: list[tuple[Runtime, "asyncio.Task[None]"]] = field(default_factory=list)

    async def join(self, agent: Agent, incarnation: str = "1") -> Runtime:
        identity = AgentIdentity(agent.role, agent.role, incarnation)
        bus = MemoryBus(self.broker, identity, credit=agent.credit)
        runtime = Runtime(agent, bus, identity, REGISTRY)
        ready = asyncio.Event()
        task = asyncio.create_task(runtime.run(on_ready=ready.set))
        await ready.wait()
        self.runtimes.append((runtime, task))
        return runtime

    async def publish(self, *messages: Message, raw: bytes | None = None, subject: str = RUN) -> None:
        bus = MemoryBus(self.broker, AgentIdentity("outside", "outside", "1"), credit=0)
        await bus.open()
        for message in messages:
            packet = wrap(message, source="outside/1", subject=subject, now=time.time())
            await bus.publish(packet if raw is None else Packet(packet.envelope, raw))
        await bus.close()

    def of(self, body: type[Message]) -> list[Message]:
        found = [packet for _, packet in self.broker.log if packet.envelope.type == body.wire_type()]
        return [codec.decode(packet.envelope.type, packet.body, REGISTRY) for packet in found]

    def outcomes(self, seq: int) -> list[tuple[str, int, str]]:
        return [(o.outcome, o.attempt, o.code) for o in self.broker.outcomes if o.seq == seq]

    async def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        for runtime, _ in self.runtimes:
            runtime.stop()
        await asyncio.gather(*(task for _, task in self.runtimes))


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    hall = Hall()
    yield hall
    await hall.close()


class Author(Agent):
    """A go-dev that does what `act` says."""

    role = "go-dev"
    emits = (DraftProposed, DraftRequested)
    handler_limit_s = 0.2

    def __init__(self, act: Callable[[DraftRequested, Context], Any]) -> None:
        self._act = act
        self.attempts: list[int] = []

    @handles(DraftRequested)
    async def on_draft_requested(self, message: DraftRequested, ctx: Context) -> Sequence[Message]:
        self.attempts.append(ctx.envelope.attempt)
        found = self._act(message, ctx)
        return await found if asyncio.iscoroutine(found) else found  # type: ignore[no-any-return]


def request() -> DraftRequested:
    return next(r for r in Told.of(NUMKIT).state.requests if r.author == "go-dev")


async def test_a_type_that_the_class_does_not_declare_fails_before_it_reaches_the_bus(hall: Hall) -> None:
    await hall.join(Author(lambda message, ctx: [proposed(message), BuildRequested(spec=NUMKIT)]))
    await hall.publish(request())
    await hall.until(lambda: hall.broker.outcomes)
    assert hall.outcomes(1) == [("dead", 1, "protocol.not_allowed")]
    assert "build.requested.v1" in hall.broker.outcomes[0].reason
    assert "Author.emits" in hall.broker.outcomes[0].reason
    assert not hall.of(DraftProposed)


async def test_results_are_published_with_the_ack_in_the_runs_own_envelope(hall: Hall) -> None:
    await hall.join(Author(lambda message, ctx: [proposed(message)]))
    await hall.publish(request())
    await hall.until(lambda: hall.of(DraftProposed))
    (_, asked), (_, answer) = hall.broker.log
    assert hall.outcomes(1) == [("settled", 1, "")]
    assert answer.envelope.subject == RUN
    assert answer.envelope.source == "go-dev/1"
    assert answer.envelope.to == "gate-keeper"
    assert answer.envelope.causationid == asked.envelope.id
    assert answer.envelope.correlationid == asked.envelope.id
    assert answer.envelope.hops == asked.envelope.hops + 1
    assert answer.envelope.traceparent != asked.envelope.traceparent
    assert (answer.envelope.traceparent or "")[:35] == (asked.envelope.traceparent or "")[:35]


async def test_an_exception_costs_one_attempt(hall: Hall) -> None:
    def act(message: DraftRequested, ctx: Context) -> list[Message]:
        if ctx.envelope.attempt == 1:
            raise ValueError("a bug")
        return [proposed(message)]

    author = Author(act)
    await hall.join(author)
    await hall.publish(request())
    await hall.until(lambda: hall.of(DraftProposed))
    assert author.attempts == [1, 2]
    assert hall.outcomes(1) == [("failed", 1, "agent.crashed"), ("settled", 2, "")]
    assert "ValueError: a bug" in hall.broker.outcomes[0].reason


async def test_what_fails_every_time_dies_and_ends_its_run_with_the_reason(hall: Hall) -> None:
    def act(message: DraftRequested, ctx: Context) -> list[Message]:
        assert ctx.last_attempt == (ctx.envelope.attempt == LIMITS.max_attempts)
        raise ModelError("connection refused", where="model default", remedy="start it")

    author = Author(act)
    await hall.join(author)
    await hall.join(Planner())
    await hall.publish(BuildRequested(spec=NUMKIT))
    await hall.until(lambda: hall.of(BuildFinished))
    assert author.attempts == [1, 2, 3]
    (finished,) = hall.of(BuildFinished)
    assert isinstance(finished, BuildFinished)
    assert not finished.green
    assert finished.status == "red:infra.model"
    assert "connection refused" in finished.diagnosis
    assert "3 times" in finished.diagnosis
    assert finished.files == (), "nothing was verified, so there is nothing to write"


async def test_a_handler_that_takes_too_long_is_given_up(hall: Hall) -> None:
    await hall.join(Author(lambda message, ctx: asyncio.sleep(60)))
    await hall.publish(request())
    await hall.until(lambda: len(hall.outcomes(1)) == LIMITS.max_attempts)
    assert [code for _, _, code in hall.outcomes(1)] == ["agent.timeout"] * 3
    assert hall.outcomes(1)[-1][0] == "dead"


@pytest.mark.parametrize("rubbish", [None, 3, ["text"], [None]])
async def test_a_handler_that_returns_no_messages_has_failed(hall: Hall, rubbish: Any) -> None:
    await hall.join(Author(lambda message, ctx: rubbish))
    await hall.publish(request())
    await hall.until(lambda: len(hall.outcomes(1)) == LIMITS.max_attempts)
    assert {code for _, _, code in hall.outcomes(1)} == {"agent.crashed"}


async def test_a_type_that_the_role_does_not_handle_dies_at_once(hall: Hall) -> None:
    class Idle(Agent):
        role = "go-dev"

    await hall.join(Idle())
    await hall.publish(request())
    await hall.until(lambda: hall.outcomes(1))
    assert hall.outcomes(1) == [("dead", 1, "protocol.refused")]


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x80", b"\x81\xa1x\x01"])
async def test_a_body_that_does_not_validate_dies_at_once(hall: Hall, raw: bytes) -> None:
    author = Author(lambda message, ctx: [])
    await hall.join(author)
    await hall.publish(request(), raw=raw)
    await hall.until(lambda: hall.outcomes(1))
    assert hall.outcomes(1) == [("dead", 1, "protocol.invalid_body")]
    assert author.attempts == []


async def test_an_answer_that_is_too_large_dies_with_that_reason(hall: Hall) -> None:
    await hall.join(Author(lambda message, ctx: [proposed(message, content="x" * DEFAULT_MAX_BYTES)]))
    await hall.publish(request())
    await hall.until(lambda: hall.outcomes(1))
    assert hall.outcomes(1) == [("dead", 1, "protocol.too_large")]


async def test_an_endless_conversation_ends_at_the_hop_limit() -> None:
    limits = Limits(lease_s=1e6, silent_s=1e6, max_hops=7)
    hall = Hall(MemoryBroker(limits, fast_clock()))
    await hall.join(Author(lambda message, ctx: [message]))
    await hall.publish(request())
    await hall.until(lambda: any(o.outcome == "dead" for o in hall.broker.outcomes))
    assert len(hall.broker.log) == 8
    assert "hop limit" in hall.broker.outcomes[-1].reason
    await hall.close()


async def test_a_long_task_keeps_its_lease() -> None:
    hall = Hall(MemoryBroker(Limits(lease_s=0.15)))
    author = Author(lambda message, ctx: asyncio.sleep(0.5, [proposed(message)]))
    author.handler_limit_s = 5.0  # type: ignore[misc]
    await hall.join(author)
    await hall.publish(request())
    await hall.until(lambda: hall.of(DraftProposed))
    assert author.attempts == [1]
    await hall.close()


async def test_stopping_gives_back_what_is_in_hand(hall: Hall) -> None:
    slow = Author(lambda message, ctx: asyncio.sleep(60))
    slow.handler_limit_s = 100.0  # type: ignore[misc]
    runtime = await hall.join(slow)
    await hall.publish(request())
    await hall.until(lambda: slow.attempts)
    runtime.stop()
    await hall.join(Author(lambda message, ctx: [proposed(message)]), incarnation="2")
    await hall.until(lambda: hall.of(DraftProposed))
    assert hall.outcomes(1)[-1] == ("settled", 2, "")


async def test_a_cancelled_run_stops_its_handler_and_the_next_message_is_taken(hall: Hall) -> None:
    let_go = []

    async def act(message: DraftRequested, ctx: Context) -> list[Message]:
        if ctx.envelope.subject != RUN:
            return [proposed(message)]
        try:
            await asyncio.sleep(60)
        finally:
            let_go.append(ctx.envelope.attempt)
        return []

    author = Author(act)
    author.handler_limit_s = 100.0  # type: ignore[misc]
    await hall.join(author)
    await hall.publish(request())
    await hall.until(lambda: author.attempts)
    await hall.publish(RunCancelled(reason="enough", by="user"))
    await hall.until(lambda: let_go)
    assert hall.outcomes(1) == [("cancelled", 1, "bus.cancelled")]
    await hall.publish(request(), subject="another run")
    await hall.until(lambda: hall.of(DraftProposed))
    assert let_go == [1]


async def test_a_zombie_stops_as_soon_as_it_hears_of_it() -> None:
    let_go = []

    async def act(message: DraftRequested, ctx: Context) -> list[Message]:
        if ctx.envelope.attempt > 1:
            return [proposed(message)]
        try:
            time.sleep(0.4)  # noqa: ASYNC251  (nothing renews in time while the loop is blocked)
            await asyncio.sleep(60)
        finally:
            let_go.append(ctx.envelope.attempt)
        return []

    hall = Hall(MemoryBroker(Limits(lease_s=0.15)))
    author = Author(act)
    author.handler_limit_s = 100.0  # type: ignore[misc]
    await hall.join(author)
    await hall.publish(request())
    await hall.until(lambda: hall.of(DraftProposed))
    assert let_go == [1]
    assert hall.outcomes(1) == [("failed", 1, "bus.lease"), ("settled", 2, "")]
    await hall.close()


async def test_other_messages_go_on_while_one_is_tried_again(hall: Hall) -> None:
    def act(message: DraftRequested, ctx: Context) -> list[Message]:
        if message.round == 9:
            raise ValueError("never")
        return [proposed(message)]

    await hall.join(Author(act))
    await hall.publish(request().model_copy(update={"round": 9}), request())
    await hall.until(lambda: hall.of(DraftProposed))
    await hall.until(lambda: len(hall.outcomes(1)) == LIMITS.max_attempts)


def test_pauses_between_attempts_grow_to_a_limit() -> None:
    assert [retry_delay_s(n) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert retry_delay_s(20) == 30.0


async def left_in_the_middle(hall: Hall, role: str) -> None:
    """An instance of a role takes its next message, and leaves without an answer."""
    bus = MemoryBus(hall.broker, AgentIdentity(role, role, "dead"), credit=1)
    await bus.open()
    await bus.receive()
    await bus.close()


async def test_a_planner_that_died_and_one_that_did_not_plan_the_same(hall: Hall) -> None:
    await hall.publish(BuildRequested(spec=NUMKIT))
    await left_in_the_middle(hall, "planner")
    assert hall.of(BuildPlanned) == []
    await hall.join(Planner())
    await hall.until(lambda: hall.of(BuildPlanned))
    assert hall.outcomes(1)[-1] == ("settled", 2, "")
    assert hall.of(BuildPlanned) == Told.of(NUMKIT).messages[1:2]
    assert hall.of(DraftRequested) == Told.of(NUMKIT).messages[2:]


def red_run() -> Told:
    run = Told.of(NUMKIT).accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE, cases=3)
    return run.verify(failures=(failure(),))


async def test_a_router_that_is_asked_again_later_gives_the_same_answer(hall: Hall) -> None:
    """What happened after its message is not in the history that it folds."""
    run = red_run()
    (expected,) = after_red(run.state, run.record, run.found)
    await hall.publish(*run.messages)
    await left_in_the_middle(hall, "repair-router")
    later = red_run().ask("numkit.go").accept("numkit.go", "package numkit").messages[-2:]
    await hall.publish(*later)
    before = len(hall.of(DraftRequested))
    await hall.join(RepairRouter())
    await hall.until(lambda: len(hall.of(DraftRequested)) > before)
    assert hall.of(DraftRequested)[-1] == expected


async def test_a_green_stage_leads_to_the_next_and_the_last_to_the_end(hall: Hall) -> None:
    run = Told.of(NUMKIT).accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE)
    run.verify(score="build vet test", green=True)
    await hall.publish(*run.messages[1:-1])
    await hall.join(Planner())
    await hall.publish(run.messages[0])
    await hall.until(lambda: len(hall.of(BuildPlanned)) == 2)
    await hall.publish(run.messages[-1])
    await hall.until(lambda: hall.of(BuildFinished))
    (finished,) = hall.of(BuildFinished)
    assert isinstance(finished, BuildFinished)
    assert (finished.green, finished.status, finished.rounds) == (True, "green:unexamined", 1)
    assert [(file.path, file.author) for file in finished.files] == [
        ("go.mod", "planner"),
        ("numkit.go", "go-dev"),
        ("numkit_test.go", "go-test"),
    ]


async def test_a_router_that_stops_ends_the_run_with_its_diagnosis(hall: Hall) -> None:
    run = red_run()
    await hall.publish(*run.messages[1:-1])
    await hall.join(Planner())
    await hall.publish(run.messages[0])
    await hall.until(lambda: hall.of(BuildPlanned)[1:])
    await hall.publish(BuildStopped(reason="stalled", diagnosis="they disagree", failures=(failure(),)))
    await hall.until(lambda: hall.of(BuildFinished))
    (finished,) = hall.of(BuildFinished)
    assert isinstance(finished, BuildFinished)
    assert (finished.green, finished.status) == (False, "red:stalled")
    assert finished.diagnosis == "they disagree"
    assert finished.failures == (failure(),)


async def test_a_history_without_a_plan_is_a_reason_and_not_a_loop(hall: Hall) -> None:
    await hall.join(RepairRouter())
    found = red_run().found
    assert isinstance(found, VerificationFinished)
    await hall.publish(found)
    await hall.until(lambda: hall.outcomes(1))
    assert hall.outcomes(1) == [("dead", 1, "protocol.invalid_body")]


async def kill_next(hall: Hall, role: str) -> None:
    """The next message to a role dies."""
    bus = MemoryBus(hall.broker, AgentIdentity(role, role, "1"), credit=1)
    await bus.open()
    await bus.nack(await bus.receive(), "agent.drill", "a drill", fatal=True)
    await bus.close()


async def test_a_run_that_a_death_closed_is_closed_again_only_after_a_requeueing(hall: Hall) -> None:
    await hall.join(Planner())
    await hall.publish(BuildRequested(spec=NUMKIT))
    await kill_next(hall, "go-dev")
    await hall.until(lambda: len(hall.of(BuildFinished)) == 1)
    await kill_next(hall, "go-test")
    await hall.until(lambda: [o.outcome for o in hall.broker.outcomes].count("settled") == 3)
    assert len(hall.of(BuildFinished)) == 1
    await hall.publish(DeadRequeued(message_id="a", copy_id="b", by="me"), hall.of(DraftRequested)[0])
    await kill_next(hall, "go-dev")
    await hall.until(lambda: len(hall.of(BuildFinished)) == 2)
    assert [finished.status for finished in hall.of(BuildFinished)] == ["red:agent.drill"] * 2
