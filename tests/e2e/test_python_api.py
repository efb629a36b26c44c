"""`guildbus.Swarm` with real processes and a stub endpoint: many builds in one swarm, nothing left of it."""

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

import guildbus
from guildbus import BuildReport, Swarm, TracedMessage
from guildbus.launch.swarm import read_record
from guildhall import NUMKIT, ROOT, Guild, fenced, numkit, numkit_suite, rule, until, whole
from pages import difference

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEC = ROOT / "specs" / "numkit.yaml"
PAGE = (ROOT / "docs" / "python-api.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
STUBBORN = whole(NUMKIT, numkit_suite("77"), "no case at all\n")


@contextlib.contextmanager
def inside(guild: Guild) -> Iterator[Guild]:
    """This process as a program of the guild's user: in its folder, with its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GUILDBUS_CONFIG", raising=False)
        for name in ("GUILDBUS_STATE_DIR", "GUILDBUS_CACHE_DIR"):
            patch.setenv(name, guild.environment[name])
        patch.chdir(guild.folder)
        yield guild


def case(name: str) -> dict[str, Any]:
    """numkit as data, for which the stub has rules of its own."""
    spec = guildbus.Spec.model_validate(
        {
            "name": "numkit",
            "language": "go",
            "go_module": "example.com/numkit",
            "description": f"Case: {name}.",
            "files": [
                {
                    "path": "numkit.go",
                    "purpose": "package numkit. GCD(a, b int) int. Clamp(x, lo, hi int) int.",
                },
                {"path": "numkit_test.go", "purpose": "package numkit. Tests TestGCD and TestClamp."},
            ],
        }
    )
    return spec.model_dump(mode="json")


@pytest.fixture(scope="module")
def hall(make_guild: Callable[[], Guild]) -> Iterator[Guild]:
    guild = make_guild()
    slow = rule(numkit(), match="Case: slow.", delay_s=60)
    guild.serve([slow, rule(fenced(NUMKIT))], [slow, rule(STUBBORN, match="Case: red."), rule(numkit())])
    (guild.folder / "numkit.yaml").write_bytes(SPEC.read_bytes())
    with inside(guild):
        yield guild
    assert guild.leftovers() == []
    guild.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def swarm(hall: Guild) -> AsyncIterator[Swarm]:
    """A program's own swarm, which all tests of this module share."""
    async with Swarm() as swarm:
        yield swarm


def pids(swarm: Swarm) -> dict[str, int]:
    record = read_record(swarm.config)
    assert record is not None
    return {process["name"]: process["pid"] for process in record["processes"]}


async def test_a_green_build_is_a_frozen_report_and_its_files(hall: Guild, swarm: Swarm) -> None:
    before = pids(swarm)
    heard: list[TracedMessage] = []
    traced: list[TracedMessage] = []

    async def follow(run: str) -> None:
        traced.extend([message async for message in swarm.trace(run, follow=True)])

    async with asyncio.TaskGroup() as tasks:
        report = await swarm.build(
            "numkit.yaml",
            out="green",
            candidates=1,
            on_published=lambda run: tasks.create_task(follow(run)),
            on_message=heard.append,
        )
    assert (report.green, report.status, report.score.total) == (True, "green:unexamined", 3)
    assert report.folder == Path("green")
    assert [file.path for file in report.files] == ["go.mod", "numkit.go", "numkit_test.go"]
    assert "a%b" in (hall.folder / "green" / "numkit.go").read_text("utf-8")
    with pytest.raises(ValidationError, match="frozen"):
        report.green = False  # type: ignore[misc]
    assert pids(swarm) == before, "the swarm that was there has built it"
    [newest] = swarm.runs(limit=1)
    assert (newest.run_id, newest.status, newest.score) == (report.run_id, report.status, 3)

    assert traced == heard == [message async for message in swarm.trace(report.run_id)]
    numbers = [message.seq for message in traced]
    assert numbers == sorted(set(numbers))
    assert isinstance(traced[0].body, guildbus.BuildRequested)
    assert isinstance(traced[-1].body, guildbus.BuildFinished)
    known = {message.envelope.id for message in traced}
    assert all(message.envelope.causationid in known for message in traced[1:]), "without a gap"


async def test_a_red_build_is_a_result(swarm: Swarm) -> None:
    report = await swarm.build(case("red"), out="red", candidates=1, max_rounds=1)
    assert not report.green
    assert report.status.startswith("red:")
    assert report.score.total == 2
    assert "GCD(6006, 9009)" in report.diagnosis


async def test_two_builds_at_once_and_never_into_one_folder(hall: Guild, swarm: Swarm) -> None:
    refused: list[guildbus.OutputError] = []

    async def in_the_same_folder(run: str) -> None:
        with pytest.raises(guildbus.OutputError, match="another build") as caught:
            await swarm.build(SPEC, out="three")
        refused.append(caught.value)

    async with asyncio.TaskGroup() as tasks:
        builds = [
            tasks.create_task(
                swarm.build(
                    SPEC,
                    out=name,
                    seed=seed,
                    on_published=lambda run: tasks.create_task(in_the_same_folder(run)),
                )
            )
            for seed, name in ((3, "three"), (4, "four"))
        ]
    reports = [build.result() for build in builds]
    assert [report.status for report in reports] == ["green:unexamined"] * 2
    assert len({report.run_id for report in reports}) == 2
    assert len(refused) == 2
    first, second = [[m async for m in swarm.trace(report.run_id)] for report in reports]
    assert first[0].seq < second[-1].seq
    assert second[0].seq < first[-1].seq, "the one did not wait for the other"
    assert all((hall.folder / name / "numkit.go").is_file() for name in ("three", "four"))


async def test_cancelling_ends_a_run_at_once_and_a_task_only_stops_waiting(hall: Guild, swarm: Swarm) -> None:
    asked = asyncio.Event()
    waiting = asyncio.create_task(
        swarm.build(case("slow"), out="slow", seed=5, on_published=lambda run: asked.set())
    )
    await asyncio.wait_for(asked.wait(), 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    run = swarm.named("last")
    assert swarm.runs(limit=1)[0].status == "running"
    finished = await swarm.cancel(run, reason="enough")
    assert finished.status == "red:cancelled"
    assert "enough" in finished.diagnosis
    assert (await swarm.cancel(run)).status == "red:cancelled"
    report = await swarm.resume(run, out="never")
    assert (report.run_id, report.status, report.folder) == (run, "red:cancelled", Path("never"))


async def test_the_command_joins_a_programs_swarm_and_cannot_end_it(hall: Guild, swarm: Swarm) -> None:
    before = pids(swarm)
    code, report = await asyncio.to_thread(
        hall.build, SPEC, "--candidates", 1, "--out", "joined", "--seed", 6
    )
    assert (code, report["green"]) == (0, True)
    assert pids(swarm) == before
    down = await asyncio.to_thread(hall.run, "down")
    assert down.returncode == 2
    assert "belongs to a program" in down.stderr
    again = await swarm.resume(report["run_id"], out="joined-copy")
    told = again.model_dump(mode="json")
    measured = {"wall_s", "overhead_s"}
    assert {k: v for k, v in told.items() if k not in measured} == {
        k: v for k, v in report.items() if k not in measured
    }
    assert list(told) == list(report)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_a_block_of_the_page_prints_what_the_page_says(hall: Guild, swarm: Swarm, number: int) -> None:
    """Each is a program: it joins the swarm that is up, from an event loop of its own."""
    code, shown = BLOCKS[number]
    printed = io.StringIO()

    def program() -> None:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"docs/python-api.md, block {number + 1}", "exec"), {"__name__": "__main__"})

    await asyncio.to_thread(program)
    assert printed.getvalue()
    assert difference(shown.splitlines(), printed.getvalue().splitlines()) == ""


