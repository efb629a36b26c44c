"""The planner: opens a run with a plan, hands out its stages, and closes it.

build.requested          -> build.planned, draft.requested for each file of stage 0
verification.finished    (green) -> the next stage's drafts, finish.requested, or build.finished
finish.judged            -> finish.requested for the next finisher, or build.finished
build.stopped            -> build.finished, red, with the diagnosis
message.died             -> build.finished, red, with what nobody could handle, or that the deadline passed;
                            of a finisher's: it is passed over, and the run stays green
run.cancelled            -> build.finished, red, with who asked for it

A dead letter that is requeued opens a closed run again: the run goes on, and ends in another build.finished.
"""

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents import planning
from guildbus.agents.agent import Agent, handles
from guildbus.agents.budget import shared_beside, spent_text
from guildbus.agents.context import Context
from guildbus.agents.finishing import FINISH_TYPES, FINISHING, next_request, read_finishing
from guildbus.agents.planning import is_test
from guildbus.agents.requests import first_draft, reference_request
from guildbus.agents.run_state import FOLDED, RunState, fold
from guildbus.agents.spending import counting_all
from guildbus.protocols.errors import SpecError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import (
    BuildFinished,
    BuildPlanned,
    BuildRequested,
    BuildStopped,
    BuiltFile,
)
from guildbus.protocols.messages.control import DeadRequeued, EventNoticed, MessageDied, RunCancelled
from guildbus.protocols.messages.draft import DraftAccepted, DraftRejected, DraftRequested
from guildbus.protocols.messages.finish import FinishJudged, FinishRequested
from guildbus.protocols.messages.oracle import ReferenceRequested
from guildbus.protocols.messages.verification import Examination, Score, TestFailure, VerificationFinished

MOST_OPEN = 0.05
"""The share of a subject's cases on which nothing may be settled, and it is examined all the same."""
EXPIRED = "bus.expired"
NOTICED = EventNoticed.wire_type()
"""Whoever listens in is not what a run depends on: that such a message died closes nothing."""


class Planner(Agent):
    """Stateless: each answer is made from the run's history."""

    role: ClassVar[str] = "planner"
    emits: ClassVar[tuple[type[Message], ...]] = (
        BuildPlanned,
        DraftRequested,
        ReferenceRequested,
        FinishRequested,
        BuildFinished,
    )
    credit: ClassVar[int] = 4

    @handles(BuildRequested)
    async def on_build_requested(self, message: BuildRequested, ctx: Context) -> Sequence[Message]:
        """Plan, and ask for the first stage."""
        ctx.say(f"planning {message.spec.name}")
        try:
            plan = planning.plan(message.spec)
        except SpecError as error:
            return [_unplanned(message, str(error))]
        planned = BuildPlanned(spec_name=message.spec.name, plan=plan, options=message.options)
        return [planned, *_stage(fold([message, planned]), 0)]

    @handles(VerificationFinished)
    async def on_verification_finished(
        self, message: VerificationFinished, ctx: Context
    ) -> Sequence[Message]:
        """A stage is green: ask for the next, or finish the package."""
        history = await ctx.history(*FOLDED, *FINISHING)
        state = fold(history)
        if message.stage + 1 < state.plan.stages:
            return _stage(await counting_all(state, ctx), message.stage + 1)
        return _finish(history, ctx)

    @handles(FinishJudged)
    async def on_finish_judged(self, message: FinishJudged, ctx: Context) -> Sequence[Message]:
        """An edit is kept, or not: on to the next finisher."""
        *before, _ = history = await ctx.history(*FOLDED, *FINISHING)
        return _finish(history, ctx) if read_finishing(before).waiting is not None else []

    @handles(BuildStopped)
    async def on_build_stopped(self, message: BuildStopped, ctx: Context) -> Sequence[Message]:
        """The repair-router gave up: close the run with its diagnosis."""
        state = fold(await ctx.history(*FOLDED))
        return [finished(state, f"red:{message.reason}", message.diagnosis, message.failures)]

    @handles(MessageDied)
    async def on_message_died(self, message: MessageDied, ctx: Context) -> Sequence[Message]:
        """Nobody could handle a message of this run: close it, once.

        What dies together (a deadline ends all that is open) is mourned one by one, and may be handled at the
        same time: the first obituary closes the run, and the first after a requeueing closes it again. Once
        finishers are asked the run is green, and no death changes that.
        """
        *before, _ = await ctx.history(*FINISHING)
        finishing = read_finishing(before)
        if finishing.waiting is not None and message.message_type in FINISH_TYPES:
            return _finish(await ctx.history(*FOLDED, *FINISHING), ctx)
        if finishing.waiting is not None and not finishing.reopened:
            return []
        told = await ctx.history(MessageDied, BuildFinished, DeadRequeued)
        turns = [one for one in told if not (isinstance(one, MessageDied) and one.message_type == NOTICED)]
        reopened = max((at for at, turn in enumerate(turns) if isinstance(turn, DeadRequeued)), default=-1)
        if len(turns) - reopened > 2:
            return []
        if message.code == EXPIRED:
            return [await _closed(ctx, "red:deadline", await _time_over(ctx))]
        attempts = len(message.failures)
        diagnosis = (
            f"{message.message_type} to {message.queue} failed {attempts} time{'s' * (attempts != 1)}; "
            f"the last: {message.reason}"
        )
        return [await _closed(ctx, f"red:{message.code}", diagnosis)]

    @handles(RunCancelled)
    async def on_run_cancelled(self, message: RunCancelled, ctx: Context) -> Sequence[Message]:
        """All else of the run is withdrawn by now: close it, unless it had ended."""
        turns = await ctx.history(BuildFinished, DeadRequeued)
        if turns and isinstance(turns[-1], BuildFinished):
            return []
        diagnosis = f"cancelled by {message.by}" + (f": {message.reason}" if message.reason else "")
        return [await _closed(ctx, "red:cancelled", diagnosis)]


