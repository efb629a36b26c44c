"""One suite for every bus: what `Bus` promises holds in memory and over ZeroMQ with a real broker."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgpack
import pytest

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity, Bus, Delivery
from guildbus.bus.memory import MemoryBroker, MemoryBus
from guildbus.bus.state import Limits
from guildbus.protocols import ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import (
    BusError,
    FrameError,
    GuildbusError,
    Refused,
    StaleAttempt,
    TooLarge,
    Withdrawn,
)
from guildbus.protocols.wire import DEFAULT_MAX_BYTES, Packet

LIMITS = Limits(
    lease_s=0.6,
    heartbeat_s=0.2,
    unclaimed_s=1.0,
    max_attempts=3,
    max_hops=5,
    queue_bound=4,
    undertaker="mourner",
    window=1,
)
SOON_S = 5.0


class Station(Protocol):
    """Where clients come from."""

    def client(self, identity: AgentIdentity, credit: int) -> Bus:
        """A client that is not open yet."""


class MemoryStation:
    def __init__(self) -> None:
        self._broker = MemoryBroker(LIMITS)

    def client(self, identity: AgentIdentity, credit: int) -> Bus:
        return MemoryBus(self._broker, identity, credit=credit)


class ZmqStation:
    def __init__(self, folder: Path) -> None:
        self._endpoint = f"ipc://{folder}/b.sock"
        self._journal = folder / "journal.db"

    def client(self, identity: AgentIdentity, credit: int) -> Bus:
        return ZmqBus(self._endpoint, identity, journal=self._journal, credit=credit)

    @contextlib.contextmanager
    def broker(self) -> Iterator[None]:
        command = [sys.executable, "-P", "-m", "guildbus.bus.main", "--endpoint", self._endpoint]
        command += ["--journal", str(self._journal), "--limits", json.dumps(asdict(LIMITS))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                assert process.stdout is not None
                assert "ready" in json.loads(process.stdout.readline())
                yield
            finally:
                process.terminate()


@pytest.fixture(params=["memory", "zmq"])
def station(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[Station]:
    if request.param == "memory":
        yield MemoryStation()
        return
    zmq_station = ZmqStation(short_folder)
    with zmq_station.broker():
        yield zmq_station


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A socket's path has at most 100 bytes."""
    return tmp_path_factory.mktemp("b")


@dataclass
class Agents:
    """Opens clients, and closes those that are still open at the end."""

    station: Station
    opened: list[Bus] = field(default_factory=list)

    async def __call__(self, name: str, role: str, *, credit: int = 1, incarnation: str = "1") -> Bus:
        bus = self.station.client(AgentIdentity(name, role, incarnation), credit)
        await bus.open()
        self.opened.append(bus)
        return bus


@pytest.fixture
async def join(station: Station) -> AsyncIterator[Agents]:
    agents = Agents(station)
    yield agents
    for bus in agents.opened:
        await bus.close()


def packet(to: str | None, body: bytes = b"\x80", **attributes: Any) -> Packet:
    stated = {
        "source": "t/1",
        "type": "x.v1",
        "subject": "run",
        "time": format_time(time.time()),
    } | attributes
    return Packet(Envelope(id=stated.pop("id", ids.new_message_id()), to=to, **stated), body)


async def received(bus: Bus) -> Delivery:
    return await asyncio.wait_for(bus.receive(), SOON_S)


async def receives_nothing(bus: Bus, for_s: float = 0.15) -> bool:
    try:
        await asyncio.wait_for(bus.receive(), for_s)
    except TimeoutError:
        return True
    return False


def attempt(delivery: Delivery) -> int:
    return delivery.packet.envelope.attempt


def bodies(packets: list[Packet]) -> list[bytes]:
    return [packet.body for packet in packets]


async def test_a_message_comes_as_it_was_sent(join: Agents) -> None:
    sender, taker = await join("s", "sender"), await join("t", "taker")
    sent = packet("taker", b"\x81\xa1a\x01", correlationid="c", causationid="d", tracestate="v=1", priority=7)
    await sender.publish(sent)
    delivery = await received(taker)
    envelope = delivery.packet.envelope
    assert delivery.packet.body == sent.body
    assert (envelope.attempt, envelope.seq) == (1, 1)
    assert envelope.to_header() == sent.envelope.to_header() | {"attempt": 1, "seq": 1}
    assert (delivery.lease_s, delivery.max_attempts) == (LIMITS.lease_s, LIMITS.max_attempts)


