"""Selection selects: the best combination wins wherever it stands, and never gives way to a worse one."""

from collections.abc import Mapping

import pytest

from guildbus.agents.selection import Contender, JudgementMemo, next_combination, rank, select
from guildbus.agents.verdicts import Judgement, tree_hash
from guildbus.protocols.messages.draft import GatedCandidate
from guildbus.protocols.messages.verification import BrokenExample, Diagnostic, Score

BROKEN = BrokenExample(call="F()", want="1", got="2")
COMPLAINT = Diagnostic(tool="vet", file="a.go", message="no")


def contender(content: str, index: int = 0) -> Contender:
    return Contender("go-dev", 0, GatedCandidate(index=index, content=content, sha256=""))


def pool(*contents: str) -> list[Contender]:
    return [contender(content, index) for index, content in enumerate(contents)]


def verdict(build: bool = True, vet: bool = True, test: bool = False, passed: int = 0) -> Judgement:
    return Judgement(
        score=Score(build=build, vet=vet, test=test), green=test, tests_passed=passed, tests_total=4
    )


class World:
    """A judge whose verdicts are a function of the contents; it counts its runs."""

    def __init__(self, verdicts: Mapping[tuple[str, ...], Judgement], otherwise: Judgement) -> None:
        self.verdicts = verdicts
        self.otherwise = otherwise
        self.asked: list[tuple[str, ...]] = []

    async def judge(self, tree: Mapping[str, str]) -> Judgement:
        key = tuple(tree[path] for path in sorted(tree) if path != "go.mod")
        self.asked.append(key)
        return self.verdicts.get(key, self.otherwise)


async def test_the_best_candidate_wins_when_it_is_placed_last() -> None:
    world = World({("good", "suite"): verdict(test=True)}, verdict(passed=1))
    found = await select(
        {"a.go": pool("x", "y", "good"), "a_test.go": pool("suite")}, JudgementMemo(world.judge)
    )
    assert found.chosen["a.go"].candidate.content == "good"
    assert found.judgement.green
    assert found.tried == 3


async def test_two_files_that_must_change_together_are_found() -> None:
    world = World({("b2", "t2"): verdict(test=True)}, verdict(passed=1))
    found = await select(
        {"a.go": pool("b0", "b1", "b2"), "a_test.go": pool("t0", "t1", "t2")}, JudgementMemo(world.judge)
    )
    assert {name: one.candidate.content for name, one in found.chosen.items()} == {
        "a.go": "b2",
        "a_test.go": "t2",
    }


async def test_the_better_red_is_kept_too() -> None:
    world = World({("b1", "t"): verdict(passed=3), ("b2", "t"): verdict(passed=2)}, verdict(passed=1))
    found = await select({"a.go": pool("b0", "b1", "b2"), "a_test.go": pool("t")}, JudgementMemo(world.judge))
    assert found.chosen["a.go"].candidate.content == "b1"


async def test_it_stops_at_the_first_green() -> None:
    world = World({}, verdict(test=True))
    found = await select({"a.go": pool("x", "y"), "a_test.go": pool("t")}, JudgementMemo(world.judge))
    assert (found.tried, world.asked) == (1, [("x", "t")])


async def test_of_equals_the_earliest_is_kept() -> None:
    found = await select(
        {"a.go": pool("x", "y"), "a_test.go": pool("t")}, JudgementMemo(World({}, verdict()).judge)
    )
    assert found.chosen["a.go"].candidate.content == "x"
    assert not found.rolled_back


async def test_what_does_not_build_is_not_tried_with_another_suite() -> None:
    world = World({}, verdict(build=False, vet=False))
    await select({"a.go": pool("x", "y"), "a_test.go": pool("t", "u", "v")}, JudgementMemo(world.judge))
    assert sorted(world.asked) == [("x", "t"), ("y", "t")]


async def test_the_number_of_trees_is_capped() -> None:
    world = World({}, verdict())
    pools = {f"f{number}.go": pool(*"abcdefgh") for number in range(9)}
    found = await select(pools, JudgementMemo(world.judge), max_tried=5)
    assert found.tried == len(world.asked) == 5


async def test_a_worse_round_is_rolled_back() -> None:
    old = {"a.go": contender("old"), "a_test.go": contender("t")}
    world = World({}, verdict(passed=1))
    found = await select(
        {"a.go": pool("new", "newer"), "a_test.go": pool("t")},
        JudgementMemo(world.judge),
        incumbent=(old, verdict(passed=2)),
    )
    assert found.rolled_back
    assert found.chosen["a.go"].candidate.content == "old"
    assert found.judgement.tests_passed == 2
    assert ("old", "t") not in world.asked


async def test_a_better_round_replaces_the_incumbent() -> None:
    old = {"a.go": contender("old"), "a_test.go": contender("t")}
    world = World({("newer", "t"): verdict(passed=3)}, verdict(passed=1))
    found = await select(
        {"a.go": pool("new", "newer"), "a_test.go": pool("t")},
        JudgementMemo(world.judge),
        incumbent=(old, verdict(passed=2)),
    )
    assert not found.rolled_back
    assert found.chosen["a.go"].candidate.content == "newer"


async def test_an_equal_round_changes_nothing() -> None:
    old = {"a.go": contender("old")}
    found = await select(
        {"a.go": pool("new")}, JudgementMemo(World({}, verdict()).judge), incumbent=(old, verdict())
    )
    assert found.rolled_back


async def test_the_same_tree_is_never_run_twice() -> None:
    world = World({}, verdict())
    memo = JudgementMemo(world.judge)
    for _ in range(2):
        found = await select({"a.go": pool("x", "x", "y")}, memo, fixed={"go.mod": "module m"})
    assert world.asked == [("x",), ("y",)]
    assert found.spans == ()


async def test_an_empty_pool_is_an_error() -> None:
    with pytest.raises(ValueError, match="without candidates"):
        await select({"a.go": []}, JudgementMemo(World({}, verdict()).judge))


def test_the_order_of_judgements() -> None:
    worse_to_better = [
        Judgement(score=Score(), green=False, diagnostics=(COMPLAINT, COMPLAINT)),
        Judgement(score=Score(), green=False, diagnostics=(COMPLAINT,)),
        Judgement(score=Score(build=True, vet=True, test=True), green=False, broken_examples=(BROKEN,)),
        Judgement(score=Score(build=True), green=False, tests_passed=4, tests_total=4),
        verdict(passed=1),
        verdict(passed=3),
        Judgement(score=Score(build=True, vet=True, test=True), green=False, unnoticed=("GCD", "Clamp")),
        Judgement(score=Score(build=True, vet=True, test=True), green=False, unnoticed=("GCD",)),
        verdict(test=True, passed=4),
    ]
    assert [rank(one) for one in worse_to_better] == sorted(map(rank, worse_to_better))
    assert len(set(map(rank, worse_to_better))) == len(worse_to_better)


def test_the_first_tree_is_the_preferred_of_each_and_all_come_once() -> None:
    judged: dict[tuple[int, ...], Judgement] = {}
    while (combination := next_combination([2, 3], [False, True], judged)) is not None:
        assert combination not in judged
        judged[combination] = verdict()
    assert next(iter(judged)) == (0, 0)
    assert len(judged) == 6


def test_a_tree_hash_sees_paths_and_contents() -> None:
    trees = [{"a": "b"}, {"a": "c"}, {"b": "a"}, {"a": "", "b": ""}, {"ab": ""}, {}]
    assert len({tree_hash(tree) for tree in trees}) == len(trees)
    assert tree_hash({"a": "1", "b": "2"}) == tree_hash({"b": "2", "a": "1"})
