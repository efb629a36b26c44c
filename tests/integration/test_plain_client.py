"""A second implementation joins a real broker: `plain_client.py`, written from docs/protocol.md alone."""

import asyncio
import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.runtime import wrap
from guildbus.bus.client import ZmqBus
from guildbus.bus.interface import AgentIdentity, Delivery
from guildbus.bus.tail import JournalReader
from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.wire import Kind, Packet

CLIENT = Path(__file__).parent.parent / "plain_client.py"
LIMITS = {"lease_s": 1.5, "heartbeat_s": 0.3, "silent_s": 60.0, "unclaimed_s": 60.0}
TASK = FileTask(path="plain.go", purpose="nothing", owner="go-dev", package="plain", stage=0)
REQUEST = DraftRequested(task=TASK, author="go-dev", round=0, module="m", overview="o")

Line = tuple[Kind, str | None, int | None, str | None, bool | None]
"""What the client hears: kind, id, attempt, code, duplicate."""


@dataclass
class Plain:
    """One plain client in a process of its own, and what it has heard so far."""

    process: "subprocess.Popen[str]"
    _heard: "queue.Queue[Line]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            kind, *rest = json.loads(text)
            self._heard.put((Kind(kind), *rest))

    def hears(self, wanted: Callable[[Line], bool], timeout_s: float = 30.0) -> Line:
        """The next line that fits; those before it are dropped."""
        deadline = time.monotonic() + timeout_s
        while not wanted(line := self._heard.get(timeout=max(0.01, deadline - time.monotonic()))):
            pass
        return line

    def hears_kind(self, kind: Kind) -> Line:
        return self.hears(lambda line: line[0] is kind)

    def hears_code(self, code: str) -> Line:
        return self.hears(lambda line: line[3] == code)


