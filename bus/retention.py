"""What the journal lets go of, and other work for idle moments, in slices of a few milliseconds.

A run is over when none of its messages is open. `keep_s` after its last event it is removed, oldest message
first. Its ids stay known (`seen`) as long again, so that a message that comes a second time is still
recognised. Then the pages that came free go back to the file system, and records that were not checked
lately are checked. Every slice is one transaction of its own: a crash between two leaves nothing half done.
"""

import time
from pathlib import Path
from typing import Final

import apsw

from guildbus.bus.integrity import CHECKED_TABLES, Damage, check_slice, note_damage
from guildbus.bus.records import BUSY_TIMEOUT_MS, check_version, next_run, rows, seen_key
from guildbus.protocols.errors import BusError

SLICE_ROWS: Final = 200
FREE_PAGES: Final = 64
ROUND_S: Final = 3600.0
RECHECK_S: Final = 24 * 3600.0


def is_over(db: apsw.Connection, run: str, before: float) -> bool:
    """Whether nothing of a run is open, and nothing happened to it since `before`."""
    last = rows(db, "SELECT at FROM messages WHERE subject = ? ORDER BY seq DESC LIMIT 1", (run,))
    if not last or not _is_before(last[0][0], before):
        return False
    of_run = "FROM messages m JOIN {0} x ON x.seq = m.seq WHERE m.subject = ?"
    if rows(db, f"SELECT 1 {of_run.format('progress')} AND x.state = 0 LIMIT 1", (run,)):
        return False
    ended = db.execute(f"SELECT MAX(x.at) {of_run.format('attempts')}", (run,)).get
    return ended is None or _is_before(ended, before)


def _is_before(at: object, before: float) -> bool:
    """Whether a time is one, and early enough: what is damaged is no sign that a run may go."""
    return isinstance(at, float) and at < before


def remove_slice(db: apsw.Connection, run: str, before: float, until: float, limit: int = SLICE_ROWS) -> int:
    """Remove up to `limit` messages of a run that is over: how many. Their ids are known until `until`."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if not is_over(db, run, before):
            db.execute("ROLLBACK")
            return 0
        query = "SELECT seq, CAST(id AS BLOB) FROM messages WHERE subject = ? ORDER BY seq LIMIT ?"
        found = rows(db, query, (run, limit))
        db.executemany(
            "INSERT OR IGNORE INTO seen (key, until) VALUES (?, ?)",
            [(seen_key(message_id.decode(errors="replace")), until) for _, message_id in found],
        )
        for table in ("attempts", "progress", "messages"):
            db.executemany(f"DELETE FROM {table} WHERE seq = ?", [(seq,) for seq, _ in found])
        if found:
            db.execute(
                "INSERT INTO counters VALUES ('last_removed', ?1)"
                " ON CONFLICT (name) DO UPDATE SET value = MAX(value, ?1)",
                (found[-1][0],),
            )
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return len(found)


def remove_run(db: apsw.Connection, run: str, before: float, until: float) -> int:
    """Remove all of a run that is over: how many messages."""
    removed = 0
    while count := remove_slice(db, run, before, until):
        removed += count
    return removed


def prune(path: Path, now: float, older_s: float, keep_s: float, *, run: str | None = None) -> dict[str, int]:
    """Remove runs that were over `older_s` ago, or one of them: how many messages of each.

    For people; a broker may be at work on the same file. Raises BusError if it cannot be written now.
    """
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    removed: dict[str, int] = {}
    try:
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        db.pragma("synchronous", "FULL")
        check_version(db, path)
        # What ended this very moment is old enough for someone who says: now.
        before = now - older_s + (1.0 if older_s == 0 else 0.0)
        found = run if run is not None else next_run(db, "")
        while found is not None:
            count = remove_run(db, found, before, now + keep_s)
            if count:
                removed[found] = count
            found = None if run is not None else next_run(db, found)
        while give_back(db):
            pass
        rows(db, "PRAGMA wal_checkpoint(PASSIVE)")
    except apsw.Error as error:
        raise BusError(
            f"cannot be pruned: {error}", where=str(path), remedy="is its disk full? is it damaged? try again"
        ) from error
    finally:
        db.close()
    return removed


def forget_old(db: apsw.Connection, now: float, before: float) -> None:
    """Drop ids that were known long enough, and comings and goings from before `before`."""
    db.execute("DELETE FROM seen WHERE n IN (SELECT n FROM seen ORDER BY n LIMIT 1000) AND until < ?", (now,))
    db.execute(
        "DELETE FROM presence WHERE n IN (SELECT n FROM presence ORDER BY n LIMIT 1000) AND at < ?", (before,)
    )


def give_back(db: apsw.Connection, pages: int = FREE_PAGES) -> int:
    """Return free pages to the file system: how many are left."""
    free: int = db.pragma("freelist_count")
    if free:
        rows(db, f"PRAGMA incremental_vacuum({int(pages)})")
        free = db.pragma("freelist_count")
    return free


class Caretaker:
    """Does a slice at a time: `step` takes some milliseconds and remembers where it was."""

    def __init__(self, db: apsw.Connection, keep_s: float | None) -> None:
        self._db = db
        self._keep_s = keep_s
        self._run = ""
        self._rest_until = 0.0
        self._table = 0
        self._key = -(2**63)
        self._recheck_at = 0.0

    def step(self, now: float) -> list[Damage]:
        """One slice of whatever is next; the damage that was found."""
        if self._keep_s is not None and now >= self._rest_until:
            self._remove(now, self._keep_s)
            return []
        if give_back(self._db):
            return []
        if now >= self._recheck_at:
            return self._check(now)
        return []

    def _remove(self, now: float, keep_s: float) -> None:
        before = now - keep_s
        patience = time.monotonic() + 0.005
        while time.monotonic() < patience:
            run = next_run(self._db, self._run)
            if run is None:
                forget_old(self._db, now, before)
                self._run, self._rest_until = "", now + ROUND_S
                return
            if is_over(self._db, run, before) and remove_slice(self._db, run, before, now + keep_s):
                continue
            self._run = run

    def _check(self, now: float) -> list[Damage]:
        last, found = check_slice(self._db, CHECKED_TABLES[self._table], self._key, SLICE_ROWS)
        if last is not None:
            self._key = last
        else:
            self._table, self._key = self._table + 1, -(2**63)
            if self._table == len(CHECKED_TABLES):
                self._table, self._recheck_at = 0, now + RECHECK_S
        note_damage(self._db, found, now)
        return found