async def test_an_ack_settles_and_publishes_together(join: Agents) -> None:
    planner, worker = await join("p", "planner"), await join("w", "worker")
    await planner.publish(packet("worker", b"\x01"))
    await worker.ack(await received(worker), [packet("planner", b"\x02"), packet(None, b"\x03")])
    answer = await received(planner)
    assert answer.packet.body == b"\x02"
    assert bodies(await planner.history("run", 99)) == [b"\x01", b"\x02", b"\x03"]
    assert await receives_nothing(worker, LIMITS.lease_s * 1.5)


async def test_a_refused_emit_takes_the_whole_ack_with_it(join: Agents) -> None:
    bus = await join("w", "worker")
    await bus.publish(packet("worker"))
    delivery = await received(bus)
    with pytest.raises(Refused, match="hop limit"):
        await bus.ack(delivery, [packet("worker", b"\x01"), packet("worker", hops=6)])
    assert len(await bus.history("run", 99)) == 1
    await bus.ack(delivery)


async def test_publishing_twice_is_publishing_once(join: Agents) -> None:
    bus = await join("w", "worker", credit=5)
    sent = packet("worker")
    await bus.publish(sent)
    await bus.publish(sent)
    await bus.ack(await received(bus), [sent])
    assert await receives_nothing(bus)
    assert len(await bus.history("run", 99)) == 1


async def test_acknowledging_twice_is_acknowledging_once(join: Agents) -> None:
    bus = await join("w", "worker")
    await bus.publish(packet("worker"))
    delivery = await received(bus)
    emit = packet(None, b"\x02")
    await bus.ack(delivery, [emit])
    await bus.ack(delivery, [emit])
    assert bodies(await bus.history("run", 99)) == [b"\x80", b"\x02"]


async def test_a_nack_brings_it_back_after_its_delay(join: Agents) -> None:
    bus = await join("w", "worker")
    await bus.publish(packet("worker"))
    started = time.monotonic()
    await bus.nack(await received(bus), "agent.busy", "later", delay_s=0.4)
    delivery = await received(bus)
    assert attempt(delivery) == 2
    assert time.monotonic() - started >= 0.4
    await bus.ack(delivery)


async def test_a_fatal_nack_ends_with_an_obituary(join: Agents) -> None:
    bus, mourner = await join("w", "worker"), await join("m", "mourner")
    sent = packet("worker", hops=2)
    await bus.publish(sent)
    await bus.nack(await received(bus), "agent.bug", "first")
    await bus.nack(await received(bus), "agent.bug", "KeyError: 'x' \udcff", fatal=True)
    obituary = (await received(mourner)).packet
    body = msgpack.unpackb(obituary.body)
    assert obituary.envelope.type == "message.died.v1"
    assert obituary.envelope.causationid == sent.envelope.id
    assert (body["message_id"], body["code"], body["queue"]) == (sent.envelope.id, "agent.bug", "worker")
    assert [(f["attempt"], f["agent"], f["reason"][:8]) for f in body["failures"]] == [
        (1, "w/1", "first"),
        (2, "w/1", "KeyError"),
    ]
    assert await receives_nothing(bus)


async def test_too_many_attempts_end_with_an_obituary(join: Agents) -> None:
    bus, mourner = await join("w", "worker"), await join("m", "mourner")
    await bus.publish(packet("worker"))
    for _ in range(LIMITS.max_attempts):
        await bus.nack(await received(bus), "agent.bug", "again")
    body = msgpack.unpackb((await received(mourner)).packet.body)
    assert len(body["failures"]) == LIMITS.max_attempts


async def test_a_role_that_nobody_has_ends_with_an_obituary(join: Agents) -> None:
    mourner = await join("m", "mourner")
    await mourner.publish(packet("nobody"))
    body = msgpack.unpackb((await received(mourner)).packet.body)
    assert (body["code"], body["queue"]) == ("bus.unclaimed", "nobody")


async def test_a_deadline_ends_with_an_obituary(join: Agents) -> None:
    mourner, _ = await join("m", "mourner"), await join("w", "worker", credit=0)
    await mourner.publish(packet("worker", deadline=format_time(time.time() + 0.2)))
    body = msgpack.unpackb((await received(mourner)).packet.body)
    assert (body["code"], body["failures"]) == ("bus.expired", [])