@dataclass
class Place:
    """A folder with a broker, a journal and whoever joins them."""

    folder: Path
    processes: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"ipc://{self.folder}/b.sock"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def _start(self, *words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen([sys.executable, "-P", *words], stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def broker(self) -> "subprocess.Popen[str]":
        limits = json.dumps(LIMITS)
        options = ["--endpoint", self.endpoint, "--journal", str(self.journal), "--limits", limits]
        process = self._start("-m", "guildbus.bus.main", *options)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"] == self.endpoint
        return process

    def plain(self, work_s: float) -> Plain:
        return Plain(self._start(str(CLIENT), self.endpoint, str(work_s)))

    @contextlib.asynccontextmanager
    async def agent(self, name: str, role: str, credit: int = 1) -> Any:
        bus = ZmqBus(self.endpoint, AgentIdentity(name, role, "1"), journal=self.journal, credit=credit)
        await bus.open()
        try:
            yield bus
        finally:
            await bus.close()

    async def request(self) -> Packet:
        """Publish one draft request as the planner."""
        packet = wrap(REQUEST, source="planner/1", subject="run", now=time.time())
        async with self.agent("planner", "planner", credit=0) as planner:
            await planner.publish(packet)
        return packet

    async def proposal(self) -> Delivery:
        """What the gate-keeper is given."""
        async with self.agent("gate-keeper", "gate-keeper") as keeper:
            delivery: Delivery = await asyncio.wait_for(keeper.receive(), 30)
            await keeper.ack(delivery)
        return delivery

    def attempts(self, message: str) -> list[tuple[str, str, str]]:
        """What happened to a message: event, agent without its incarnation, code."""
        reader = JournalReader(self.journal)
        try:
            seqs = {stored.packet.envelope.id: stored.seq for stored in reader.history("run")}
            found = [one for one in reader.attempts("run") if one.seq == seqs[message]]
        finally:
            reader.close()
        return [(one.event, one.agent.split("/")[0], one.code) for one in found]

    def messages(self) -> list[Envelope]:
        reader = JournalReader(self.journal)
        try:
            return [stored.packet.envelope for stored in reader.history("run")]
        finally:
            reader.close()


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("p"))
    try:
        yield place
    finally:
        for process in place.processes:
            process.kill()
            with process:
                process.wait()


def test_it_owes_nothing_to_guildbus_and_its_protocol_is_forty_lines() -> None:
    text = CLIENT.read_text("utf-8")
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    known = sys.stdlib_module_names | {"msgpack", "zmq"}
    assert imports
    assert {line.split()[1].split(".")[0] for line in imports} <= known
    body = text.split('"""\n    socket, hand')[1].split("\n\n\n")[0]
    assert len(body.splitlines()) <= 45, "more than forty lines, and a few"


async def test_it_works_longer_than_its_lease_and_its_answer_validates(place: Place) -> None:
    place.broker()
    client = place.plain(work_s=3 * LIMITS["lease_s"])
    assert client.hears_kind(Kind.WELCOME)
    asked = await place.request()
    delivery = await place.proposal()
    body = codec.decode(delivery.packet.envelope.type, delivery.packet.body, standard_registry())
    assert isinstance(body, DraftProposed)
    assert body.request == REQUEST
    envelope = delivery.packet.envelope
    assert envelope.causationid == asked.envelope.id
    assert envelope.correlationid == asked.envelope.correlationid
    assert (envelope.subject, envelope.hops) == ("run", 1)
    assert envelope.traceparent == ids.traceparent("run", envelope.id)
    assert client.hears_kind(Kind.ACCEPTED)[1:3] == (asked.envelope.id, 1)
    assert client.hears_kind(Kind.HEARTBEAT)
    assert place.attempts(asked.envelope.id) == [("delivered", "plain", ""), ("settled", "plain", "")]
    again = await place.request()  # its credit came back with the ACK
    assert client.hears_kind(Kind.DELIVER)[1:3] == (again.envelope.id, 1)


async def test_it_sends_its_answer_again_after_the_broker_died(place: Place) -> None:
    broker = place.broker()
    client = place.plain(work_s=2.0)
    client.hears_kind(Kind.WELCOME)
    asked = await place.request()
    client.hears_kind(Kind.DELIVER)
    broker.send_signal(signal.SIGSTOP)  # the ACK goes into a broker that never reads it
    await asyncio.sleep(2.5)
    broker.kill()
    place.broker()
    client.hears_kind(Kind.WELCOME)
    assert client.hears_kind(Kind.ACCEPTED)[1:3] == (asked.envelope.id, 1)
    assert place.attempts(asked.envelope.id) == [("delivered", "plain", ""), ("settled", "plain", "")]
    assert [envelope.type for envelope in place.messages()] == ["draft.requested.v1", "draft.proposed.v1"]


async def test_as_a_zombie_it_is_refused_and_works_on(place: Place) -> None:
    place.broker()
    client = place.plain(work_s=1.0)
    client.hears_kind(Kind.WELCOME)
    asked = await place.request()
    client.hears_kind(Kind.DELIVER)
    client.process.send_signal(signal.SIGSTOP)
    async with place.agent("other", "go-dev") as other:
        taken = await asyncio.wait_for(other.receive(), 30)
        assert taken.packet.envelope.attempt == 2
        client.process.send_signal(signal.SIGCONT)
        assert client.hears_code("protocol.stale_attempt")[1:3] == (asked.envelope.id, 1)
        await other.ack(taken)
    again = await place.request()
    assert client.hears(lambda line: line[1] == again.envelope.id)[0] is Kind.DELIVER
    assert client.hears_kind(Kind.ACCEPTED)[1:3] == (again.envelope.id, 1)
    made = [envelope for envelope in place.messages() if envelope.type == "draft.proposed.v1"]
    assert [envelope.causationid for envelope in made] == [again.envelope.id]


async def test_it_ends_when_another_process_takes_its_name(place: Place) -> None:
    place.broker()
    first = place.plain(work_s=0.1)
    first.hears_kind(Kind.WELCOME)
    second = place.plain(work_s=0.1)
    second.hears_kind(Kind.WELCOME)
    first.hears_code("protocol.replaced")
    assert first.process.wait(10) == 0


async def test_it_gives_back_for_good_what_it_does_not_know(place: Place) -> None:
    place.broker()
    client = place.plain(work_s=0.1)
    client.hears_kind(Kind.WELCOME)
    known = wrap(REQUEST, source="x/1", subject="run", now=time.time())
    strange = Packet(replace(known.envelope, type="strange.thing.v1"), b"\x80")
    async with place.agent("x", "x", credit=0) as sender:
        await sender.publish(strange)
    client.hears_kind(Kind.ACCEPTED)
    event, agent, code = place.attempts(strange.envelope.id)[-1]
    assert (event, agent, code) == ("dead", "plain", "protocol.unknown_type")
