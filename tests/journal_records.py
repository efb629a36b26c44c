"""Records for journals in tests, made from numbers alone, and what a journal that holds them must say."""

import random

from guildbus.bus.events import Record, RecordDelivery, RecordOutcome, Store
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

SIZES = (100, 900, 6000)


def packet(seq: int) -> Packet:
    """Message `seq`: of one of many runs, to `q`."""
    envelope = Envelope(
        id=f"0192-{seq:08d}",
        source="a/1",
        subject=f"run{seq // 20}",
        type="x.v1",
        time=format_time(0.0),
        to="q",
    )
    return Packet(envelope, random.Random(seq).randbytes(SIZES[seq % 3]))


def is_settled(seq: int) -> bool:
    """One of three is; the others are open."""
    return seq % 3 == 1


def records(seq: int) -> list[Record]:
    """What is committed of message `seq`: with its attempts, in one turn."""
    made: list[Record] = [Store(seq, packet(seq), "q")]
    if seq % 3:
        made.append(RecordDelivery(seq, 1, "a/1"))
    if is_settled(seq):
        made.append(RecordOutcome(seq, 1, "a/1", "settled"))
    elif seq % 9 == 2:
        made.append(RecordOutcome(seq, 1, "a/1", "failed", "c", "r"))
    return made