async def test_renewing_keeps_a_slow_task(join: Agents) -> None:
    bus, other = await join("w1", "worker"), await join("w2", "worker")
    await bus.publish(packet("worker"))
    delivery = await received(bus)
    for _ in range(8):
        await asyncio.sleep(LIMITS.lease_s / 4)
        await bus.renew(delivery)
    assert await receives_nothing(other, 0.05)
    await bus.ack(delivery)


async def test_a_lease_that_runs_out_goes_to_another_and_the_zombie_is_refused(join: Agents) -> None:
    zombie, other = await join("w1", "worker"), await join("w2", "worker")
    await zombie.publish(packet("worker"))
    first = await received(zombie)
    second = await received(other)
    assert second.packet.envelope.id == first.packet.envelope.id
    assert (attempt(first), attempt(second)) == (1, 2)
    with pytest.raises(StaleAttempt):
        await zombie.ack(first, [packet(None, b"zombie")])
    await other.ack(second, [packet(None, b"\x02")])
    assert bodies(await other.history("run", 99)) == [b"\x80", b"\x02"]
    await zombie.publish(packet("worker"))
    assert attempt(await received(zombie)) == 1, "a zombie's answer gives its credit back"


async def withdrawn(delivery: Delivery) -> GuildbusError:
    happened = asyncio.Event()
    delivery.withdrawal.then(happened.set)
    await asyncio.wait_for(happened.wait(), SOON_S)
    assert delivery.withdrawal.error is not None
    return delivery.withdrawal.error


async def test_a_cancelled_run_is_taken_back_and_never_handed_out_again(join: Agents) -> None:
    bus, other = await join("w1", "worker"), await join("p", "planner", credit=2)
    await bus.publish(packet("worker"))
    delivery = await received(bus)
    await bus.publish(packet("worker"))
    await other.publish(packet("planner", type="run.cancelled.v1"))
    assert isinstance(await withdrawn(delivery), Withdrawn)
    assert (await received(other)).packet.envelope.type == "run.cancelled.v1"
    with pytest.raises(StaleAttempt):
        await bus.ack(delivery, [packet("planner")])
    await other.publish(packet("worker", b"next", subject="another run"))
    assert (await received(bus)).packet.body == b"next", "its credit came back"
    assert await receives_nothing(other)


async def test_a_deadline_takes_back_what_is_in_hand(join: Agents) -> None:
    bus, mourner = await join("w", "worker"), await join("m", "mourner")
    await bus.publish(packet("worker", deadline=format_time(time.time() + 0.3)))
    delivery = await received(bus)
    assert isinstance(await withdrawn(delivery), Withdrawn)
    obituary = await received(mourner)
    assert msgpack.unpackb(obituary.packet.body)["code"] == "bus.expired"
    assert obituary.packet.envelope.deadline is None
    with pytest.raises(StaleAttempt):
        await bus.nack(delivery, "agent.withdrawn", "as told")


async def test_a_zombie_hears_that_its_lease_is_lost(join: Agents) -> None:
    zombie, other = await join("w1", "worker"), await join("w2", "worker")
    await zombie.publish(packet("worker"))
    first = await received(zombie)
    second = await received(other)
    await withdrawn(first)
    await zombie.renew(first)
    assert second.withdrawal.error is None
    await other.ack(second)


async def test_closing_hands_over_at_once(join: Agents) -> None:
    leaver, other = await join("w1", "worker"), await join("w2", "worker")
    await leaver.publish(packet("worker"))
    await received(leaver)
    started = time.monotonic()
    await leaver.close()
    assert attempt(await received(other)) == 2
    assert time.monotonic() - started < LIMITS.lease_s


async def test_a_new_incarnation_gets_the_work_of_the_old_at_once(join: Agents) -> None:
    old = await join("w", "worker")
    await old.publish(packet("worker"))
    first = await received(old)
    new = await join("w", "worker", incarnation="2")
    second = await received(new)
    assert attempt(second) == 2
    await new.ack(second)
    with pytest.raises(Refused):
        await asyncio.wait_for(old.ack(first), 0.5)


