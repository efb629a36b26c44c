"""The judge: what a journal says, read without a line of guildbus. Run it by itself:

    python -I reader.py JOURNAL CLAIM

It opens the SQLite file read-only, checks each record's CRC-32 and each body's SHA-256 itself, unpacks the
envelopes with msgpack, and prints one JSON object: the verdict. CLAIM is a JSON file of what the bench knows:

    confirmed   the ids whose publication the broker confirmed
    sources     the agents' names that may have spoken; a `*` at the end stands for anything
    results     how many results a settled message of a queue has, where it is not 1

Journal format: docs/protocol.md has the envelope, guildbus's bus/records.py the tables.
"""

import hashlib
import json
import sqlite3
import sys
import zlib
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

import msgpack

OPEN, SETTLED, DEAD, ANNOUNCED, CANCELLED = range(5)
SHOWN = 5
MESSAGES = (
    "SELECT m.seq, m.id, m.subject, m.type, m.queue, m.at, m.header, m.body, m.crc, COALESCE(p.state, 3)"
    " FROM messages m LEFT JOIN progress p ON p.seq = m.seq ORDER BY m.seq"
)
ATTEMPTS = "SELECT at, began, seq, attempt, agent, event, code, reason, crc FROM attempts ORDER BY n"
DAMAGED = "damaged"
"""The event of a line of a life that does not match its checksum: it may have been any."""


@dataclass(slots=True)
class Verdict:
    """Counts of messages (`torn`: of lines of their lives). `examples` says which were not as promised."""

    messages: int = 0
    settled: int = 0
    dead: int = 0
    lost: int = 0
    double: int = 0
    unfinished: int = 0
    let_in: int = 0
    damaged: int = 0
    torn: int = 0
    attempts_failed: int = 0
    longest_s: float = 0.0
    examples: list[str] = field(default_factory=list)

    def blame(self, fault: str, what: str) -> None:
        """Count one, and remember the first few."""
        setattr(self, fault, getattr(self, fault) + 1)
        if len(self.examples) < SHOWN:
            self.examples.append(f"{fault}: {what}")


@dataclass(frozen=True, slots=True)
class Row:
    """One message of the journal, its envelope unpacked; `sound` if its checksums hold."""

    seq: int
    id: str
    queue: str | None
    state: int
    source: str
    cause: str | None
    sound: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a message's life."""

    at: float
    seq: int
    event: str
    code: str


def judge(rows: list[Row], attempts: list[Attempt], claim: dict[str, Any]) -> Verdict:
    """Every promise, counted. Pure."""
    verdict = Verdict(messages=sum(row.queue is not None for row in rows))
    by_id = Counter(row.id for row in rows)
    for message_id, times in by_id.items():
        if times > 1:
            verdict.blame("double", f"{message_id} is stored {times} times")
    for message_id in claim["confirmed"]:
        if message_id not in by_id:
            verdict.blame("lost", f"{message_id} was confirmed and is not in the journal")
    for row in rows:
        if not row.sound:
            verdict.blame("damaged", f"{row.id} does not match its checksums")
        elif not _may_speak(row.source.partition("/")[0], claim["sources"]):
            verdict.blame("let_in", f"{row.id} is from {row.source}")
    _judge_outcomes(verdict, rows, attempts, claim["results"])
    return verdict


def _judge_outcomes(
    verdict: Verdict, rows: list[Row], attempts: list[Attempt], results: dict[str, int]
) -> None:
    lives: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.event == DAMAGED:
            verdict.torn += 1
            verdict.blame(
                "damaged", f"a line in the life of message {attempt.seq} does not match its checksum"
            )
        else:
            lives[attempt.seq].append(attempt)
    children = Counter(row.cause for row in rows if row.cause is not None)
    # A damaged record may be the result, or the line, that is missing: nothing in it can be trusted, and it
    # is counted already.
    stray, torn = verdict.damaged - verdict.torn, verdict.torn
    for row in rows:
        if row.queue is None:
            continue
        life = lives[row.seq]
        final = [one for one in life if one.event in ("settled", "dead", "cancelled")]
        verdict.attempts_failed += sum(one.event == "failed" for one in life)
        if len(final) > 1:
            verdict.blame("double", f"{row.id} ended {len(final)} times")
        if row.state == OPEN:
            verdict.blame("unfinished", f"{row.id} to {row.queue} is open")
            if children[row.id] or final:
                verdict.blame("double", f"{row.id} is open and has had effects")
        elif not final and torn:
            torn -= 1
        elif not final:
            verdict.blame("lost", f"{row.id} is closed without an outcome")
        elif row.state == SETTLED:
            verdict.settled += 1
            verdict.longest_s = max(verdict.longest_s, _recovery_of(life))
            if not row.sound:
                continue
            if children[row.id] < results.get(row.queue, 1) and stray:
                stray -= 1
            elif children[row.id] < results.get(row.queue, 1):
                verdict.blame("lost", f"{row.id} is settled and its effect is missing")
            elif children[row.id] > results.get(row.queue, 1):
                verdict.blame("double", f"{row.id} has {children[row.id]} effects")
        else:
            verdict.dead += 1


def _recovery_of(life: list[Attempt]) -> float:
    """Seconds from the first delivery to the settlement of a message that failed in between; else 0."""
    if not any(one.event == "failed" for one in life):
        return 0.0
    return life[-1].at - life[0].at


def _may_speak(name: str, sources: list[str]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in sources)


def read(path: str) -> tuple[list[Row], list[Attempt]]:
    """All messages and all lines of their lives, in order."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.text_factory = lambda data: data.decode(errors="replace")
    try:
        rows = [_row(*columns) for columns in db.execute(MESSAGES)]
        lives = [one for columns in db.execute(ATTEMPTS) for one in _lines(*columns)]
    finally:
        db.close()
    return rows, lives


def _lines(
    at: float, began: float | None, seq: int, attempt: int, agent: str, event: str, code: str,
    reason: str, crc: int,
) -> list[Attempt]:  # fmt: skip
    """An attempt that ended: its delivery and its end."""
    try:
        columns = msgpack.packb((at, began, seq, attempt, agent, event, code, reason))
        sound = zlib.crc32(columns) == crc
    except (TypeError, ValueError):
        sound = False
    if not sound:
        return [Attempt(0.0, seq, DAMAGED, "")]
    return ([Attempt(began, seq, "delivered", "")] if began is not None else []) + [
        Attempt(at, seq, event, code)
    ]


def _row(
    seq: int, message_id: str, subject: str, kind: str, queue: str | None, at: float,
    header: bytes, body: bytes, crc: int, state: int,
) -> Row:  # fmt: skip
    """A record that is damaged may hold anything: nothing in it is believed but its number and its state."""
    try:
        columns = msgpack.packb((seq, message_id, subject, kind, queue, at))
        sound = zlib.crc32(body, zlib.crc32(header, zlib.crc32(columns))) == crc
        sound = sound and hashlib.sha256(body[32:]).digest() == body[:32]
        envelope = msgpack.unpackb(header, raw=False) if sound else {}
    except (TypeError, ValueError):
        sound, envelope = False, {}
    sound = sound and envelope["id"] == message_id
    return Row(seq, message_id, queue, state, envelope.get("source", "?"), envelope.get("causationid"), sound)


def main() -> None:
    """Read, judge, print."""
    with open(sys.argv[2], encoding="utf-8") as file:
        claim = json.load(file)
    sys.stdout.write(json.dumps(asdict(judge(*read(sys.argv[1]), claim))))


if __name__ == "__main__":
    main()
