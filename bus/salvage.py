"""A fresh journal out of a damaged one: whatever can still be read, and a list of what cannot.

The damaged files are only copied, never changed. On the copy the write-ahead log is mended as at any opening,
and the schema is set right, whose text is known; then every record is read, by the table and where the table
is broken from behind the break. A record that is damaged but readable comes along as it is, checksum and all:
the broker makes a dead letter of it and tells its run, readers name it. Also reads journals of version 1.
"""

import contextlib
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from guildbus.bus.integrity import mend_progress
from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.bus.opening import PAGE_BYTES, check_log, open_database, schema_definitions
from guildbus.bus.records import (
    MESSAGE_COLUMNS,
    OPEN,
    Damaged,
    checked_envelope,
    crc_of,
    head_crc,
    intact,
    is_intact_message,
    message_crc,
    rows,
)
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import BusError

_SOURCES: Final = {
    "messages": ("seq", MESSAGE_COLUMNS),
    "progress": ("seq", "seq, queue, rank, deadline, state, attempt, holder, began, crc"),
    "attempts": ("n", "n, at, began, seq, attempt, agent, event, code, reason, crc"),
    "presence": ("n", "n, at, agent, role, joined, reason, crc"),
    "seen": ("n", "n, key, until"),
    "damage": ("n", "n, at, place, what"),
}
_BEYOND: Final = 2**62


@dataclass(slots=True)
class Salvaged:
    """What came of it: records by table, and a line for each that is lost or damaged."""

    kept: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    aside: Path | None = None


def salvage(path: Path, now: float) -> Salvaged:
    """Put a fresh journal in the place of a damaged one, which is kept beside it. `aside` says where.

    Raises BusError if a broker has it, or if nothing at all can be read; then everything is as it was.
    """
    if not path.is_file():
        raise BusError("no journal there", where=str(path))
    lock = lock_file(lock_of(path), f"journal {path.name}")
    work, fresh = (path.with_name(f"{path.name}.{name}") for name in ("work", "fresh"))
    try:
        _remove(work, fresh)
        for suffix in ("", "-wal"):
            if path.with_name(path.name + suffix).is_file():
                shutil.copyfile(path.with_name(path.name + suffix), work.with_name(work.name + suffix))
        found = _copied(work, fresh, now)
        found.aside = _put_in_place(path, fresh)
        return found
    finally:
        _remove(work, fresh)
        unlock_file(lock_of(path), lock)


def _copied(work: Path, fresh: Path, now: float) -> Salvaged:
    found = Salvaged()
    _set_header_right(work)
    found.lost += [f"{one.place}: {one.what}" for one in check_log(work)]
    source = _opened(work)
    target, _ = open_database(fresh, now)
    try:
        if source.pragma("user_version") == 1:
            _copy_version_1(source, target, found)
        else:
            for table in _SOURCES:
                _copy(source, target, table, found)
            with contextlib.suppress(apsw.Error, ValueError):
                target.executemany(
                    "INSERT INTO counters VALUES (?, ?)", rows(source, "SELECT name, value FROM counters")
                )
        _complete(target, found)
    finally:
        source.close()
        target.close()
    if not found.kept.get("messages"):
        raise BusError("no message can be read", where=str(work), remedy="move the journal away")
    return found


def _set_header_right(work: Path) -> None:
    """Those bytes of the first page that are the same in every journal."""
    with work.open("r+b") as file:
        page = bytearray(file.read(100))
        if len(page) < 100:
            return
        page[:24] = b"SQLite format 3\0" + struct.pack(">HBBBBBB", PAGE_BYTES, 2, 2, 0, 64, 32, 32)
        page[44:48] = struct.pack(">I", 4)
        page[56:60] = struct.pack(">I", 1)
        file.seek(0)
        file.write(page)


def _opened(work: Path) -> apsw.Connection:
    """The copy, with its schema set right as far as it can be."""
    db = apsw.Connection(str(work))
    with contextlib.suppress(apsw.Error, ValueError):
        db.pragma("writable_schema", True)
        if db.pragma("user_version") != 1:
            db.executemany(
                "UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1", list(schema_definitions().items())
            )
        db.close()
        db = apsw.Connection(str(work))
    return db


def _copy(source: apsw.Connection, target: apsw.Connection, table: str, found: Salvaged) -> None:
    key, columns = _SOURCES[table]
    marks = ", ".join("?" * len(columns.split(",")))
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
    kept = 0
    for row in _readable(source, table, key, columns, found):
        with contextlib.suppress(apsw.Error):
            target.execute(insert, row)
            kept += 1
            if table == "messages" and not is_intact_message(row):
                found.lost.append(f"message {row[0]} of run {row[2]}: damaged, and kept as that")
    found.kept[table] = kept


