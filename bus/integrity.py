"""Finding what is damaged in an open journal: SQLite's own check of the structure, then every checksum.

`PRAGMA integrity_check` finds broken pages and indexes that do not fit their table; it cannot find a flipped
bit in a value. The records' checksums (`records.py`) find that. Large journals are not checked before they
are used, but in the background, a slice at a time. `opening.py` and `retention.py` call this.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from guildbus.bus.records import (
    HEAD_COLUMNS,
    MESSAGE_COLUMNS,
    OPEN,
    STATE_AFTER,
    Damaged,
    checked_envelope,
    crc_of,
    intact,
    is_intact_message,
    rows,
    rows_apart,
    rows_that_read,
)
from guildbus.protocols.envelope import MAX_PRIORITY, parse_time

_COLUMNS: Final = {
    "messages": ("seq", MESSAGE_COLUMNS),
    "progress": ("seq", "seq, state, attempt, holder, began, crc"),
    "attempts": ("n", "at, began, seq, attempt, agent, event, code, reason, crc"),
    "presence": ("n", "at, agent, role, joined, reason, crc"),
}
CHECKED_TABLES: Final = tuple(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written. `seq` is the message that must not be delivered, or None."""

    place: str
    what: str
    seq: int | None = None


def structure_problems(db: apsw.Connection, limit: int = 20) -> list[str]:
    """What SQLite finds wrong with pages, tables and indexes; empty if nothing."""
    try:
        found = [str(line) for (line,) in rows(db, f"PRAGMA integrity_check({int(limit)})")]
    except apsw.CorruptError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def indexes_mended(db: apsw.Connection) -> bool:
    """Build all indexes anew, if that makes the file sound; else leave it as it is."""
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("REINDEX")
        if not structure_problems(db):
            db.execute("COMMIT")
            return True
    except (apsw.CorruptError, apsw.ConstraintError):
        pass
    if db.in_transaction:
        db.execute("ROLLBACK")
    return False


def check_slice(db: apsw.Connection, table: str, after: int, limit: int) -> tuple[int | None, list[Damage]]:
    """Check up to `limit` records behind key `after`: the last key (None at the end), and the damage."""
    key, columns = _COLUMNS[table]
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key}"
    try:
        found = rows(db, f"{query} > ? ORDER BY {key} LIMIT ?", (after, limit))
    except (apsw.CorruptError, ValueError):
        keys = rows(db, f"SELECT {key} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?", (after, limit))
        apart = rows_apart(db, f"{query} = ?", [one for (one,) in keys])
        found = [row if row is not None else (one,) for one, row in apart.items()]
    sound = is_intact_message if table == "messages" else _row_intact
    damaged = [_damage(table, row) for row in found if not sound(row[1:])]
    if table == "progress" and found:
        strays = misplaced(db, found[0][0], found[-1][0])
        damaged += [Damage(f"progress {seq}", "its place in the queue is wrong") for seq in strays]
    return (found[-1][0] if len(found) == limit else None), damaged


def misplaced(db: apsw.Connection, first: int = 0, last: int = 2**63 - 1) -> list[int]:
    """Open messages where nobody would ever ask for them: in another queue, or before its front."""
    query = (
        "SELECT p.seq FROM progress p JOIN messages m ON m.seq = p.seq"
        " WHERE p.seq BETWEEN ? AND ? AND p.state = ?"
        f" AND (p.queue IS NOT m.queue OR p.rank NOT BETWEEN {-MAX_PRIORITY} AND 0)"
    )
    return [seq for (seq,) in rows(db, query, (first, last, OPEN))]


def check_all(db: apsw.Connection) -> list[Damage]:
    """Every record of the journal."""
    return [damage for table in CHECKED_TABLES for damage in _whole(db, table)]


def _whole(db: apsw.Connection, table: str) -> Iterator[Damage]:
    after: int | None = -(2**63)
    while after is not None:
        after, damaged = check_slice(db, table, after, 1000)
        yield from damaged


def _damage(table: str, row: Sequence[Any]) -> Damage:
    what = "checksum does not match" if len(row) > 1 else "cannot be read"
    return Damage(f"{table} {row[0]}", what, row[0] if table == "messages" else None)


def _row_intact(columns: Sequence[Any]) -> bool:
    return bool(columns) and intact(*columns)


def mend_progress(db: apsw.Connection, seq: int) -> tuple[int, int, str]:
    """Write a damaged progress record anew: its state, attempt, holder, which are given back.

    They come from the attempts of its message; its place in a queue from the message, if that is sound.
    An outcome among them is final. Without one the message is open, and the attempt that may be out gets
    a number that nobody holds: one more than the last that ended.
    """
    ended = ended_attempts(db, seq)
    state = next((STATE_AFTER[row[5]] for row in ended if row[5] != "failed"), OPEN)
    attempt = max((row[3] for row in ended), default=0) + (state == OPEN)
    columns = (seq, state, attempt, "", None)
    db.execute(
        "UPDATE progress SET state = ?2, attempt = ?3, holder = ?4, began = ?5, crc = ?6 WHERE seq = ?1",
        (*columns, crc_of(*columns)),
    )
    head = rows_apart(db, f"SELECT {HEAD_COLUMNS} FROM messages WHERE seq = ?", [seq])[seq]
    if head is not None:
        with contextlib.suppress(Damaged):
            envelope = checked_envelope(head)
            deadline = None if envelope.deadline is None else parse_time(envelope.deadline)
            place = (seq, head[4], -envelope.priority, deadline)
            db.execute("UPDATE progress SET queue = ?2, rank = ?3, deadline = ?4 WHERE seq = ?1", place)
    return state, attempt, ""


def ended_attempts(db: apsw.Connection, seq: int) -> list[Any]:
    """The sound records of a message's attempts that ended, in order, their columns as in the schema."""
    query = f"SELECT {_COLUMNS['attempts'][1]} FROM attempts WHERE"
    mine = "seq = ? ORDER BY n"
    keys = f"SELECT n FROM attempts WHERE {mine}"
    found = rows_that_read(db, f"{query} {mine}", keys, f"{query} n = ?", (seq,))
    return [row for row in found if intact(*row)]


def note_damage(db: apsw.Connection, found: Sequence[Damage], now: float) -> None:
    """Keep what was found in the journal itself."""
    db.executemany(
        "INSERT OR IGNORE INTO damage (at, place, what) VALUES (?, ?, ?)",
        [(now, one.place, one.what) for one in found],
    )
