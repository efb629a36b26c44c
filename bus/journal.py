"""The write-ahead journal: the broker's only durable state, one SQLite file.

WAL with synchronous=FULL: when `commit` returns, its records survive a power cut. One commit takes all
records of a broker turn (group commit), and only the last state of a message that changed twice in it.
`records.py` describes the file, `opening.py` opens and checks it, `retention.py` lets go of what is old,
`tail.py` reads it from other processes.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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
from guildbus.bus.integrity import Damage, note_damage
from guildbus.bus.locks import lock_file, lock_of, unlock_file
from guildbus.bus.opening import OUTAGES, open_database, ruined
from guildbus.bus.records import (
    MESSAGE_COLUMNS,
    OPEN,
    STATE_AFTER,
    Damaged,
    checked_packet,
    crc_of,
    head_crc,
    intact,
    is_intact_message,
    last_seq,
    message_crc,
    rows,
    rows_that_read,
    seen_key,
)
from guildbus.bus.restoring import OpenMessages
from guildbus.bus.retention import Caretaker
from guildbus.protocols.envelope import parse_time
from guildbus.protocols.errors import JournalError
from guildbus.protocols.wire import Packet, pack_envelope

_INSERT_MESSAGE: Final = f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_PROGRESS: Final = (
    "INSERT INTO progress (seq, queue, rank, deadline, state, attempt, holder, began, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_PROGRESS: Final = (
    "UPDATE progress SET state = ?2, attempt = ?3, holder = ?4, began = ?5, crc = ?6 WHERE seq = ?1"
)
_INSERT_ATTEMPT: Final = (
    "INSERT INTO attempts (at, began, seq, attempt, agent, event, code, reason, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PRESENCE: Final = (
    "INSERT INTO presence (at, agent, role, joined, reason, crc) VALUES (?, ?, ?, ?, ?, ?)"
)
_THESE_MESSAGES: Final = (
    f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE seq IN (SELECT value FROM json_each(?))"
)
LOG_PAGES: Final = 1000
"""A log as long as this is copied into the file: SQLite's own measure."""
Progress = tuple[int, int, str, float | None]
"""State, attempt, holder, and when the holder got it."""


@dataclass(slots=True)
class _Turn:
    """The rows of one commit."""

    messages: list[tuple[Any, ...]] = field(default_factory=list)
    stored: dict[int, tuple[str, int, float | None]] = field(default_factory=dict)
    progress: dict[int, Progress] = field(default_factory=dict)
    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    presence: list[tuple[Any, ...]] = field(default_factory=list)


