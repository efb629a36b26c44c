"""The short form of `guildbus bench lifecycle`: swarms that end in every way leave nothing behind."""

from pathlib import Path

import pytest

from guildbus.launch.bench.lifecycle import ENDS, Cycle, Lifecycle, as_json, lines, measure
from guildbus.launch.forking import can_fork


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_is_left_however_a_swarm_ends_and_little_is_burnt_at_rest(go_cache: Path) -> None:
    found = measure(len(ENDS) - 1, 5.0, go_cache)
    assert {cycle.end for cycle in found.cycles} == set(ENDS)
    assert [one for cycle in found.cycles for one in cycle.left] == []
    assert found.left == ()
    assert found.processes == 9 + can_fork()  # broker, six agents, their parent, the warden; the nursery
    assert found.idle_cpu < 0.03  # the bench's own target is 1 % of an unburdened processor


def test_every_miss_is_told() -> None:
    cycles = (
        Cycle("down", 4.0, 3.0, 2.0, 0.1, ()),
        Cycle("parent", 5.0, 4.0, 2.0, 1.0, ("socket bus.sock",)),
    )
    found = Lifecycle(cycles, 0.02, 20.0, 9, 0.1, ("held lock",))
    told = "\n".join(lines(found))
    for part in ("ready in 3.50 s", "2.00% CPU", "ended by parent: left socket", "very end: left held lock"):
        assert part in told
    assert as_json(found)["left"] == 2
    assert Lifecycle(cycles[:1], 0.001, 20.0, 9, 0.1).misses == ["ready in 3.00 s, not under 2 s"]
