"""The broker process from outside: garbage, strangers, rivals, signals, restarts."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.tail import JournalReader
from guildbus.protocols import ids, wire
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError, StaleAttempt
from guildbus.protocols.wire import Frame, Kind, Packet

MAX_BYTES = 4096
HELLO = {"agent": "a", "role": "worker", "incarnation": "1", "credit": 1}


@dataclass
class Place:
    """Where one broker lives, and how it is started."""

    folder: Path
    limits: str = "{}"

    @property
    def endpoint(self) -> str:
        return f"ipc://{self.folder}/b.sock"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def start(self, **changes: str) -> "subprocess.Popen[str]":
        options = {"endpoint": self.endpoint, "journal": str(self.journal), "limits": self.limits} | changes
        command = [sys.executable, "-P", "-m", "guildbus.bus.main", "--max-bytes", str(MAX_BYTES)]
        for name, value in options.items():
            command += [f"--{name}", value]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @contextlib.contextmanager
    def broker(self) -> Iterator["subprocess.Popen[str]"]:
        with self.start() as process:
            try:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["ready"] == self.endpoint
                yield process
            finally:
                process.kill()

    def client(self, name: str, role: str, **options: Any) -> ZmqBus:
        return ZmqBus(self.endpoint, AgentIdentity(name, role, "1"), journal=self.journal, **options)

    @contextlib.contextmanager
    def socket(self) -> Iterator["zmq.Socket[bytes]"]:
        """A bare DEALER: whatever talks without our client."""
        dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        with dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.RCVTIMEO, 5000)
            dealer.connect(self.endpoint)
            yield dealer


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A socket's path has at most 100 bytes."""
    return Place(tmp_path_factory.mktemp("b"))


def ask(dealer: "zmq.Socket[bytes]", frames: list[bytes]) -> Frame:
    dealer.send_multipart(frames)
    return wire.parse(dealer.recv_multipart())


def packet(to: str | None, body: bytes = b"\x80") -> Packet:
    message_id = ids.new_message_id()
    return Packet(
        Envelope(id=message_id, source="t", type="x.v1", subject="r", time=format_time(time.time()), to=to),
        body,
    )


def good_hello(dealer: "zmq.Socket[bytes]") -> None:
    assert ask(dealer, wire.build(Kind.HELLO, HELLO)).kind is Kind.WELCOME


GARBAGE: list[tuple[list[bytes], str]] = [
    ([b"hello"], "protocol.frame"),
    ([b""], "protocol.frame"),
    ([b"\x01", b"\x03", b"\x80", b"", b""], "protocol.frame"),
    ([b"\x02", b"\x01", b"\x80", b""], "protocol.frame"),
    ([b"\x01", b"\xff", b"\x80", b""], "protocol.frame"),
    ([b"\x01", b"\x01", b"\xc1", b""], "protocol.frame"),
    ([b"\x01", b"\x01", b"\x80", b""], "protocol.frame"),
    ([b"\x01", b"\x03", b"\x80" * (wire.MAX_HEADER_BYTES + 1), b""], "protocol.too_large"),
    ([b"\x01", b"\x09", b"\x80", b"x" * (MAX_BYTES + 1)], "protocol.too_large"),
    (wire.build(Kind.WELCOME, {}), "protocol.frame"),
    (wire.build(Kind.ACK, {"id": "m", "attempt": 1}, b"\x91\x01"), "protocol.frame"),
    (wire.build(Kind.PUBLISH, packet("q").envelope.to_header() | {"extra": 1}), "protocol.frame"),
    (wire.build(Kind.HEARTBEAT, {}), "protocol.no_session"),
    (wire.build(Kind.PUBLISH, packet("q").envelope.to_header()), "protocol.no_session"),
    (wire.build(Kind.ACK, {"id": "m", "attempt": 1}), "protocol.no_session"),
]


def test_garbage_and_strangers_get_typed_errors_and_the_broker_lives(place: Place) -> None:
    with place.broker() as process, place.socket() as dealer:
        for frames, code in GARBAGE:
            answer = ask(dealer, frames)
            assert (answer.kind, answer.header["code"]) == (Kind.ERROR, code), frames
            assert answer.header["what"]
        good_hello(dealer)
        assert process.poll() is None