async def test_histories_are_in_order_up_to_a_number_and_by_type(join: Agents) -> None:
    bus = await join("w", "worker")
    for number in range(4):
        await bus.publish(packet(None, bytes([number]), type=f"t{number % 2}.v1"))
        await bus.publish(packet(None, b"other", subject="another run"))
    assert bodies(await bus.history("run", 99)) == [b"\x00", b"\x01", b"\x02", b"\x03"]
    assert bodies(await bus.history("run", 3)) == [b"\x00", b"\x01"]
    assert bodies(await bus.history("run", 99, ["t1.v1"])) == [b"\x01", b"\x03"]
    assert bodies(await bus.history("run", 99, ["t1.v1", "t0.v1"])) == [b"\x00", b"\x01", b"\x02", b"\x03"]
    assert await bus.history("no run", 99) == []


async def test_an_announcement_is_for_the_journal_alone(join: Agents) -> None:
    bus = await join("w", "worker", credit=5)
    await bus.publish(packet(None))
    assert await receives_nothing(bus)
    assert len(await bus.history("run", 99)) == 1


async def test_priority_then_age(join: Agents) -> None:
    bus = await join("w", "worker")
    await bus.publish(packet("worker", b"first"))
    for body, priority in ((b"low", 0), (b"high", 9), (b"high too", 9)):
        await bus.publish(packet("worker", body, priority=priority))
    order = []
    for _ in range(4):
        delivery = await received(bus)
        order.append(delivery.packet.body)
        await bus.ack(delivery)
    assert order == [b"first", b"high", b"high too", b"low"]


async def test_a_message_for_one_agent_reaches_it_before_its_roles(join: Agents) -> None:
    one, other = await join("w1", "worker"), await join("w2", "worker", credit=0)
    await one.publish(packet("worker", b"busy"))
    busy = await received(one)
    await one.publish(packet("worker", b"for any", priority=9))
    await one.publish(packet("w1", b"for me", priority=0))
    assert await receives_nothing(other, 0.05)
    await one.ack(busy)
    assert (await received(one)).packet.body == b"for me"


async def test_credit_is_how_many_come_at_once(join: Agents) -> None:
    bus = await join("w", "worker", credit=2)
    for _ in range(3):
        await bus.publish(packet("worker"))
    first, _ = await received(bus), await received(bus)
    assert await receives_nothing(bus)
    await bus.ack(first)
    await received(bus)


async def test_a_full_queue_makes_the_publisher_wait(join: Agents) -> None:
    sender, worker = await join("s", "sender"), await join("w", "worker")
    for _ in range(LIMITS.queue_bound):
        await sender.publish(packet("worker"))
    waiting = asyncio.create_task(sender.publish(packet("worker", b"last")))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await worker.ack(await received(worker))
    await asyncio.wait_for(waiting, SOON_S)


async def test_attempt_and_seq_are_not_the_publishers(join: Agents) -> None:
    bus = await join("w", "worker")
    with pytest.raises(Refused, match="broker's"):
        await bus.publish(packet("worker", attempt=1))


async def test_mistakes_are_heard_at_once(join: Agents) -> None:
    bus = await join("w", "worker")
    with pytest.raises(FrameError):
        await bus.publish(packet("worker", subject=""))
    with pytest.raises(TooLarge):
        await bus.publish(packet("worker", bytes(DEFAULT_MAX_BYTES + 1)))
    await bus.publish(packet("worker"))
    delivery = await received(bus)
    with pytest.raises(TooLarge):
        await bus.ack(delivery, [packet(None, bytes(DEFAULT_MAX_BYTES // 2))] * 2)
    await bus.ack(delivery)


async def test_a_large_message_comes_whole(join: Agents) -> None:
    bus = await join("w", "worker")
    body = bytes(range(256)) * (DEFAULT_MAX_BYTES // 256)
    await bus.publish(packet("worker", body))
    assert (await received(bus)).packet.body == body


async def test_a_closed_client_says_so(join: Agents) -> None:
    bus, other = await join("w", "worker"), await join("o", "other")
    await other.publish(packet("worker"))
    delivery = await received(bus)
    await bus.close()
    await bus.close()
    with pytest.raises(BusError):
        await bus.publish(packet("worker"))
    with pytest.raises(BusError):
        await bus.ack(delivery)
    with pytest.raises(BusError):
        await asyncio.wait_for(bus.receive(), SOON_S)
