"""Where the tables go: between two marks of a Markdown file. The rows lie beside it, as JSON lines."""

from pathlib import Path

from guildbus.launch.bench.eval.jobs import Kind
from guildbus.protocols.errors import OutputError


def rows_file(out: Path, kind: Kind) -> Path:
    """The file of the rows: `evaluation.specs.jsonl` beside `evaluation.md`."""
    return out.with_name(f"{out.stem}.{kind}.jsonl")


def marks(kind: Kind) -> tuple[str, str]:
    """The lines between which the tables stand."""
    return (
        f"<!-- guildbus bench eval, {kind}: from here -->",
        f"<!-- guildbus bench eval, {kind}: to here -->",
    )


def prepare(out: Path, kind: Kind) -> None:
    """Make the file if need be. Raises OutputError, before hours of builds, if it cannot take the tables."""
    begin, end = marks(kind)
    try:
        if not out.exists():
            out.write_text(f"# Evaluation\n\n{begin}\n{end}\n", encoding="utf-8")
        _, first, rest = out.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise OutputError(f"the file cannot be used: {error.strerror}", where=str(out)) from error
    if not first or end not in rest:
        raise OutputError(
            "no place for the tables", where=str(out), remedy=f"write {begin} and {end} into it"
        )


def write(out: Path, kind: Kind, text: str) -> None:
    """Replace what the file has between the marks."""
    begin, end = marks(kind)
    before, _, rest = out.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    out.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
