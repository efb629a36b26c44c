"""The verifier: judges the whole tree in a sandbox, and keeps the best combination of candidates.

It acts when every file up to the current stage has a candidate and no draft is outstanding, so one
verification answers all drafts of a round. The best tree of earlier rounds competes too and is only
replaced by something better (`selection.py`): the score never goes down. Its judgements: `judging.py`.
"""

from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge
from guildbus.agents.planning import is_test
from guildbus.agents.run_state import FOLDED, RunState, fold
from guildbus.agents.sandbox.policy import Policy
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.selection import Contender, JudgementMemo, Selection, select
from guildbus.agents.settings import AgentSettings
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftAccepted, GatedCandidate
from guildbus.protocols.messages.verification import VerificationFinished, VerifiedFile


def sandbox_policy(toolchain: Toolchain) -> Policy:
    """What generated code may see: the Go toolchain, and a warm build cache that it cannot change."""
    return Policy(
        readable=(toolchain.goroot,), go_cache=toolchain.go_cache, environment=toolchain.environment()
    )


class Verifier(Agent):
    """One sandboxed Go toolchain, best of N by verification."""

    role: ClassVar[str] = "verifier"
    emits: ClassVar[tuple[type[Message], ...]] = (VerificationFinished,)

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings

    async def start(self) -> None:
        """Find the toolchain, and prove the sandbox. Raises SandboxError: it fails closed."""
        toolchain = Toolchain.find(self._settings.cache_dir)
        sandbox = await open_sandbox(sandbox_policy(toolchain), unsafe=self._settings.unsafe_no_sandbox)
        self._judge = Judge(toolchain, sandbox)

    @handles(DraftAccepted)
    async def on_draft_accepted(self, message: DraftAccepted, ctx: Context) -> Sequence[Message]:
        """Judge, once everything that the stage needs is there."""
        state = fold(await ctx.history(*FOLDED))
        if state.outstanding() or state.lacking(state.stage):
            return []
        ctx.say(f"verifying {len(state.pool(message.task.path))} candidates of {message.task.path}")
        selection = await self._select(state)
        return [verification(state, selection)]

    async def _select(self, state: RunState) -> Selection:
        memo = JudgementMemo(lambda tree: self._judge.judge(tree, state.plan))
        best = state.best
        frozen = {} if best is None else {f.path: f.content for f in best.files if _done(state, f.path)}
        paths = [t.path for t in state.plan.tasks if t.stage <= state.stage and t.path not in frozen]
        pools = {path: newest_first(state, path) for path in paths}
        incumbent = None
        if best is not None and best.stage == state.stage:
            incumbent = (_choice(best, paths), _judgement(best))
        return await select(pools, memo, fixed=frozen, incumbent=incumbent)


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
        tests_passed=found.tests_passed,
        tests_total=found.tests_total,
        tried=selection.tried,
        rolled_back=selection.rolled_back,
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
        tests_passed=best.tests_passed,
        tests_total=best.tests_total,
    )