async def test_the_page_shows_what_its_blocks_print() -> None:
    """All but one, whose lines come in any order."""
    assert len([shown for _, shown in BLOCKS if shown]) == len(BLOCKS) - 1


async def test_what_cannot_be_done_is_said_before_anything_starts(guild: Guild) -> None:
    guild.configure("http://127.0.0.1:9/v1")
    with inside(guild):
        with pytest.raises(guildbus.ConfigError, match="no such file"):
            Swarm("nowhere.toml")
        swarm = Swarm(guild.folder / "guild.toml")
        assert swarm.runs() == []
        with pytest.raises(guildbus.SpecError, match="no such file"):
            await swarm.build("nowhere.yaml")
        with pytest.raises(guildbus.UsageError, match="greater than or equal to 1") as caught:
            await swarm.build(SPEC, candidates=0)
        assert caught.value.where == "candidates"
        with pytest.raises(guildbus.BusError, match="no journal"):
            [message async for message in swarm.trace("last")]
        with pytest.raises(guildbus.ModelError):
            async with swarm:
                pytest.fail("it cannot be ready without a model")
    assert guild.leftovers() == []


async def test_nothing_is_left_after_an_exception_and_a_cancelled_start(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=60)])

    async def stay() -> None:
        async with Swarm():
            await asyncio.sleep(60)

    with inside(guild):
        starting = asyncio.create_task(stay())
        await asyncio.to_thread(until, (guild.state / "logs" / "broker.log").exists)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert await asyncio.to_thread(guild.leftovers) == []

        swarm = Swarm()
        building: list[asyncio.Task[BuildReport]] = []

        async def start(swarm: Swarm, out: str) -> None:
            published = asyncio.Event()
            work = swarm.build(SPEC, out=out, on_published=lambda run: published.set())
            building.append(asyncio.create_task(work))
            await asyncio.wait_for(published.wait(), 30)

        async def fail() -> None:
            async with swarm:
                async with Swarm() as joined:
                    await start(joined, "joined")
                await start(swarm, "own")
                raise KeyError("a mistake of the program's own")

        with pytest.raises(KeyError, match="a mistake of the program's own"):
            await fail()
        assert await asyncio.to_thread(guild.leftovers) == []
        with pytest.raises(guildbus.BusError, match="was left before the run ended"):
            await building[0]
        with pytest.raises(guildbus.BusError, match="was stopped before the run ended"):
            await building[1]
        assert [run.status for run in swarm.runs()] == ["interrupted"] * 2


async def test_a_program_takes_over_when_the_swarm_that_it_joined_goes(guild: Guild) -> None:
    guild.serve([rule(numkit(), delay_s=0.5)])
    with inside(guild):
        async with Swarm() as first:
            second = Swarm()
            await second.__aenter__()
            before = pids(first)
            published = asyncio.Event()
            build = asyncio.create_task(
                second.build(SPEC, out="one", candidates=1, on_published=lambda run: published.set())
            )
            await asyncio.wait_for(published.wait(), 30)
        try:
            assert (await build).status == "green:unexamined"
            assert set(pids(second).values()).isdisjoint(before.values())
            record = read_record(second.config)
            assert record is not None
            assert (record["owner"], record["only_run"]) == ("program", None), "its own, for all that comes"
        finally:
            await second.__aexit__(None, None, None)
        assert await asyncio.to_thread(guild.leftovers) == []
