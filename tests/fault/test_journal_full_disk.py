"""A disk that is full or fails under the journal: nothing is confirmed, everyone stays, and it goes on."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from guildbus.bus.broker import Broker
from guildbus.bus.client import ZmqBus
from guildbus.bus.events import Store
from guildbus.bus.interface import AgentIdentity
from guildbus.bus.journal import Journal
from guildbus.bus.state import Limits
from guildbus.bus.tail import JournalReader
from guildbus.launch.bench.faults.under_sqlite import FaultVFS
from guildbus.protocols.errors import JournalError
from guildbus.protocols.wire import Packet
from journal_records import packet, records


class Disk:
    """`fails(what)` says what each write or sync raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: type[apsw.Error] | None = None
        self.on = "write"
        self.passes = 0
        self.raised = 0
        self._vfs = FaultVFS(name, self._seen)

    def _seen(self, _file: str, what: str) -> None:
        if self.error is None or what != self.on:
            return
        if self.passes > 0:
            self.passes -= 1
            return
        self.raised += 1
        raise self.error("asked for")

    def breaks(self, error: type[apsw.Error], on: str = "write", passes: int = 0) -> None:
        self.error, self.on, self.passes = error, on, passes

    def heals(self) -> None:
        self.error = None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(f"faulty-{tmp_path.name}")
    yield made
    made.heals()


SPELLS = [(apsw.FullError, "write"), (apsw.IOError, "write"), (apsw.IOError, "before the sync")]


@pytest.mark.parametrize(("error", "on"), SPELLS)
@pytest.mark.parametrize("passes", [0, 1, 3, 6])
def test_a_commit_that_fails_changes_nothing_and_can_be_made_again(
    tmp_path: Path, disk: Disk, error: type[apsw.Error], on: str, passes: int
) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(Journal(path, vfs=disk.name)) as journal:
        journal.commit(records(1), 1.0)
        turn = [record for seq in (2, 3, 4, 5) for record in records(seq)]
        disk.breaks(error, on, passes if on == "write" else 0)
        for _ in range(3):
            with pytest.raises(JournalError) as raised:
                journal.commit(turn, 2.0)
            assert raised.value.code == "infra.journal"
            assert raised.value.remedy
            disk.passes = passes if on == "write" else 0
            assert journal.next_seq() == 2
        disk.heals()
        journal.commit(turn, 2.0)
        assert journal.next_seq() == 6
    with contextlib.closing(Journal(path)) as journal:
        assert journal.damage == []
        assert [journal.packet(seq) for seq in range(1, 6)] == [packet(seq) for seq in range(1, 6)]


@pytest.mark.parametrize("passes", [0, 1, 2, 3])
def test_a_commit_that_raises_is_not_in_the_file_and_one_that_does_not_is(
    tmp_path: Path, disk: Disk, passes: int
) -> None:
    """Every hundred commits or so the log is copied into the file: that this fails is no failed commit."""
    taken = refused = 0
    with contextlib.closing(Journal(tmp_path / "journal.db", vfs=disk.name)) as journal:
        for seq in range(1, 301):
            turn = [Store(seq, Packet(packet(seq).envelope, bytes(32_768)), "q")]
            disk.breaks(apsw.IOError, "before the sync", passes)
            try:
                journal.commit(turn, 2.0)
                taken += 1
            except JournalError:
                refused += 1
                assert journal.next_seq() == seq
                disk.heals()
                journal.commit(turn, 2.0)
            assert journal.next_seq() == seq + 1
    assert disk.raised > refused or passes != 1, "copying the log back never failed"
    assert taken or passes == 0


@asynccontextmanager
async def running(folder: Path, disk: Disk) -> AsyncIterator[str]:
    endpoint = f"ipc://{folder}/b.sock"
    journal = Journal(folder / "journal.db", vfs=disk.name)
    broker = Broker(endpoint, journal, Limits(heartbeat_s=0.4, silent_s=1.5, lease_s=1.0))
    thread = threading.Thread(target=broker.run)
    thread.start()
    try:
        yield endpoint
    finally:
        broker.stop()
        await asyncio.to_thread(thread.join)


def client(endpoint: str, name: str) -> ZmqBus:
    return ZmqBus(endpoint, AgentIdentity(name, name, "1"), credit=4 if name == "q" else 0)


@pytest.mark.parametrize(("error", "on"), SPELLS)
async def test_the_broker_stands_still_and_goes_on_by_itself(
    tmp_path_factory: pytest.TempPathFactory, disk: Disk, error: type[apsw.Error], on: str
) -> None:
    """Longer than a lease and than an agent may be silent: nobody is blamed for it."""
    folder = tmp_path_factory.mktemp("b")
    async with running(folder, disk) as endpoint:
        worker, sender, observer = (client(endpoint, name) for name in ("q", "sender", "cli"))
        await worker.open()
        await sender.open()
        await sender.publish(packet(1))
        held = await worker.receive()
        disk.breaks(error, on)
        publishing = asyncio.create_task(sender.publish(packet(2)))
        answering = asyncio.create_task(worker.ack(held, []))
        await asyncio.sleep(2.0)
        assert not publishing.done()
        assert not answering.done()
        await observer.open()
        health = await observer.health(5.0)
        assert health["journal"]["state"] == "read-only"
        assert "asked for" in health["journal"]["reason"]
        assert {agent["name"] for agent in health["agents"]} >= {"q", "sender"}
        with contextlib.closing(JournalReader(folder / "journal.db")) as reader:
            assert reader.last_seq() == 1
        disk.heals()
        await asyncio.wait_for(asyncio.gather(publishing, answering), 10)
        second = await asyncio.wait_for(worker.receive(), 5)
        assert (second.packet.envelope.id, second.packet.envelope.attempt) == (packet(2).envelope.id, 1)
        await worker.ack(second, [])
        assert (await observer.health(5.0))["journal"] == {"state": "ok", "damaged": 0}
        for bus in (worker, sender, observer):
            await bus.close()
    with contextlib.closing(JournalReader(folder / "journal.db")) as reader:
        told = sorted((one.seq, one.attempt, one.event) for one in reader.attempts("run0"))
    assert told == [(1, 1, "delivered"), (1, 1, "settled"), (2, 1, "delivered"), (2, 1, "settled")]


ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from guildbus.bus.journal import Journal
from guildbus.protocols.errors import JournalError
from journal_records import packet, records

folder = Path(sys.argv[1])
filler = folder / "filler"
filler.write_bytes(bytes(1 << 20))
journal = Journal(folder / "journal.db")
seq = 1
try:
    while seq < 10_000:
        journal.commit(records(seq), 1.0)
        seq += 1
except JournalError as error:
    print(error.remedy)
assert 10 < seq < 10_000, seq
assert journal.next_seq() == seq
filler.unlink()
journal.commit(records(seq), 1.0)
journal.close()
journal = Journal(folder / "journal.db")
assert journal.damage == []
assert all(journal.packet(one) == packet(one) for one in range(1, seq + 1))
journal.close()
"""


def test_a_small_disk_that_is_really_full(tmp_path: Path) -> None:
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    (tmp_path / "child.py").write_text(ON_A_SMALL_DISK)
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=3m none "$1" && PYTHONPATH="$4:$PYTHONPATH" exec "$2" "$3" "$1"'
    words = [
        str(tmp_path / "disk"),
        sys.executable,
        str(tmp_path / "child.py"),
        str(Path(__file__).parents[1]),
    ]
    done = subprocess.run(
        [*command, "sh", "-c", mount, "sh", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "free some space" in done.stdout
