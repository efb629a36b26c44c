"""A queue that is longer than memory, through a real broker: all but the damaged come, in order and whole."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guildbus.bus import speaking
from guildbus.bus.broker import Broker
from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.journal import Journal
from guildbus.bus.state import Limits
from guildbus.bus.tail import JournalReader
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

COUNT = 60
LARGE_BYTES = 32 * 1024
DAMAGED = 31


def body(number: int) -> bytes:
    return bytes([number]) * (LARGE_BYTES if number % 7 == 0 else 100)


def packet(number: int) -> Packet:
    envelope = Envelope(
        id=f"m{number:03}", source="t", type="x.v1", subject="r", time=format_time(0.0), to="q"
    )
    return Packet(envelope, body(number))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[str]:
    endpoint = f"ipc://{folder}/b.sock"
    broker = Broker(endpoint, Journal(folder / "journal.db"), Limits(window=4))
    thread = threading.Thread(target=broker.run)
    thread.start()
    try:
        yield endpoint
    finally:
        broker.stop()
        await asyncio.to_thread(thread.join)


def client(endpoint: str, name: str, credit: int) -> ZmqBus:
    return ZmqBus(endpoint, AgentIdentity(name, name, "1"), credit=credit)


async def test_all_of_a_long_queue_is_delivered(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "HOT_PACKETS", 3)
    folder = tmp_path_factory.mktemp("b")
    async with running(folder) as endpoint:
        sender = client(endpoint, "sender", 0)
        await sender.open()
        await asyncio.gather(*(sender.publish(packet(number)) for number in range(1, COUNT + 1)))
        with contextlib.closing(sqlite3.connect(folder / "journal.db")) as db, db:
            db.execute("UPDATE messages SET body = x'00' WHERE seq = ?", (DAMAGED,))
        taker = client(endpoint, "q", 16)
        await taker.open()
        taken: list[tuple[int, bytes]] = []
        while len(taken) < COUNT - 1:
            async with asyncio.timeout(5):
                delivery = await taker.receive()
            taken.append((delivery.packet.envelope.seq, delivery.packet.body))
            await taker.ack(delivery)
        await taker.close()
        await sender.close()
    assert taken == [(number, body(number)) for number in range(1, COUNT + 1) if number != DAMAGED]
    with contextlib.closing(JournalReader(folder / "journal.db")) as reader:
        (dead,) = [one for one in reader.attempts("r") if one.event == "dead"]
        assert (dead.seq, dead.code) == (DAMAGED, "bus.damaged")
