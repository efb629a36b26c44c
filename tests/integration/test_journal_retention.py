"""Old runs are let go of, their ids are not, and what they took goes back to the disk."""

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgpack
import pytest

from guildbus.bus.events import Record, RecordDelivery, RecordOutcome, RecordPresence, Store
from guildbus.bus.journal import Journal
from guildbus.bus.retention import prune
from guildbus.bus.salvage import salvage
from guildbus.bus.tail import JournalReader
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet

DAY = 86_400.0
KEEP = 30 * DAY


def message(seq: int, run: str, ending: str | None = "settled") -> list[Record]:
    envelope = Envelope(
        id=f"{run}.{seq}", source="t", type="x.v1", subject=run, time=format_time(0.0), to="q"
    )
    made: list[Record] = [Store(seq, Packet(envelope, b"\x80" * 2000), "q"), RecordDelivery(seq, 1, "a/1")]
    if ending is not None:
        made.append(RecordOutcome(seq, 1, "a/1", ending))  # type: ignore[arg-type]
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Runs `old` (over on day 0), `open` (one message still open) and `late` (ended on day 20)."""
    with contextlib.closing(Journal(path, keep_s=KEEP, clock=lambda: 0.0)) as opened:
        for seq in range(1, 301):
            opened.commit(message(seq, "old", "dead" if seq == 7 else "settled"), 0.0)
        opened.commit([*message(301, "open"), *message(302, "open", None)], 0.0)
        opened.commit([*message(303, "late", None), RecordPresence("a/1", "q", joined=True)], 0.0)
        opened.commit([RecordOutcome(303, 1, "a/1", "settled")], 20 * DAY)
        yield opened


def left(path: Path) -> dict[str, int]:
    with contextlib.closing(JournalReader(path)) as reader:
        return {run: count for run in ("old", "open", "late") if (count := len(reader.history(run)))}


def tidied(journal: Journal, now: float) -> None:
    for _ in range(100):
        assert journal.tidy(now) == []


def test_only_what_is_over_and_old_enough_goes(journal: Journal) -> None:
    tidied(journal, 29 * DAY)
    assert left(journal.path) == {"old": 300, "open": 2, "late": 1}
    tidied(journal, 31 * DAY)
    assert left(journal.path) == {"open": 2, "late": 1}
    tidied(journal, 51 * DAY)
    assert left(journal.path) == {"open": 2}
    assert [one.seq for one in journal.unsettled()] == [302]
    with contextlib.closing(JournalReader(journal.path)) as reader:
        assert reader.dead_letters() == []
        assert reader.attempts("old") == []
        assert reader.newest("old") is None
        assert reader.newest("open") is not None


def test_ids_stay_known_as_long_again_and_numbers_are_not_used_twice(journal: Journal, path: Path) -> None:
    journal.commit([RecordOutcome(302, 1, "a/1", "settled")], 0.0)
    tidied(journal, 60 * DAY)
    assert left(path) == {}
    assert journal.knows("old.1")
    assert journal.next_seq() == 304
    assert journal.latest_acks(10) == []
    journal.commit(message(304, "new"), 60 * DAY)
    assert journal.latest_acks(10) == [("new.304", 1, "a/1")]
    journal.close()
    with contextlib.closing(Journal(path, keep_s=KEEP)) as again:
        assert again.knows("late.303")
        assert again.next_seq() == 305
        tidied(again, 89 * DAY)
        assert again.knows("old.1")
        tidied(again, 91 * DAY)
        assert not again.knows("old.1")


def test_what_a_run_took_goes_back_to_the_disk(journal: Journal, path: Path) -> None:
    before = _pages(path)
    tidied(journal, 31 * DAY)
    assert _pages(path) < before / 3


def _pages(path: Path) -> int:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(db.pragma("page_count"))
    finally:
        db.close()


def test_without_a_limit_everything_stays(path: Path) -> None:
    with contextlib.closing(Journal(path)) as journal:
        journal.commit(message(1, "old"), 0.0)
        tidied(journal, 10_000 * DAY)
        assert left(path) == {"old": 1}


def test_people_prune_beside_a_broker(journal: Journal, path: Path) -> None:
    assert prune(path, 25 * DAY, 10 * DAY, KEEP) == {"old": 300}
    assert prune(path, 25 * DAY, 0.0, KEEP, run="open") == {}
    assert prune(path, 25 * DAY, 0.0, KEEP, run="late") == {"late": 1}
    assert left(path) == {"open": 2}
    assert journal.knows("late.303")
    journal.commit(message(304, "late"), 25 * DAY)
    assert left(path) == {"open": 2, "late": 1}


VERSION_1 = """
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, type TEXT NOT NULL, queue TEXT,
    state INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, holder TEXT NOT NULL DEFAULT '',
    header BLOB NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE attempts (
    n INTEGER PRIMARY KEY, at REAL NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL,
    agent TEXT NOT NULL, event TEXT NOT NULL, code TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE presence (
    n INTEGER PRIMARY KEY, at REAL NOT NULL, agent TEXT NOT NULL, role TEXT NOT NULL,
    joined INTEGER NOT NULL, reason TEXT NOT NULL
);
PRAGMA user_version = 1;
"""


def test_a_journal_of_version_1_is_refused_and_can_be_salvaged(path: Path) -> None:
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "WAL")
    db.execute(VERSION_1)
    for seq, state in ((1, 1), (2, 0)):
        (stored, *_) = message(seq, "r")
        assert isinstance(stored, Store)
        header = msgpack.packb(stored.packet.envelope.to_header())
        body = stored.packet.body
        values = (seq, f"r.{seq}", "r", "x.v1", "q", state, 1, "" if state else "a/1", header, body)
        db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   (*values, zlib.crc32(body, zlib.crc32(header))))  # fmt: skip
        db.execute("INSERT INTO attempts VALUES (NULL, 5.0, ?, 1, 'a/1', 'delivered', '', '')", (seq,))
    db.execute("INSERT INTO attempts VALUES (NULL, 6.0, 1, 1, 'a/1', 'settled', '', '')")
    db.close()
    with pytest.raises(BusError, match="schema version 1") as refused:
        Journal(path)
    assert "guildbus journal salvage" in refused.value.remedy
    assert salvage(path, 1.0).lost == []
    with contextlib.closing(Journal(path)) as journal:
        assert [(one.id, one.attempt, one.holder) for one in journal.unsettled()] == [("r.2", 1, "a/1")]
        assert journal.latest_acks(9) == [("r.1", 1, "a/1")]
        assert journal.packet(1).envelope.id == "r.1"
    with contextlib.closing(JournalReader(path)) as reader:
        told = [(one.at, one.seq, one.event) for one in reader.attempts("r")]
        assert told == [(5.0, 1, "delivered"), (5.0, 2, "delivered"), (6.0, 1, "settled")]
