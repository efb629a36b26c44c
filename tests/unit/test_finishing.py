"""Finishers: who is asked when, what becomes of their edits, and that a green stays green."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from green_runs import BETTER, CODE, SUITE, TWO, green, judged, planner
from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.contracts import Member, check, check_finishers
from guildbus.agents.finishing import read_finishing
from guildbus.agents.planner import Planner
from guildbus.agents.runtime import Runtime, wrap
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.memory import MemoryBroker, MemoryBus
from guildbus.bus.state import Limits
from guildbus.launch.config import parse_config
from guildbus.launch.places import Host
from guildbus.launch.replay.branch import branch_at, copies, read_settings
from guildbus.launch.report import Wall, build_report
from guildbus.protocols import codec
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildOptions
from guildbus.protocols.messages.control import DeadRequeued, MessageDied
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import WitnessedCase, WitnessTable
from guildbus.protocols.messages.verification import (
    Teeth,
    VerificationFinished,
)
from guildbus.protocols.registry import standard_registry
from told import NUMKIT, RUN, Told, call, log_of, span


def died(kind: type[Message] = FinishRequested, code: str = "agent.crashed") -> MessageDied:
    return MessageDied(message_id="m", message_type=kind.wire_type(), queue="q", code=code, reason="why")


def end_of(answers: Sequence[Message]) -> BuildFinished:
    (end,) = answers
    assert isinstance(end, BuildFinished)
    return end


class TestThePlanner:
    async def test_without_finishers_a_green_is_closed_at_once(self) -> None:
        assert end_of(await planner(green(()))).status == "green:unexamined"

    async def test_the_first_one_is_asked_about_the_tree_that_was_reached(self) -> None:
        run = green()
        (asked,) = await planner(run, now=1000.0)
        assert isinstance(asked, FinishRequested)
        assert (asked.role, asked.recipient, asked.until, asked.closes_at) == (TWO[0], TWO[0], 1120.0, None)
        assert asked.reached == run.state.verifications[0]
        assert asked.tree["numkit.go"] == CODE
        assert asked.tree["go.mod"] == run.state.plan.go_mod

    async def test_an_edit_that_is_kept_is_what_the_next_one_and_the_end_get(self) -> None:
        run = green()
        await planner(run)
        (asked,) = await planner(run.add(judged(run)))
        assert isinstance(asked, FinishRequested)
        assert (asked.role, asked.tree["numkit.go"]) == ("go-doc", BETTER)
        end = end_of(await planner(run.add(judged(run, "worse", kept=False))))
        assert (end.green, end.score.total) == (True, 3)
        assert {file.path: (file.author, file.content) for file in end.files}["numkit.go"] == (
            "go-review",
            BETTER,
        )

    @pytest.mark.parametrize("kind", [FinishRequested, FinishProposed, FinishJudged])
    @pytest.mark.parametrize("code", ["agent.crashed", "bus.expired", "protocol.unanswered"])
    async def test_one_that_dies_is_passed_over_and_the_run_stays_green(
        self, kind: type[Message], code: str
    ) -> None:
        run = green()
        await planner(run)
        (asked,) = await planner(run.add(died(kind, code)))
        assert isinstance(asked, FinishRequested)
        assert asked.role == "go-doc"
        end = end_of(await planner(run.add(died(kind, code))))
        assert (end.status, {f.path: f.content for f in end.files}["numkit.go"]) == ("green:unexamined", CODE)

    async def test_another_death_does_not_end_a_run_that_is_green(self) -> None:
        run = green()
        await planner(run)
        assert await planner(run.add(died(BuildFinished))) == []
        assert await planner(run.add(judged(run))) != []

    async def test_a_verdict_that_nobody_waits_for_changes_nothing(self) -> None:
        run = green(TWO[:1])
        await planner(run)
        verdict = judged(run)
        end_of(await planner(run.add(verdict)))
        assert await planner(run.add(verdict)) == []

    async def test_each_gets_its_own_time_and_none_beyond_the_runs_deadline(self) -> None:
        run = green((*TWO, "go-bench"))
        (first,) = await planner(run, now=1000.0, deadline=1200.0)
        (second,) = await planner(run.add(died()), now=1110.0)
        assert isinstance(first, FinishRequested)
        assert isinstance(second, FinishRequested)
        assert (first.until, first.closes_at) == (1120.0, 1200.0)
        assert (second.until, second.closes_at) == (1200.0, 1200.0)
        assert end_of(await planner(run.add(died(code="bus.expired")), now=1200.0)).green

    async def test_a_dead_one_that_is_requeued_opens_the_run_and_ends_it_again(self) -> None:
        run = green(TWO[:1])
        (asked,) = await planner(run)
        end_of(await planner(run.add(died())))
        run.add(DeadRequeued(message_id="m", copy_id="n", by="me"), asked)
        assert end_of(await planner(run.add(judged(run)))).files[1].content == BETTER
        run.add(DeadRequeued(message_id="x", copy_id="y", by="me"))
        assert end_of(await planner(run.add(died(VerificationFinished)))).status == "red:agent.crashed"


def blunt(score: float | None, *, goal: float = 0.8, cases: int = 1, obstacle: str = "") -> Told:
    """A green run with one finisher, its teeth, and what witnesses have settled."""
    run = Told.of(NUMKIT, finishers=TWO[:1], teeth=goal)
    run.accept("numkit.go", CODE).accept("numkit_test.go", SUITE, cases=1)
    settled = WitnessedCase(call="GCD(0, 5)", case="{}", outcome="{}", votes=("python-0",))
    run.witness("", WitnessTable(subject="GCD", cases=(settled,) * cases, obstacle=obstacle))
    return run.verify(score="build vet test", green=True, teeth=Teeth(score=score))


class TestABluntSuite:
    async def test_it_goes_to_the_oracle_once_and_before_all_finishers(self) -> None:
        run = blunt(0.79)
        (asked,) = await planner(run)
        assert isinstance(asked, FinishRequested)
        assert asked.role == "oracle"
        (asked,) = await planner(run.add(judged(run, kept=False)))
        assert isinstance(asked, FinishRequested)
        assert asked.role == TWO[0]
        assert end_of(await planner(run.add(judged(run, kept=False)))).green

    @pytest.mark.parametrize(
        "run",
        [
            pytest.param(lambda: blunt(0.8), id="sharp enough"),
            pytest.param(lambda: blunt(None), id="not measured"),
            pytest.param(lambda: blunt(0.1, goal=0.0), id="not wanted"),
            pytest.param(lambda: blunt(0.1, cases=0), id="nothing settled"),
            pytest.param(lambda: blunt(0.1, obstacle="it takes a channel"), id="not examined"),
        ],
    )
    async def test_the_oracle_is_not_asked_without_need_or_evidence(self, run: Callable[[], Told]) -> None:
        (asked,) = await planner(run())
        assert isinstance(asked, FinishRequested)
        assert asked.role == TWO[0]

    async def test_an_oracle_that_dies_leaves_the_run_green(self) -> None:
        run = blunt(0.1)
        await planner(run)
        (asked,) = await planner(run.add(died()))
        assert isinstance(asked, FinishRequested)
        assert asked.role == TWO[0]


def test_a_run_without_finishers_has_the_bytes_that_it_always_had() -> None:
    options = BuildOptions(candidates=3)
    assert set(options.model_dump(mode="json")) == {
        "candidates",
        "max_rounds",
        "seed",
        "max_tokens",
        "max_seconds",
        "examine",
        "teeth_seconds",
    }
    asked = BuildOptions(finishers=TWO, finisher_seconds=9.0).model_dump(mode="json")
    assert (asked["finishers"], asked["finisher_seconds"]) == (list(TWO), 9.0)
    assert BuildOptions.model_validate(asked).finishers == TWO


async def test_a_request_goes_to_the_role_that_it_names_and_expires_by_itself() -> None:
    run = green()
    (asked,) = await planner(run)
    cause = wrap(run.found, source="verifier/1", subject=RUN, now=1.0).envelope
    envelope = wrap(asked, source="planner/1", subject=RUN, now=2.0, cause=cause).envelope
    assert (envelope.to, parse_time(envelope.deadline or "")) == ("go-review", 1120.0)
    assert codec.decode(asked.wire_type(), codec.encode(asked), standard_registry()) == asked


async def test_only_the_first_answer_to_a_request_counts() -> None:
    run = green()
    await planner(run)
    proposal = FinishProposed()
    assert read_finishing(run.add(proposal).messages).proposals == 1
    assert read_finishing(run.add(proposal).messages).proposals == 2
    run.add(judged(run))
    assert read_finishing(run.messages).waiting is None
    await planner(run)
    assert read_finishing(run.messages).proposals == 0


async def test_the_report_tells_what_became_of_each() -> None:
    run = green((*TWO, "go-bench"), teeth=Teeth(score=0.5))
    await planner(run)
    (asked,) = run.messages[-1:]
    assert isinstance(asked, FinishRequested)
    edit = asked.propose({"numkit.go": BETTER}, note="Two.", calls=[call()], spans=[span(1.0, 2.0)])
    await planner(run.add(edit, judged(run, teeth=Teeth(score=0.75))))
    await planner(
        run.add(FinishProposed(note="no"), FinishJudged(role="go-doc", kept=False, reason="nothing"))
    )
    await planner(run.add(died(code="bus.expired")))
    report = build_report(log_of(*run.messages), Wall(100.0, 120.0))
    figures = {"score": 3, "agreed": 0, "cases": 1}
    first, second, third = report["finishers"]
    assert first == {
        "role": "go-review",
        "kept": True,
        "why": "",
        "note": "Two.",
        "files": ["numkit.go"],
        "before": figures | {"teeth": 0.5},
        "after": figures | {"teeth": 0.75},
        "seconds": 2.0,
        "calls": 1,
        "tokens": 140,
    }
    assert (second["kept"], second["why"], second["after"]) == (False, "nothing", None)
    assert (third["why"], third["before"]["teeth"], third["seconds"]) == ("bus.expired: why", 0.75, 1.0)
    assert (report["green"], report["model"]["calls"], report["toolchain_s"]) == (True, 1, 2.0)
    assert (report["teeth"] or {})["score"] == 0.75


async def test_a_fork_gives_a_finisher_its_time_anew() -> None:
    run = green(TWO[:1])
    await planner(run, now=1000.0, deadline=1050.0)
    log = log_of(*run.messages)
    host = Host({"GUILDBUS_STATE_DIR": "/nowhere"}, Path("/home/u"), Path("/guild"), "linux", "x86_64")
    nothing = read_settings([], parse_config("", "guild.toml", host, Path("/guild")))
    branch = branch_at(log, str(log.lines[-1].seq), nothing)
    packet = copies(branch, out="/o", source="cli", now=5000.0)[-1]
    asked = codec.decode(packet.envelope.type, packet.body, standard_registry())
    assert isinstance(asked, FinishRequested)
    assert (asked.until, asked.closes_at) == (5120.0, None)
    assert (packet.envelope.to, parse_time(packet.envelope.deadline or "")) == ("go-review", 5120.0)


class Silent(Agent):
    """Takes a request, and says nothing."""

    role = "go-silent"
    emits: ClassVar[tuple[type[Message], ...]] = (FinishProposed,)

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> Sequence[Message]:
        return []


class Mute(Silent):
    """May not even answer."""

    role = "go-mute"
    emits: ClassVar[tuple[type[Message], ...]] = ()


async def test_an_acknowledgement_without_an_answer_is_a_failure_at_once() -> None:
    broker, identity = MemoryBroker(), AgentIdentity("go-silent", "go-silent", "1")
    runtime = Runtime(Silent(), MemoryBus(broker, identity), identity, standard_registry())
    running = asyncio.create_task(runtime.run())
    outside = MemoryBus(broker, AgentIdentity("o", "o", "1"), credit=0)
    await outside.open()
    (asked,) = await planner(green(["go-silent"]), now=time.time())
    await outside.publish(wrap(asked, source="o/1", subject=RUN, now=time.time()))
    while not broker.outcomes:  # noqa: ASYNC110 - the broker has no event for it
        await asyncio.sleep(0.005)
    runtime.stop()
    await asyncio.gather(running, outside.close())
    assert [(one.outcome, one.code) for one in broker.outcomes] == [("dead", "protocol.unanswered")]


def test_a_class_that_could_not_answer_does_not_start() -> None:
    check([Member("go-silent", Silent)], "planner")
    with pytest.raises(ConfigError, match=r"may not answer it by finish\.proposed\.v1") as caught:
        check([Member("go-mute", Mute)], "planner")
    assert "add FinishProposed to `emits` of Mute" in caught.value.remedy


def test_a_role_that_takes_no_requests_is_no_finisher() -> None:
    check_finishers([Member("go-silent", Silent)], ["go-silent"])
    for role, members in (("planner", []), ("planner", [Member("planner", Planner)])):
        with pytest.raises(ConfigError, match="is no finisher"):
            check_finishers(members, [role])


class Stuck(Silent):
    """Comes to no end."""

    role = "go-stuck"

    @handles(FinishRequested)
    async def on_finish_requested(self, message: FinishRequested, ctx: Context) -> Sequence[Message]:
        await asyncio.Event().wait()
        return []


async def test_one_that_is_silent_past_its_time_is_passed_over_on_the_real_routing() -> None:
    """With a clock that runs a hundred times as fast as the real one."""
    start, began = time.time(), time.monotonic()

    def clock() -> float:
        return start + (time.monotonic() - began) * 100

    broker = MemoryBroker(Limits(lease_s=1e6, silent_s=1e6, unclaimed_s=1e6, undertaker="planner"), clock)
    agents: list[Agent] = [Planner(), Stuck()]
    runtimes = []
    for agent in agents:
        identity = AgentIdentity(agent.role, agent.role, "1")
        bus = MemoryBus(broker, identity, credit=agent.credit)
        runtimes.append(Runtime(agent, bus, identity, standard_registry(), clock))
    tasks = [asyncio.create_task(runtime.run()) for runtime in runtimes]
    outside = MemoryBus(broker, AgentIdentity("o", "o", "1"), credit=0)
    await outside.open()
    *told, verified = green(["go-stuck"]).messages
    for message in told:  # as announcements: what they led to is told already
        packet = wrap(message, source="o/1", subject=RUN, now=clock())
        await outside.publish(replace(packet, envelope=replace(packet.envelope, to=None)))
    await outside.publish(wrap(verified, source="o/1", subject=RUN, now=clock()))
    while not any(p.envelope.type == BuildFinished.wire_type() for _, p in broker.log):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for runtime in runtimes:
        runtime.stop()
    await asyncio.gather(*tasks, outside.close())
    _, packet = broker.log[-1]
    end = codec.decode(packet.envelope.type, packet.body, standard_registry())
    assert isinstance(end, BuildFinished)
    assert (end.status, end.score.total) == ("green:unexamined", 3)
    assert [o.code for o in broker.outcomes if o.outcome == "dead"] == ["bus.expired"]
