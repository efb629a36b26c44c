"""Reading the journal from outside, while the broker writes: histories, traces, following.

A reader opens the file read-only; SQLite's WAL gives it a consistent view and never makes the broker
wait. `follow` starts at a sequence number and leaves no gap. Schema: `records.py`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from guildbus.bus.records import BUSY_TIMEOUT_MS, DEAD, checked_packet, rows
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet


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

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def history(self, subject: str, upto_seq: int | None = None, types: Sequence[str] = ()) -> list[Stored]:
        """A run's messages in journal order, at most up to `upto_seq`; all types when none is named."""
        query = "SELECT seq, state, header, body, crc FROM messages WHERE subject = ?"
        values: list[object] = [subject]
        if upto_seq is not None:
            query += " AND seq <= ?"
            values.append(upto_seq)
        if types:
            query += f" AND type IN ({', '.join('?' * len(types))})"
            values += types
        return self._stored(query + " ORDER BY seq", values)

    def since(self, seq: int, subject: str | None = None, limit: int = 1000) -> list[Stored]:
        """The next messages after `seq`, of one run or of all."""
        query = "SELECT seq, state, header, body, crc FROM messages WHERE seq > ?"
        values: list[object] = [seq]
        if subject is not None:
            query += " AND subject = ?"
            values.append(subject)
        return self._stored(f"{query} ORDER BY seq LIMIT {int(limit)}", values)

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
        """What happened to each of a run's messages, in order."""
        found = rows(
            self._db,
            "SELECT n, at, a.seq, a.attempt, agent, event, code, reason FROM attempts a"
            " JOIN messages m ON m.seq = a.seq WHERE m.subject = ? ORDER BY n",
            (subject,),
        )
        return [Attempt(*row) for row in found]

    def subjects_of(self, wire_type: str) -> list[str]:
        """The runs that hold a message of this type, newest first."""
        found = rows(self._db, "SELECT subject FROM messages WHERE type = ? ORDER BY seq DESC", (wire_type,))
        return list(dict.fromkeys(subject for (subject,) in found))

    def dead_letters(self) -> list[Stored]:
        """The messages that nobody could handle, oldest first."""
        return self._stored(
            "SELECT seq, state, header, body, crc FROM messages WHERE state = ? ORDER BY seq", [DEAD]
        )

    def last_seq(self) -> int:
        """The newest message's number; 0 in an empty journal."""
        last: int = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM messages").get
        return last

    def _stored(self, query: str, values: Sequence[object]) -> list[Stored]:
        return [
            Stored(seq, state, checked_packet(seq, header, body, crc))
            for seq, state, header, body, crc in rows(self._db, query, values)
        ]