def test_a_refusal_names_the_request(place: Place) -> None:
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        sent = packet("worker", b"x" * (MAX_BYTES + 1))
        answer = ask(dealer, wire.build(Kind.PUBLISH, sent.envelope.to_header(), sent.body))
        assert answer.header["code"] == "protocol.too_large"
        assert (answer.header["id"], answer.header["attempt"]) == (sent.envelope.id, 0)


def test_a_frame_far_over_the_limit_ends_the_connection_not_the_broker(place: Place) -> None:
    with place.broker() as process:
        with place.socket() as dealer:
            good_hello(dealer)
            dealer.send_multipart(
                wire.build(Kind.HEARTBEAT, {}, b"x" * (MAX_BYTES + 10 * wire.MAX_HEADER_BYTES))
            )
            with contextlib.suppress(zmq.Again):
                dealer.setsockopt(zmq.RCVTIMEO, 300)
                assert wire.parse(dealer.recv_multipart()).kind is Kind.ERROR
        with place.socket() as dealer:
            good_hello(dealer)
        assert process.poll() is None


def test_one_id_twice_in_an_ack_does_not_kill_the_broker(place: Place) -> None:
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        sent = packet("worker")
        assert ask(dealer, wire.build(Kind.PUBLISH, sent.envelope.to_header())).kind is Kind.ACCEPTED
        assert wire.parse(dealer.recv_multipart()).kind is Kind.DELIVER
        emit = packet(None)
        ack = wire.build(Kind.ACK, {"id": sent.envelope.id, "attempt": 1}, wire.pack_emits([emit, emit]))
        assert ask(dealer, ack).kind is Kind.ACCEPTED
        with contextlib.closing(JournalReader(place.journal)) as reader:
            assert len(reader.history("r")) == 2


def test_a_refused_publish_is_not_a_known_one(place: Place) -> None:
    """Two of one id in one turn: the first is refused, so the second is no duplicate of it."""
    place.limits = json.dumps({"queue_bound": 1})
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        first, second = packet("full"), packet("full")
        frames = [wire.build(Kind.PUBLISH, one.envelope.to_header()) for one in (first, second, second)]
        for one in frames:
            dealer.send_multipart(one)
        answers = [wire.parse(dealer.recv_multipart()) for _ in frames]
        assert [answer.kind for answer in answers] == [Kind.ACCEPTED, Kind.ERROR, Kind.ERROR]


def test_a_batch_is_heard_to_its_end_also_when_a_page_must_be_fetched_in_its_middle(place: Place) -> None:
    place.limits = json.dumps({"window": 2})
    with place.broker(), place.socket() as dealer:
        dealer.send_multipart(wire.build(Kind.HELLO, HELLO | {"credit": 0, "batch": True}))
        assert wire.parse(dealer.recv_multipart()).header["batch"] is True
        publish = [wire.publication(packet("worker")) for _ in range(20)]
        credit = wire.build(Kind.CREDIT, {"amount": 4})
        dealer.send_multipart(wire.pack_batch([wire.frames_of(one) for one in publish[:10]]))
        in_turn = [part for one in publish[10:] for part in (credit, wire.frames_of(one))]
        dealer.send_multipart(wire.pack_batch(in_turn))
        heard: list[Frame] = []
        while len(heard) < 40:
            heard += [wire.parse(one) for one in wire.unpack_batch(dealer.recv_multipart())]
        ids_of = {kind: [one.header["id"] for one in heard if one.kind is kind] for kind in Kind}
        assert ids_of[Kind.ACCEPTED] == [one.header["id"] for one in publish]
        assert ids_of[Kind.DELIVER] == ids_of[Kind.ACCEPTED]


@pytest.mark.parametrize("rival", ["same socket and journal", "same socket", "same journal"])
def test_a_second_broker_is_refused(place: Place, rival: str) -> None:
    other = {
        "same socket and journal": {},
        "same socket": {"journal": str(place.folder / "other.db")},
        "same journal": {"endpoint": f"ipc://{place.folder}/other.sock"},
    }[rival]
    with place.broker(), place.socket() as dealer:
        with place.start(**other) as second:
            out, error = second.communicate(timeout=20)
        assert (second.returncode, out) == (3, "")
        assert "in use by another broker" in error
        assert len(error.splitlines()) == 1
        good_hello(dealer)


