"""The figures in docs/faults.md: rows of scenarios that were run are replaced, the others stay."""

from pathlib import Path

import pytest

from guildbus.launch.bench.faults import runner
from guildbus.launch.bench.faults.partition import LONGEST_S, SHORTEST_S, lengths
from guildbus.launch.bench.faults.report import BEGIN, END, as_json, cells, write_section
from guildbus.launch.bench.faults.scenario import Outcome, Result
from guildbus.protocols.errors import UsageError

FIRST, SECOND = runner.SCENARIOS[:2]


def page(tmp_path: Path) -> Path:
    path = tmp_path / "faults.md"
    path.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    return path


def test_the_rows_of_one_run_do_not_take_away_those_of_another(tmp_path: Path) -> None:
    path = page(tmp_path)
    write_section(path, [Result(SECOND, Outcome(faults=7, notes=["seven"]), 1.0)])
    write_section(path, [Result(FIRST, Outcome(faults=1234), 1.0)])
    write_section(path, [Result(FIRST, Outcome(faults=4321), 1.0)])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "1,234" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split("|")[2].strip() for row in rows] == ["faults", "4,321", "7"]
    assert f"- {SECOND.title}: seven" in text


def test_a_page_without_a_place_for_figures_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.md"
    path.write_text("mine")
    with pytest.raises(UsageError, match="no place"):
        write_section(path, [])
    assert path.read_text() == "mine"


@pytest.mark.parametrize("breach", ["lost", "double", "hangs", "let_in"])
def test_one_breach_makes_a_result_not_ok(breach: str) -> None:
    result = Result(FIRST, Outcome(**{breach: 1}), 1.0)
    assert not result.ok
    assert as_json(result)[breach] == 1


def test_a_skipped_scenario_says_so_instead_of_zeros() -> None:
    assert cells(Result(FIRST, Outcome(), 1.0, "not here"))[1:] == ("skipped: not here", *"-" * 7)


def test_an_unknown_scenario_is_an_error_that_names_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        runner.chosen(["agents", "nonsense"])
    assert "zombies" in caught.value.remedy


def test_partitions_last_from_a_second_to_a_minute() -> None:
    full = lengths(20)
    assert (full[0], round(full[-1], 6)) == (SHORTEST_S, LONGEST_S)
    assert full == sorted(full)
    assert max(lengths(2)) <= 2 * SHORTEST_S
