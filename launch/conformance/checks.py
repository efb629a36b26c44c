"""Six checks that hand messages over in several ways and compare what comes of them.

Each is a function `(bench) -> findings`. The first to read is `idempotency`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Final

from guildbus.launch.conformance.bench import Bench
from guildbus.launch.conformance.findings import Finding, Untried
from guildbus.launch.conformance.loop_watch import watching
from guildbus.launch.conformance.outcomes import GivenBack, Outcome, difference
from guildbus.launch.conformance.telling import Told
from guildbus.protocols.errors import NotAllowed

TRIES: Final = 3
"""A held loop is measured so often before it is believed."""


async def idempotency(bench: Bench) -> list[Finding]:
    """The same message twice: the same answer, and no second effect, in this process or in the next."""
    found: list[Finding] = []
    for story, place in bench.cases():
        folder, where = bench.new_folder(), bench.where(story, place)
        async with bench.stage(folder=folder) as stage:
            first = await stage.handle(story, place)
            once = bench.effects(folder)
            changed = difference(first, await stage.handle(story, place, attempt=2))
        async with bench.stage(folder=folder) as stage:
            await stage.handle(story, place, attempt=3)
        if changed:
            remedy = "answer from the message and ctx.history() alone; no clock, no chance, no counter"
            found.append(Finding(f"a redelivery is answered differently: {changed}", where, remedy))
        if bench.effects(folder) != once:
            remedy = "name what you write by the message's id, or look whether it is there already"
            found.append(Finding("a redelivery has its effect once more", where, remedy))
    return found


async def rebuild(bench: Bench) -> list[Finding]:
    """An instance that was killed is replaced by one that knows the history alone, and answers the same."""
    found: list[Finding] = []
    for story in bench.stories:
        async with bench.stage() as stage:
            lived = [await stage.handle(story, place) for place in story.handled]
        for place, want in zip(story.handled, lived, strict=True):
            async with bench.stage() as stage:
                changed = difference(want, await stage.handle(story, place))
            if changed:
                remedy = "keep nothing in self between calls: fold it from ctx.history()"
                what = f"a fresh instance answers differently from one that lived through the run: {changed}"
                found.append(Finding(what, bench.where(story, place), remedy))
    return found


async def isolation(bench: Bench) -> list[Finding]:
    """An answer does not depend on other runs, nor on later messages, that the instance has seen."""
    found: list[Finding] = []
    for story in filter(lambda story: story.handled, bench.stories):
        async with bench.stage() as stage:
            alone = [await stage.handle(story, place) for place in story.handled]
        other = bench.others(story)
        async with bench.stage() as stage:
            for n, (place, want) in enumerate(zip(story.handled, alone, strict=True)):
                await stage.handle(other, other.handled[n % len(other.handled)], attempt=n + 1)
                changed = difference(want, await stage.handle(story, place))
                if changed:
                    remedy = (
                        "keep nothing in self that comes from a message; ctx.history() is of this run alone"
                    )
                    what = f"another run's message changes the answer: {changed}"
                    found.append(Finding(what, bench.where(story, place), remedy))
        found += await _once_more(bench, story, alone[0])
    return found


async def _once_more(bench: Bench, story: Told, want: Outcome) -> list[Finding]:
    """The first message again, when the last has been seen."""
    first = story.handled[0]
    async with bench.stage() as stage:
        for place in story.handled:
            await stage.handle(story, place)
        changed = difference(want, await stage.handle(story, first, attempt=2))
    if not changed:
        return []
    remedy = "keep nothing in self between calls; ctx.history() ends with the message in hand"
    what = f"later messages of the run change the answer to an earlier one: {changed}"
    return [Finding(what, bench.where(story, first), remedy)]


async def responsiveness(bench: Bench) -> list[Finding]:
    """No handler holds the event loop: leases are renewed in it, and withdrawals are heard."""
    limit_s = bench.subject.tolerances.hold_s
    found: list[Finding] = []
    async for where, held_s, line in _holds(bench, limit_s):
        what = f"holds the event loop for {held_s * 1000:.0f} ms; {limit_s * 1000:.0f} ms are allowed"
        remedy = "await what waits, and give what computes to asyncio.to_thread"
        found.append(Finding(what + (f" (at {line})" if line else ""), where, remedy))
    return found


async def _holds(bench: Bench, limit_s: float) -> AsyncIterator[tuple[str, float, str]]:
    """Each case that holds the loop too long every time that it is tried: its place, seconds, line."""
    file = getattr(sys.modules.get(bench.subject.agent_class.__module__), "__file__", None) or ""
    for story, place in bench.cases():
        held_s, line = float("inf"), ""
        for _ in range(TRIES):
            async with bench.stage() as stage, watching(limit_s, file) as watch:
                await stage.handle(story, place)
                await asyncio.sleep(0)
            if watch.longest_s < held_s:
                held_s, line = watch.longest_s, watch.place
            if held_s <= limit_s:
                break
        else:
            yield bench.where(story, place), held_s, line


async def types(bench: Bench) -> list[Finding]:
    """Only what the class declares in `emits` is emitted."""
    found: list[Finding] = []
    for story, place in bench.cases():
        async with bench.stage() as stage:
            outcome = await stage.handle(story, place)
        if isinstance(outcome, GivenBack) and outcome.code == NotAllowed.code:
            remedy = "declare the class in `emits`, or do not return it"
            found.append(Finding(outcome.reason, bench.where(story, place), remedy))
    return found


async def determinism(bench: Bench) -> list[Finding]:
    """Fresh processes with other hash seeds, and with maps in another order, answer the same."""
    found: list[Finding] = []
    first, *rest = bench.fresh()
    if not any(first.values()):
        raise Untried("no history was handled")
    for other in rest:
        for story in bench.stories:
            pairs = zip(story.handled, first[story.name], other[story.name], strict=True)
            for place, want, got in pairs:
                if changed := difference(want, got):
                    remedy = "sort what comes out of a set or a map; draw no chance without a seed"
                    what = f"the same history is answered differently by another process: {changed}"
                    found.append(Finding(what, bench.where(story, place), remedy))
    return found
