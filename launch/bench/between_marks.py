"""Where a bench's tables go: between two marks of a Markdown file, and nowhere else in it."""

from pathlib import Path

from guildbus.protocols.errors import OutputError


def prepare(path: Path, head: str, begin: str, end: str) -> None:
    """Make the file if need be. Raises OutputError, before hours of work, if it cannot take the tables."""
    try:
        if not path.exists():
            path.write_text(f"{head}\n\n{begin}\n{end}\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the file cannot be used: {error.strerror}", where=str(path)) from error
    _parts(path, begin, end)


def read(path: Path, begin: str, end: str) -> str:
    """What stands between the marks. Raises OutputError if they are not there."""
    return _parts(path, begin, end)[1]


def write(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between the marks. Raises OutputError if they are not there."""
    before, _, after = _parts(path, begin, end)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _parts(path: Path, begin: str, end: str) -> tuple[str, str, str]:
    try:
        before, first, rest = path.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise OutputError(f"the file cannot be used: {error.strerror}", where=str(path)) from error
    between, last, after = rest.partition(end)
    if not first or not last:
        raise OutputError(
            "no place for the tables", where=str(path), remedy=f"write {begin} and {end} into it"
        )
    return before, between, after
