"""`guildbus replay RUN`: every handler of a run once more, offline, its answers compared with the recorded.

    journal -> turns, in journal order -> the agent's own handler, on the recorded prefix of the run
            -> its answers, compared field by field -> the next turn, if they are the same

Until the first difference the recorded prefix and the replayed one are the same in all that is compared. What
is not (a measurement that the clock cut short) is taken as it was recorded, with all that follows from it.

What a run owes to chance is what came in from outside (requests, cancellations, the broker's obituaries),
what the models said, and the order in which agents that work side by side were done. All three are taken from
the recording; everything else is computed anew, the toolchain's verdicts included. Nothing is published, and
no model is asked. Read `comparing.py` for what counts as a difference.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from guildbus.agents.agent import Agent
from guildbus.agents.context import Context
from guildbus.agents.roster import make_agent
from guildbus.agents.settings import AgentSettings
from guildbus.agents.tools import OwnTools, Tools
from guildbus.launch.about import calls_of
from guildbus.launch.config import GuildConfig
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.replay.comparing import ABSENT, first_difference
from guildbus.launch.replay.recorded import Position, Turn, positions, turns_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.launch.serving import serving_plan
from guildbus.launch.swarm import agent_settings, replica_names
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.messages.control import EventNoticed

PATIENCE = 20.0
"""A measurement is bounded by the clock; here it may take this many times longer, to come to its own end."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first answer that is not the recorded one. `line` is that (or its cause, where there is none)."""

    line: Line
    cause: Line
    position: Position
    field: str
    want: Any
    got: Any


@dataclass(slots=True)
class Rehearsal:
    """What a replay came to. `inputs` are the messages that came from outside; `calls` those of models."""

    run: str
    messages: int = 0
    inputs: int = 0
    handled: int = 0
    calls: int = 0
    wall_s: float = 0.0
    finished: BuildFinished | None = None
    difference: Difference | None = None


class ReplayFailed(GuildbusError):
    """A handler that had an answer in the recording ends in an error now."""

    code = "replay.failed"


async def rehearse(
    config: GuildConfig,
    log: RunLog,
    *,
    unsafe: bool = False,
    on_turn: Callable[[Line, int], None] = lambda line, answers: None,
) -> Rehearsal:
    """Replay a run. `on_turn` hears of each message that came out as recorded, with its number of answers.

    Raises MissingCompletion for a model call that the store does not have, InfrastructureError where the
    toolchain or the sandbox is missing, and what a handler raises.
    """
    turns = turns_of(log)
    found = Rehearsal(log.run, messages=len(log.lines))
    found.inputs = len(log.lines) - sum(len(turn.answers) for turn in turns)
    started = time.monotonic()
    recorded: dict[int, Message] = {line.seq: line.message for line in log.lines}
    async with _stage(config, log, unsafe=unsafe) as troupe:
        for turn in turns:
            emitted = await troupe.play(turn, recorded)
            found.handled += 1
            found.calls += sum(len(calls_of(message)) for message in emitted)
            found.difference = _compare(turn, emitted)
            if found.difference is not None:
                break
            on_turn(turn.line, len(emitted))
    ends = [message for message in recorded.values() if isinstance(message, BuildFinished)]
    found.finished = ends[-1] if ends else None
    found.wall_s = time.monotonic() - started
    return found


def _compare(turn: Turn, emitted: Sequence[Message]) -> Difference | None:
    """The first difference from what was recorded."""
    recorded = [line.message for line in turn.answers]
    lines = dict(zip(positions(recorded), turn.answers, strict=True))
    fresh = dict(zip(positions(emitted), emitted, strict=True))
    for position in dict.fromkeys([*lines, *fresh]):
        line, message = lines.get(position), fresh.get(position)
        if line is None or message is None:
            want = ABSENT if line is None else line.message.wire_type()
            got = ABSENT if message is None else message.wire_type()
            return Difference(line or turn.line, turn.line, position, "(the message itself)", want, got)
        found = first_difference(line.message, message)
        if found is None:
            found = first_difference(line.envelope.to, message.recipient, "to")
        if found is not None:
            return Difference(line, turn.line, position, found.field, found.want, found.got)
    return None


