"""Hostile clients beside honest ones: refused, counted, shown out; and the work goes on beside them."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import hostile_clients
from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.records import SETTLED
from guildbus.bus.tail import JournalReader
from guildbus.protocols import ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

ALLOWED = {"boss": ["work.v1"], "worker": ["done.v1"], "parrot": ["word.v1"], "guest": [], "operator": ["*"]}
CONNECTIONS = 32
BEARABLE_S = 3.0
"""The 99th percentile of an honest round trip, on a machine where the attackers take all they can get."""
HANGS_S = 30.0
SLOWER = 100
"""On a machine that is busy with other things too, an honest round trip may take this many quiet ones."""


@dataclass
class Place:
    """A broker's folder."""

    folder: Path

    @property
    def endpoint(self) -> str:
        return f"ipc://{self.folder}/b.sock"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @contextlib.contextmanager
    def broker(self) -> "Iterator[subprocess.Popen[str]]":
        command = [sys.executable, "-P", "-m", "guildbus.bus.main", "--endpoint", self.endpoint]
        command += ["--journal", str(self.journal), "--permissions", json.dumps(ALLOWED)]
        command += ["--max-bytes", str(hostile_clients.MAX_BYTES), "--max-connections", str(CONNECTIONS)]
        log = self.folder / "broker.log"
        with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=said, text=True) as process:
            try:
                while not log.read_text():
                    time.sleep(0.02)
                yield process
                assert process.poll() is None, log.read_text()
            finally:
                process.kill()

    @contextlib.contextmanager
    def attackers(self, *kinds: str) -> Iterator[None]:
        """Under way until the block ends."""
        script = Path(hostile_clients.__file__)
        command = [sys.executable, "-P", str(script), self.endpoint, str(self.journal), *kinds]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield
                assert process.poll() is None, process.communicate()[1]
            finally:
                process.kill()

    def client(self, name: str, role: str, credit: int = 1) -> ZmqBus:
        return ZmqBus(self.endpoint, AgentIdentity(name, role, "1"), journal=self.journal, credit=credit)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def packet(kind: str, to: str | None, bus: ZmqBus, run: str = "honest") -> Packet:
    envelope = Envelope(
        id=ids.new_message_id(),
        source=bus.instance,
        type=kind,
        subject=run,
        time=format_time(time.time()),
        to=to,
    )
    return Packet(envelope, b"\x80")


async def work(place: Place, count: int) -> list[float]:
    """`count` messages through an honest pair; seconds from each publication to the confirmed ack."""
    boss, worker = place.client("boss", "boss", 0), place.client("worker", "worker")
    await boss.open()
    await worker.open()
    took = []
    for _ in range(count):
        started = time.monotonic()
        await asyncio.wait_for(boss.publish(packet("work.v1", "worker", boss)), HANGS_S)
        delivery = await asyncio.wait_for(worker.receive(), HANGS_S)
        await asyncio.wait_for(worker.ack(delivery, [packet("done.v1", None, worker)]), HANGS_S)
        took.append(time.monotonic() - started)
    await boss.close()
    await worker.close()
    return took


async def health(place: Place) -> dict[str, Any]:
    observer = place.client("cli-1", "operator", 0)
    await observer.open()
    try:
        return await observer.health(20.0)
    finally:
        await observer.close()


def judge(place: Place, count: int) -> None:
    """By the journal alone: each message once, each result once, and nothing that an attacker sent."""
    with contextlib.closing(JournalReader(place.journal)) as reader:
        stored = reader.history("honest")
        events = Counter((found.event, found.agent) for found in reader.attempts("honest"))
    kinds = Counter((one.packet.envelope.type, one.packet.envelope.source) for one in stored)
    assert kinds == {("work.v1", "boss/1"): count, ("done.v1", "worker/1"): count}
    assert {one.state for one in stored if one.packet.envelope.to} == {SETTLED}
    assert events == {("delivered", "worker/1"): count, ("settled", "worker/1"): count}


def p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("version", {"protocol.frame", "connection.shown_out"}),
        ("noise", {"protocol.frame", "connection.shown_out"}),
        ("parts", {"protocol.frame", "connection.shown_out"}),
        ("oversized", {"protocol.too_large"}),
        ("forged", {"protocol.stale_attempt"}),
        ("replayed", set()),
        ("wrong_role", {"protocol.not_allowed", "connection.shown_out"}),
        ("many_names", {"protocol.not_allowed", "connection.shown_out"}),
        ("flood", set()),
        ("silent", {"connection.limit"}),
    ],
)
async def test_each_alone_is_refused_and_counted(place: Place, kind: str, codes: set[str]) -> None:
    with place.broker():
        operator = place.client("cli-2", "operator", 0)
        await operator.open()
        await operator.publish(packet("word.v1", "parrot", operator, run="parroted"))
        await operator.close()
        with place.attackers(kind):
            took = await work(place, 60)
            refused: dict[str, int] = {}
            deadline = time.monotonic() + 30
            while not codes <= set(refused):
                assert time.monotonic() < deadline, refused
                refused = (await health(place))["refused"]
            assert p99(took) < BEARABLE_S
        if kind == "replayed":
            with contextlib.closing(JournalReader(place.journal)) as reader:
                assert len(reader.history("parroted")) <= 2
    judge(place, 60)


@pytest.mark.timeout(900)
@pytest.mark.slow
async def test_all_at_once_cannot_disturb_a_thousand_messages(place: Place) -> None:
    with place.broker() as process:
        quiet = p99(await work(place, 100))
        before = psutil.Process(process.pid).memory_info().rss
        with place.attackers(*hostile_clients.KINDS):
            took = await work(place, 900)
            refused = (await health(place))["refused"]
        grown = psutil.Process(process.pid).memory_info().rss - before
    figures = f"p99 alone {quiet * 1e3:.1f} ms, attacked {p99(took) * 1e3:.1f} ms; {grown >> 20} MiB more"
    sys.stdout.write(f"{figures}; {refused}\n")
    judge(place, 1000)
    assert p99(took) < max(BEARABLE_S, quiet * SLOWER)
    assert grown < 256 << 20
    expected = {"protocol.frame", "protocol.too_large", "protocol.not_allowed", "protocol.stale_attempt"}
    assert expected | {"connection.shown_out", "connection.limit"} <= set(refused)
