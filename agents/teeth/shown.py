"""A mutant as a small unified diff, and a measurement as the part of a message. Pure."""

import difflib
from collections.abc import Mapping, Sequence

from guildbus.agents.teeth.measuring import Measured
from guildbus.agents.teeth.mutants import Mutant, find_mutants
from guildbus.protocols.messages.verification import Survivor, Teeth

CONTEXT_LINES = 1


def diff_of(mutant: Mutant, source: str) -> str:
    """The change in unified form, a line around it, the file under its name on both sides."""
    lines = difflib.unified_diff(
        source.splitlines(keepends=True),
        mutant.applied(source).splitlines(keepends=True),
        f"a/{mutant.file}",
        f"b/{mutant.file}",
        n=CONTEXT_LINES,
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def as_teeth(measured: Measured) -> Teeth:
    """All that a report says of a measurement."""
    return Teeth(
        score=None if measured.score is None else round(measured.score, 4),
        total=len(measured.fates),
        killed=measured.count("killed", "timeout"),
        timed_out=measured.count("timeout"),
        survived=measured.count("survived"),
        equivalent=measured.count("equivalent"),
        not_compiled=measured.count("uncompiled"),
        skipped=measured.count("skipped"),
        found=measured.found,
        cap=measured.cap,
        wall_s=round(measured.wall_s, 3),
        survivors=tuple(_survivor(mutant, measured.sources) for mutant in measured.survivors),
        why=measured.why,
    )


def found_again(survivors: Sequence[Survivor], sources: Mapping[str, str]) -> tuple[Mutant, ...]:
    """The mutants that a report tells of, in the order of the text. `sources` are the files, by path."""
    files = sorted({one.file for one in survivors} & sources.keys())
    found = (mutant for file in files for mutant in find_mutants(file, sources[file]))
    return tuple(mutant for mutant in found if _survivor(mutant, sources) in survivors)


def _survivor(mutant: Mutant, sources: Mapping[str, str]) -> Survivor:
    return Survivor(
        file=mutant.file,
        line=mutant.line,
        function=mutant.function,
        operator=mutant.operator,
        diff=diff_of(mutant, sources[mutant.file]),
    )
