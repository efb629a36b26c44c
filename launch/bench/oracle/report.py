"""The tables of `guildbus bench oracle`, as Markdown. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from guildbus.launch.bench.eval.tables import table
from guildbus.launch.bench.oracle.tally import Tally

BEGIN: Final = "<!-- guildbus bench oracle: from here -->"
END: Final = "<!-- guildbus bench oracle: to here -->"

_COLUMNS: Final[tuple[tuple[str, Callable[[Tally], int]], ...]] = (
    ("references", lambda t: t.witnesses),
    ("settled cases", lambda t: t.settled),
    ("settled wrongly", lambda t: t.wrongly_settled),
    ("planted rows", lambda t: t.planted.total()),
    ("corrected", lambda t: t.fates("corrected")),
    ("undecided", lambda t: t.fates("undecided") + t.fates("seen, not placed")),
    ("kept wrong", lambda t: t.fates("kept wrong")),
    ("wrongly corrected", lambda t: t.fates("wrongly corrected")),
    ("right rows", lambda t: t.right_rows),
    ("edited", lambda t: t.edited_rows),
    ("wrong programs", lambda t: t.convicted + len(t.passed)),
    ("convicted", lambda t: t.convicted),
    ("blessed", lambda t: len(t.blessed)),
)


def sound(tallies: Iterable[Tally]) -> bool:
    """Whether no bug was blessed: no right row edited, no row made wrong anew, no wrong code called right."""
    return not any(t.edited_rows or t.fates("wrongly corrected") or t.blessed for t in tallies)


def line(tally: Tally) -> str:
    """One matter in one line, as it comes."""
    if tally.why_not:
        return f"{tally.name}: not tried: {tally.why_not}"
    return f"{tally.name}: " + ", ".join(f"{of(tally)} {name}" for name, of in _COLUMNS)


def tables(tallies: Sequence[Tally]) -> str:
    """A row a matter and one for all, a row a kind of mistake, and what did not go as it should."""
    tried = [tally for tally in tallies if not tally.why_not]
    rows = [[tally.name, *(str(of(tally)) for _, of in _COLUMNS)] for tally in tried]
    rows.append(["all", *(str(sum(map(of, tried))) for _, of in _COLUMNS)])
    parts = [table(["spec", *(name for name, _ in _COLUMNS)], rows), table(_KINDS, _kinds(tried))]
    notes = [f"- {tally.name}: {text}" for tally in tried for text in tally.examples]
    notes += [f"- {tally.name}: not convicted: {', '.join(tally.passed)}" for tally in tried if tally.passed]
    notes += [
        f"- {tally.name}: not examined: {', '.join(tally.unexamined)}" for tally in tried if tally.unexamined
    ]
    notes += [f"- {tally.name}: not tried: {tally.why_not}" for tally in tallies if tally.why_not]
    return "\n\n".join([*parts, "\n".join(notes)] if notes else parts)


_KINDS: Final = ("planted mistake", "rows", "corrected", "undecided", "kept wrong", "wrongly corrected")


def _kinds(tried: Sequence[Tally]) -> list[list[str]]:
    kinds = dict.fromkeys(kind for tally in tried for kind, _ in tally.planted)
    found = []
    for kind in kinds:
        counts = {
            fate: sum(tally.planted[kind, fate] for tally in tried)
            for fate in ("corrected", "undecided", "seen, not placed", "kept wrong", "wrongly corrected")
        }
        open_ = counts["undecided"] + counts["seen, not placed"]
        shown = (sum(counts.values()), counts["corrected"], open_, counts["kept wrong"])
        found.append([kind, *map(str, shown), str(counts["wrongly corrected"])])
    return found
