"""`bench finishers`: rows that survive a crash, and tables that compare like with like."""

from pathlib import Path
from typing import Any

from guildbus.launch.bench.finishers.rows import BASELINE, Row, row_of
from guildbus.launch.bench.finishers.tables import line, spoilt, tables
from guildbus.launch.bench.row_file import append, read


def row(seed: int, arm: str = BASELINE, **more: Any) -> Row:
    fields: dict[str, Any] = {
        "spec": "numkit",
        "seed": seed,
        "arm": arm,
        "run_id": "numkit-1",
        "status": "green",
        "green": True,
        "score": 3,
        "right": True,
        "teeth": 0.5,
        "wall_s": 60.0,
    }
    return Row(**(fields | more))


ROWS = [
    row(1),
    row(1, "go-doc", kept=True, teeth=0.75, seconds=10.0, note="2 comments"),
    row(1, "go-review", right=False, kept=True, seconds=20.0),
    row(2, right=False),
    row(2, "go-doc", right=False, why="the gate parses refuses it", seconds=30.0),
    row(2, "go-review", kept=True, seconds=22.0),
    row(3, green=False, status="red:stalled", score=2, teeth=None),
]


def test_a_row_is_what_the_report_says() -> None:
    report = {
        "run_id": "numkit-7",
        "status": "green:unexamined",
        "green": True,
        "score": {"total": 3},
        "teeth": {"score": 0.8},
        "wall_s": 9.5,
        "finishers": [
            {
                "role": "go-doc",
                "kept": False,
                "why": "go test fails",
                "note": "n",
                "seconds": 4.0,
                "calls": 2,
                "tokens": 99,
                "before": {"teeth": 0.7},
            }
        ],
    }
    found = row_of("numkit", 7, "go-doc", report, True)
    assert (found.teeth, found.teeth_before, found.seconds, found.tokens) == (0.8, 0.7, 4.0, 99)
    assert (found.kept, found.why, found.right) == (False, "go test fails", True)
    plain = row_of("numkit", 7, BASELINE, report | {"finishers": [], "teeth": None}, None)
    assert (plain.teeth, plain.seconds, plain.right) == (None, 0.0, None)


def test_rows_are_read_again_the_newest_of_each_and_none_that_broke(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for one in (row(1), row(1, right=False), row(2, status="red:infra.model", green=False)):
        append(path, one)
    assert read(path, Row) == [row(1, right=False)]


def test_only_builds_that_were_green_without_finishers_are_compared() -> None:
    told, arms, builds = tables(ROWS).split("\n\n")
    assert told == "2 of 3 builds were green and are compared."
    assert arms.splitlines()[2:] == [
        "| none | 2 | 2 | 1 | - | - | - | 0.50 | - |",
        "| go-doc | 2 | 2 | 1 | 1 | 0 | 0 | 0.62 | 20.0 |",
        "| go-review | 2 | 2 | 1 | 2 | 1 | 1 | 0.50 | 21.0 |",
    ]
    assert len(builds.splitlines()) == 2 + len(ROWS)
    assert "| numkit, seed 1 | go-doc | 3/3 | yes | 0.75 | 10.0 | 0 | kept: 2 comments |" in builds
    assert "not kept: the gate parses refuses it" in builds


def test_what_was_right_and_is_wrong_is_named() -> None:
    assert [(one.seed, one.arm) for one in spoilt(ROWS)] == [(1, "go-review")]


def test_a_line_says_what_became_of_it() -> None:
    assert line(ROWS[0]) == "numkit  seed 1  finisher none  green  3/3  right yes  teeth 0.50"
    assert line(ROWS[1]).endswith("10.0 s  kept: 2 comments")
    idle = row(4, "go-bench", why="nothing was proposed", note="GCD: no other implementation came")
    assert line(idle).endswith("not kept: GCD: no other implementation came")
