"""Which open messages a `Fetch` asks for: the meaning of `Fetch` and `Recovered`, in plain code.

The in-memory bus answers with this. `journal.py` answers the same questions with indexes, and its tests hold
the two against each other.
"""

from collections.abc import Iterable

from guildbus.bus.events import Fetch, Fetched, Recovered, Unsettled


def page_of(fetch: Fetch, rows: Iterable[Unsettled]) -> Fetched:
    """The answer to a `Fetch` from all open messages. `rows` are in the order of their numbers."""
    served = [row for row in rows if is_served(row, fetch.serves)]
    match fetch.want:
        case "ready":
            found = [r for r in served if r.queue == fetch.name and _place(r) >= (fetch.after or (-10, 0))]
            found.sort(key=_place)
        case "due":
            found = [r for r in served if r.deadline is not None and r.deadline <= fetch.upto]
            found.sort(key=lambda row: (row.deadline, row.seq))
        case "unclaimed":
            found = [r for r in served if r.queue == fetch.name and r.seq < fetch.below]
            found.sort(key=_place)
        case "run":
            found = [r for r in served if r.subject == fetch.name]
    page = found[: fetch.limit]
    more = fetch.want == "ready" and len(found) > len(page)
    later = [r.deadline for r in served if r.deadline is not None and r.deadline > fetch.upto]
    return Fetched(
        fetch,
        rows=tuple(page),
        next_place=_place(found[len(page)]) if more else None,
        next_due=min(later, default=None),
    )


def recovered_of(rows: Iterable[Unsettled], serves: tuple[str, int] | None) -> Recovered:
    """What a broker starts from, if `rows` are all open messages."""
    everything = list(rows)
    served = [row for row in everything if is_served(row, serves)]
    waiting: dict[str, int] = {}
    for row in served:
        if not row.holder:
            waiting[row.queue] = waiting.get(row.queue, 0) + 1
    return Recovered(
        waiting,
        held=tuple(row for row in served if row.holder),
        parked=len(everything) - len(served),
        next_due=min((row.deadline for row in served if row.deadline is not None), default=None),
    )


def is_served(row: Unsettled, serves: tuple[str, int] | None) -> bool:
    """Whether a broker that keeps to one run takes up this message: its run's, or a later one."""
    return serves is None or row.subject == serves[0] or row.seq >= serves[1]


def _place(row: Unsettled) -> tuple[int, int]:
    return (-row.priority, row.seq)