@dataclass(slots=True)
class _Troupe:
    """The agents of a run, each made when it is first needed."""

    config: GuildConfig
    log: RunLog
    unsafe: bool
    keys: frozenset[str]
    agents: dict[str, Agent] = field(default_factory=dict)
    tools: dict[str, OwnTools] = field(default_factory=dict)

    async def play(self, turn: Turn, recorded: dict[int, Message]) -> Sequence[Message]:
        """What the agent answers to the message that was recorded."""
        agent, tools = await self._agent(turn)
        line = turn.line
        about = _about(line, self.log)
        handler = agent.handlers.get(about.message.wire_type())
        if handler is None:
            raise ReplayFailed(
                f"{agent.role} handles no {about.envelope.type} any more", where=line.envelope.id
            )
        context = _context(line, recorded, None if about is line else about.envelope, tools)
        try:
            return await handler(agent, recorded[about.seq], context)
        except GuildbusError as error:
            error.where = f"{line.envelope.type} {line.envelope.id}, {error.where}".rstrip(", ")
            raise
        except Exception as error:  # what was answered once is not to end in a bug's traceback
            raise ReplayFailed(
                f"{turn.agent} fails at what it answered then: {type(error).__name__}: {error}",
                where=f"{line.envelope.type} {line.envelope.id}",
                remedy="was guildbus changed since the run?",
            ) from error

    async def _agent(self, turn: Turn) -> tuple[Agent, OwnTools]:
        table = self._table(turn)
        if table.name not in self.agents:
            settings = self._settings(table)
            agent = make_agent(settings)
            await agent.start()
            self.agents[table.name], self.tools[table.name] = agent, OwnTools(settings)
        return self.agents[table.name], self.tools[table.name]

    def _table(self, turn: Turn) -> AgentTable:
        """The line of the roster that played this part; a role that was in it may not be today."""
        for table in self.config.agents:
            if turn.agent in replica_names(table):
                return table
        role = turn.line.envelope.to or turn.agent
        return next(
            (table for table in self.config.agents if table.role == role), AgentTable(role=role, name=role)
        )

    def _settings(self, table: AgentTable) -> AgentSettings:
        bindings = serving_plan(self.config).bindings.get(table.name)
        if bindings is None:
            fleet = self.config.model_entries(table)
        else:
            fleet = tuple(binding.entry for binding in bindings)
        settings = agent_settings(self.config, table, table.name, fleet, unsafe=self.unsafe)
        return settings.model_copy(update={"offline": self.keys, "patience": PATIENCE, "telemetry": None})


@contextlib.asynccontextmanager
async def _stage(config: GuildConfig, log: RunLog, *, unsafe: bool) -> AsyncIterator[_Troupe]:
    keys = frozenset(call.key for line in log.lines for call in calls_of(line.message))
    troupe = _Troupe(config, log, unsafe, keys)
    try:
        yield troupe
    finally:
        for agent in troupe.agents.values():
            await agent.stop()
        for tools in troupe.tools.values():
            await tools.aclose()


class _Quiet:
    """Nobody reads what handlers would log."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Nothing."""


def _about(line: Line, log: RunLog) -> Line:
    """The message that an agent was given: of a notice, the one that it is about."""
    notice = line.message
    if not isinstance(notice, EventNoticed):
        return line
    for one in log.lines:
        if one.envelope.id == notice.message_id:
            return one
    raise ReplayFailed(
        f"the {notice.message_type} that it is about is not in the run", where=line.envelope.id
    )


def _context(line: Line, recorded: dict[int, Message], original: Envelope | None, tools: Tools) -> Context:
    """What the handler was given: the run up to its message, and a clock that begins at its publication."""
    began = time.monotonic()
    return Context(
        envelope=line.envelope,
        max_attempts=1,
        log=_Quiet(),
        clock=lambda: line.at + time.monotonic() - began,
        say=lambda text: None,
        read_history=_history(line, recorded),
        original=original,
        tools=tools,
    )


def _history(line: Line, recorded: dict[int, Message]) -> Callable[[Sequence[str]], Awaitable[list[Message]]]:
    async def read(types: Sequence[str]) -> list[Message]:
        return [
            message
            for seq, message in sorted(recorded.items())
            if seq <= line.seq
            and (message.wire_type() in types if types else not isinstance(message, EventNoticed))
        ]

    return read
