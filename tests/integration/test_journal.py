"""The journal file: what is committed is there, what is damaged is said, readers see it all."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from guildbus.bus.events import RecordDelivery, RecordOutcome, RecordPresence, Store, Unsettled
from guildbus.bus.journal import Journal
from guildbus.bus.records import ANNOUNCED, DEAD, OPEN, OPENING, SCHEMA_VERSION, SETTLED, Damaged
from guildbus.bus.tail import JournalReader
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet


def packet(message_id: str, body: bytes = b"\x80", subject: str = "r", **attributes: object) -> Packet:
    stated = {"source": "t", "type": "x.v1", "time": format_time(0.0), "to": "q"} | attributes
    return Packet(Envelope(id=message_id, subject=subject, **stated), body)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(tmp_path / "state" / "journal.db")) as opened:
        yield opened


@pytest.fixture
def reader(journal: Journal) -> Iterator[JournalReader]:
    with contextlib.closing(JournalReader(journal.path)) as opened:
        yield opened


def test_a_fresh_one_is_empty_and_private(journal: Journal) -> None:
    assert journal.next_seq() == 1
    assert journal.unsettled() == []
    assert journal.latest_acks(10) == []
    assert not journal.knows("m1")
    assert journal.path.parent.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyError):
        journal.packet(1)


def test_a_life_of_a_message(journal: Journal, reader: JournalReader) -> None:
    one = packet("m1", b"\x81\xa1a\x01", priority=7, hops=2, deadline=format_time(50.0))
    journal.commit([Store(1, one, "q"), RecordDelivery(1, 1, "a/1")], 10.0)
    journal.commit([RecordOutcome(1, 1, "a/1", "failed", "c", "r")], 11.0)
    assert journal.packet(1) == one
    assert journal.knows("m1")
    assert journal.next_seq() == 2
    journal.commit([RecordDelivery(1, 2, "b/1")], 12.0)
    assert journal.unsettled() == [
        Unsettled(
            seq=1, id="m1", type="x.v1", subject="r", queue="q", priority=7, hops=2, deadline=50.0,
            attempt=2, holder="b/1", failures=((1, "a/1", "c", "r"),),
        )
    ]  # fmt: skip
    journal.commit([RecordOutcome(1, 2, "b/1", "settled")], 13.0)
    assert journal.unsettled() == []
    assert journal.latest_acks(10) == [("m1", 2, "b/1")]
    assert [(a.at, a.attempt, a.agent, a.event, a.code) for a in reader.attempts("r")] == [
        (10.0, 1, "a/1", "delivered", ""),
        (11.0, 1, "a/1", "failed", "c"),
        (12.0, 2, "b/1", "delivered", ""),
        (13.0, 2, "b/1", "settled", ""),
    ]


def test_states(journal: Journal, reader: JournalReader) -> None:
    journal.commit([Store(seq, packet(f"m{seq}"), None if seq == 4 else "q") for seq in (1, 2, 3, 4)], 0.0)
    journal.commit([RecordOutcome(2, 0, "", "dead", "bus.unclaimed", "r")], 0.0)
    journal.commit([RecordDelivery(3, 1, "a/1"), RecordOutcome(3, 1, "a/1", "settled")], 0.0)
    assert [stored.state for stored in reader.history("r")] == [OPEN, DEAD, SETTLED, ANNOUNCED]
    assert [stored.seq for stored in reader.dead_letters()] == [2]
    assert [item.seq for item in journal.unsettled()] == [1]


def test_one_commit_is_all_or_nothing(journal: Journal) -> None:
    journal.commit([Store(1, packet("m1"), "q")], 0.0)
    with pytest.raises(apsw.ConstraintError):
        journal.commit([Store(2, packet("m2"), "q"), Store(3, packet("m1"), "q")], 0.0)
    assert journal.next_seq() == 2
    assert not journal.knows("m2")
    journal.commit([Store(2, packet("m2"), "q")], 0.0)


def test_the_latest_acks_are_the_newest_in_order(journal: Journal) -> None:
    for seq in range(1, 6):
        journal.commit([Store(seq, packet(f"m{seq}"), "q"), RecordOutcome(seq, 1, "a/1", "settled")], 0.0)
    assert [message_id for message_id, _, _ in journal.latest_acks(3)] == ["m3", "m4", "m5"]


def test_it_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(Journal(path)) as first:
        first.commit([Store(1, packet("m1"), "q"), RecordPresence("a/1", "q", joined=True)], 0.0)
    with contextlib.closing(Journal(path)) as second:
        assert [item.id for item in second.unsettled()] == ["m1"]


def test_many_messages_are_read_in_one_go(journal: Journal) -> None:
    journal.commit([Store(seq, packet(f"m{seq}", bytes([seq])), "q") for seq in range(1, 6)], 0.0)
    journal._db.execute("UPDATE messages SET body = x'00' WHERE seq = 4")
    found = journal.stored_of([5, 2, 4, 77])
    assert found == {seq: journal.stored(seq) for seq in (2, 5)}
    with pytest.raises(Damaged):
        journal.stored(4)


def test_only_one_at_a_time(journal: Journal) -> None:
    with pytest.raises(BusError, match="in use by another broker"):
        Journal(journal.path)


def test_another_schema_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    for _ in range(2):
        with pytest.raises(BusError, match="schema version 99"):
            Journal(path)
    with pytest.raises(BusError, match="schema version 99"):
        JournalReader(path)


def test_a_journal_of_version_2_is_read_as_it_is_and_gets_its_index_from_the_next_broker(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(Journal(path)) as journal:
        journal.commit([Store(1, packet("m1", type="build.requested.v1"), "q")], 0.0)
        journal.commit([RecordDelivery(1, 1, "a/1")], 1.0)
    with contextlib.closing(sqlite3.connect(path)) as former:
        former.executescript("DROP INDEX messages_opening; PRAGMA user_version = 2")
    with contextlib.closing(JournalReader(path)) as reader:
        assert reader.runs() == ["r"]
    with contextlib.closing(Journal(path)) as journal, contextlib.closing(JournalReader(path)) as reader:
        assert journal.damage == []
        assert [one.holder for one in journal.unsettled()] == ["a/1"]
        assert reader.runs() == ["r"]
    with contextlib.closing(sqlite3.connect(path)) as now:
        assert now.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert now.execute("SELECT 1 FROM sqlite_schema WHERE name = 'messages_opening'").fetchall() == [(1,)]


class TestReader:
    def test_there_must_be_one(self, tmp_path: Path) -> None:
        with pytest.raises(BusError, match="no journal yet"):
            JournalReader(tmp_path / "journal.db")

    def test_it_cannot_write(self, reader: JournalReader) -> None:
        with pytest.raises(apsw.ReadOnlyError):
            reader._db.execute("DELETE FROM messages")

    def test_histories(self, journal: Journal, reader: JournalReader) -> None:
        journal.commit(
            [Store(s, packet(f"m{s}", subject=f"r{s % 2}", type=f"t{s % 3}.v1"), None) for s in range(1, 10)],
            0.0,
        )
        assert [stored.seq for stored in reader.history("r1")] == [1, 3, 5, 7, 9]
        assert [stored.seq for stored in reader.history("r1", 6)] == [1, 3, 5]
        assert [stored.seq for stored in reader.history("r1", types=["t0.v1", "t1.v1"])] == [1, 3, 7, 9]
        assert reader.last_seq() == 9
        assert [one and one.seq for one in map(reader.newest, ("r1", "r0", "r2"))] == [9, 8, None]
        assert [stored.seq for stored in reader.since(7)] == [8, 9]
        assert [stored.seq for stored in reader.since(0, "r0", limit=2)] == [2, 4]

    def test_runs_are_found_by_what_opens_them_the_newest_first(
        self, journal: Journal, reader: JournalReader
    ) -> None:
        opening = {"subject": "r1", "type": "build.requested.v1"}
        told = [
            packet("m1", **opening),
            packet("m2", subject="bare"),
            packet("m3", **opening | {"subject": "r2"}),
        ]
        journal.commit([Store(seq, one, None) for seq, one in enumerate(told, 1)], 0.0)
        journal.commit([Store(4, packet("m4", **opening), None)], 0.0)  # a run is opened once, but who knows
        assert reader.runs() == ["r1", "r2"]
        assert reader.runs(limit=1) == ["r1"]
        plan = reader._db.execute(
            f"EXPLAIN QUERY PLAN SELECT subject FROM messages WHERE {OPENING} ORDER BY seq DESC"
        ).fetchall()
        assert "COVERING INDEX messages_opening" in plan[0][3]
        assert "TEMP B-TREE" not in str(plan)

    def test_a_message_is_found_by_its_number_or_the_start_of_its_id(
        self, journal: Journal, reader: JournalReader
    ) -> None:
        ids = ("0192-aa", "0192-ab", "0193-aa")
        journal.commit([Store(s, packet(one, subject=f"r{s}"), "q") for s, one in enumerate(ids, 1)], 0.0)
        journal.commit([RecordDelivery(2, 1, "a/1"), RecordOutcome(2, 1, "a/1", "failed", "c", "why")], 1.0)

        def found(wanted: str, subject: str | None = None) -> list[int]:
            return [one.seq for one in reader.matching(wanted, subject)]

        assert (found("0192"), found("0193-a"), found("0192-ab"), found("0194")) == ([1, 2], [3], [2], [])
        assert (found("2"), found("9"), found("2", "r1"), found("0192", "r2")) == ([2], [], [], [2])
        newest, ended = reader.endings("r2", 0)
        assert [(one.seq, one.event, one.reason) for one in ended] == [(2, "failed", "why")]
        assert reader.endings("r2", newest) == (newest, [])
        assert reader.endings("r1", 0) == (newest, [])

    def test_following_leaves_no_gap(self, journal: Journal, reader: JournalReader) -> None:
        journal.commit([Store(s, packet(f"m{s}"), None) for s in (1, 2)], 0.0)
        seen: list[int] = []
        for stored in reader.follow(0, "r", until=lambda: len(seen) >= 6, poll_s=0.001):
            seen.append(stored.seq)
            if stored.seq < 5:
                following = journal.next_seq()
                journal.commit([Store(following, packet(f"m{following}"), None)], time.time())
            elif stored.seq == 5:
                journal.commit([Store(7, packet("m7"), None)], 0.0)
        assert seen == [1, 2, 3, 4, 5, 6, 7]
