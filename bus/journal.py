"""The write-ahead journal: the broker's only durable state, one SQLite file.

WAL with synchronous=FULL: when `commit` returns, its records survive a power cut. One commit takes all
records of a broker turn (group commit). A CRC-32 a message tells a flipped bit from a good message.
`records.py` describes the file; `tail.py` reads it from other processes.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from guildbus.bus.events import (
    Fetch,
    Fetched,
    Record,
    RecordDelivery,
    RecordOutcome,
    RecordPresence,
    Recovered,
    Store,
    Unsettled,
)
from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.bus.paging import page_of, recovered_of
from guildbus.bus.records import (
    ANNOUNCED,
    BUSY_TIMEOUT_MS,
    CANCELLED,
    DEAD,
    OPEN,
    SCHEMA,
    SCHEMA_VERSION,
    SETTLED,
    checked_packet,
    rows,
)
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet, pack_envelope

_STATE_AFTER: Final = {"settled": SETTLED, "failed": OPEN, "dead": DEAD, "cancelled": CANCELLED}


class Journal:
    """Owns the file: one broker at a time, guarded by a lock beside it."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open or create. Raises BusError when another broker has it or the file is not a journal.

        `vfs` names the SQLite file layer to use instead of the system's: tests put a faulty disk there.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_path = lock_of(path)
        self._lock = lock_file(self._lock_path, f"journal {path.name}")
        try:
            self._db = apsw.Connection(str(path), vfs=vfs)
        except apsw.Error as error:
            unlock_file(self._lock_path, self._lock)
            raise _unusable(path, error) from error
        try:
            self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.pragma("user_version")
            if version not in (0, SCHEMA_VERSION):
                raise BusError(
                    f"schema version {version}, this guildbus knows {SCHEMA_VERSION}", where=str(path)
                )
            self._db.execute(SCHEMA)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except BusError:
            self.close()
            raise
        except apsw.Error as error:
            self.close()
            raise _unusable(path, error) from error

    def commit(self, records: Sequence[Record], now: float) -> None:
        """Write all records in one transaction, durable when this returns."""
        if not records:
            return
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for record in records:
                self._write(record, now)
            db.execute("COMMIT")
        except apsw.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _write(self, record: Record, now: float) -> None:
        match record:
            case Store(seq, packet, queue):
                envelope = packet.envelope
                header = pack_envelope(packet)
                self._db.execute(
                    "INSERT INTO messages (seq, id, subject, type, queue, state, header, body, crc)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        seq,
                        envelope.id,
                        envelope.subject,
                        envelope.type,
                        queue,
                        ANNOUNCED if queue is None else OPEN,
                        header,
                        packet.body,
                        zlib.crc32(packet.body, zlib.crc32(header)),
                    ),
                )
            case RecordDelivery(seq, attempt, agent):
                self._db.execute(
                    "UPDATE messages SET attempt = ?, holder = ? WHERE seq = ?", (attempt, agent, seq)
                )
                self._write_attempt(now, seq, attempt, agent, "delivered", "", "")
            case RecordOutcome(seq, attempt, agent, outcome, code, reason):
                self._db.execute(
                    "UPDATE messages SET state = ?, holder = '' WHERE seq = ?", (_STATE_AFTER[outcome], seq)
                )
                self._write_attempt(now, seq, attempt, agent, outcome, code, reason)
            case RecordPresence(agent, role, joined, reason):
                self._db.execute(
                    "INSERT INTO presence (at, agent, role, joined, reason) VALUES (?, ?, ?, ?, ?)",
                    (now, agent, role, joined, reason),
                )

    def _write_attempt(
        self, now: float, seq: int, attempt: int, agent: str, event: str, code: str, reason: str
    ) -> None:
        self._db.execute(
            "INSERT INTO attempts (at, seq, attempt, agent, event, code, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (now, seq, attempt, agent, event, code, reason),
        )

    def knows(self, message_id: str) -> bool:
        """Whether a message of this id was ever stored."""
        return self._db.execute("SELECT 1 FROM messages WHERE id = ?", (message_id,)).fetchone() is not None

    def packet(self, seq: int) -> Packet:
        """One stored message. Raises BusError if its bytes do not match their checksum, KeyError if none."""
        found = rows(self._db, "SELECT header, body, crc FROM messages WHERE seq = ?", (seq,))
        if not found:
            raise KeyError(seq)
        return checked_packet(seq, *found[0])

    def next_seq(self) -> int:
        """The number for the next message."""
        last: int = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM messages").get
        return last + 1

    def unsettled(self) -> list[Unsettled]:
        """All open messages in order, with the attempts that failed so far."""
        stored = rows(
            self._db,
            "SELECT seq, id, type, subject, queue, attempt, holder, header, body, crc FROM messages"
            " WHERE state = ? ORDER BY seq",
            (OPEN,),
        )
        found: list[Unsettled] = []
        for seq, message_id, kind, subject, queue, attempt, holder, header, body, crc in stored:
            envelope = checked_packet(seq, header, body, crc).envelope
            failures = rows(
                self._db,
                "SELECT attempt, agent, code, reason FROM attempts"
                " WHERE seq = ? AND event = 'failed' ORDER BY n",
                (seq,),
            )
            found.append(
                Unsettled(
                    seq=seq,
                    id=message_id,
                    type=kind,
                    subject=subject,
                    queue=queue,
                    priority=envelope.priority,
                    hops=envelope.hops,
                    deadline=None if envelope.deadline is None else parse_time(envelope.deadline),
                    attempt=attempt,
                    holder=holder,
                    failures=tuple(failures),
                )
            )
        return found

    def fetch(self, fetch: Fetch) -> Fetched:
        """Open messages, as the routing asks for them."""
        return page_of(fetch, self.unsettled())

    def recovered(self, only_run: str | None) -> Recovered:
        """What a broker starts from."""
        return recovered_of(self.unsettled(), None if only_run is None else (only_run, self.next_seq()))

    def latest_acks(self, limit: int) -> list[tuple[str, int, str]]:
        """The newest acknowledgements, oldest of them first: (message id, attempt, agent instance)."""
        acks = rows(
            self._db,
            "SELECT id, a.attempt, agent FROM attempts a JOIN messages m ON m.seq = a.seq"
            " WHERE event = 'settled' ORDER BY n DESC LIMIT ?",
            (limit,),
        )
        return acks[::-1]

    def close(self) -> None:
        """Checkpoint, close, and let the next broker in."""
        self._db.close()
        unlock_file(self._lock_path, self._lock)


def _unusable(path: Path, error: apsw.Error) -> BusError:
    return BusError(
        f"not usable as a journal: {error}", where=str(path), remedy="move it away, or name another"
    )
