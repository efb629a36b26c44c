"""The list of runs, as `guildbus runs` and the web view show it: read from a few messages of each run.

Of a run only its request, its ends and its newest message are decoded. What its model calls cost is taken
from the bodies of the proposals as they are, unvalidated. `JournalReader.runs` finds the runs.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from guildbus.bus.records import Damaged
from guildbus.bus.tail import JournalReader, Stored
from guildbus.launch.config import GuildConfig
from guildbus.launch.membership import swarm_registry
from guildbus.launch.report import run_summary
from guildbus.launch.run_log import RunLog, decode_line
from guildbus.launch.swarm import SwarmPaths, read_record, serves
from guildbus.protocols.codec import unpack_map
from guildbus.protocols.messages.build import BuildFinished, BuildRequested
from guildbus.protocols.messages.control import DeadRequeued
from guildbus.protocols.messages.draft import DraftProposed
from guildbus.protocols.messages.oracle import ReferenceProposed
from guildbus.protocols.registry import Registry

_HEADS: Final = tuple(body.wire_type() for body in (BuildRequested, BuildFinished, DeadRequeued))
_CALLERS: Final = tuple(body.wire_type() for body in (DraftProposed, ReferenceProposed))


def run_summaries(
    reader: JournalReader,
    registry: Registry,
    limit: int | None = None,
    running: Callable[[str, float], bool] = lambda run, since: False,
) -> Iterator[dict[str, Any]]:
    """One `run_summary` a run, the newest first, `limit` at most.

    `running` is asked with a run and when it began (seconds since the epoch). Damaged messages are left out.
    """
    for run in reader.runs(limit):
        damaged: list[Damaged] = []
        stored = reader.history(run, types=(*_HEADS, *_CALLERS), damaged=damaged)
        heads = [one for one in stored if one.packet.envelope.type in _HEADS]
        newest = reader.newest(run)
        if newest is not None and all(one.seq != newest.seq for one in heads):
            heads.append(newest)
        lines = tuple(decode_line(one, registry) for one in sorted(heads, key=lambda one: one.seq))
        tokens = sum(_tokens_of(one) for one in stored if one.packet.envelope.type in _CALLERS)
        serving = bool(lines) and running(run, lines[0].at)
        yield run_summary(RunLog(run, lines), running=serving, tokens=tokens)


def read_runs(config: GuildConfig, limit: int | None = None) -> list[dict[str, Any]]:
    """The same for the journal of a configuration, if there is one. What its swarm serves is running."""
    path = SwarmPaths(config.state_dir).journal
    if not path.is_file():
        return []
    registry, record = swarm_registry(config), read_record(config)

    def running(run: str, since: float) -> bool:
        return record is not None and serves(record, run, since)

    with contextlib.closing(JournalReader(path)) as reader:
        return list(run_summaries(reader, registry, limit, running))


def count_runs(config: GuildConfig) -> int:
    """How many runs the journal of a configuration has."""
    path = SwarmPaths(config.state_dir).journal
    if not path.is_file():
        return 0
    with contextlib.closing(JournalReader(path)) as reader:
        return len(reader.runs())


def _tokens_of(proposal: Stored) -> int:
    calls = unpack_map(proposal.packet.body, where=proposal.packet.envelope.type).get("calls", ())
    return sum(int(call["completion_tokens"]) for call in calls)