def _readable(
    db: apsw.Connection, table: str, key: str, columns: str, found: Salvaged
) -> Iterator[tuple[Any, ...]]:
    """Every record that can be read, in order; where the table breaks off, from behind the break."""
    after, step = -_BEYOND, 0
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key}"
    while after < _BEYOND:
        try:
            for first, *row in db.execute(query, (after,)):
                after, step = first, 0
                yield tuple(row)
            return
        except apsw.CorruptError:
            # One more, two more, four more: the break ends somewhere.
            after = max(after, 0) + 2**step
            step += 1
            what = "the table breaks off"
        except ValueError:
            following = rows(db, f"SELECT MIN({key}) FROM {table} WHERE {key} > ?", (after,))
            after = following[0][0]
            what = "it is no text"
        except apsw.SQLError as error:
            found.lost.append(f"{table}: {error}")
            return
        found.lost.append(f"{table} at {after}: {what}")


def _copy_version_1(source: apsw.Connection, target: apsw.Connection, found: Salvaged) -> None:
    """Version 1 had messages and their progress in one record, and only messages had a checksum."""
    began: dict[tuple[int, int], float] = {}
    columns = "n, at, seq, attempt, agent, event, code, reason"
    for _, at, seq, attempt, agent, event, code, reason in _readable(source, "attempts", "n", columns, found):
        if event == "delivered":
            began[seq, attempt] = at
            continue
        ended = (at, began.get((seq, attempt)), seq, attempt, agent, event, code, reason)
        target.execute(
            "INSERT INTO attempts (at, began, seq, attempt, agent, event, code, reason, crc)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*ended, crc_of(*ended)),
        )
    columns = "seq, id, subject, type, queue, state, attempt, holder, header, body, crc"
    for row in _readable(source, "messages", "seq", columns, found):
        _add_version_1(target, row, began, found)
    found.kept["messages"] = int(target.execute("SELECT COUNT(*) FROM messages").get)


def _add_version_1(
    target: apsw.Connection, row: Sequence[Any], began: dict[tuple[int, int], float], found: Salvaged
) -> None:
    seq, message_id, subject, kind, queue, state, attempt, holder, header, body, crc = row
    at = began.get((seq, 1), 0.0)
    head = head_crc(seq, message_id, subject, kind, queue, at, header)
    whole = message_crc(head, body)
    if message_crc(message_crc(0, header), body) != crc:
        whole = ~whole & 0xFFFFFFFF
        found.lost.append(f"message {seq} of run {subject}: damaged, and kept as that")
    stored = (seq, message_id, subject, kind, queue, at, header, head, body, whole)
    target.execute(f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", stored)
    if queue is not None:
        progress = (state, attempt, holder, began.get((seq, attempt)) if holder else None)
        _add_progress(target, stored, (*progress, crc_of(seq, *progress)))


def _complete(target: apsw.Connection, found: Salvaged) -> None:
    """A message whose progress is lost or damaged gets one from its attempts."""
    without = (
        f"SELECT {', '.join('m.' + name.strip() for name in MESSAGE_COLUMNS.split(','))} FROM messages m"
        " LEFT JOIN progress p ON p.seq = m.seq WHERE m.queue IS NOT NULL AND p.seq IS NULL"
    )
    for message in rows(target, without):
        _add_progress(target, message, (OPEN, 0, "", None, 0))
    for row in rows(target, "SELECT seq, state, attempt, holder, began, crc FROM progress"):
        if not intact(*row):
            mend_progress(target, row[0])
            found.lost.append(f"progress of message {row[0]}: written anew from its attempts")
    orphans = rows(
        target, "SELECT seq FROM progress WHERE seq NOT IN (SELECT seq FROM messages) AND state = 0"
    )
    found.lost += [f"message {seq}: lost while it was open" for (seq,) in orphans]
    target.execute("DELETE FROM progress WHERE seq NOT IN (SELECT seq FROM messages)")


def _add_progress(target: apsw.Connection, message: Sequence[Any], progress: tuple[Any, ...]) -> None:
    rank, deadline = -4, None
    with contextlib.suppress(Damaged):
        envelope = checked_envelope(message[:8])
        rank = -envelope.priority
        deadline = None if envelope.deadline is None else parse_time(envelope.deadline)
    target.execute(
        "INSERT OR IGNORE INTO progress (seq, queue, rank, deadline, state, attempt, holder, began, crc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (message[0], message[4], rank, deadline, *progress),
    )


def _put_in_place(path: Path, fresh: Path) -> Path:
    aside = next(
        candidate
        for number in range(1, 10_000)
        if not (candidate := path.with_name(f"{path.name}.damaged-{number}")).exists()
    )
    for suffix in ("-wal", ""):
        former = path.with_name(path.name + suffix)
        if former.is_file():
            former.rename(aside.with_name(aside.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    fresh.rename(path)
    return aside


def _remove(*databases: Path) -> None:
    for database in databases:
        for suffix in ("", "-wal", "-shm", "-wal.damaged", ".lock"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
