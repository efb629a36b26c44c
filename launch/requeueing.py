"""What the operator says about dead letters to a swarm that runs: send it once more, or let it rest.

Reading needs the journal file only; saying needs a broker. `dead_letters.py` reads what is said here.
"""

import getpass
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from guildbus.agents.runtime import wrap
from guildbus.bus.client import ZmqBus
from guildbus.bus.records import Damaged
from guildbus.bus.tail import Attempt, JournalReader, Stored
from guildbus.launch.access import operator_keys
from guildbus.launch.config import GuildConfig
from guildbus.launch.dead_letters import DeadLetter, dead_letters
from guildbus.launch.following import visitor
from guildbus.launch.swarm import read_record
from guildbus.protocols import ids
from guildbus.protocols.envelope import Envelope, format_time
from guildbus.protocols.errors import BusError, UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.control import DeadDropped, DeadRequeued
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet


def read_letters(journal: Path, registry: Registry) -> tuple[list[DeadLetter], list[Damaged]]:
    """All dead letters of a journal, whatever became of them, and the records among them that are damaged."""
    if not journal.is_file():
        return [], []
    damaged: list[Damaged] = []
    reader = JournalReader(journal)
    try:
        runs = dict.fromkeys(
            stored.packet.envelope.subject for stored in reader.dead_letters(damaged=damaged)
        )
        messages: list[Stored] = []
        attempts: list[Attempt] = []
        for run in runs:
            messages += reader.history(run, damaged=[])
            attempts += reader.attempts(run)
    finally:
        reader.close()
    messages.sort(key=lambda stored: stored.seq)
    return dead_letters(messages, attempts, registry), damaged


async def requeue(config: GuildConfig, letters: Sequence[DeadLetter]) -> list[Envelope]:
    """Send each letter once more; the envelopes of the copies. UsageError if one was sent already."""
    for letter in letters:
        if letter.fate == "requeued":
            raise UsageError(
                f"was requeued already, as {letter.copies[-1]}",
                where=f"dead letter {letter.id}",
                remedy="if that died too, it is a dead letter of its own: requeue that one",
            )
    copies: list[Envelope] = []
    bus = await _swarm(config)
    try:
        for letter in letters:
            copy = copy_of(letter, bus.instance, time.time())
            word = DeadRequeued(message_id=letter.id, copy_id=copy.envelope.id, by=_person())
            await _announce(bus, letter, word)
            await bus.publish(copy)
            copies.append(copy.envelope)
    finally:
        await bus.close()
    return copies


async def drop(config: GuildConfig, letters: Sequence[DeadLetter], reason: str = "") -> None:
    """Say of each letter that it needs nothing more. UsageError if that is said, or it was requeued."""
    for letter in letters:
        if letter.fate != "dead":
            raise UsageError(f"was {letter.fate} already", where=f"dead letter {letter.id}")
    bus = await _swarm(config)
    try:
        for letter in letters:
            word = DeadDropped(message_id=letter.id, by=_person(), reason=reason)
            await _announce(bus, letter, word)
    finally:
        await bus.close()


def copy_of(letter: DeadLetter, source: str, now: float) -> Packet:
    """The same message anew: its own id, no deadline (that may be why it died), the letter as its cause."""
    dead = letter.envelope
    message_id = ids.new_message_id()
    envelope = replace(
        dead,
        id=message_id,
        source=source,
        time=format_time(now),
        traceparent=ids.traceparent(dead.subject, message_id),
        correlationid=dead.correlationid or dead.id,
        causationid=dead.id,
        deadline=None,
        attempt=0,
        seq=0,
    )
    return Packet(envelope, letter.packet.body)


async def _announce(bus: ZmqBus, letter: DeadLetter, word: Message) -> None:
    dead = letter.envelope
    packet = wrap(word, source=bus.instance, subject=dead.subject, now=time.time())
    correlation = dead.correlationid or dead.id
    envelope = replace(packet.envelope, correlationid=correlation, causationid=dead.id)
    await bus.publish(Packet(envelope, packet.body))


async def _swarm(config: GuildConfig) -> ZmqBus:
    if read_record(config) is None:
        raise BusError(
            "no swarm is up, and only a swarm can take it",
            where=str(config.state_dir),
            remedy="`guildbus up` starts one",
        )
    bus = visitor(config.endpoint, keys=operator_keys(config))
    await bus.open()
    return bus


def _person() -> str:
    try:
        return getpass.getuser()
    except OSError:  # this user id has no name here
        return f"uid {os.getuid()}"