@pytest.mark.parametrize("content", [b"this is no database" * 100, None])
def test_a_file_that_is_no_journal_is_refused(place: Place, content: bytes | None) -> None:
    if content is None:
        place.journal.mkdir()
    else:
        place.journal.write_bytes(content)
    with place.start() as process:
        _, error = process.communicate(timeout=20)
    assert process.returncode == 3
    assert len(error.splitlines()) == 1


def test_a_client_that_names_itself_gets_no_answer(place: Place) -> None:
    """An identity that somebody chose could be another's, whose connection has just gone."""
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        for chosen in (b"somebody", b"\x01abcd", b"x"):
            with zmq.Context.instance().socket(zmq.DEALER) as named:
                named.setsockopt(zmq.LINGER, 0)
                named.setsockopt(zmq.IDENTITY, chosen)
                named.connect(place.endpoint)
                named.send_multipart(wire.build(Kind.HELLO, HELLO | {"incarnation": "2"}))
                assert not named.poll(300)
        asked = wire.build(Kind.HEARTBEAT, {"health": True})
        assert ask(dealer, asked).header["health"]["refused"]["connection.identity"] >= 3


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_socket_in_a_folder_that_others_can_enter_is_refused(place: Place, mode: int) -> None:
    open_folder = place.folder / "open"
    open_folder.mkdir()
    open_folder.chmod(mode)
    with place.start(endpoint=f"ipc://{open_folder}/b.sock") as process:
        _, error = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "open to others" in error
    assert "chmod 700" in error


def test_the_socket_itself_is_ours_alone(place: Place) -> None:
    with place.broker():
        assert (place.folder / "b.sock").stat().st_mode & 0o777 == 0o600


def test_one_connection_is_one_agent(place: Place) -> None:
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        for other in ({"agent": "b"}, {"incarnation": "2"}):
            answer = ask(dealer, wire.build(Kind.HELLO, HELLO | other))
            assert answer.header["code"] == "protocol.not_allowed"
        good_hello(dealer)


def test_a_socket_path_that_is_too_long_is_refused(place: Place) -> None:
    with place.start(endpoint=f"ipc://{place.folder}/{'x' * 100}") as process:
        _, error = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "too long" in error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_cleanly_within_a_second(place: Place, number: signal.Signals) -> None:
    """Cleanly each time; within a second at least once, since others may hold the processor meanwhile."""
    took = []
    for _ in range(3):
        with place.broker() as process:
            with place.socket() as dealer:
                good_hello(dealer)
                started = time.monotonic()
                process.send_signal(number)
                process.send_signal(number)
                assert process.wait(10) == 0
                took.append(time.monotonic() - started)
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()
        assert not (place.folder / "b.sock").exists()
        if took[-1] < 1.0:
            break
    assert min(took) < 1.0
    with place.broker():
        pass


async def test_a_restart_resumes_what_was_open(place: Place) -> None:
    with place.broker() as process:
        sender = place.client("s", "sender")
        await sender.open()
        sent = [packet("worker", bytes([number])) for number in range(3)]
        for one in sent:
            await sender.publish(one)
        await sender.close()
        process.kill()
    with place.broker():
        worker = place.client("w", "worker")
        await worker.open()
        for one in sent:
            delivery = await asyncio.wait_for(worker.receive(), 5)
            assert delivery.packet.body == one.body
            await worker.ack(delivery)
        await worker.close()
    with contextlib.closing(JournalReader(place.journal)) as reader:
        assert [stored.state for stored in reader.history("r")] == [1, 1, 1]


