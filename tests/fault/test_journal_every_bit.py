"""A small journal with every bit of every record turned over, one at a time: no reader trips over any.

The flips of `test_journal_damage.py` hit whatever is large; these go through the small columns too, where a
number may become a text and a text no text at all. CI takes a sample, `make fault` takes them all.
"""

import contextlib
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import pytest

from guildbus.bus.events import Fetch, RecordDelivery, RecordOutcome, RecordPresence, Store, Unsettled
from guildbus.bus.integrity import Damage, note_damage
from guildbus.bus.journal import Journal
from guildbus.bus.records import Damaged, seen_key
from guildbus.bus.tail import JournalReader
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError
from guildbus.protocols.wire import Packet

DAY = 86_400.0
SAMPLE = 250
OPEN = {1: "alpha", 2: "beta", 5: "alpha"}


def packet(seq: int, queue: str) -> Packet:
    envelope = Envelope(
        id=f"0192-{seq:08d}",
        source="a/1",
        subject=f"run{seq % 2}",
        type="build.requested.v1" if seq < 3 else "x.v1",
        time=format_time(0.0),
        to=queue,
    )
    return Packet(envelope, b"body %d" % seq)


def made(path: Path) -> None:
    """Five messages: one waits, one is held, one is settled, one dead, one failed once and waits."""
    with contextlib.closing(Journal(path)) as journal:
        queues = ("alpha", "beta", "alpha", "beta", "alpha")
        journal.commit([Store(n, packet(n, queue), queue) for n, queue in enumerate(queues, 1)], 1.0)
        journal.commit([RecordPresence("a", "alpha", True, ""), RecordDelivery(2, 1, "b/1")], 2.0)
        for seq, outcome in ((3, "settled"), (4, "dead"), (5, "failed")):
            journal.commit([RecordDelivery(seq, 1, "a/1")], 3.0)
            journal.commit([RecordOutcome(seq, 1, "a/1", outcome, "some.code", "some reason")], 4.0)
    db = apsw.Connection(str(path))
    note_damage(db, [Damage("messages 77", "its checksum does not match")], 5.0)
    db.execute("INSERT INTO seen (key, until) VALUES (?, ?)", (seen_key("0192-old"), 9e9))
    db.execute("INSERT INTO counters VALUES ('last_removed', 3)")
    db.close()


def cells(path: Path) -> Iterator[int]:
    """The place in the file of every byte of every record: header, columns, but not the free space."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    roots = [root for (root,) in db.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")]
    db.close()
    data = path.read_bytes()
    for page in roots:
        start = (page - 1) * 4096
        content = int.from_bytes(data[start + 5 : start + 7], "big")
        assert data[start] in (10, 13), "a leaf: the journal is small"
        yield from range(start + content, start + 4096)


@pytest.fixture(scope="module")
def journal_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bits") / "made" / "journal.db"
    made(path)
    return path


def trial(whole: Path, work: Path, at: int, bit: int) -> str:
    """Turn one bit over, and use the journal as a broker and its readers do: how it went."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    path = work / "journal.db"
    data = bytearray(whole.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)
    try:
        as_a_broker(path)
        as_a_reader(path)
    except BusError as error:
        return f"refused: {error}"
    return "lived with"


def as_a_broker(path: Path) -> None:
    with contextlib.closing(Journal(path, keep_s=DAY)) as journal:
        damaged = {one.seq for one in journal.damage}
        assert 3 in damaged or set(journal.latest_acks(100)) <= {("0192-00000003", 1, "a/1")}
        found = journal.recovered(None)
        in_reach: list[Unsettled] = list(found.held)
        for queue in found.waiting:
            in_reach += journal.fetch(Fetch("ready", queue, limit=10)).rows
        reached = {one.seq: one.queue for one in in_reach}
        assert sum(found.waiting.values()) + len(found.held) == len(reached)
        for seq, queue in OPEN.items():
            assert reached[seq] == queue, "an open message that nobody would ever be given"
        journal.fetch(Fetch("due", "", upto=1e12, limit=10))
        for seq in range(1, 6):
            with contextlib.suppress(Damaged, KeyError):
                assert journal.packet(seq).body == b"body %d" % seq
            journal.knows(f"0192-{seq:08d}")
        for now in (10.0, 20.0, 5 * DAY, 5 * DAY + 10):
            journal.tidy(now)


def as_a_reader(path: Path) -> None:
    with contextlib.closing(JournalReader(path)) as reader:
        for run in (*reader.runs(), "run1", "run0"):
            for collected in (None, []):
                with contextlib.suppress(Damaged):
                    reader.history(run, damaged=collected)
            reader.attempts(run)
            reader.newest(run)
            reader.endings(run, 0)
        damaged: list[Damaged] = []
        reader.since(0, damaged=damaged)
        reader.dead_letters(damaged=damaged)
        reader.damage()
        reader.last_seq()


def flips(places: Sequence[int], sample: int | None) -> list[tuple[int, int]]:
    every = [(at, bit) for at in places for bit in range(8)]
    return every if sample is None else random.Random(7).sample(every, sample)


@pytest.mark.parametrize("sample", [SAMPLE, pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
def test_nobody_trips_over_a_flipped_bit(journal_file: Path, tmp_path: Path, sample: int | None) -> None:
    tried = flips(list(cells(journal_file)), sample)
    tally = [trial(journal_file, tmp_path / "work", at, bit) for at, bit in tried]
    refused = [found for found in tally if found != "lived with"]
    assert len(tally) >= SAMPLE
    assert len(refused) < len(tally) / 2, refused[:3]
    assert all("salvage" in one for one in refused), [one for one in refused if "salvage" not in one][:3]
