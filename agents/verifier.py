"""The verifier: judges the whole tree in a sandbox, and keeps the best combination of candidates.

It acts when every file up to the current stage has a candidate and no draft is outstanding, so one
verification answers all drafts of a round. The best tree of earlier rounds competes too and is only
replaced by something better (`selection.py`): the score never goes down. What the toolchain names precisely
is mended before a judgement counts (`mending.py`). Its judgements: `judging.py`.

An edit that a finisher proposes for a green tree is judged in the same way, and kept if nothing falls
(`edits.py`).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.edits import blunted, gated_edit, shortfall
from guildbus.agents.finishing import FINISHING, SHARPENER, read_finishing
from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.formatting import gofmt_of
from guildbus.agents.gating import TimedFormatter, gate_context
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge, Tables
from guildbus.agents.mending import ContextFor, judge_and_mend
from guildbus.agents.oracle.record import RECORDED, OracleRecord, read_record
from guildbus.agents.planning import is_test
from guildbus.agents.requests import draft_request, owner_of
from guildbus.agents.run_state import FOLDED, RunState, fold
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.selection import Contender, JudgementMemo, Selection, select
from guildbus.agents.settings import AgentSettings
from guildbus.agents.teeth.in_build import measured_teeth
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.messages.base import Message, Span
from guildbus.protocols.messages.draft import DraftAccepted, GatedCandidate
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import WitnessesEstablished
from guildbus.protocols.messages.verification import VerificationFinished, VerifiedFile


class Verifier(Agent):
    """One sandboxed Go toolchain, best of N by verification."""

    role: ClassVar[str] = "verifier"
    emits: ClassVar[tuple[type[Message], ...]] = (VerificationFinished, FinishJudged)

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings

    async def start(self) -> None:
        """Find the toolchain, and prove the sandbox. Raises SandboxError: it fails closed."""
        self._toolchain = toolchain = Toolchain.find(self._settings.cache_dir)
        self._stdlib = await asyncio.to_thread(toolchain.stdlib)
        self._sandbox = await open_sandbox(toolchain.policy(), unsafe=self._settings.unsafe_no_sandbox)
        self._judge = Judge(toolchain, self._sandbox)

    @handles(DraftAccepted)
    async def on_draft_accepted(self, message: DraftAccepted, ctx: Context) -> Sequence[Message]:
        """Judge, once everything that the stage needs is there."""
        return await self._verify(ctx)

    @handles(WitnessesEstablished)
    async def on_witnesses_established(
        self, message: WitnessesEstablished, ctx: Context
    ) -> Sequence[Message]:
        """What the code is held to is known: judge, if the drafts are there."""
        return await self._verify(ctx)

    async def _verify(self, ctx: Context) -> list[Message]:
        history = await ctx.history(*FOLDED, *RECORDED)
        state, record = fold(history), read_record(history)
        folders = dict.fromkeys(task.folder for task in state.plan.tasks if task.stage <= state.stage)
        unheard = not record.only_disputes and any(map(record.unheard, folders))
        if state.outstanding() or state.lacking(state.stage) or unheard:
            return []
        ctx.say(f"verifying stage {state.stage}, round {state.round}")
        selection = await self._select(state, _tables(record, folders))
        found = verification(state, selection)
        if found.green and state.stage + 1 == state.plan.stages and state.options.teeth_seconds:
            found = await self._with_teeth(found, state, ctx)
        return [found]

    @handles(FinishProposed)
    async def on_finish_proposed(self, message: FinishProposed, ctx: Context) -> Sequence[Message]:
        """Judge the answer to the request that is open; what else is proposed was not asked for."""
        history = await ctx.history(*FOLDED, *RECORDED, *FINISHING)
        finishing = read_finishing(history)
        if finishing.waiting is None or finishing.proposals != 1:
            ctx.log.warning("proposal_not_asked_for")
            return []
        ctx.say(f"judging the edit of {finishing.waiting.role}")
        return [await self._judged(finishing.waiting, message, fold(history), read_record(history), ctx)]

    async def _judged(
        self,
        request: FinishRequested,
        proposal: FinishProposed,
        state: RunState,
        record: OracleRecord,
        ctx: Context,
    ) -> FinishJudged:
        """Gates, the toolchain, what is settled, teeth: each ends an edit by which something falls."""
        formatter = TimedFormatter(self._toolchain)

        def context_for(path: str, tree: Mapping[str, str]) -> GateContext:
            task = state.plan.task(path)
            asked = draft_request(state, task, author=owner_of(task), round_number=state.round)
            return gate_context(state, asked, self._stdlib, formatter, tree)

        edit = await asyncio.to_thread(gated_edit, request, proposal, state.tree(), context_for)
        if edit.refusal:
            spans = tuple(formatter.spans)
            return FinishJudged(role=request.role, kept=False, reason=edit.refusal, spans=spans)
        tree = {path: file.content for path, file in state.tree().items()}
        tree |= {path: one.content for path, one in edit.files.items()}
        tables = _tables(record, dict.fromkeys(task.folder for task in state.plan.tasks))
        judgement = await self._judge.judge(tree, state.plan, tables)
        authors = {path: _author(request, file) for path, file in state.tree().items()}
        chosen = {path: Contender(authors[path], state.round, one) for path, one in edit.files.items()}
        found = verification(state, Selection(chosen, judgement, tried=1, rolled_back=False))
        reason, before = shortfall(request.reached, found), request.reached
        if not reason and before.teeth is not None and before.teeth.score is not None:
            found = await self._with_teeth(found, state, ctx)
            reason = blunted(before, found)
        return FinishJudged(
            role=request.role,
            kept=not reason,
            reason=reason,
            found=found.model_copy(update={"spans": ()}),
            spans=(*formatter.spans, *judgement.spans, *found.spans),
        )

    async def _with_teeth(
        self, found: VerificationFinished, state: RunState, ctx: Context
    ) -> VerificationFinished:
        """The end is reached: would the suite notice a bug? The verdict stays what it is."""
        ctx.say("measuring the suite by mutants")
        tree = {file.path: file.content for file in found.files} | {"go.mod": state.plan.go_mod}
        started_at = ctx.clock()
        deadline = parse_time(ctx.envelope.deadline or "")
        left_s = None if deadline is None else deadline - started_at
        seconds = state.options.teeth_seconds * self._settings.patience
        teeth = await measured_teeth(self._sandbox, tree, seconds, left_s)
        span = Span(kind="toolchain", started_at=started_at, wall_s=ctx.clock() - started_at)
        return found.model_copy(update={"teeth": teeth, "spans": (*found.spans, span)})

    async def _select(self, state: RunState, tables: Tables) -> Selection:
        best = state.best
        frozen = {} if best is None else {f.path: f.content for f in best.files if _done(state, f.path)}
        paths = [t.path for t in state.plan.tasks if t.stage <= state.stage and t.path not in frozen]
        pools = {path: newest_first(state, path) for path in paths}
        contexts = self._contexts(state, frozenset(paths))
        memo = JudgementMemo(
            lambda raw: judge_and_mend(
                raw, lambda tree: self._judge.judge(tree, state.plan, tables), contexts
            )
        )
        incumbent = None
        if best is not None and best.stage == state.stage and _held_to(best, tables):
            incumbent = (_choice(best, paths), _judgement(best))
        return await select(pools, memo, fixed=frozen, incumbent=incumbent)

    def _contexts(self, state: RunState, paths: frozenset[str]) -> ContextFor:
        """What the gates know of a file when a fixer has mended it; only of those that are up for choice."""
        requests = {request.task.path: request for request in state.requests if request.task.path in paths}

        def context_for(path: str, tree: Mapping[str, str]) -> GateContext | None:
            request = requests.get(path)
            if request is None:
                return None
            return gate_context(state, request, self._stdlib, gofmt_of(self._toolchain), tree)

        return context_for


def _tables(record: OracleRecord, folders: Iterable[str]) -> Tables:
    """What code in these folders is held to so far: where only disputes are settled, since the first one."""
    heard = {folder: latest for folder in folders if (latest := record.latest(folder)) is not None}
    return {folder: latest.tables for folder, latest in heard.items()}


def _held_to(best: VerificationFinished, tables: Tables) -> bool:
    """Whether an earlier verification was made on these very tables: else it cannot be compared."""
    held = {one.subject: one.total for one in best.examined}
    return not best.score.build or held == {
        table.subject: 0 if table.obstacle else len(table.cases) + len(table.open)
        for found in tables.values()
        for table in found
    }


def _author(request: FinishRequested, file: VerifiedFile) -> str:
    """Whose a file is once it is edited: rows that are put behind a test leave it its author's."""
    return file.author if request.role == SHARPENER else request.role


