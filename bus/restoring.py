"""The open messages, as the broker asks for them: when it starts, and a page at a time. By the indexes.

`paging.py` says in plain code what each question means. Bodies are not read for this: the head of a message
has a checksum of its own. A message whose head is damaged is read as far as it can be, so that its run can be
told. A damaged progress record is mended from the attempts (`integrity.py`).
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw
import msgpack

from guildbus.bus.events import Fetch, Fetched, Recovered, Unsettled
from guildbus.bus.integrity import ended_attempts, mend_progress, misplaced
from guildbus.bus.records import OPEN, SALVAGE, Damaged, checked_header, intact, rows, rows_apart
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import BusError

_ROWS: Final = (
    "SELECT p.seq, p.state, p.attempt, p.holder, p.began, p.crc, p.queue, p.rank,"
    " m.id, m.subject, m.type, m.queue, m.at, m.header, m.head"
    " FROM progress p LEFT JOIN messages m ON m.seq = p.seq"
)
_OPEN: Final = f"p.state = {OPEN}"
_FRONT: Final = (-10, 0)

Serves = tuple[str, int] | None
"""Keep to this run, and to what has at least this number: see `Fetch.serves`."""


class OpenMessages:
    """Reads one journal. `damage_of(seq)` says what is known to be wrong with a message, or ''."""

    def __init__(self, db: apsw.Connection, damage_of: Callable[[int], str]) -> None:
        self._db = db
        self._damage_of = damage_of

    def all(self) -> list[Unsettled]:
        """Every one, by number."""
        return self._read(f"{_OPEN} ORDER BY p.seq")

    def page(self, fetch: Fetch) -> Fetched:
        """The answer to a `Fetch`."""
        most = -1 if fetch.limit is None else fetch.limit
        served, whose = _served(fetch.serves)
        place: tuple[int, int] | None = None
        match fetch.want:
            case "ready":
                where = f"{_OPEN} AND p.queue = ? AND (p.rank, p.seq) >= (?, ?){served}"
                values = (fetch.name, *(fetch.after or _FRONT), *whose)
                found = self._read(f"{where} ORDER BY p.rank, p.seq LIMIT ?", (*values, most))
                if fetch.limit is not None:
                    place = self._place(where, values, fetch.limit)
            case "due":
                where = f"{_OPEN} AND p.deadline IS NOT NULL AND p.deadline <= ?{served}"
                order = "ORDER BY p.deadline, p.seq LIMIT ?"
                found = self._read(f"{where} {order}", (fetch.upto, *whose, most))
            case "unclaimed":
                where = f"{_OPEN} AND p.queue = ? AND p.seq < ?{served} ORDER BY p.rank, p.seq LIMIT ?"
                found = self._read(where, (fetch.name, fetch.below, *whose, most))
            case "run":
                where = f"{_OPEN} AND m.subject = ?{served} ORDER BY p.seq LIMIT ?"
                found = self._read(where, (fetch.name, *whose, most))
        return Fetched(fetch, tuple(found), place, self._next_due(fetch.upto, fetch.serves))

    def recovered(self, serves: Serves) -> Recovered:
        """What a broker starts from."""
        served, whose = _served(serves)
        mine = f"FROM progress p JOIN messages m ON m.seq = p.seq WHERE {_OPEN}{served}"
        if serves is None:
            mine = f"FROM progress p WHERE {_OPEN}"
        held = self._read(f"{_OPEN} AND p.holder <> ''{served} ORDER BY p.seq", whose)
        counting = f"SELECT p.queue, COUNT(*) {mine} AND p.holder = '' GROUP BY p.queue"
        try:
            waiting: dict[str, int] = dict(rows(self._db, counting, whose))
        except ValueError:
            for seq in misplaced(self._db):
                mend_progress(self._db, seq)
            waiting = dict(rows(self._db, counting, whose))
        everything: int = self._db.execute(f"SELECT COUNT(*) FROM progress p WHERE {_OPEN}").get
        parked = 0 if serves is None else everything - sum(waiting.values()) - len(held)
        return Recovered(waiting, tuple(held), parked, self._next_due(None, serves))

    def _next_due(self, after: float | None, serves: Serves) -> float | None:
        served, whose = _served(serves)
        later = "" if after is None else " AND p.deadline > ?"
        join = "" if serves is None else " JOIN messages m ON m.seq = p.seq"
        query = (
            f"SELECT p.deadline FROM progress p{join}"
            f" WHERE {_OPEN} AND typeof(p.deadline) = 'real'{later}{served} ORDER BY p.deadline LIMIT 1"
        )
        found = rows(self._db, query, (*(() if after is None else (after,)), *whose))
        return found[0][0] if found else None

    def _place(self, where: str, values: tuple[Any, ...], limit: int) -> tuple[int, int] | None:
        """Where the page after this one begins."""
        source = _ROWS.partition(" FROM ")[2] if "m." in where else "progress p"
        query = f"SELECT p.rank, p.seq FROM {source} WHERE {where} ORDER BY p.rank, p.seq LIMIT 1 OFFSET ?"
        found = rows(self._db, query, (*values, limit))
        return (found[0][0], found[0][1]) if found else None

    def _read(self, where: str, values: Sequence[Any] = ()) -> list[Unsettled]:
        try:
            stored = rows(self._db, f"{_ROWS} WHERE {where}", values)
        except (apsw.CorruptError, ValueError):
            source = _ROWS.partition(" FROM ")[2] if "m." in where else "progress p"
            wanted = [seq for (seq,) in rows(self._db, f"SELECT p.seq FROM {source} WHERE {where}", values)]
            apart = rows_apart(self._db, f"{_ROWS} WHERE p.seq = ?", wanted)
            stored = [row if row is not None else (seq, *[None] * 14) for seq, row in apart.items()]
        return [found for row in stored if (found := self._restored(row)) is not None]

    def _restored(self, row: Sequence[Any]) -> Unsettled | None:
        seq, state, attempt, holder, _, _, queue, rank, message_id, subject, kind, to, _, header, _ = row
        if not intact(*row[:6]):
            state, attempt, holder = mend_progress(self._db, seq)
            if state != OPEN:
                return None
        damaged = self._damage_of(seq)
        hops: int = 0
        deadline: float | None = None
        try:
            envelope = checked_header((seq, *row[8:]))
            hops = envelope.get("hops", 0)
            if "deadline" in envelope:
                deadline = parse_time(envelope["deadline"])
        except Damaged as error:
            damaged = error.what
            subject = _run_of(self._db, seq, subject, header)
        return Unsettled(
            seq,
            _text(message_id) or f"damaged-{seq}",
            _text(kind),
            subject,
            _text(queue) or _text(to),
            -rank if type(rank) is int else 4,
            hops,
            deadline,
            attempt,
            holder,
            self._failures(seq) if attempt else (),
            damaged,
        )

    def _failures(self, seq: int) -> tuple[tuple[int, str, str, str], ...]:
        ended = ended_attempts(self._db, seq)
        return tuple((one[3], one[4], one[6], one[7]) for one in ended if one[5] == "failed")


def _served(serves: Serves) -> tuple[str, tuple[Any, ...]]:
    return ("", ()) if serves is None else (" AND (m.subject = ? OR p.seq >= ?)", serves)


def _run_of(db: apsw.Connection, seq: int, column: object, header: object) -> str:
    """Which run a damaged message belonged to: its column says so, and its header; a known run is right.

    Raises BusError if neither can be read: then nobody could be told.
    """
    named = [_text(column)]
    if isinstance(header, bytes):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            named.append(_text(msgpack.unpackb(header, raw=False, strict_map_key=False).get("subject")))
    for subject in filter(None, named):
        if rows(db, "SELECT 1 FROM messages WHERE subject = ? AND seq <> ? LIMIT 1", (subject, seq)):
            return subject
    if not any(named):
        raise BusError(
            "an open message is damaged, and so is the name of its run: nobody could be told",
            where=f"journal record {seq}",
            remedy=SALVAGE,
        )
    return next(filter(None, named))


def _text(value: object) -> str:
    return value if type(value) is str else ""
