"""Opening a journal: make it, or prove that the one that is there is sound, before anything builds on it.

In this order: the write-ahead log that a broker left when it was killed (`wal.py`), the version, SQLite's
check of the structure, the checksum of every record (`integrity.py`). A journal of more than `CHECKED_BYTES`
is opened without the last two, which would take too long; they follow in the background (`retention.py`),
and each record is checked once more whenever it is read. What can be mended is mended and written down in
the table `damage`; what cannot stops here, with the place and the remedy.
"""

import os
import struct
from pathlib import Path
from typing import Final

import apsw

from guildbus.bus.integrity import (
    Damage,
    check_all,
    indexes_mended,
    mend_progress,
    note_damage,
    structure_problems,
)
from guildbus.bus.records import BUSY_TIMEOUT_MS, SALVAGE, SCHEMA, SCHEMA_VERSION, check_version, rows
from guildbus.bus.wal import examine
from guildbus.protocols.errors import BusError

CHECKED_BYTES: Final = 16 * 2**20
LOG_LIMIT_BYTES: Final = 16 * 2**20
PAGE_BYTES: Final = 4096
INCREMENTAL: Final = 2

OUTAGES: Final = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.PermissionsError,
    apsw.NoMemError,
)
"""What a disk may recover from, and a damaged file does not."""


def open_database(path: Path, now: float, *, vfs: str | None = None) -> tuple[apsw.Connection, list[Damage]]:
    """The journal's connection, and what was found damaged. Raises BusError if it is not sound enough."""
    found = check_log(path)
    try:
        db = apsw.Connection(str(path), vfs=vfs)
    except apsw.Error as error:
        raise unusable(path, error) from error
    try:
        _prepare(db, path)
        found += _check(db, path)
        note_damage(db, found, now)
    except OUTAGES as error:
        db.close()
        raise unusable(path, error) from error
    except (apsw.Error, UnicodeDecodeError) as error:
        db.close()
        raise ruined(path, str(error)) from error
    except BaseException:
        db.close()
        raise
    return db, found


def check_log(path: Path) -> list[Damage]:
    """Look through the log beside the file; a damaged one is mended, and kept as it was in `-wal.damaged`."""
    log = path.with_name(path.name + "-wal")
    if not log.is_file() or not log.stat().st_size:
        return []
    data = log.read_bytes()
    finding = examine(data, _page_size(path))
    if finding.verdict == "sound":
        return []
    where = f"{log.name}, frames {', '.join(map(str, finding.damaged)) or 'header'}"
    if finding.mended is None:
        what = f"the last commit is not whole ({finding.behind} frames), so it was hardly ever confirmed"
        return [Damage(where, what)]
    aside = log.with_name(log.name + ".damaged")
    aside.write_bytes(data)
    with log.open("r+b") as handle:
        handle.write(finding.mended)
        handle.flush()
        os.fsync(handle.fileno())
    return [
        Damage(where, f"damaged; the {finding.behind} frames from there on were kept. Before: {aside.name}")
    ]


def _page_size(path: Path) -> int:
    try:
        with path.open("rb") as handle:
            handle.seek(16)
            (size,) = struct.unpack(">H", handle.read(2))
    except (OSError, struct.error):
        return PAGE_BYTES
    return int(size) if size in (512, 1024, 2048, 4096, 8192, 16384, 32768) else PAGE_BYTES


def _prepare(db: apsw.Connection, path: Path) -> None:
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    version = db.pragma("user_version")
    fresh = version == 0 and not rows(db, "SELECT 1 FROM sqlite_schema")
    if fresh:
        db.pragma("page_size", PAGE_BYTES)
        db.pragma("auto_vacuum", INCREMENTAL)
    else:
        check_version(db, path)
    db.pragma("journal_mode", "WAL")
    db.pragma("synchronous", "FULL")
    db.pragma("journal_size_limit", LOG_LIMIT_BYTES)
    if not fresh:
        _upgrade(db)
        stated = definitions(db)
        wrong = [name for name, sql in schema_definitions().items() if stated.get(name) != sql]
        if wrong:
            raise ruined(path, f"its schema says something else of {', '.join(wrong)}")
    if fresh:
        db.execute(f"BEGIN IMMEDIATE; {SCHEMA}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")


def _upgrade(db: apsw.Connection) -> None:
    """Version 2 lacks what version 3 only adds: an index. Nothing that is stored changes."""
    if db.pragma("user_version") != SCHEMA_VERSION:
        stated, wanted = definitions(db), schema_definitions()
        missing = [
            sql for name, sql in wanted.items() if name not in stated and sql.startswith("CREATE INDEX")
        ]
        db.execute(
            "; ".join(["BEGIN IMMEDIATE", *missing, f"PRAGMA user_version = {SCHEMA_VERSION}", "COMMIT"])
        )


def definitions(db: apsw.Connection) -> dict[str, str]:
    """What the file's schema says of each table and index."""
    return dict(rows(db, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


def schema_definitions() -> dict[str, str]:
    """What it should say."""
    db = apsw.Connection(":memory:")
    try:
        db.execute(SCHEMA)
        return definitions(db)
    finally:
        db.close()


def _check(db: apsw.Connection, path: Path) -> list[Damage]:
    if db.pragma("page_count") * db.pragma("page_size") > CHECKED_BYTES:
        return []
    found: list[Damage] = []
    problems = structure_problems(db)
    if problems:
        if not indexes_mended(db):
            raise ruined(path, "; ".join(problems[:5]))
        found += [Damage("indexes", f"built anew: {problem}") for problem in problems]
    for damage in check_all(db):
        table, _, key = damage.place.partition(" ")
        if table == "progress":
            mend_progress(db, int(key))
            damage = Damage(damage.place, f"{damage.what}; written anew from its attempts")
        found.append(damage)
    return found


def unusable(path: Path, error: apsw.Error) -> BusError:
    """It cannot be opened here and now."""
    return BusError(
        f"not usable as a journal: {error}",
        where=str(path),
        remedy="look at its disk, or name another state_dir",
    )


def ruined(path: Path, what: str) -> BusError:
    """It is damaged beyond what can be mended in place."""
    return BusError(f"the journal is damaged: {what}", where=str(path), remedy=SALVAGE)
