"""Flipped bits and torn ends in the journal: what is wrong is named, and nothing wrong passes for good."""

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from guildbus.bus.journal import Journal
from guildbus.bus.records import Damaged
from guildbus.bus.salvage import salvage
from guildbus.bus.tail import JournalReader
from guildbus.bus.wal import examine
from guildbus.protocols.errors import BusError
from journal_records import is_settled, packet, records

COUNT = 60
A_COMMIT = 6
FLIPS = 60
PAGE = 4096


class Grave:
    """A journal's files, to be copied and spoiled. `log`: as a killed broker leaves them."""

    def __init__(self, folder: Path, *, log: bool) -> None:
        self._folder = folder
        path = folder / "made" / "journal.db"
        with contextlib.closing(Journal(path)) as journal:
            for first in range(1, COUNT + 1, A_COMMIT):
                turn = [record for seq in range(first, first + A_COMMIT) for record in records(seq)]
                journal.commit(turn, float(first))
            files = ("journal.db", "journal.db-wal")
            self.files = {name: (path.parent / name).read_bytes() for name in files}
        if not log:
            self.files = {"journal.db": path.read_bytes()}

    def spoilt(self, name: str, data: bytes) -> Path:
        """The path of a journal that is like this one, but for one file."""
        work = self._folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for other, content in self.files.items():
            (work / other).write_bytes(data if other == name else content)
        return work / "journal.db"


@pytest.fixture(scope="module")
def in_file(tmp_path_factory: pytest.TempPathFactory) -> Grave:
    return Grave(tmp_path_factory.mktemp("file"), log=False)


@pytest.fixture(scope="module")
def in_log(tmp_path_factory: pytest.TempPathFactory) -> Grave:
    return Grave(tmp_path_factory.mktemp("log"), log=True)


def flips(data: bytes, seed: int) -> Iterator[tuple[int, int]]:
    """Places all over the file."""
    chance = random.Random(seed)
    for number in range(FLIPS):
        at = number * len(data) // FLIPS + chance.randrange(len(data) // FLIPS)
        yield min(at, len(data) - 1), chance.randrange(8)


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def check(path: Path) -> tuple[int, int]:
    """Every message is as it was or named as damaged, and open if it was: how many of both kinds."""
    good = bad = 0
    with contextlib.closing(Journal(path)) as journal:
        open_ones = {one.seq: one for one in journal.unsettled()}
        named = {one.seq for one in journal.damage}
        for seq in range(1, COUNT + 1):
            assert (seq in open_ones) != is_settled(seq), seq
            try:
                assert journal.packet(seq) == packet(seq)
                good += 1
            except Damaged:
                assert seq in named
                assert is_settled(seq) or open_ones[seq].damaged
                bad += 1
        with contextlib.closing(JournalReader(path)) as reader:
            damaged: list[Damaged] = []
            assert len(reader.since(0, damaged=damaged)) == good
            assert len(damaged) == bad
    return good, bad


def test_a_flipped_bit_in_the_file_is_found(in_file: Grave) -> None:
    data = in_file.files["journal.db"]
    damaged = 0
    refusals: list[BusError] = []
    for at, bit in flips(data, 1):
        path = in_file.spoilt("journal.db", flipped(data, at, bit))
        try:
            damaged += check(path)[1]
        except BusError as error:
            refusals.append(error)
    assert damaged > FLIPS / 4
    assert len(refusals) < FLIPS / 4
    assert all("salvage" in error.remedy for error in refusals)


def test_a_flipped_bit_in_the_log_loses_nothing(in_log: Grave) -> None:
    """SQLite by itself would drop every commit from there on."""
    data = in_log.files["journal.db-wal"]
    intact = 0
    for at, bit in flips(data, 2):
        good, bad = check(in_log.spoilt("journal.db-wal", flipped(data, at, bit)))
        assert good + bad == COUNT
        assert bad <= 1
        intact += bad == 0
    assert intact > FLIPS * 0.8


