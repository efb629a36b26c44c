"""Where the tables go: between two marks of a Markdown file. The rows lie beside it, as JSON lines."""

from pathlib import Path

from guildbus.launch.bench import between_marks
from guildbus.launch.bench.eval.jobs import Kind


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
    between_marks.prepare(out, "# Evaluation", *marks(kind))


def write(out: Path, kind: Kind, text: str) -> None:
    """Replace what the file has between the marks."""
    between_marks.write(out, *marks(kind), text)
