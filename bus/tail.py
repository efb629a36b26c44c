"""Reading the journal from outside, while the broker writes: histories, traces, following.

A reader opens the file read-only; SQLite's WAL gives it a consistent view and never makes the broker
wait. `follow` starts at a sequence number and leaves no gap. Schema: `records.py`.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import apsw

from guildbus.bus.records import (
    ANNOUNCED,
    BUSY_TIMEOUT_MS,
    DEAD,
    OPENING,
    Damaged,
    check_version,
    checked_packet,
    intact,
    last_seq,
    may_name,
    rows,
    rows_apart,
    rows_that_read,
)
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet

_STORED: Final = (
    "SELECT p.state, m.seq, m.id, m.subject, m.type, m.queue, m.at, m.header, m.head, m.body, m.crc"
    " FROM messages m LEFT JOIN progress p ON p.seq = m.seq"
)


YOUNG_S: Final = 1.0
"""What was written less than so long ago counts as new: the clocks of files are coarse."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a message's life.

    `event` is delivered, settled, failed, dead or cancelled; `at` counts seconds since the epoch.
    """

    n: int
    at: float
    seq: int
    attempt: int
    agent: str
    event: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the journal has it."""

    seq: int
    state: int
    packet: Packet


class JournalReader:
    """A read-only view of one journal file."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Raises BusError if there is no journal at `path`. `vfs`: see `Journal`."""
        if not path.is_file():
            raise BusError("no journal yet", where=str(path), remedy="run `guildbus build SPEC` first")
        self._db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
        self._files = (path, path.with_name(f"{path.name}-wal"))
        self._seen: list[tuple[int, int]] = []
        try:
            check_version(self._db, path)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def changed(self) -> bool:
        """Whether there may be something new since the last call: a look at two files instead of a query.

        For those who look often, beside a model that wants the processor.
        """
        seen = []
        for path in self._files:
            try:
                found = os.stat(path)
            except OSError:
                continue
            seen.append((found.st_mtime_ns, found.st_size))
        newest_s = max((at for at, _ in seen), default=0) / 1e9
        fresh = not seen or seen != self._seen or time.time() - newest_s < YOUNG_S
        self._seen = seen
        return fresh

    def history(
        self,
        subject: str,
        upto_seq: int | None = None,
        types: Sequence[str] = (),
        *,
        damaged: list[Damaged] | None = None,
    ) -> list[Stored]:
        """A run's messages in journal order, at most up to `upto_seq`; all types when none is named.

        A damaged record raises Damaged, or is left out and put into `damaged` if that is given. So does one
        whose damage is that it names another run.
        """
        query = f"{_STORED} WHERE m.subject = ?"
        values: list[object] = [subject]
        if upto_seq is not None:
            query += " AND m.seq <= ?"
            values.append(upto_seq)
        if types:
            query += f" AND m.type IN ({', '.join('?' * len(types))})"
            values += types
        astray = self._astray(subject, upto_seq)
        if astray and damaged is None:
            raise astray[0]
        stored = self._stored(query + " ORDER BY m.seq", values, damaged)
        if damaged is not None:
            damaged += astray
        return stored

    def since(
        self,
        seq: int,
        subject: str | None = None,
        limit: int = 1000,
        *,
        damaged: list[Damaged] | None = None,
    ) -> list[Stored]:
        """The next messages after `seq`, of one run or of all. `damaged`: as in `history`."""
        query = f"{_STORED} WHERE m.seq > ?"
        values: list[object] = [seq]
        if subject is not None:
            query += " AND m.subject = ?"
            values.append(subject)
        return self._stored(f"{query} ORDER BY m.seq LIMIT {int(limit)}", values, damaged)

    def follow(
        self, seq: int, subject: str | None, until: Callable[[], bool], poll_s: float = 0.1
    ) -> Iterator[Stored]:
        """Every message after `seq`, then new ones as they come, until `until()` says so."""
        while True:
            found = self.since(seq, subject)
            for stored in found:
                seq = stored.seq
                yield stored
            if not found:
                if until():
                    return
                time.sleep(poll_s)

    def attempts(self, subject: str) -> list[Attempt]:
        """What happened to each of a run's messages, in order: deliveries, and how they ended.

        Damaged records are left out.
        """
        return self._attempts("SELECT seq FROM messages WHERE subject = ?", (subject,))

    def attempts_of(self, numbers: Sequence[int]) -> list[Attempt]:
        """The same for the messages with these sequence numbers, a thousand at most."""
        return self._attempts(", ".join("?" * len(numbers)), numbers)

    def _attempts(self, keys: str, values: Sequence[object]) -> list[Attempt]:
        ended = self._sound(
            "at, began, seq, attempt, agent, event, code, reason, crc FROM attempts",
            "n",
            f"seq IN ({keys}) ORDER BY n",
            values,
        )
        held = self._sound(
            "seq, state, attempt, holder, began, crc FROM progress",
            "seq",
            f"seq IN ({keys}) AND state = 0 AND holder <> ''",
            values,
        )
        told: list[Attempt] = []
        for at, began, seq, attempt, agent, event, code, reason, _ in ended:
            if began is not None:
                told.append(Attempt(0, began, seq, attempt, agent, "delivered", "", ""))
            told.append(Attempt(0, at, seq, attempt, agent, event, code, reason))
        for seq, _, attempt, agent, began, _ in held:
            told.append(Attempt(0, began, seq, attempt, agent, "delivered", "", ""))
        told.sort(key=lambda one: (one.at, one.seq, one.attempt, one.event != "delivered"))
        return [replace(one, n=n) for n, one in enumerate(told, 1)]

    def runs(self, limit: int | None = None) -> list[str]:
        """The runs of this journal by the messages that opened them, the newest first."""
        found = rows_that_read(
            self._db,
            f"SELECT subject FROM messages WHERE {OPENING} ORDER BY seq DESC LIMIT ?",
            f"SELECT seq FROM messages WHERE {OPENING} ORDER BY seq DESC LIMIT ?",
            "SELECT subject FROM messages WHERE seq = ?",
            (-1 if limit is None else limit,),
        )
        return list(dict.fromkeys(run for (run,) in found))

    def newest(self, subject: str) -> Stored | None:
        """A run's newest message that is not damaged; None if there is none."""
        query = f"{_STORED} WHERE m.subject = ? ORDER BY m.seq DESC LIMIT 1"
        return next(iter(self._stored(query, (subject,), [])), None)

    def matching(self, wanted: str, subject: str | None = None, limit: int = 6) -> list[Stored]:
        """The messages that a person means by a sequence number or the start of an id, `limit` at most."""
        if wanted.isascii() and wanted.isdecimal() and wanted[0] != "0" and len(wanted) < 19:
            values: list[object] = [int(wanted)]
            where = "m.seq = ?"
        else:
            values = [wanted, wanted + "\U0010ffff"]
            where = "m.id >= ? AND m.id < ?"
        if subject is not None:
            where += " AND m.subject = ?"
            values.append(subject)
        return self._stored(f"{_STORED} WHERE {where} ORDER BY m.id LIMIT {int(limit)}", values)

    def endings(self, subject: str, after: int) -> tuple[int, list[Attempt]]:
        """The newest record of all attempts, and those at a run's messages that ended after record `after`.

        Damaged records are left out.
        """
        newest = int(self._db.execute("SELECT COALESCE(MAX(n), 0) FROM attempts").get)
        columns = "at, began, seq, attempt, agent, event, code, reason, crc".replace(", ", ", a.")
        what = f"SELECT a.{columns} FROM attempts a"
        which = "JOIN messages m ON m.seq = a.seq WHERE a.n > ? AND a.n <= ? AND m.subject = ? ORDER BY a.n"
        found = rows_that_read(
            self._db,
            f"{what} {which}",
            f"SELECT a.n FROM attempts a {which}",
            f"{what} WHERE a.n = ?",
            (after, newest, subject),
        )
        sound = [row for row in found if intact(*row)]
        return newest, [Attempt(n, row[0], *row[2:-1]) for n, row in enumerate(sound, 1)]

    def dead_letters(self, *, damaged: list[Damaged] | None = None) -> list[Stored]:
        """The messages that nobody could handle, oldest first. `damaged`: as in `history`."""
        dead = f"{_STORED} WHERE m.seq IN (SELECT seq FROM progress WHERE state = {DEAD})"
        return self._stored(f"{dead} ORDER BY m.seq", (), damaged)

    def damage(self) -> list[tuple[float, str, str]]:
        """What brokers found to be damaged in this journal, oldest first: when, where, what."""
        what = "SELECT at, place, what FROM damage"
        keys = "SELECT n FROM damage ORDER BY n"
        return rows_that_read(self._db, f"{what} ORDER BY n", keys, f"{what} WHERE n = ?")

    def last_seq(self) -> int:
        """The newest message's number; 0 in an empty journal."""
        return last_seq(self._db)

    def _astray(self, subject: str, upto_seq: int | None) -> list[Damaged]:
        """The damaged messages that may be a run's although their record does not say so."""
        places = [str(place).partition(" ") for _, place, _ in self.damage()]
        numbers = [
            int(number)
            for table, _, number in places
            if table == "messages" and number.isdecimal() and len(number) < 19
        ]
        # As bytes: what a flipped bit has made of a text may be no UTF-8.
        query = "SELECT CAST(subject AS BLOB), header FROM messages WHERE seq = ?"
        found = rows_apart(self._db, query, numbers)
        return [
            Damaged(seq)
            for seq, row in found.items()
            if row is not None
            and row[0] != subject.encode()
            and (upto_seq is None or seq <= upto_seq)
            and may_name(row[1], subject)
        ]

    def _sound(self, what: str, key: str, where: str, values: Sequence[object]) -> list[Any]:
        table = what.partition(" FROM ")[2]
        found = rows_that_read(
            self._db,
            f"SELECT {what} WHERE {where}",
            f"SELECT {key} FROM {table} WHERE {where}",
            f"SELECT {what} WHERE {key} = ?",
            values,
        )
        return [row for row in found if intact(*row)]

    def _stored(
        self, query: str, values: Sequence[object], damaged: list[Damaged] | None = None
    ) -> list[Stored]:
        columns, _, where = query.partition(" WHERE ")
        try:
            found = rows(self._db, query, values)
        except (apsw.CorruptError, ValueError):
            numbers = [
                seq for (seq,) in rows(self._db, f"SELECT m.seq FROM messages m WHERE {where}", values)
            ]
            apart = rows_apart(self._db, f"{columns} WHERE m.seq = ?", numbers)
            found = [row if row is not None else (ANNOUNCED, seq) for seq, row in apart.items()]
        stored: list[Stored] = []
        for state, seq, *columns_of in found:
            try:
                packet = checked_packet((seq, *columns_of))
            except Damaged as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            stored.append(Stored(seq, ANNOUNCED if state is None else state, packet))
        return stored
