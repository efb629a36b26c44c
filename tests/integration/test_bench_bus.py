"""`guildbus bench bus --quick`: every arm that is installed really runs, and loses and doubles nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from guildbus.launch.bench import between_marks
from guildbus.launch.bench.bus.arms import ARMS, Arm, missing
from guildbus.launch.bench.bus.report import BEGIN, END, reached, tables
from guildbus.launch.bench.bus.running import QUICK, Results, run

SHORT = replace(QUICK, seconds=0.05, depth_seconds=0.05)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.key)
def test_an_arm_answers_every_request_once(arm: Arm, tmp_path: Path) -> None:
    if missing(arm):
        pytest.skip(f"needs {', '.join(missing(arm))}")
    results = run(replace(SHORT, depths=()), [arm], tmp_path, lambda _: None)
    (agents,) = SHORT.agents
    assert results.asked[arm.key, agents] >= agents * (1 + 2 * SHORT.window)
    assert results.answered == results.asked
    for repeats in results.cells.values():
        assert [measured.count > 0 and measured.p50_us <= measured.p99_us for measured in repeats] == [True]
    assert list(tmp_path.iterdir()) == [], "journals and streams are removed"


def test_a_long_queue_is_measured_and_reported(tmp_path: Path) -> None:
    forwarder = next(arm for arm in ARMS if arm.key == "forwarder")
    results: Results = run(SHORT, [forwarder], tmp_path / "disk", lambda _: None)
    assert sorted(results.depths) == sorted(SHORT.depths)
    assert all(len(deep.us) == SHORT.repeats and deep.rss_mb > 1 for deep in results.depths.values())
    assert [one.text for one in reached(results)] == ["cost of a message, longest queue to shortest"]
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    between_marks.write(page, BEGIN, END, tables(results))
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "bare ROUTER forwarder" in written
