"""The file in which a bench keeps its rows: a line of JSON each, added as soon as it is there.

A bench runs for hours and may be killed in the middle of a line. What is whole is read again, and the bench
goes on behind it. `eval/rows.py` and `finishers/rows.py` say what is in their rows.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from guildbus.protocols.errors import UsageError


class KeptRow(BaseModel):
    """What a bench knows of one build."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @property
    def key(self) -> Hashable:
        """What makes it this build and no other."""
        raise NotImplementedError

    @property
    def failed(self) -> bool:
        """Whether it says nothing of the guild's work: what the build stands on broke."""
        raise NotImplementedError


RowT = TypeVar("RowT", bound=KeptRow)


def append(path: Path, row: KeptRow) -> None:
    """Add a row to the file, in the place of one that was cut off."""
    line = row.model_dump_json().encode() + b"\n"
    with path.open("a+b") as file:
        file.seek(0)
        last = file.read().rpartition(b"\n")[2]
        if last and _whole(last, type(row)) is not None:
            line = b"\n" + line
        elif last:
            file.truncate(file.tell() - len(last))
        file.write(line)


def read(path: Path, kind: type[RowT]) -> list[RowT]:
    """The rows of a file, the newest of each build, without failed ones; [] if there is no file.

    A last line that was cut off is no row. Raises UsageError for any other line that is none.
    """
    if not path.is_file():
        return []
    *lines, last = path.read_bytes().split(b"\n")
    rows: list[RowT] = []
    for number, line in enumerate(lines, 1):
        row = _whole(line, kind)
        if row is None:
            raise UsageError("this line is no row of this bench", where=f"{path}:{number}")
        rows.append(row)
    if (row := _whole(last, kind)) is not None:
        rows.append(row)
    return list({row.key: row for row in rows if not row.failed}.values())


def _whole(line: bytes, kind: type[RowT]) -> RowT | None:
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        return None
