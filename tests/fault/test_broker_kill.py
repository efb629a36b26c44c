"""SIGKILL the broker at random moments while two clients play ping-pong: nothing is lost or done twice."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.bus.tail import JournalReader
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.wire import Packet

GAMES = 6
STROKES = 25
KILLS = 5
LIMITS = {"heartbeat_s": 0.1, "lease_s": 60.0}


def stroke(game: int, number: int) -> Packet:
    """The ids follow from the game alone: a stroke that is made twice would be seen."""
    return Packet(
        Envelope(
            id=f"{game}.{number}",
            source="t",
            type="stroke.v1",
            subject="match",
            time=format_time(time.time()),
            to=("ping", "pong")[number % 2],
            hops=number,
        ),
        b"\x80",
    )


async def play(bus: ZmqBus, received: Counter[str]) -> None:
    while True:
        delivery = await bus.receive()
        received[delivery.packet.envelope.id] += 1
        await bus.ack(delivery, answer_to(delivery))


def answer_to(delivery: Delivery) -> list[Packet]:
    game, number = map(int, delivery.packet.envelope.id.split("."))
    return [stroke(game, number + 1)] if number + 1 < STROKES else []


def launched(command: list[str]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline(), "the broker says when it is ready"
    return process


class Arena:
    """A broker that is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/b.sock"
        self.journal = folder / "journal.db"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        command = [sys.executable, "-P", "-m", "guildbus.bus.main", "--endpoint", self.endpoint]
        command += ["--journal", str(self.journal), "--limits", json.dumps(LIMITS)]
        self._process = await asyncio.to_thread(launched, command)

    def kill(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None

    def player(self, role: str) -> ZmqBus:
        return ZmqBus(self.endpoint, AgentIdentity(role, role, "1"), journal=self.journal, credit=3)


async def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path_factory: pytest.TempPathFactory) -> None:
    arena = Arena(tmp_path_factory.mktemp("b"))
    chance = random.Random(20261122)
    received: Counter[str] = Counter()
    players = [arena.player("ping"), arena.player("pong")]
    await arena.start()
    try:
        for player in players:
            await player.open()
        playing = [asyncio.create_task(play(player, received)) for player in players]
        openings = [asyncio.create_task(players[0].publish(stroke(game, 0))) for game in range(GAMES)]
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.01, 0.25))
            arena.kill()
            await arena.start()
        await asyncio.wait_for(asyncio.gather(*openings), 20)
        with contextlib.closing(JournalReader(arena.journal)) as reader:
            patience = time.monotonic() + 40
            while sum(stored.state == 1 for stored in reader.history("match")) < GAMES * STROKES:
                assert time.monotonic() < patience, Counter(s.state for s in reader.history("match"))
                assert not any(task.done() for task in playing), [task for task in playing if task.done()]
                await asyncio.sleep(0.05)
            history = reader.history("match")
            attempts = Counter(one.seq for one in reader.attempts("match") if one.event == "settled")
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
        for player in players:
            await player.close()
    finally:
        arena.kill()
    expected = {f"{game}.{number}" for game in range(GAMES) for number in range(STROKES)}
    assert {stored.packet.envelope.id for stored in history} == expected
    assert len(history) == len(expected)
    assert set(attempts.values()) == {1}
    assert set(received) == expected
