"""SIGKILL a process that commits in a loop: what it said was committed is there, and nothing by half."""

import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path

from guildbus.bus.journal import Journal
from journal_records import is_settled, packet

KILLS = 8
A_COMMIT = 5

COMMITTING = """
import sys
from pathlib import Path
from guildbus.bus.journal import Journal
from journal_records import records

journal = Journal(Path(sys.argv[1]), keep_s=0.0)
seq = journal.next_seq()
while True:
    journal.commit([record for one in range(seq, seq + 5) for record in records(one)], 1.0)
    seq += 5
    print(seq, flush=True)
"""


def test_what_was_committed_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    chance = random.Random(20261122)
    for _ in range(KILLS):
        command = [sys.executable, "-c", COMMITTING, str(path)]
        environment = {"PYTHONPATH": ":".join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline())]
            time.sleep(chance.uniform(0.0, 0.3))
            process.kill()
            lines = process.stdout.read().splitlines(keepends=True)
        said += [int(line) for line in lines if line.endswith("\n")]
        with contextlib.closing(Journal(path)) as journal:
            assert journal.damage == []
            following = journal.next_seq()
            assert following >= max(said)
            assert (following - 1) % A_COMMIT == 0
            assert {one.seq for one in journal.unsettled()} == {
                seq for seq in range(1, following) if not is_settled(seq)
            }
            for seq in range(1, following, 7):
                assert journal.packet(seq) == packet(seq)
