"""How the planner closes a run that did not get to its end: cancelled, out of time, out of tokens. Once."""

from collections.abc import Sequence

import pytest
import structlog

from guildbus.agents.context import Context
from guildbus.agents.planner import Planner
from guildbus.agents.runtime import wrap
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildRequested
from guildbus.protocols.messages.control import MessageDied, RunCancelled
from guildbus.protocols.messages.draft import DraftRequested
from told import IMPLEMENTATION, NUMKIT, RUN, SUITE, Told, finished

CANCELLED = RunCancelled(reason="the wrong spec", by="operator")


def died(code: str = "bus.expired") -> MessageDied:
    return MessageDied(
        message_id="m", message_type="draft.requested.v1", queue="go-dev", code=code, reason="why"
    )


async def answer(run: Told, message: Message) -> Sequence[Message]:
    """What the planner does about a message that comes after all of `run`."""
    history = [*run.messages, message]

    async def read(types: Sequence[str]) -> list[Message]:
        return [m for m in history if not types or m.wire_type() in types]

    envelope = wrap(message, source="t/1", subject=RUN, now=0.0).envelope
    context = Context(envelope, 5, structlog.get_logger(), lambda: 0.0, lambda text: None, read)
    return await Planner.handlers[message.wire_type()](Planner(), message, context)


def judged() -> Told:
    run = Told.of(NUMKIT, max_seconds=60.0)
    return run.accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE).verify()


async def test_a_cancelled_run_ends_with_the_best_tree_and_who_asked() -> None:
    (end,) = await answer(judged(), CANCELLED)
    assert isinstance(end, BuildFinished)
    assert (end.status, end.green, end.score.total) == ("red:cancelled", False, 2)
    assert [file.path for file in end.files] == ["go.mod", "numkit.go", "numkit_test.go"]
    assert end.diagnosis == "cancelled by operator: the wrong spec"


@pytest.mark.parametrize("told", [0, 1])
async def test_a_run_may_be_cancelled_before_its_plan(told: int) -> None:
    (end,) = await answer(Told(Told.of(NUMKIT).messages[:told]), CANCELLED)
    assert isinstance(end, BuildFinished)
    assert (end.status, end.files, end.spec_name) == ("red:cancelled", (), "numkit" if told else RUN)


async def test_what_has_ended_is_not_closed_again() -> None:
    run = judged().add(finished())
    assert await answer(run, CANCELLED) == []
    assert await answer(run, died()) == []


async def test_a_passed_deadline_is_named_with_its_limit_and_what_was_reached() -> None:
    (end,) = await answer(judged(), died())
    assert isinstance(end, BuildFinished)
    assert (end.status, end.score.total) == ("red:deadline", 2)
    assert end.diagnosis == "the 60 s that it was given are over; the best tree has 2/3"
    (end,) = await answer(Told.of(NUMKIT), died())
    assert isinstance(end, BuildFinished)
    assert end.diagnosis == "its deadline has passed; nothing was verified yet"


async def test_of_messages_that_die_together_only_the_first_closes_the_run() -> None:
    run = judged()
    assert len(await answer(run, died())) == 1
    run.add(died())
    assert await answer(run, died()) == []


async def test_a_message_that_nobody_could_handle_keeps_its_code() -> None:
    (end,) = await answer(judged(), died("agent.crashed"))
    assert isinstance(end, BuildFinished)
    assert (end.status, end.diagnosis) == (
        "red:agent.crashed",
        "draft.requested.v1 to go-dev failed 0 times; the last: why",
    )


async def test_a_first_stage_that_cannot_be_paid_ends_the_run_at_once() -> None:
    requested = Told.of(NUMKIT, max_tokens=100).messages[0]
    assert isinstance(requested, BuildRequested)
    planned, end = await answer(Told(), requested)
    assert planned.wire_type() == "build.planned.v1"
    assert isinstance(end, BuildFinished)
    assert (end.status, end.diagnosis.startswith("0 of 100 tokens are spent")) == ("red:tokens", True)


async def test_the_first_stage_shares_the_budget() -> None:
    requested = Told.of(NUMKIT, max_tokens=8000).messages[0]
    _, *asked = await answer(Told(), requested)
    assert [r.max_tokens for r in asked if isinstance(r, DraftRequested)] == [4000, 4000]
