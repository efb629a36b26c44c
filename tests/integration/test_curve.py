"""The broker on TCP: who has a key on the list comes in, as what the key says, for as long as it is there."""

import asyncio
import contextlib
import json
import socket as stdlib_socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq

from guildbus.bus.client import ZmqBus
from guildbus.bus.curve import Authenticator, ClientKeys, secure_client, secure_server
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.keys import Keyring, new_pair, read_pair
from guildbus.bus.tail import JournalReader
from guildbus.protocols import ids, wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError, NotAllowed
from guildbus.protocols.wire import Kind, Packet

LIMITS = {"heartbeat_s": 0.2, "silent_s": 5.0}


def free_port() -> int:
    with stdlib_socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Place:
    """A broker's folder, its keys, and a port."""

    folder: Path
    port: int

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def ring(self) -> Keyring:
        return Keyring(self.folder / "keys")

    def start(self, *extra: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", "-m", "guildbus.bus.main", "--endpoint", self.endpoint]
        command += ["--journal", str(self.folder / "journal.db"), "--limits", json.dumps(LIMITS), *extra]
        with (self.folder / "broker.log").open("a") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    @contextlib.contextmanager
    def broker(self) -> Iterator[None]:
        with self.start("--keys", str(self.ring.folder)) as process:
            try:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["ready"] == self.endpoint
                yield
            finally:
                process.terminate()
        assert process.returncode == 0

    def keys(self, name: str) -> ClientKeys:
        return ClientKeys(read_pair(self.ring.path_of(name)), self.ring.server_key())

    def client(
        self, agent: str, role: str, keys: ClientKeys | None, timeout_s: float = 5.0, life: str = "1"
    ) -> ZmqBus:
        identity = AgentIdentity(agent, role, life)
        journal = self.folder / "journal.db"
        return ZmqBus(self.endpoint, identity, journal=journal, open_timeout_s=timeout_s, keys=keys)

    async def refused_counts(self) -> dict[str, int]:
        """The broker's own count, asked for by the operator."""
        async with opened(self.client("cli-1", "operator", self.keys("operator"))) as bus:
            found: dict[str, int] = (await bus.health())["refused"]
            return found


@contextlib.asynccontextmanager
async def opened(bus: ZmqBus) -> AsyncIterator[ZmqBus]:
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """go-dev, planner and the operator have keys."""
    place = Place(tmp_path, free_port())
    for name in ("go-dev", "planner"):
        place.ring.new(name, (name,), (name, f"{name}-*"))
    place.ring.new("operator", ("operator",), ("cli-*",))
    return place


def packet(to: str | None, source: str) -> Packet:
    envelope = Envelope(
        id=ids.new_message_id(), source=source, type="x.v1", subject="r", time=format_time(time.time()), to=to
    )
    return Packet(envelope, b"\x80")


async def stays_out(bus: ZmqBus) -> bool:
    with pytest.raises(BusError, match="no broker answered"):
        await bus.open()
    return True


async def test_a_key_on_the_list_comes_in_and_works(place: Place) -> None:
    with place.broker():
        async with (
            opened(place.client("planner", "planner", place.keys("planner"))) as planner,
            opened(place.client("go-dev-2", "go-dev", place.keys("go-dev"))) as dev,
        ):
            await planner.publish(packet("go-dev", planner.instance))
            delivery = await asyncio.wait_for(dev.receive(), 5)
            await dev.ack(delivery, [packet(None, dev.instance)])
        assert await place.refused_counts() == {}


async def test_a_key_of_go_dev_is_no_planner(place: Place) -> None:
    with place.broker():
        for agent, role in (("planner", "planner"), ("go-dev", "planner"), ("planner", "go-dev")):
            with pytest.raises(NotAllowed, match="'go-dev' does not allow"):
                await place.client(agent, role, place.keys("go-dev")).open()
        assert (await place.refused_counts())["protocol.not_allowed"] == 3
    with contextlib.closing(JournalReader(place.folder / "journal.db")) as reader:
        assert reader.history("r") == []


async def test_nobody_else_comes_in(place: Place) -> None:
    stranger = ClientKeys(new_pair(), place.ring.server_key())
    impostor = ClientKeys(place.keys("go-dev").pair, new_pair().public)
    swapped = ClientKeys(place.keys("go-dev").pair, place.keys("planner").pair.public)
    with place.broker():
        for keys in (stranger, impostor, swapped):
            assert await stays_out(place.client("go-dev", "go-dev", keys, timeout_s=0.5))
        counts = await place.refused_counts()
    assert counts["connection.key"] >= 1
    assert counts["connection.handshake"] >= 2


GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
"""ZMTP 3.0 without encryption (RFC 23). libzmq may hang up first, on the broker's greeting; this waits."""


def until_hung_up(port: int, said: bytes) -> None:
    """Say something to the broker's port, and wait until it ends the connection."""
    with stdlib_socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(20)
        raw.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(4096):
                pass


async def test_a_plain_client_does_not_come_in(place: Place) -> None:
    hello = wire.build(Kind.HELLO, {"agent": "go-dev", "role": "go-dev", "incarnation": "1"})
    with place.broker():
        with zmq.Context.instance().socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(place.endpoint)
            dealer.send_multipart(hello)
            assert not dealer.poll(500)
        until_hung_up(place.port, b"GET / HTTP/1.1\r\n\r\n" * 10)
        before = (await place.refused_counts()).get("connection.handshake", 0)
        until_hung_up(place.port, GREETING)
        assert (await place.refused_counts())["connection.handshake"] == before + 1


async def test_a_revoked_key_is_cut_off_and_what_it_held_goes_to_another(place: Place) -> None:
    place.ring.new("spare", ("go-dev",), ("spare",))
    with place.broker():
        thief = place.client("go-dev", "go-dev", place.keys("go-dev"))
        async with (
            opened(place.client("planner", "planner", place.keys("planner"))) as planner,
            opened(thief),
        ):
            await planner.publish(packet("go-dev", planner.instance))
            taken = await asyncio.wait_for(thief.receive(), 5)
            stolen = place.keys("go-dev")
            async with opened(place.client("spare", "go-dev", place.keys("spare"))) as spare:
                place.ring.revoke("go-dev")
                again = await asyncio.wait_for(spare.receive(), 5)
                assert again.packet.envelope.id == taken.packet.envelope.id
                assert again.packet.envelope.attempt == 2
                answering = asyncio.create_task(thief.ack(taken))
                assert await stays_out(place.client("go-dev", "go-dev", stolen, timeout_s=0.5, life="2"))
                await spare.ack(again)
                assert not answering.done()
                answering.cancel()
        assert (await place.refused_counts())["connection.shown_out"] == 1
    with contextlib.closing(JournalReader(place.folder / "journal.db")) as reader:
        ends = [(found.event, found.agent.partition("/")[0]) for found in reader.attempts("r")]
    assert ends[-1] == ("settled", "spare")
    assert ("settled", "go-dev") not in ends


async def test_a_key_that_is_added_later_comes_in_without_a_restart(place: Place) -> None:
    with place.broker():
        place.ring.new("late", ("go-dev",), ("late",))
        async with opened(place.client("late", "go-dev", place.keys("late"))) as late:
            assert [agent["name"] for agent in (await late.health())["agents"]] == ["late"]


def test_tcp_without_keys_is_refused_at_both_ends(place: Place) -> None:
    with place.start() as process:
        assert process.wait(20) == 3
    (said,) = (place.folder / "broker.log").read_text().splitlines()
    assert "TCP without keys would let everybody in" in said
    with pytest.raises(BusError, match="TCP needs keys"):
        asyncio.run(place.client("go-dev", "go-dev", None).open())


def test_a_broker_without_a_key_of_its_own_says_how_to_make_one(place: Place) -> None:
    place.ring.path_of("server").unlink()
    with place.start("--keys", str(place.ring.folder)) as process:
        assert process.wait(20) == 3
    assert "guildbus keys new" in (place.folder / "broker.log").read_text()


@pytest.mark.parametrize("endpoint", ["inproc://x", "ipc://relative", "http://h:1", "tcp:/x"])
def test_other_endpoints_are_none(endpoint: str) -> None:
    with pytest.raises(BusError, match="not an endpoint"):
        asyncio.run(ZmqBus(endpoint, AgentIdentity("a", "r", "1")).open())


def test_without_an_authenticator_nobody_comes_in_at_all() -> None:
    """libzmq's default is to let every key in; ZAP_ENFORCE_DOMAIN turns that round."""
    with zmq.Context() as context:
        server, client = new_pair(), new_pair()
        router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
        with router, dealer:
            router.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.LINGER, 0)
            secure_server(router, server)
            port = router.bind_to_random_port("tcp://127.0.0.1")
            endpoint = f"tcp://127.0.0.1:{port}"
            secure_client(dealer, endpoint, ClientKeys(client, server.public))
            dealer.connect(endpoint)
            dealer.send(b"let me in")
            assert not router.poll(500)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, b"2.0"), (2, b"other"), (2, b""), (5, b"NULL"), (5, b"PLAIN"), (6, b"k" * 31), (6, b"")],
)
def test_the_authenticator_refuses_whatever_is_not_our_question(at: int, value: bytes) -> None:
    question = [b"1.0", b"7", b"guildbus", b"127.0.0.1", b"", b"CURVE", b"k" * 32]
    with zmq.Context() as context:
        desk = Authenticator(context, lambda key: True)
        with context.socket(zmq.REQ) as asking:
            asking.setsockopt(zmq.LINGER, 0)
            asking.setsockopt(zmq.RCVTIMEO, 2000)
            asking.connect("inproc://zeromq.zap.01")
            answers: list[Any] = []
            for asked in (question, [*question[:at], value, *question[at + 1 :]], question[:5]):
                asking.send_multipart(asked)
                assert desk.socket.poll(2000)
                desk.answer()
                answers.append(asking.recv_multipart()[2])
        desk.close()
    assert answers == [b"200", b"400", b"400"]