class Journal:
    """Owns the file: one broker at a time, guarded by a lock beside it.

    What touches the disk raises JournalError while the disk refuses (full, I/O error): the call changed
    nothing and may be made again. It raises BusError when the file is damaged beyond going on.
    """

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        keep_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create. Raises BusError when another broker has it or the file is not a sound journal.

        `vfs` names the SQLite file layer to use instead of the system's: tests put a faulty disk there.
        `keep_s`: how long a run is kept after its last event; None keeps everything.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_path = lock_of(path)
        self._lock = lock_file(self._lock_path, f"journal {path.name}")
        try:
            self._db, self.damage = open_database(path, clock(), vfs=vfs)
        except BaseException:
            unlock_file(self._lock_path, self._lock)
            raise
        self._closed = False
        self._began: dict[int, float | None] = {}
        self._open = OpenMessages(self._db, self._is_damaged)
        self._caretaker = Caretaker(self._db, keep_s)
        self._log_pages = 0
        self._db.set_wal_hook(self._count_log_pages)

    # -- writing ---------------------------------------------------------------------------

    def commit(self, records: Sequence[Record], now: float) -> None:
        """Write all records in one transaction, durable when this returns."""
        if not records:
            return
        with self._outages():
            turn = self._gathered(records, float(now))
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._write(turn)
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        for seq, (_, _, holder, began) in turn.progress.items():
            if holder:
                self._began[seq] = began
            else:
                self._began.pop(seq, None)
        self._copy_back()

    def _count_log_pages(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _copy_back(self) -> None:
        """Copy a long log into the file, which SQLite would do inside of a COMMIT.

        There a disk that refuses the copy could not be told from one that refuses the commit. What cannot be
        copied now stays in the log, and is copied after a later commit.
        """
        if self._log_pages >= LOG_PAGES:
            with contextlib.suppress(JournalError), self._outages():
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._log_pages = 0

    def _gathered(self, records: Sequence[Record], now: float) -> _Turn:
        turn = _Turn()
        for record in records:
            match record:
                case Store(seq, packet, queue):
                    _gather_message(turn, seq, packet, queue, now)
                case RecordDelivery(seq, attempt, agent):
                    turn.progress[seq] = (OPEN, attempt, agent, now)
                case RecordOutcome(seq, attempt, agent, outcome, code, reason):
                    began = (self._began_at(turn, seq) or now) if agent else None
                    ended = (now, began, seq, attempt, agent, outcome, code, reason)
                    turn.attempts.append((*ended, crc_of(*ended)))
                    turn.progress[seq] = (STATE_AFTER[outcome], attempt, "", None)
                case RecordPresence(agent, role, joined, reason):
                    seen = (now, agent, role, int(joined), reason)
                    turn.presence.append((*seen, crc_of(*seen)))
        return turn

    def _began_at(self, turn: _Turn, seq: int) -> float | None:
        if seq in turn.progress:
            return turn.progress[seq][3]
        if seq not in self._began:
            for (began,) in rows(self._db, "SELECT began FROM progress WHERE seq = ?", (seq,)):
                return None if began is None else float(began)
        return self._began.get(seq)

    def _write(self, turn: _Turn) -> None:
        db = self._db
        fresh: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        for seq, progress in turn.progress.items():
            crc = crc_of(seq, *progress)
            if seq in turn.stored:
                fresh.append((seq, *turn.stored[seq], *progress, crc))
            else:
                changed.append((seq, *progress, crc))
        db.executemany(_INSERT_MESSAGE, turn.messages)
        db.executemany(_INSERT_PROGRESS, fresh)
        before = db.total_changes()
        db.executemany(_UPDATE_PROGRESS, changed)
        if db.total_changes() - before != len(changed):
            raise ruined(self.path, "a message that is being handled has no record of its progress")
        db.executemany(_INSERT_ATTEMPT, turn.attempts)
        db.executemany(_INSERT_PRESENCE, turn.presence)

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            # A disk that fails may fail this too. SQLite then rolls back by itself.
            with contextlib.suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    # -- reading ---------------------------------------------------------------------------

    def knows(self, message_id: str) -> bool:
        """Whether a message of this id was ever stored, also if it was removed since."""
        with self._outages():
            query = "SELECT 1 FROM messages WHERE id = ?1 UNION ALL SELECT 1 FROM seen WHERE key = ?2 LIMIT 1"
            return bool(rows(self._db, query, (message_id, seen_key(message_id))))

    def packet(self, seq: int) -> Packet:
        """One stored message. Raises what `stored` does."""
        return checked_packet(self._row(seq))

    def stored(self, seq: int) -> tuple[bytes, bytes]:
        """One stored message as it travels: its packed envelope, and its body.

        Raises Damaged if it is not what was stored, KeyError if there is none.
        """
        row = self._row(seq)
        if not is_intact_message(row):
            raise Damaged(seq)
        return row[6], row[8]

    def stored_of(self, numbers: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        """The same for many, by their numbers, in one query: those that can be read and are not damaged."""
        with self._outages(), contextlib.suppress(apsw.CorruptError, ValueError):
            found = rows(self._db, _THESE_MESSAGES, (json.dumps(list(numbers)),))
            return {row[0]: (row[6], row[8]) for row in found if is_intact_message(row)}
        return {}

    def _row(self, seq: int) -> Any:
        with self._outages():
            try:
                found = rows(self._db, f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE seq = ?", (seq,))
            except (apsw.CorruptError, ValueError) as error:
                raise Damaged(seq, f"it cannot be read: {error}") from error
        if not found:
            raise KeyError(seq)
        return found[0]

    def next_seq(self) -> int:
        """The number for the next message. No number is used twice, also if the newest was removed."""
        with self._outages():
            return last_seq(self._db) + 1

    def unsettled(self) -> list[Unsettled]:
        """All open messages in order, with the attempts that failed so far.

        One that is damaged is among them, as far as it can be read, and its `damaged` says why.
        """
        with self._outages():
            return self._open.all()

    def fetch(self, fetch: Fetch) -> Fetched:
        """Open messages, as the routing asks for them: what `paging.page_of` says, by the indexes."""
        with self._outages():
            return self._open.page(fetch)

    def recovered(self, only_run: str | None) -> Recovered:
        """What a broker starts from."""
        with self._outages():
            return self._open.recovered(None if only_run is None else (only_run, last_seq(self._db) + 1))

    def latest_acks(self, limit: int) -> list[tuple[str, int, str]]:
        """The newest acknowledgements, oldest of them first: (message id, attempt, agent instance)."""
        with self._outages():
            settled = "attempts a JOIN messages m ON m.seq = a.seq WHERE event = 'settled'"
            columns = "id, a.at, began, a.seq, attempt, agent, event, code, reason, a.crc"
            acks = rows_that_read(
                self._db,
                f"SELECT {columns} FROM {settled} ORDER BY n DESC LIMIT ?",
                f"SELECT n FROM {settled} ORDER BY n DESC LIMIT ?",
                f"SELECT {columns} FROM {settled} AND n = ?",
                (limit,),
            )
        return [(row[0], row[4], row[5]) for row in acks[::-1] if intact(*row[1:])]

    # -- housekeeping ----------------------------------------------------------------------

    def tidy(self, now: float) -> list[Damage]:
        """A few milliseconds of housekeeping, for when there is nothing else to do: see `retention.py`.

        Gives the damage that it came upon.
        """
        with self._outages():
            found = self._caretaker.step(now)
            self._copy_back()
        self.damage += found
        return found

    def _is_damaged(self, seq: int) -> str:
        return next((one.what for one in self.damage if one.seq == seq), "") if self.damage else ""

    def note_damage(self, found: Damage, now: float) -> None:
        """Write down what was found to be damaged, if the disk takes it."""
        self.damage.append(found)
        with contextlib.suppress(apsw.Error):
            note_damage(self._db, [found], now)

    @contextlib.contextmanager
    def _outages(self) -> Iterator[None]:
        """SQLite's errors as ours: a disk that refuses for now, or a file that is beyond going on."""
        try:
            yield
        except OUTAGES as error:
            raise JournalError(
                f"the journal cannot be written: {error}", where=str(self.path), remedy=remedy_of(error)
            ) from error
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise ruined(self.path, str(error)) from error

    def close(self) -> None:
        """Checkpoint, close, and let the next broker in. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            # The last checkpoint may fail on a bad disk; the log beside the file still has everything.
            with contextlib.suppress(apsw.Error):
                self._db.close()
        finally:
            unlock_file(self._lock_path, self._lock)


def remedy_of(error: apsw.Error) -> str:
    """What a person can do about a disk that refuses."""
    if isinstance(error, apsw.FullError):
        return "free some space on its disk; the broker goes on by itself"
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return "another program holds the file open for writing; end it"
    return "look at the disk (`dmesg`, permissions, mount options); the broker goes on by itself"


def _gather_message(turn: _Turn, seq: int, packet: Packet, queue: str | None, now: float) -> None:
    envelope = packet.envelope
    header = pack_envelope(packet)
    columns = (seq, envelope.id, envelope.subject, envelope.type, queue, now, header)
    head = head_crc(*columns)
    turn.messages.append((*columns, head, packet.body, message_crc(head, packet.body)))
    if queue is not None:
        deadline = None if envelope.deadline is None else parse_time(envelope.deadline)
        turn.stored[seq] = (queue, -envelope.priority, deadline)
        turn.progress[seq] = (OPEN, 0, "", None)
