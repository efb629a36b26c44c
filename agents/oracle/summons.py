"""Calling for more witnesses: when, and whom. Pure.

Other samples come first, then the other language. The budget is a number of references, and the run's tokens;
when either is spent, what is settled counts, and the rest is said to be split. Next: `hearing.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from guildbus.agents.budget import reference_within
from guildbus.agents.oracle.record import OracleRecord
from guildbus.agents.oracle.stated_types import read_api
from guildbus.protocols.messages.oracle import ReferenceRequested, WitnessTable

FIRST_SAMPLES = 2
MORE_SAMPLES = 2
MOST_PYTHON = 6
MOST_IN_DOUBT = 8
"""Programs in Python where code and test agree against them: those in Go are right less often."""
MOST_GO = 2
"""What six in Python leave open, more of them seldom settle; another language may."""
MORE_FOR_THE_FORGETFUL = 4
"""Added where some made no comparison that the spec states: these are not heard, and told ones do better."""
MOST_FOR_A_DISPUTE = 4
"""Programs for failing rows alone, in Python."""
LEAST_SETTLED = 0.5
"""The share of a subject's cases that must be settled, when the budget is spent, for it to be examined."""
LEAST_CASES = 20


def wanting(found: Sequence[WitnessTable]) -> frozenset[str]:
    """The subjects that more witnesses would help: some case is split, or too few are settled.

    One split case is enough: the code may be wrong there alone, and just as the witness that errs.
    """
    return frozenset(table.subject for table in found if not table.obstacle and (table.split or thin(table)))


@dataclass(frozen=True)
class Forgotten:
    """What programs so far forgot, by function or type: the later ones are told (`ReferenceRequested`)."""

    signs: frozenset[str] = frozenset()
    unheeded: frozenset[str] = frozenset()


def more(
    record: OracleRecord,
    folder: str,
    left: int | None,
    about: Collection[str] = (),
    forgotten: Forgotten = Forgotten(),
    *,
    in_doubt: bool = False,
) -> ReferenceRequested | None:
    """The next request for references; None when their number is reached, or `left` does not pay for one.

    `left` are the tokens of the run that are neither spent nor promised; None: there is no limit. Functions
    that are not among those that they are to be `about` are left out; none is if nothing is named. What was
    said to be forgotten once is said to all later ones. `in_doubt` a few more in Python come before those
    in Go.
    """
    asked = [one for one in record.requested if one.folder == folder]
    if not asked:
        return None
    python, go = record.samples(folder, "python"), record.samples(folder, "go")
    mind = {
        "signs": forgotten.signs.union(*(one.signs for one in asked)),
        "unheeded": forgotten.unheeded.union(*(one.unheeded for one in asked)),
    }
    told = {kind: tuple(sorted(n for n in names if not about or n in about)) for kind, names in mind.items()}
    most = MOST_FOR_A_DISPUTE if record.only_disputes else MOST_IN_DOUBT if in_doubt else MOST_PYTHON
    if python < most + (MORE_FOR_THE_FORGETFUL if told["unheeded"] else 0):
        following = {"language": "python", "first": python, "count": MORE_SAMPLES}
    elif go < MOST_GO and not record.only_disputes:
        following = {"language": "go", "first": go, "count": MOST_GO}
    else:
        return None
    functions = {one.name for one in read_api(asked[0].api).functions} if about else set()
    api = tuple(one for one in asked[0].api if one.name not in functions or one.name in about)
    return reference_within(asked[0].model_copy(update={**following, "api": api, **told}), left)


def thin(table: WitnessTable) -> bool:
    """Whether too little of a subject is settled for it to be examined."""
    least = min(LEAST_CASES, table.drawn)
    return len(table.cases) < max(least, LEAST_SETTLED * (table.drawn - table.unheard))
