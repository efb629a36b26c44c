"""Judging a tree, and mending what the toolchain names precisely before the judgement counts.

    judge -> build or vet fails -> fixers on the complaints -> every gate again -> judge -> ...

at most five times. The best of these judgements is the tree's: a mended tree only counts if it goes further
than the candidates as they came. Read `guildbus.agents.fixers` next: what is certain enough to be mended.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from guildbus.agents.fixers.complaint import Neighbours
from guildbus.agents.fixers.table import apply_fixers
from guildbus.agents.gates.context import GateContext
from guildbus.agents.gates.table import is_accepted, run_gates
from guildbus.agents.planning import folder_of
from guildbus.agents.selection import JudgeTree, rank
from guildbus.agents.verdicts import Judgement
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.messages.verification import Diagnostic, Fix

MAX_PASSES = 5

ContextFor = Callable[[str, Mapping[str, str]], GateContext | None]
"""(path, tree) -> what the gates may know of that file; None for a file that must stay as it is."""


async def judge_and_mend(tree: Mapping[str, str], judge: JudgeTree, context_for: ContextFor) -> Judgement:
    """The best judgement of a tree and of what fixers make of it, with its `mended` files and `fixes`."""
    best = latest = await judge(tree)
    spans, mended, fixes = best.spans, dict[str, GatedCandidate](), tuple[Fix, ...]()
    current = dict(tree)
    for _ in range(MAX_PASSES):
        if latest.score.build and latest.score.vet:
            break
        changed, done = mend(current, latest.diagnostics, context_for)
        if not changed:
            break
        current |= {path: gated.content for path, gated in changed.items()}
        mended |= changed
        fixes += done
        latest = await judge(current)
        spans += latest.spans
        if rank(latest) > rank(best):
            best = replace(latest, mended=dict(mended), fixes=fixes)
    return replace(best, spans=spans)


def mend(
    tree: Mapping[str, str], diagnostics: tuple[Diagnostic, ...], context_for: ContextFor
) -> tuple[dict[str, GatedCandidate], tuple[Fix, ...]]:
    """One pass: the files that were mended and passed every gate again, and what was done to them. Pure.

    The gates alone mend, too, now that the file's neighbours are known. A test keeps its asserting cases.
    """
    changed: dict[str, GatedCandidate] = {}
    fixes: list[Fix] = []
    for path in dict.fromkeys(diagnostic.file for diagnostic in diagnostics):
        context = context_for(path, tree) if path in tree else None
        if context is None:
            continue
        fixed = apply_fixers(tree[path], diagnostics, _neighbours(path, tree, context))
        gated = run_gates(fixed.content, replace(context, min_cases=_cases(tree[path], context)))
        if gated.content == tree[path] or not is_accepted(gated):
            continue
        changed[path] = gated
        fixes += fixed.fixes
        fixes += [
            Fix(path=path, fixer=verdict.gate, line=verdict.line, reason=verdict.reason)
            for verdict in gated.verdicts
            if verdict.outcome == "fixed" and verdict.gate != "gofmt"
        ]
    return changed, tuple(fixes)


def _cases(source: str, context: GateContext) -> int:
    """How many asserting cases the test has: it must not lose one."""
    return run_gates(source, replace(context, min_cases=0)).cases


def _neighbours(path: str, tree: Mapping[str, str], context: GateContext) -> Neighbours:
    folder = folder_of(path)
    package: Set[str] = {p for p in tree if p.endswith(".go") and folder_of(p) == folder and p != path}
    return Neighbours(path, {p: tree[p] for p in sorted(package)}, context.import_path)