async def test_a_client_that_reconnects_settles_what_it_had_in_hand(place: Place) -> None:
    worker, rival = place.client("w", "worker"), place.client("v", "worker")
    with place.broker() as process:
        await worker.open()
        await worker.publish(packet("worker"))
        delivery = await asyncio.wait_for(worker.receive(), 5)
        await rival.open()
        process.kill()
    with place.broker():
        await asyncio.wait_for(worker.ack(delivery, [packet(None, b"\x02")]), 10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rival.receive(), 0.3)
        history = await worker.history("r", 99)
        assert [found.body for found in history] == [b"\x80", b"\x02"]
        with contextlib.closing(JournalReader(place.journal)) as reader:
            assert [attempt.event for attempt in reader.attempts("r")] == ["delivered", "settled"]
        await worker.close()
        await rival.close()


async def test_a_stopped_broker_is_outlived(place: Place) -> None:
    """A publish that was under way when the broker stood still is confirmed when it goes on."""
    place.limits = json.dumps({"heartbeat_s": 0.1})
    worker = place.client("w", "worker")
    with place.broker() as process:
        await worker.open()
        process.send_signal(signal.SIGSTOP)
        publishing = asyncio.create_task(worker.publish(packet("worker")))
        await asyncio.sleep(1.0)
        assert not publishing.done()
        process.send_signal(signal.SIGCONT)
        await asyncio.wait_for(publishing, 10)
        delivery = await asyncio.wait_for(worker.receive(), 5)
        while True:
            with contextlib.suppress(StaleAttempt):
                await worker.ack(delivery)
                break
            delivery = await asyncio.wait_for(worker.receive(), 5)
        assert len(await worker.history("r", 99)) == 1
        await worker.close()


async def test_what_is_said_to_a_broker_that_stands_still_is_heard_when_it_goes_on(place: Place) -> None:
    """More than the sockets hold, one by one, and for less time than makes a client connect anew."""
    with place.broker() as process:
        sender = place.client("s", "sender")
        await sender.open()
        publishing = []
        process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(6000):
                publishing.append(asyncio.create_task(sender.publish(packet(None))))
                for _ in range(2):
                    await asyncio.sleep(0)
        finally:
            process.send_signal(signal.SIGCONT)
        _, unconfirmed = await asyncio.wait(publishing, timeout=60)
        assert len(unconfirmed) == 0
        assert len(await sender.history("r", 10_000)) == len(publishing)
        await sender.close()


async def test_nobody_there_is_said(place: Place) -> None:
    with pytest.raises(BusError, match="no broker answered"):
        await place.client("w", "worker", open_timeout_s=0.3).open()


async def test_health_tells_what_everyone_does(place: Place) -> None:
    with place.broker():
        worker = place.client("w", "worker")
        await worker.open()
        await worker.publish(packet("worker"))
        await asyncio.wait_for(worker.receive(), 5)
        report = await worker.health()
        (agent,) = report["agents"]
        assert (agent["name"], agent["role"], agent["credit"]) == ("w", "worker", 0)
        assert agent["handling"] == [{"type": "x.v1", "run": "r", "attempt": 1}]
        assert {"role": "worker", "ready": 0, "leased": 1, "backlog": 1} in report["queues"]
        await worker.close()


async def test_who_is_cancelled_as_the_answer_comes_has_stopped_waiting(place: Place) -> None:
    """After a loop has stood still, both may come in one turn of it, whichever is first."""
    with place.broker():
        worker = place.client("w", "worker")
        await worker.open()
        for turns in range(50):
            asking = asyncio.create_task(worker.health())
            for _ in range(3):
                await asyncio.sleep(0)
            time.sleep(0.1)  # noqa: ASYNC251 - the loop stands still, and the answer comes meanwhile
            for _ in range(turns):
                await asyncio.sleep(0)
            answered = asking.done()
            asking.cancel()
            await asyncio.wait({asking}, timeout=5)
            assert asking.cancelled() is not answered, f"cancelled {turns} turns after the answer came"
            if answered:
                break
        assert (turns > 0, answered) == (True, True)
        await worker.close()


def test_the_body_is_none_of_the_brokers_business(place: Place) -> None:
    with place.broker(), place.socket() as dealer:
        good_hello(dealer)
        body = msgpack.packb("no map at all") + b"\xc1"
        sent = packet("worker", body)
        assert ask(dealer, wire.build(Kind.PUBLISH, sent.envelope.to_header(), body)).kind is Kind.ACCEPTED
        assert wire.parse(dealer.recv_multipart()).body == body
