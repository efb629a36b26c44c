"""Best of N by verification: which candidate of each file makes the whole tree go furthest.

`next_combination` is pure: from what was judged it names the tree to judge next, climbing from the best
one file at a time, and never asking for what is already known to fail (a package that does not build,
does not build with another test file either). `select` drives it with a judge. The incumbent is only
replaced by something better, so a tree never gets worse from round to round. Read verifier.py next.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from guildbus.agents.oracle.examining import agreement
from guildbus.agents.verdicts import Judgement, tree_hash
from guildbus.protocols.messages.base import Span
from guildbus.protocols.messages.draft import GatedCandidate

JudgeTree = Callable[[Mapping[str, str]], Awaitable[Judgement]]
Combination = tuple[int, ...]
"""One index into each file's pool, in the order of the pools."""

MAX_PRODUCT = 4096


@dataclass(frozen=True)
class Contender:
    """One candidate for one file: who wrote it, in which round."""

    author: str
    round: int
    candidate: GatedCandidate


Choice = Mapping[str, Contender]
"""A contender for each file."""


@dataclass(frozen=True)
class Selection:
    """The best tree that is known, how many trees were tried for it, and what they cost.

    `rolled_back` says that nothing new beat the incumbent, which was kept.
    """

    chosen: dict[str, Contender]
    judgement: Judgement
    tried: int
    rolled_back: bool
    spans: tuple[Span, ...] = ()


class JudgementMemo:
    """Judgements by the hash of their tree: an identical tree is never run twice. One a plan."""

    def __init__(self, judge: JudgeTree, limit: int = 512) -> None:
        self._judge = judge
        self._limit = limit
        self._known: dict[str, Judgement] = {}

    async def judge(self, tree: Mapping[str, str]) -> tuple[Judgement, bool]:
        """The judgement of a tree, and whether it was run now."""
        key = tree_hash(tree)
        if key in self._known:
            return self._known[key], False
        judgement = await self._judge(tree)
        if len(self._known) >= self._limit:
            self._known.pop(next(iter(self._known)))
        self._known[key] = judgement
        return judgement, True


def rank(judgement: Judgement) -> tuple[float, ...]:
    """The order of judgements, greater is better; candidates' order settles what is equal.

    Green; builds; keeps the stated examples; vets; gives what the witnesses settled; the tests that pass;
    asks for nothing that is missing; has a suite that notices; has fewer diagnostics.
    """
    total = judgement.tests_total
    return (
        judgement.green,
        judgement.score.build,
        -len(judgement.broken_examples),
        judgement.score.vet,
        agreement(judgement.examined),
        judgement.score.test,
        judgement.tests_passed / total if total else 0.0,
        -len(judgement.missing_tests),
        -len(judgement.unnoticed),
        -len(judgement.diagnostics),
    )


def next_combination(
    sizes: Sequence[int], tests: Sequence[bool], judged: Mapping[Combination, Judgement]
) -> Combination | None:
    """The next combination worth judging, or None: all that can still help are known.

    `sizes` are the pools' sizes; `tests` says which pools are of test files; `judged` is in the
    order of judging. First the preferred candidate of each file, then the neighbours of the best
    (one file exchanged), then what is left, nearest to the front.
    """
    if not judged:
        return (0,) * len(sizes)
    dead = {_without(known, tests) for known, found in judged.items() if not found.score.build}
    best = _best(judged)
    for combination in (*_neighbours(best, sizes), *_all(sizes)):
        if combination not in judged and _without(combination, tests) not in dead:
            return combination
    return None


async def select(
    pools: Mapping[str, Sequence[Contender]],
    memo: JudgementMemo,
    *,
    fixed: Mapping[str, str] | None = None,
    incumbent: tuple[Choice, Judgement] | None = None,
    max_tried: int = 12,
) -> Selection:
    """The best combination of the pools, no more than `max_tried` judged, none after a green.

    `fixed` are files with one known content, part of every tree. `incumbent` is the best choice of
    earlier rounds with its judgement: its contenders join the pools, and it stays unless beaten.
    ValueError if a pool is empty.
    """
    names = list(pools)
    kept = incumbent[0] if incumbent else {}
    contenders = [_pool(pools[name], kept.get(name)) for name in names]
    if not all(contenders):
        raise ValueError("a pool without candidates")
    judged: dict[Combination, Judgement] = {}
    start: Combination | None = None
    if incumbent is not None and set(kept) == set(names):
        start = tuple(_position(pool, kept[name]) for name, pool in zip(names, contenders, strict=True))
        judged[start] = incumbent[1]
    sizes, tests = [len(pool) for pool in contenders], [name.endswith("_test.go") for name in names]
    spans: list[Span] = []
    tried = 0
    while tried < max_tried and not any(found.green for found in judged.values()):
        combination = next_combination(sizes, tests, judged)
        if combination is None:
            break
        chosen = zip(names, contenders, combination, strict=True)
        tree = {**(fixed or {}), **{name: pool[index].candidate.content for name, pool, index in chosen}}
        judgement, run_now = await memo.judge(tree)
        judged[combination] = judgement
        tried += 1
        spans += judgement.spans if run_now else ()
    best = _best(judged)
    mended = judged[best].mended
    picked = {name: pool[index] for name, pool, index in zip(names, contenders, best, strict=True)}
    return Selection(
        chosen={name: _as_mended(one, mended.get(name)) for name, one in picked.items()},
        judgement=judged[best],
        tried=tried,
        rolled_back=start is not None and best == start,
        spans=tuple(spans),
    )


def _as_mended(contender: Contender, mended: GatedCandidate | None) -> Contender:
    """The contender with the text that its judgement holds for."""
    if mended is None:
        return contender
    return replace(contender, candidate=mended.model_copy(update={"index": contender.candidate.index}))


def _best(judged: Mapping[Combination, Judgement]) -> Combination:
    """The highest rank; of equals the earlier judged, which is the incumbent where there is one."""
    return max(judged, key=lambda combination: rank(judged[combination]))


def _pool(offered: Iterable[Contender], kept: Contender | None) -> list[Contender]:
    """Each content once, in order; the incumbent's own behind the new ones."""
    unique: dict[str, Contender] = {}
    for contender in (*offered, *([kept] if kept else [])):
        unique.setdefault(contender.candidate.content, contender)
    if kept is not None:
        unique[kept.candidate.content] = kept
    return list(unique.values())


def _position(pool: Sequence[Contender], kept: Contender) -> int:
    return next(i for i, one in enumerate(pool) if one.candidate.content == kept.candidate.content)


def _without(combination: Combination, tests: Sequence[bool]) -> Combination:
    """The combination as `go build` sees it: test files make no difference."""
    return tuple(-1 if test else index for index, test in zip(combination, tests, strict=True))


def _neighbours(best: Combination, sizes: Sequence[int]) -> Iterator[Combination]:
    """One file exchanged: nearest candidates first, all files at each distance."""
    for index in range(max(sizes, default=0)):
        for place, size in enumerate(sizes):
            if index < size and index != best[place]:
                yield (*best[:place], index, *best[place + 1 :])


def _all(sizes: Sequence[int]) -> list[Combination]:
    """Everything, by the sum of the indices; of a huge product only the front."""
    capped = list(sizes)
    while _count(capped) > MAX_PRODUCT:
        widest = capped.index(max(capped))
        capped[widest] -= 1
    return sorted(product(*map(range, capped)), key=lambda combination: (sum(combination), combination))


def _count(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total
