"""Rows and tables of an evaluation: what a row says, what a summary counts, what a file keeps."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbus.launch.bench.eval import report, tables
from guildbus.launch.bench.eval.jobs import Kind, Task
from guildbus.launch.bench.eval.rows import Row, row_of
from guildbus.launch.bench.eval.seeds import read_seeds
from guildbus.launch.bench.row_file import append, read
from guildbus.protocols.errors import OutputError, UsageError

GREEN = {
    "run_id": "numkit-1",
    "status": "green",
    "green": True,
    "rounds": 1,
    "score": {"build": True, "vet": True, "test": True, "total": 3},
    "wall_s": 60.5,
    "overhead_s": 2.0,
    "model": {"calls": 3, "prompt_tokens": 1000, "completion_tokens": 234},
    "interventions": [],
    "teeth": None,
    "diagnosis": None,
}
UNEXAMINED = GREEN | {"status": "green:unexamined", "wall_s": 80.5}
RED = GREEN | {"status": "red:rounds", "green": False, "rounds": 7, "diagnosis": "GCD(0, 0)"}
BROKEN = GREEN | {"status": "red:infra", "green": False}


def row(
    report: dict[str, Any],
    seed: int = 1,
    name: str = "numkit",
    *,
    right: bool | None = True,
    honest: bool | None = True,
    kind: Kind = "specs",
    group: str = "",
) -> Row:
    return row_of(Task(kind, group or name, name, "", None), seed, report, right=right, honest=honest)


def cells(text: str, first: str) -> list[str]:
    """The cells of the one line of a table that begins with this one."""
    found = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    assert len(found) == 1, text
    return [cell.strip() for cell in found[0].strip("|").split("|")]


def test_a_row_is_the_report_and_what_the_outside_says() -> None:
    more = {"interventions": [{"kind": "test-wrong"}] * 2, "teeth": {"score": 0.75}}
    found = row(GREEN | more, 4, right=False)
    assert (found.seed, found.tokens, found.interventions, found.teeth) == (4, 1234, 2, 0.75)
    assert found.green_but_wrong
    assert not row(GREEN, right=None).green_but_wrong
    assert not row(RED, right=False).green_but_wrong


@pytest.mark.parametrize(
    ("report", "examined", "red", "failed"),
    [
        (GREEN, True, False, False),
        (UNEXAMINED, False, False, False),
        (RED, False, True, False),
        (BROKEN, False, False, True),
    ],
)
def test_every_build_is_one_thing(report: dict[str, Any], examined: bool, red: bool, failed: bool) -> None:
    found = row(report)
    assert (found.examined, found.red, found.failed) == (examined, red, failed)


def test_a_summary_row_a_spec_and_one_for_all() -> None:
    text = tables.spec_tables(
        [
            row(GREEN, 1),
            row(UNEXAMINED, 2, right=False),
            row(RED, 3, right=False, honest=False),
            row(RED, 1, "stack", right=True, honest=False),
        ]
    )
    head = "| spec | builds | green | green:unexamined | red | right | green but wrong | honest |"
    assert text.startswith(f"{head} seconds | tokens | rounds | interventions |\n")
    summary, builds = text.split("\n\n")
    assert cells(summary, "numkit") == ["numkit", *"311111 2".replace(" ", ""), "60.5", "1234", "1.0", "0"]
    assert cells(summary, "stack")[1:8] == ["1", "0", "0", "1", "0", "0", "0"]
    assert cells(summary, "all")[1:8] == ["4", "1", "1", "2", "1", "1", "2"]
    one = ["stack", "1", "red:rounds", "3/3", "yes", "no", "60.5", "3.3 %", "1234", "7", "0"]
    assert cells(builds, "stack") == one


def test_builds_are_listed_by_seed_however_they_came() -> None:
    text = tables.spec_tables([row(GREEN, 3), row(GREEN, 1), row(GREEN, 2)])
    assert [line.split("|")[2].strip() for line in text.split("\n\n")[1].splitlines()[2:]] == ["1", "2", "3"]


def test_one_spec_needs_no_row_for_all() -> None:
    assert "| all |" not in tables.spec_tables([row(GREEN)])


def test_teeth_have_a_column_only_where_they_are_a_number() -> None:
    assert "teeth" not in tables.spec_tables([row(GREEN)])
    half, whole = ({"teeth": {"score": score}} for score in (0.5, 1))
    text = tables.spec_tables([row(GREEN | half), row(GREEN | whole, 2), row(GREEN, 3)])
    summary, builds = text.split("\n\n")
    assert cells(summary, "numkit")[-1] == "0.75"
    assert [line.rsplit("|", 2)[1].strip() for line in builds.splitlines()[2:]] == ["0.50", "1.00", "-"]


def test_a_build_that_could_not_run_counts_as_neither_green_nor_red() -> None:
    text = tables.spec_tables([row(GREEN), row(BROKEN, 2, right=False)])
    summary = text.split("\n\n")[0]
    assert summary.splitlines()[0].endswith("| failed to run |")
    assert cells(summary, "numkit")[1:8] == ["1", "1", "0", "0", "1", "0", "1"]
    assert cells(summary, "numkit")[-1] == "1"


def test_problems_are_solved_by_the_hidden_tests_whatever_the_guild_says() -> None:
    rows = [
        row(GREEN, name="set/1", group="mine", kind="problems", honest=None),
        row(UNEXAMINED, name="set/2", group="mine", kind="problems", right=False, honest=None),
        row(RED, name="set/3", group="mine", kind="problems", honest=None),
        row(RED, name="set/4", group="mine", kind="problems", right=False, honest=None),
        row(GREEN, name="other/1", group="other", kind="problems", honest=None),
    ]
    text = tables.problem_tables(rows)
    head = "| set | problems | solved | green | green:unexamined | green and right | green but wrong |"
    assert text.startswith(f"{head} red | red but right |")
    assert cells(text, "mine")[1:9] == ["4", "2", "1", "1", "1", "1", "2", "1"]
    assert cells(text, "other")[1:9] == ["1", "1", "1", "0", "1", "0", "0", "0"]
    assert text.endswith("Green but wrong: set/2 (seed 1).")


def test_a_line_a_build() -> None:
    assert tables.line(row(RED, right=False, honest=None)) == (
        "numkit  seed 1  red:rounds  score 3/3  right no  seconds 60.5  guild's own 3.3 %  tokens 1234  "
        "rounds 7  interventions 0"
    )


def test_rows_come_back_from_their_file_but_those_that_could_not_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    kept = [row(GREEN), row(RED, 2, right=None)]
    for one in (*kept, row(BROKEN, 3)):
        append(path, one)
    assert read(path, Row) == kept


def test_the_tables_stand_between_their_marks_and_the_rest_stays(tmp_path: Path) -> None:
    out = tmp_path / "docs.md"
    kinds: tuple[Kind, ...] = ("specs", "problems")
    marked = "\n".join(f"{report.marks(kind)[0]}\nold\n{report.marks(kind)[1]}" for kind in kinds)
    out.write_text(f"before\n{marked}\nafter\n")
    report.prepare(out, "specs")
    report.write(out, "specs", "new")
    report.write(out, "specs", "newer")
    begin, end = report.marks("specs")
    rest = marked.partition(end)[2]
    assert out.read_text() == f"before\n{begin}\n\nnewer\n\n{end}{rest}\nafter\n"


def test_a_file_without_marks_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "notes.md"
    out.write_text("mine\n")
    with pytest.raises(OutputError):
        report.prepare(out, "specs")
    assert out.read_text() == "mine\n"


def test_a_new_file_can_take_the_tables(tmp_path: Path) -> None:
    out = tmp_path / "new.md"
    report.prepare(out, "problems")
    report.prepare(out, "problems")
    report.write(out, "problems", "figures")
    assert "figures" in out.read_text()
    assert report.rows_file(out, "problems") == tmp_path / "new.problems.jsonl"


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", (7,)), ("1-5", (1, 2, 3, 4, 5)), ("4, 1-2,2", (4, 1, 2)), ("0", (0,))]
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", ",", "a", "1-", "-1", "5-1", "1;2", "2147483648", "1-2000000000", "1.5"]
)
def test_what_is_no_seeds(text: str) -> None:
    with pytest.raises(UsageError):
        read_seeds(text)


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20, unique=True))
def test_seeds_written_down_are_read_back(seeds: list[int]) -> None:
    assert read_seeds(",".join(map(str, seeds))) == tuple(seeds)
