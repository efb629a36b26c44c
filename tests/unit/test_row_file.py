"""The file of a bench's rows: it outlives a crash in the middle of a line, and says which line is none."""

from pathlib import Path

import pytest

from guildbus.launch.bench.row_file import KeptRow, append, read
from guildbus.protocols.errors import UsageError


class Row(KeptRow):
    name: str
    figure: int | None = None

    @property
    def key(self) -> str:
        return self.name

    @property
    def failed(self) -> bool:
        return self.figure is None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def test_without_a_file_there_are_no_rows(path: Path) -> None:
    assert read(path, Row) == []


def test_the_newest_of_each_build_counts_in_the_order_in_which_they_came_first(path: Path) -> None:
    for row in (Row(name="a", figure=1), Row(name="b", figure=2), Row(name="a", figure=3)):
        append(path, row)
    assert read(path, Row) == [Row(name="a", figure=3), Row(name="b", figure=2)]


def test_a_failed_row_is_left_out_and_hides_no_other(path: Path) -> None:
    for row in (Row(name="a", figure=1), Row(name="a"), Row(name="b")):
        append(path, row)
    assert read(path, Row) == [Row(name="a", figure=1)]


@pytest.mark.parametrize("kept", [5, 10, -2])
def test_a_last_line_that_was_cut_off_is_no_row_and_the_next_one_takes_its_place(
    path: Path, kept: int
) -> None:
    append(path, Row(name="a", figure=1))
    whole = path.read_bytes()
    path.write_bytes(whole + Row(name="é", figure=2).model_dump_json().encode()[:kept])
    assert read(path, Row) == [Row(name="a", figure=1)]
    append(path, Row(name="c", figure=3))
    assert path.read_bytes() == whole + b'{"name":"c","figure":3}\n'
    assert read(path, Row) == [Row(name="a", figure=1), Row(name="c", figure=3)]


def test_a_last_line_that_lacks_nothing_but_its_end_is_a_row_and_stays(path: Path) -> None:
    append(path, Row(name="a", figure=1))
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert read(path, Row) == [Row(name="a", figure=1)]
    append(path, Row(name="b", figure=2))
    assert read(path, Row) == [Row(name="a", figure=1), Row(name="b", figure=2)]


@pytest.mark.parametrize("line", ["what?", "", '{"name": "b", "fig', '{"figure": 1}'])
def test_any_other_line_that_is_no_row_is_named(path: Path, line: str) -> None:
    append(path, Row(name="a", figure=1))
    path.write_text(f"{path.read_text()}{line}\n{path.read_text()}")
    with pytest.raises(UsageError, match="no row") as found:
        read(path, Row)
    assert found.value.where == f"{path}:2"


def test_a_text_may_hold_what_elsewhere_ends_a_line(path: Path) -> None:
    row = Row(name="next\u0085line\u2028separator\x0cfeed\nend", figure=1)
    append(path, row)
    append(path, Row(name="b", figure=2))
    assert read(path, Row) == [row, Row(name="b", figure=2)]
