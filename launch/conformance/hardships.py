"""Three checks that make things hard: the real routing, deliveries that are taken back, parts that fail.

Each is a function `(bench) -> findings`, as in `checks.py`.
"""

import asyncio
from collections import Counter
from typing import Final

from guildbus.launch.conformance.bench import Bench
from guildbus.launch.conformance.findings import Finding, Untried
from guildbus.launch.conformance.memory_stage import on_memory_bus
from guildbus.launch.conformance.outcomes import Answered, GivenBack, Lost
from guildbus.launch.conformance.stage_bus import PARTS, Fault, Part
from guildbus.launch.conformance.subject import EndedProcess
from guildbus.launch.conformance.telling import Told
from guildbus.protocols.errors import NotAllowed

SHORT_LIMIT_S: Final = 0.05
CRASHED: Final = ("agent.crashed", EndedProcess.code)
TIMED_OUT: Final = "agent.timeout"
LET_THROUGH: Final = "let CancelledError through: close what is open in `finally`, and answer nothing"


async def acks(bench: Bench) -> list[Finding]:
    """On the in-memory bus every delivery ends: with an ack, or with a nack that says why."""
    found: list[Finding] = []
    given_back: Counter[str] = Counter()
    answered = 0
    for story in bench.stories:
        async with on_memory_bus(bench) as stage:
            for place in range(len(story.packets)):
                if _is_its_own_answer(bench, story, place):
                    continue
                await stage.publish(story, place)
                if place not in story.handled:
                    continue
                where = bench.where(story, place)
                end = await stage.end_of(story, place)
                if isinstance(end, Lost):
                    why = "its handler let out CancelledError" if end.ended else "its handler did not end"
                    remedy = "await the tasks that you cancel, and catch what they raise"
                    found.append(Finding(f"a delivery was {end}: {why}", where, remedy))
                    break  # its credit is lost too: nothing more will come
                if end.outcome == "settled":
                    answered += 1
                elif end.code in CRASHED:
                    remedy = "mend the bug; raise a GuildbusError for what cannot be handled"
                    found.append(Finding(f"crashed: {end.reason}", where, remedy))
                elif end.code != NotAllowed.code:
                    given_back[f"{end.code}: {end.reason[:200]}"] += 1
    if given_back and not answered and not found:
        reason, _ = given_back.most_common(1)[0]
        remedy = "give a history that it can answer: guildbus trace RUN --format json"
        what = f"no message was answered; most were given back as {reason}"
        found.append(Finding(what, bench.subject.name, remedy))
    return found


def _is_its_own_answer(bench: Bench, story: Told, place: int) -> bool:
    """A recorded answer of the agent itself: here it gives its own."""
    emitted = {body.wire_type() for body in bench.subject.agent_class.emits}
    return place not in story.handled and story.packets[place].envelope.type in emitted


async def deadlines(bench: Bench) -> list[Finding]:
    """A handler whose delivery is taken back, or whose time is up, is cancelled and lets go."""
    found: list[Finding] = []
    for story, place in bench.one_of_each():
        where = bench.where(story, place)
        for part in PARTS:
            said = await _taken_back(bench, story, place, part) or await _timed_out(bench, story, place, part)
            if said:
                found.append(Finding(said, where, LET_THROUGH))
        async with bench.stage() as stage:
            outcome = await stage.handle(story, place)
        if outcome == Lost(ended=False) or (isinstance(outcome, GivenBack) and outcome.code == TIMED_OUT):
            remedy = "bound what it waits for; `handler_limit_s` is how long it may take"
            found.append(Finding(str(outcome), where, remedy))
    return found


async def _taken_back(bench: Bench, story: Told, place: int, part: Part) -> str:
    """Taken back while it waits for this part, or soon after its beginning if it does not."""
    fault = Fault("hangs", part)
    async with bench.stage(fault) as stage:
        delivery = stage.hand_over(story, place)
        over = stage.runtime.over[delivery.packet.envelope.id, 1]
        waits = [asyncio.create_task(event.wait()) for event in (fault.met, over)]
        await asyncio.wait(waits, timeout=SHORT_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        ended_before = over.is_set()
        outcome = await stage.withdraw(delivery)
    if outcome == Lost(ended=False):
        return f"goes on {bench.subject.tolerances.grace_s:g} s after its delivery was taken back"
    if fault.met.is_set() and isinstance(outcome, Answered) and not ended_before:
        return f"answers after its delivery was taken back, while it waited for {part}"
    return ""


async def _timed_out(bench: Bench, story: Told, place: int, part: Part) -> str:
    """Its limit passes while it waits for this part."""
    fault = Fault("hangs", part)
    async with bench.stage(fault, limit_s=SHORT_LIMIT_S) as stage:
        delivery = stage.hand_over(story, place)
        outcome = await stage.outcome(delivery, SHORT_LIMIT_S + bench.subject.tolerances.grace_s)
    if not fault.met.is_set():
        return ""
    if outcome == Lost(ended=False):
        return f"goes on {bench.subject.tolerances.grace_s:g} s after its time was up"
    return (
        f"answers after its time was up, while it waited for {part}" if isinstance(outcome, Answered) else ""
    )


async def errors(bench: Bench) -> list[Finding]:
    """When what it stands on fails, the handler fails: an empty answer would settle the message."""
    found: list[Finding] = []
    tried = False
    for story, place in bench.one_of_each():
        for part in PARTS:
            fault = Fault("fails", part)
            async with bench.stage(fault) as stage:
                outcome = await stage.handle(story, place)
            tried = tried or fault.met.is_set()
            if fault.met.is_set() and isinstance(outcome, Answered):
                remedy = "let the error out: the message comes again, and in the end somebody hears of it"
                found.append(Finding(f"{part} failed, and it {outcome}", bench.where(story, place), remedy))
    if not tried:
        raise Untried(f"no handler calls {', '.join(PARTS)}")
    return found
