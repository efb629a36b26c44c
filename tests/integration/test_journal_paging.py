"""The journal answers a `Fetch` by its indexes, and must say just what the plain code of `paging.py` says."""

import contextlib
import random
from pathlib import Path

from guildbus.bus.events import Fetch, Record, RecordDelivery, RecordOutcome, Store
from guildbus.bus.journal import Journal
from guildbus.bus.paging import page_of, recovered_of
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

RUNS = ("r1", "r2", "r3")
QUEUES = ("q1", "q2")


def stored(chance: random.Random, seq: int) -> list[Record]:
    queue = chance.choice((*QUEUES, None))
    envelope = Envelope(
        id=f"m{seq}",
        source="t",
        type="x.v1",
        subject=chance.choice(RUNS),
        time=format_time(0.0),
        to=queue,
        priority=chance.randrange(10),
        hops=chance.randrange(5),
        deadline=chance.choice((None, format_time(float(chance.randrange(50))))),
    )
    records: list[Record] = [Store(seq, Packet(envelope, b"\x80" * chance.choice((1, 9000))), queue)]
    if queue is not None and chance.random() < 0.5:
        records.append(RecordDelivery(seq, 1, "a/1"))
        ending = chance.choice(("settled", "failed", "dead", None))
        if ending is not None:
            records.append(RecordOutcome(seq, 1, "a/1", ending, "c", "r"))  # type: ignore[arg-type]
    return records


def questions(chance: random.Random, count: int) -> list[Fetch]:
    serves = chance.choice((None, None, (chance.choice(RUNS), chance.randrange(1, count + 2))))
    limit = chance.choice((None, 1, 5))
    place = chance.choice((None, (-chance.randrange(10), chance.randrange(count))))
    queue, run, upto = chance.choice(QUEUES), chance.choice(RUNS), float(chance.randrange(50))
    return [
        Fetch("ready", queue, after=place, limit=limit, serves=serves),
        Fetch("due", upto=upto, limit=limit, serves=serves),
        Fetch("unclaimed", queue, below=chance.randrange(count), limit=limit, serves=serves),
        Fetch("run", run, serves=serves),
    ]


def test_each_page_is_what_the_plain_code_says(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    for trial in range(6):
        count = chance.choice((0, 5, 60))
        with contextlib.closing(Journal(tmp_path / f"{trial}.db")) as journal:
            for seq in range(1, count + 1):
                journal.commit(stored(chance, seq), 1.0)
            everything = journal.unsettled()
            assert [row.seq for row in everything] == sorted(row.seq for row in everything)
            for _ in range(20):
                for fetch in questions(chance, count + 1):
                    assert journal.fetch(fetch) == page_of(fetch, everything)
            for only in (None, *RUNS):
                serves = None if only is None else (only, journal.next_seq())
                assert journal.recovered(only) == recovered_of(everything, serves)