def test_damage_is_kept_in_the_journal(in_log: Grave) -> None:
    data = in_log.files["journal.db-wal"]
    path = in_log.spoilt("journal.db-wal", flipped(data, len(data) // 2, 0))
    check(path)
    assert path.with_name("journal.db-wal.damaged").is_file()
    with contextlib.closing(JournalReader(path)) as reader:
        (found,) = reader.damage()
        assert "journal.db-wal, frame" in found[1]
    with contextlib.closing(Journal(path)) as again:
        assert again.damage == []


def frame_at(number: int) -> int:
    return 32 + number * (24 + PAGE)


@pytest.mark.parametrize("becomes", ["subject || 'x'", "CAST(CAST(subject AS BLOB) || x'e3' AS TEXT)"])
def test_a_record_that_names_another_run_is_missed_in_its_own(in_file: Grave, becomes: str) -> None:
    """The second is a text that is no UTF-8."""
    path = in_file.spoilt("journal.db", in_file.files["journal.db"])
    db = apsw.Connection(str(path))
    [(own,)] = db.execute("SELECT subject FROM messages WHERE seq = 5").fetchall()
    db.execute(f"UPDATE messages SET subject = {becomes} WHERE seq = 5")
    db.close()
    Journal(path).close()
    with contextlib.closing(JournalReader(path)) as reader:
        with pytest.raises(Damaged) as caught:
            reader.history(own)
        assert caught.value.seq == 5
        assert all(stored.seq < 5 for stored in reader.history(own, upto_seq=4))
        damaged: list[Damaged] = []
        assert 5 not in [stored.seq for stored in reader.history(own, damaged=damaged)]
        assert [one.seq for one in damaged] == [5]


def test_two_flips_behind_which_more_was_committed(in_log: Grave) -> None:
    """Not to be put right, but to be told from an unfinished commit."""
    data = in_log.files["journal.db-wal"]
    middle = frame_at((len(data) - 32) // (24 + PAGE) // 2) + 24
    spoilt = flipped(flipped(data, middle + 40, 1), middle + 2000, 3)
    finding = examine(spoilt, PAGE)
    assert finding.verdict == "damaged"
    assert finding.mended is not None
    assert examine(finding.mended, PAGE).verdict == "sound"
    with contextlib.suppress(BusError):
        good, bad = check(in_log.spoilt("journal.db-wal", spoilt))
        assert good + bad == COUNT


@pytest.mark.parametrize("missing", ["the end", "a page", "the head"])
def test_an_unfinished_commit_is_no_damage(in_log: Grave, missing: str) -> None:
    """The power went before the last commit was on disk: it was never confirmed, and is not there."""
    data = in_log.files["journal.db-wal"]
    count = (len(data) - 32) // (24 + PAGE)
    if missing == "the end":
        torn = data[: frame_at(count - 1) + 1000]
    elif missing == "a page":
        torn = data[: frame_at(count - 3) + 24] + bytes(PAGE) + data[frame_at(count - 2) :]
    else:
        torn = data[: frame_at(count - 1)] + bytes(24) + data[frame_at(count - 1) + 24 :]
    finding = examine(torn, PAGE)
    assert (finding.verdict, finding.mended) in {("torn", None), ("sound", None)}
    with contextlib.closing(Journal(in_log.spoilt("journal.db-wal", torn))) as journal:
        assert journal.next_seq() == COUNT - A_COMMIT + 1
        assert all(journal.packet(seq) == packet(seq) for seq in range(1, journal.next_seq()))


def test_a_whole_log_is_sound(in_log: Grave) -> None:
    assert examine(in_log.files["journal.db-wal"], PAGE).verdict == "sound"
    assert examine(b"", PAGE).verdict == "sound"


def test_salvage_copies_what_can_be_read(in_file: Grave) -> None:
    """A broken page in the middle: most is there, and what is not is listed."""
    data = in_file.files["journal.db"]
    root = _a_leaf_of_messages(in_file)
    path = in_file.spoilt("journal.db", data[: root * PAGE] + b"\xff" * 64 + data[root * PAGE + 64 :])
    with pytest.raises(BusError, match="the journal is damaged"):
        Journal(path)
    found = salvage(path, 1.0)
    assert found.aside is not None
    assert found.aside.read_bytes()[root * PAGE] == 0xFF
    assert found.lost
    with contextlib.closing(Journal(path)) as journal:
        there = {seq for seq in range(1, COUNT + 1) if _is_there(journal, seq)}
        assert COUNT * 0.5 < len(there) < COUNT
        assert len(there) == found.kept["messages"]
        assert {one.seq for one in journal.unsettled()} == {seq for seq in there if not is_settled(seq)}


def _a_leaf_of_messages(grave: Grave) -> int:
    """The number, from 0, of a page that holds messages in the middle of the table."""
    path = grave.spoilt("", b"")
    db = apsw.Connection(str(path))
    try:
        pages = [
            page
            for (page,) in db.execute(
                "SELECT pageno FROM dbstat WHERE name = 'messages' AND pagetype = 'leaf' ORDER BY path"
            )
        ]
    finally:
        db.close()
    return int(pages[len(pages) // 2]) - 1


def _is_there(journal: Journal, seq: int) -> bool:
    try:
        return journal.packet(seq) == packet(seq)
    except KeyError:
        return False


@pytest.mark.parametrize("at", [3, 17, 19, 62])
def test_salvage_of_a_file_whose_first_bytes_are_wrong(in_file: Grave, at: int) -> None:
    path = in_file.spoilt("journal.db", flipped(in_file.files["journal.db"], at, 2))
    try:
        Journal(path).close()
    except BusError:
        found = salvage(path, 1.0)
        assert found.lost == []
        assert check(path) == (COUNT, 0)


def test_salvage_of_a_schema_that_says_something_else(in_file: Grave) -> None:
    data = in_file.files["journal.db"]
    at = data.index(b"progress (queue, rank, seq) WHERE state = 0") + len(
        "progress (queue, rank, seq) WHERE state = "
    )
    path = in_file.spoilt("journal.db", flipped(data, at, 1))
    with pytest.raises(BusError, match="its schema says something else of progress_open"):
        Journal(path)
    assert salvage(path, 1.0).lost == []
    assert check(path) == (COUNT, 0)