def newest_first(state: RunState, path: str) -> list[Contender]:
    """A file's candidates, the newest round's first; a test with fewer cases than the kept one is none."""
    rounds: dict[int, list[Contender]] = {}
    for draft, candidate in state.pool(path):
        rounds.setdefault(draft.round, []).append(Contender(draft.author, draft.round, candidate))
    ordered = [one for number in sorted(rounds, reverse=True) for one in rounds[number]]
    kept = state.tree().get(path)
    if kept is None or not is_test(path):
        return ordered
    return [one for one in ordered if one.candidate.cases >= kept.cases]


def verification(state: RunState, selection: Selection) -> VerificationFinished:
    """The message that a selection comes to."""
    found = selection.judgement
    files = [
        VerifiedFile(
            path=path,
            author=one.author,
            round=one.round,
            index=one.candidate.index,
            sha256=one.candidate.sha256,
            content=one.candidate.content,
            cases=one.candidate.cases,
        )
        for path, one in selection.chosen.items()
    ]
    earlier = [f for f in state.tree().values() if f.path not in selection.chosen]
    order = [task.path for task in state.plan.tasks]
    return VerificationFinished(
        stage=state.stage,
        round=state.round,
        score=found.score,
        green=found.green,
        files=tuple(sorted((*earlier, *files), key=lambda file: order.index(file.path))),
        diagnostics=found.diagnostics,
        failures=found.failures,
        missing_tests=found.missing_tests,
        unnoticed=found.unnoticed,
        broken_examples=found.broken_examples,
        examined=found.examined,
        tests_passed=found.tests_passed,
        tests_total=found.tests_total,
        tried=selection.tried,
        rolled_back=selection.rolled_back,
        fixes=found.fixes,
        spans=selection.spans,
    )


def _done(state: RunState, path: str) -> bool:
    """Whether a file belongs to a stage that is green already: it is not up for choice any more."""
    return state.plan.task(path).stage < state.stage


def _choice(best: VerificationFinished, paths: Sequence[str]) -> dict[str, Contender]:
    return {
        file.path: Contender(
            file.author,
            file.round,
            GatedCandidate(index=file.index, content=file.content, sha256=file.sha256, cases=file.cases),
        )
        for file in best.files
        if file.path in paths
    }


def _judgement(best: VerificationFinished) -> Judgement:
    """An earlier verification, to compare new ones with."""
    return Judgement(
        score=best.score,
        green=best.green,
        diagnostics=best.diagnostics,
        failures=best.failures,
        missing_tests=best.missing_tests,
        unnoticed=best.unnoticed,
        broken_examples=best.broken_examples,
        examined=best.examined,
        tests_passed=best.tests_passed,
        tests_total=best.tests_total,
    )
