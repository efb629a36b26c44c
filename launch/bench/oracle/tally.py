"""What a trial came to, counted. Pure; `report.py` writes it down."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from guildbus.agents.oracle.gotypes import Api
from guildbus.agents.oracle.hearing import shown_case
from guildbus.agents.oracle.values import same
from guildbus.launch.bench.oracle.planted import Planted
from guildbus.protocols.messages.oracle import RowVerdict

Fate = Literal["corrected", "undecided", "kept wrong", "wrongly corrected", "seen, not placed"]


@dataclass
class Tally:
    """One matter.

    Rows: the planted ones by kind and fate; `edited_rows` is how many right ones would have been changed.
    Code: `convicted` counts wrong programs that the examination caught, `passed` names those that it did not;
    of these, `blessed` are the ones that the same witnesses convict on fresh cases. `wrongly_settled` counts
    cases on which the witnesses settled what right code does not give. `why_not`: nothing could be tried.
    """

    name: str
    why_not: str = ""
    unexamined: tuple[str, ...] = ()
    witnesses: int = 0
    dismissed: int = 0
    settled: int = 0
    wrongly_settled: int = 0
    planted: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    right_rows: int = 0
    edited_rows: int = 0
    convicted: int = 0
    passed: list[str] = field(default_factory=list)
    blessed: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def fates(self, fate: Fate) -> int:
        """How many planted rows met a fate."""
        return sum(count for (_, met), count in self.planted.items() if met == fate)


def count_rows(tally: Tally, api: Api, rows: Sequence[Planted], verdicts: Iterable[RowVerdict]) -> None:
    """Add the verdicts on a planted test. A row that the oracle does not read is undecided."""
    by_call = {verdict.call: verdict for verdict in verdicts}
    for row in rows:
        call = shown_case(row.case, api)
        verdict = by_call.get(call)
        if row.kind:
            fate = _fate(row, verdict)
            tally.planted[row.kind, fate] += 1
            changed = fate == "wrongly corrected"
        else:
            tally.right_rows += 1
            changed = verdict is not None and bool(verdict.after)
            tally.edited_rows += changed
        if changed and verdict is not None:
            tally.examples.append(f"{call}: {verdict.before} to {verdict.after}")


def _fate(row: Planted, verdict: RowVerdict | None) -> Fate:
    if verdict is None or verdict.finding == "undecided":
        return "undecided"
    if verdict.finding == "row-right":
        return "kept wrong"
    if not verdict.after:
        return "seen, not placed"
    return "corrected" if same(json.loads(verdict.settled)["values"][0], row.right) else "wrongly corrected"