def _finish(history: Sequence[Message], ctx: Context) -> list[Message]:
    """Ask the next finisher; the end of the run, if there is none."""
    state = fold(history)
    request = next_request(state, read_finishing(history), ctx.clock(), ctx.deadline)
    if request is not None:
        return [request]
    assert state.best is not None
    return [finished(state, *examined_status(state, state.best))]


async def _closed(ctx: Context, status: str, diagnosis: str) -> BuildFinished:
    """The end of a run that may not even have a plan."""
    if await ctx.latest(BuildPlanned) is not None:
        return finished(fold(await ctx.history(*FOLDED)), status, diagnosis)
    requested = await ctx.latest(BuildRequested)
    return _empty(requested.spec.name if requested is not None else ctx.run, status, diagnosis)


async def _time_over(ctx: Context) -> str:
    requested = await ctx.latest(BuildRequested)
    limit = requested.options.max_seconds if requested is not None else None
    best = await ctx.latest(VerificationFinished)
    allowed = "its deadline has passed" if limit is None else f"the {limit:g} s that it was given are over"
    reached = "nothing was verified yet" if best is None else f"the best tree has {best.score.total}/3"
    return f"{allowed}; {reached}"


def finished(
    state: RunState, status: str, diagnosis: str = "", failures: Sequence[TestFailure] = ()
) -> BuildFinished:
    """The end of a run: the best tree that was verified, with go.mod, each file under its author's name.

    Without a verification there is no file: what is not judged replaces nothing.
    """
    best = state.best
    files: list[BuiltFile] = []
    if best is not None:
        files.append(_built("go.mod", "planner", state.plan.go_mod))
        files += [_built(file.path, file.author, file.content) for file in best.files]
    judged: list[DraftAccepted | DraftRejected | VerificationFinished] = [
        *state.accepted,
        *state.rejected,
        *state.verifications,
    ]
    return BuildFinished(
        spec_name=state.spec.name,
        green=status.startswith("green"),
        status=status,
        score=best.score if best is not None else Score(),
        rounds=state.round + 1,
        files=tuple(files),
        diagnosis=diagnosis,
        failures=tuple(failures),
        teeth=best.teeth if best is not None and status.startswith("green") else None,
        spans=tuple(span for message in judged for span in message.spans),
    )


def _stage(state: RunState, stage: int) -> list[Message]:
    """The drafts of a stage; the end of the run, if its tokens do not pay for them."""
    round_number = state.round + 1 if state.requests else 0
    drafts = [first_draft(state, task, round_number) for task in state.plan.stage(stage)]
    requests = shared_beside(state, drafts, references(state, stage))
    return [finished(state, "red:tokens", spent_text(state))] if requests is None else requests


def references(state: RunState, stage: int) -> list[ReferenceRequested]:
    """The witnesses of the packages whose code this stage completes, asked for beside its drafts.

    Where a build is not examined, the repair-router asks for them if a test is disputed.
    """
    if not state.options.examine:
        return []
    folders = dict.fromkeys(task.folder for task in state.plan.stage(stage) if not is_test(task.path))
    complete = [
        folder
        for folder in folders
        if stage == max(t.stage for t in state.plan.tasks if t.folder == folder and not is_test(t.path))
    ]
    return [asked for folder in complete if (asked := reference_request(state, folder)) is not None]


def examined_status(state: RunState, found: VerificationFinished) -> tuple[str, str]:
    """`green`, or `green:unexamined` with what was not examined or too little, and why."""
    reasons = [reason for one in found.examined if (reason := _unexamined(one))]
    if not found.examined and state.options.examine:
        reasons = [f"nothing was examined: {_why_nothing(state)}"]
    examined = bool(found.examined) and not reasons
    return ("green" if examined else "green:unexamined"), "\n".join(reasons)


def _unexamined(one: Examination) -> str:
    if one.why:
        return f"{one.subject} was not examined: {one.why}"
    if one.open > MOST_OPEN * one.drawn:
        return f"{one.subject} was examined in part: of {one.drawn} cases {one.open} are not settled"
    return ""


def _why_nothing(state: RunState) -> str:
    folders = {task.folder for task in state.plan.tasks}
    could = any(reference_request(state, folder) is not None for folder in folders)
    if state.options.max_tokens is not None and could and not state.reference_requests:
        return "its tokens did not pay for references"
    return "the spec does not state the signatures of its package"


def _built(path: str, author: str, content: str) -> BuiltFile:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return BuiltFile(path=path, author=author, sha256=digest, content=content)


def _unplanned(message: BuildRequested, reason: str) -> BuildFinished:
    return _empty(message.spec.name, "red:spec", reason)


def _empty(spec_name: str, status: str, diagnosis: str) -> BuildFinished:
    return BuildFinished(
        spec_name=spec_name,
        green=False,
        status=status,
        score=Score(),
        rounds=0,
        files=(),
        diagnosis=diagnosis,
    )
