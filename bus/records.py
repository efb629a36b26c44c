"""What the journal file holds: its schema, and the check that a stored message is undamaged.

Shared by `journal.py`, which writes, and `tail.py`, which reads from other processes.
"""

import zlib
from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgpack

from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet

SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 5000

OPEN: Final = 0
SETTLED: Final = 1
DEAD: Final = 2
ANNOUNCED: Final = 3
CANCELLED: Final = 4

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    seq      INTEGER PRIMARY KEY,      -- order of publication
    id       TEXT NOT NULL UNIQUE,
    subject  TEXT NOT NULL,            -- the run
    type     TEXT NOT NULL,
    queue    TEXT,                     -- NULL: an announcement
    state    INTEGER NOT NULL,         -- 0 open, 1 settled, 2 dead, 3 announced, 4 cancelled
    attempt  INTEGER NOT NULL DEFAULT 0,
    holder   TEXT NOT NULL DEFAULT '', -- the agent instance that has it now
    header   BLOB NOT NULL,            -- the envelope, as in docs/protocol.md
    body     BLOB NOT NULL,
    crc      INTEGER NOT NULL          -- CRC-32 of header + body
);
CREATE INDEX IF NOT EXISTS messages_of_run ON messages (subject, seq);
CREATE INDEX IF NOT EXISTS messages_of_type ON messages (type, seq);
CREATE INDEX IF NOT EXISTS messages_open ON messages (seq) WHERE state = 0;
CREATE TABLE IF NOT EXISTS attempts (
    n        INTEGER PRIMARY KEY,
    at       REAL NOT NULL,            -- seconds since the epoch
    seq      INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    agent    TEXT NOT NULL,
    event    TEXT NOT NULL,            -- delivered, settled, failed, dead, cancelled
    code     TEXT NOT NULL DEFAULT '',
    reason   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS attempts_of_message ON attempts (seq, n);
CREATE TABLE IF NOT EXISTS presence (
    n        INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    agent    TEXT NOT NULL,
    role     TEXT NOT NULL,
    joined   INTEGER NOT NULL,
    reason   TEXT NOT NULL
);
"""


def checked_packet(seq: int, header: bytes, body: bytes, crc: int) -> Packet:
    """A stored message, after its checksum; BusError names the record that is damaged."""
    if zlib.crc32(body, zlib.crc32(header)) != crc:
        raise BusError("damaged: its checksum does not match", where=f"journal record {seq}")
    return Packet(Envelope.from_header(msgpack.unpackb(header, raw=False)), body)


def rows(db: apsw.Connection, query: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a query, each a tuple."""
    return db.execute(query, values).fetchall()
