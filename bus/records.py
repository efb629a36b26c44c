"""What the journal file holds: its schema, and the checksums that tell a damaged record from a good one.

Shared by `journal.py`, which writes, `tail.py`, which reads from other processes, and `salvage.py`. A message
never changes once it is stored; how far it has come is a small record of its own beside it, so that an
update costs the same however large the message is. Each record has a CRC-32 of all its other columns.
"""

import contextlib
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import msgpack

from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import BusError, ProtocolError
from guildbus.protocols.wire import Packet

SCHEMA_VERSION: Final = 3
READABLE: Final = (2, SCHEMA_VERSION)
"""What readers take: version 2 lacks an index, which the next broker makes (`opening.py`)."""
OPENING: Final = "type = 'build.requested.v1'"
"""What opens a run. Queries must say it in the words of the index, or SQLite does not see that it fits."""
BUSY_TIMEOUT_MS: Final = 5000

OPEN: Final = 0
SETTLED: Final = 1
DEAD: Final = 2
ANNOUNCED: Final = 3
CANCELLED: Final = 4

STATE_AFTER: Final = {"settled": SETTLED, "failed": OPEN, "dead": DEAD, "cancelled": CANCELLED}

SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS messages (
    seq      INTEGER PRIMARY KEY,      -- order of publication
    id       TEXT NOT NULL UNIQUE,
    subject  TEXT NOT NULL,            -- the run
    type     TEXT NOT NULL,
    queue    TEXT,                     -- NULL: an announcement, which has no progress
    at       REAL NOT NULL,            -- when it was stored, seconds since the epoch
    header   BLOB NOT NULL,            -- the envelope, as in docs/protocol.md
    head     INTEGER NOT NULL,         -- CRC of all before it: a large body need not be read for it
    body     BLOB NOT NULL,
    crc      INTEGER NOT NULL          -- of all
);
CREATE INDEX IF NOT EXISTS messages_of_run ON messages (subject, seq);
CREATE INDEX IF NOT EXISTS messages_opening ON messages (seq, subject) WHERE {OPENING};
CREATE TABLE IF NOT EXISTS progress (
    seq      INTEGER PRIMARY KEY,      -- the message's
    queue    TEXT NOT NULL,            -- this and the next two repeat the message's, for the indexes
    rank     INTEGER NOT NULL,         -- minus the priority: queues go by (rank, seq)
    deadline REAL,                     -- seconds since the epoch
    state    INTEGER NOT NULL,         -- 0 open, 1 settled, 2 dead, 4 cancelled
    attempt  INTEGER NOT NULL,         -- the last one
    holder   TEXT NOT NULL,            -- the agent instance that has it now, '' while it waits
    began    REAL,                     -- when the holder got it
    crc      INTEGER NOT NULL          -- of seq, state, attempt, holder, began
);
CREATE INDEX IF NOT EXISTS progress_open ON progress (queue, rank, seq) WHERE state = 0;
CREATE INDEX IF NOT EXISTS progress_deadline ON progress (deadline) WHERE state = 0 AND deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS progress_dead ON progress (seq) WHERE state = 2;
CREATE TABLE IF NOT EXISTS attempts (  -- a row when an attempt ends; one that goes on is in progress
    n        INTEGER PRIMARY KEY,
    at       REAL NOT NULL,            -- when it ended
    began    REAL,                     -- NULL: the message died while nobody had it
    seq      INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    agent    TEXT NOT NULL,
    event    TEXT NOT NULL,            -- settled, failed, dead, cancelled
    code     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    crc      INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_of_message ON attempts (seq);
CREATE TABLE IF NOT EXISTS presence (
    n        INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    agent    TEXT NOT NULL,
    role     TEXT NOT NULL,
    joined   INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    crc      INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS seen (      -- ids of messages that were removed: still no second time
    n        INTEGER PRIMARY KEY,
    key      BLOB NOT NULL UNIQUE,     -- 16 bytes of the id's BLAKE2b
    until    REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS damage (    -- what was found to be damaged, and what was done about it
    n        INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    place    TEXT NOT NULL,
    what     TEXT NOT NULL,
    UNIQUE (place, what)
);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""

SALVAGE: Final = "`guildbus journal salvage` copies what can be read into a fresh journal and lists the rest"

MESSAGE_COLUMNS: Final = "seq, id, subject, type, queue, at, header, head, body, crc"
HEAD_COLUMNS: Final = "seq, id, subject, type, queue, at, header, head"


class Damaged(BusError):
    """A record whose checksum does not match, or that cannot be read at all. `seq` is its message."""

    code = "bus.damaged"

    def __init__(self, seq: int, what: str = "its checksum does not match") -> None:
        super().__init__(f"damaged: {what}", where=f"journal record {seq}")
        self.seq = seq


def crc_of(*columns: object) -> int:
    """The checksum of a record without blobs."""
    return zlib.crc32(msgpack.packb(columns))


def head_crc(
    seq: int, message_id: str, subject: str, kind: str, queue: str | None, at: float, header: bytes
) -> int:
    """The checksum of a message without its body."""
    return zlib.crc32(header, zlib.crc32(msgpack.packb((seq, message_id, subject, kind, queue, at))))


def message_crc(head: int, body: bytes) -> int:
    """The checksum of a whole message: that of its head, counted on."""
    return zlib.crc32(body, head)


def intact(*columns: Any) -> bool:
    """Whether a record's last column is the checksum of the others. False also if they are of other types."""
    try:
        return bool(crc_of(*columns[:-1]) == columns[-1])
    except (TypeError, ValueError):
        return False


def is_intact_message(row: Sequence[Any]) -> bool:
    """Whether a message, its columns as in `MESSAGE_COLUMNS`, is what was stored."""
    try:
        *columns, head, body, crc = row
        return bool(head_crc(*columns) == head and message_crc(head, body) == crc)
    except (TypeError, ValueError):
        return False


def is_intact_head(row: Sequence[Any]) -> bool:
    """Whether a message without its body, its columns as in `HEAD_COLUMNS`, is what was stored."""
    try:
        *columns, head = row
        return bool(head_crc(*columns) == head)
    except (TypeError, ValueError):
        return False


def checked_header(row: Sequence[Any]) -> dict[str, Any]:
    """What a stored message's envelope says, its columns as in `HEAD_COLUMNS`, after its checksum.

    What it says was checked before it was stored, and is not checked again. Raises Damaged.
    """
    seq, header = row[0], row[6]
    if not is_intact_head(row):
        raise Damaged(seq)
    try:
        found: dict[str, Any] = msgpack.unpackb(header, raw=False)
    except (TypeError, ValueError) as error:
        raise Damaged(seq, str(error)) from error
    return found


def checked_envelope(row: Sequence[Any]) -> Envelope:
    """A stored message's envelope, its columns as in `HEAD_COLUMNS`, after its checksum. Raises Damaged."""
    try:
        return Envelope.from_header(checked_header(row))
    except (TypeError, ValueError, ProtocolError) as error:
        raise Damaged(row[0], str(error)) from error


def checked_packet(row: Sequence[Any]) -> Packet:
    """A stored message, its columns as in `MESSAGE_COLUMNS`, after its checksum. Raises Damaged."""
    if not is_intact_message(row):
        raise Damaged(row[0])
    return Packet(checked_envelope(row[:-2]), row[-2], row[6])


def may_name(header: Any, subject: str) -> bool:
    """Whether a damaged message may be of this run: its header says so, or cannot be read."""
    try:
        return bool(msgpack.unpackb(header, raw=False)["subject"] == subject)
    except (TypeError, ValueError, KeyError):
        return True


def seen_key(message_id: str) -> bytes:
    """How an id is remembered after its message was removed."""
    return hashlib.blake2b(message_id.encode(), digest_size=16).digest()


def rows(db: apsw.Connection, query: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a query, each a tuple."""
    return db.execute(query, values).fetchall()


def rows_apart(db: apsw.Connection, query: str, keys: Sequence[int]) -> dict[int, Any]:
    """One row for each key, read one by one: None where it cannot be read. For what is damaged."""
    found: dict[int, Any] = {}
    for key in keys:
        try:
            found[key] = next(iter(rows(db, query, (key,))), None)
        except (apsw.CorruptError, ValueError):
            found[key] = None
    return found


def rows_that_read(
    db: apsw.Connection, query: str, keys: str, one: str, values: Sequence[Any] = ()
) -> list[Any]:
    """All rows of a query; if one cannot be read, then those of its `keys` that can, by the query `one`."""
    try:
        return rows(db, query, values)
    except (apsw.CorruptError, ValueError):
        apart = rows_apart(db, one, [key for (key,) in rows(db, keys, values)])
        return [row for row in apart.values() if row is not None]


def check_version(db: apsw.Connection, path: Path) -> None:
    """Raises BusError if the file is of a version that this guildbus cannot read."""
    version = db.pragma("user_version")
    if version not in READABLE:
        raise BusError(
            f"schema version {version}, this guildbus knows {SCHEMA_VERSION}", where=str(path), remedy=SALVAGE
        )


def next_run(db: apsw.Connection, after: str) -> str | None:
    """The name that follows `after` among all runs. One that is damaged beyond reading is passed over."""
    query = (
        "SELECT CAST(subject AS BLOB) FROM messages"
        " WHERE subject > CAST(? AS TEXT) AND typeof(subject) = 'text' ORDER BY subject LIMIT 1"
    )
    found: bytes | None = after.encode()
    while (found := db.execute(query, (found,)).get) is not None:
        with contextlib.suppress(UnicodeDecodeError):
            return str(found, "utf-8")
    return None


def last_seq(db: apsw.Connection) -> int:
    """The highest number that a message was ever given, also if it was removed since; 0 if none was."""
    last: int = db.execute(
        "SELECT MAX(COALESCE((SELECT MAX(seq) FROM messages), 0),"
        " COALESCE((SELECT value FROM counters WHERE name = 'last_removed'), 0))"
    ).get
    return last
