"""Which messages a forked run begins with, and what is changed in it. Pure.

    kept     all that was in the journal when the message that is to be handled anew was put there
    settled  of these, what had been handled by then: it is announced, so that nobody handles it again
    open     the rest, that message among it: it goes to whoever takes it, and the run goes on from there

A copy has a new id, in a new run, and answers the copy of what the original answered; the first names the
original's first, so that the broker knows them all for copies. What it cost was paid
by the original's run: its model calls count as stored, its spans are left out.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from guildbus.launch.config import WITNESSING_ROLES, GuildConfig
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.replay.recorded import file_of
from guildbus.launch.run_log import Line, RunLog
from guildbus.protocols import codec, ids
from guildbus.protocols.envelope import format_time
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import (
    BuildFinished,
    BuildOptions,
    BuildPlanned,
    BuildRequested,
    Origin,
)
from guildbus.protocols.messages.control import EventNoticed, RunCancelled
from guildbus.protocols.messages.draft import DraftProposed, DraftRequested
from guildbus.protocols.messages.finish import FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import ReferenceProposed, ReferenceRequested
from guildbus.protocols.wire import Packet

AGENT_SETTINGS: Final = ("model", "temperature", "candidates")
"""What can be set of one agent (`go-dev.model=big`); the first two of all that ask models, too."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What `--set` asks for: `options` of the build, and a configuration with the agents' part of it."""

    texts: tuple[str, ...]
    options: dict[str, Any]
    config: GuildConfig
    agents: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """The beginning of a run that is forked at `line` of another: its messages, in journal order."""

    run: str
    origin: Origin
    line: Line
    kept: tuple[Line, ...]
    open: frozenset[int]
    options: BuildOptions
    changed: frozenset[str]

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        said = f" with {', '.join(self.origin.settings)}" if self.origin.settings else ""
        return f"anew from {self.line.envelope.type.rpartition('.v')[0]} {file_of(self.line.message)}{said}"


def read_settings(texts: Sequence[str], config: GuildConfig) -> Changes:
    """`name=value`, or `agent.name=value` for one agent. UsageError says what cannot be set."""
    options: dict[str, Any] = {}
    agents = {agent.name: agent for agent in config.agents}
    touched = False
    for text in texts:
        name, equals, stated = text.partition("=")
        target, dot, key = name.rpartition(".")
        if not equals:
            raise UsageError("not of the form name=value", where=f"--set {text}")
        if not dot and name in BuildOptions.model_fields:
            options[name] = _value(stated)
            continue
        asking = [one.name for one in agents.values() if one.may_ask]
        named = [one for one in agents if one == target] if dot else asking
        if key not in (AGENT_SETTINGS if dot else AGENT_SETTINGS[:2]) or not named:
            raise _unknown(name, text, agents)
        touched = True
        for one in named:
            agents[one] = _agent(agents[one], key, stated, config, text)
    _checked(BuildOptions, options)
    roster = tuple(agents.values())
    if options.get("examine") or options.get("settle"):
        there = {agent.role for agent in roster}
        roster += tuple(AgentTable(role=r, name=r) for r in WITNESSING_ROLES if r not in there)
    return Changes(tuple(texts), options, config.model_copy(update={"agents": roster}), touched)


def _unknown(name: str, text: str, agents: Iterable[str]) -> UsageError:
    plain = [*BuildOptions.model_fields, *AGENT_SETTINGS[:2]]
    known = [*plain, *(f"{agent}.{key}" for agent in agents for key in AGENT_SETTINGS)]
    return UsageError(
        f"{name!r} cannot be set{did_you_mean(name, known)}",
        where=f"--set {text}",
        remedy=f"{', '.join(plain)}; or AGENT.{', AGENT.'.join(AGENT_SETTINGS)}",
    )


def _agent(agent: AgentTable, key: str, stated: str, config: GuildConfig, text: str) -> AgentTable:
    value = stated if key == "model" else _value(stated)
    if key == "model" and value not in config.models:
        raise UsageError(
            f"there is no model {value!r}{did_you_mean(str(value), config.models)}",
            where=f"--set {text}",
            remedy="`guildbus models list` shows those of guild.toml",
        )
    _checked(AgentTable, {"role": agent.role, key: value})
    changes: dict[str, Any] = {key: value}
    if key == "temperature":
        changes["temperatures"] = ()  # a ladder would go before it
    return agent.model_copy(update=changes)


def _checked(model: type[BuildOptions] | type[AgentTable], values: dict[str, Any]) -> None:
    try:
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(str(first["msg"]), where=f"--set {'.'.join(map(str, first['loc']))}") from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_message(log: RunLog, wanted: str) -> Line:
    """The message that a person means: by its seq, its id, or a part of its id. UsageError."""
    fitting = [line for line in log.lines if wanted in (str(line.seq), line.envelope.id)]
    fitting = fitting or [line for line in log.lines if wanted in line.envelope.id]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} messages fit" if fitting else "no such message in this run"
    raise UsageError(what, where=f"--from {wanted}", remedy=f"`guildbus trace {log.run}` shows them all")


def branch_at(log: RunLog, wanted: str, changes: Changes) -> Branch:
    """The fork of a run at one message. UsageError if nothing could come of it."""
    line = find_message(log, wanted)
    if line.envelope.to is None:
        raise UsageError(
            f"{line.envelope.type} is an announcement: nobody handles it",
            where=f"--from {wanted}",
            remedy="choose a message that somebody takes",
        )
    kept = _kept(log, line)
    ended = next((one for one in kept if isinstance(one.message, BuildFinished | RunCancelled)), None)
    if ended is not None:
        raise UsageError(
            f"{ended.envelope.type} comes before it: the run was over",
            where=f"--from {wanted}",
            remedy="choose an earlier message",
        )
    requested = kept[0].message
    if not isinstance(requested, BuildRequested):
        raise UsageError("the run does not begin with a request", where=f"run {log.run}")
    options = BuildOptions.model_validate(requested.options.model_dump() | changes.options)
    run = ids.new_fork_id(log.run)
    origin = Origin(run=log.run, message_id=line.envelope.id, settings=changes.texts)
    return Branch(run, origin, line, kept, _open(log, line, kept), options, frozenset(changes.options))


def _kept(log: RunLog, line: Line) -> tuple[Line, ...]:
    """What was there once the message was: its siblings, and the notices of them, came with it."""
    cause, source = line.envelope.causationid, line.envelope.source
    siblings = [
        one.seq
        for one in log.lines
        if cause is not None and one.envelope.causationid == cause and one.envelope.source == source
    ]
    together = {one.envelope.id for one in log.lines if one.seq in {line.seq, *siblings}}
    told = [
        one.seq
        for one in log.lines
        if isinstance(one.message, EventNoticed) and one.envelope.causationid in together
    ]
    last = max([line.seq, *siblings, *told])
    return tuple(one for one in log.lines if one.seq <= last)


def _open(log: RunLog, line: Line, kept: Sequence[Line]) -> frozenset[int]:
    """The messages that nobody had handled when the kept ones were complete."""
    settled = {one.seq: one.at for one in log.attempts if one.event == "settled"}
    by_id = {one.envelope.id: one for one in kept}
    answers = [one for one in kept if not isinstance(one.message, EventNoticed)]
    answered = {by_id[cause].seq for one in answers if (cause := one.envelope.causationid) in by_id}
    before = by_id.get(line.envelope.causationid or "")
    complete_at = line.at if before is None else settled.get(before.seq, line.at)
    return frozenset(
        one.seq
        for one in kept
        if one.envelope.to is not None
        and one.seq not in answered
        and (one.seq == line.seq or settled.get(one.seq, complete_at + 1) > complete_at)
    )


def copies(branch: Branch, *, out: str, source: str, now: float) -> tuple[Packet, ...]:
    """The messages that open the forked run. `now`: seconds since the epoch."""
    names = {line.envelope.id: ids.new_message_id() for line in branch.kept}
    limit = branch.options.max_seconds
    deadline = None if limit is None else format_time(now + limit)
    return tuple(_copy(branch, line, names, out, source, now, deadline) for line in branch.kept)


def _copy(
    branch: Branch, line: Line, names: dict[str, str], out: str, source: str, now: float, deadline: str | None
) -> Packet:
    old = line.envelope
    name = names[old.id]
    message = _changed(branch, line, out, now)
    own = message.own_deadline
    if isinstance(message, EventNoticed):
        message = message.model_copy(update={"message_id": names[message.message_id], "seq": 0})
    envelope = replace(
        old,
        id=name,
        source=source,
        subject=branch.run,
        time=format_time(now),
        to=old.to if line.seq in branch.open else None,
        traceparent=ids.traceparent(branch.run, name),
        correlationid=names.get(old.correlationid or "", name),
        causationid=names.get(old.causationid or "", old.id if old.causationid is None else None),
        deadline=deadline if own is None else format_time(own),
        attempt=0,
        seq=0,
    )
    return Packet(envelope, codec.encode(message))


def _changed(branch: Branch, line: Line, out: str, now: float) -> Message:
    """The body with what the fork sets; what it cost was paid before."""
    message = line.message
    update: dict[str, Any] = {"spans": ()} if "spans" in type(message).model_fields else {}
    match message:
        case BuildRequested():
            update |= {"options": branch.options, "out": out, "origin": branch.origin}
        case BuildPlanned():
            update |= {"options": branch.options}
        case FinishRequested():
            limit = branch.options.max_seconds
            closes_at = None if limit is None else now + limit
            update |= {"until": now + branch.options.finisher_seconds, "closes_at": closes_at}
        case DraftProposed() | ReferenceProposed() | FinishProposed():
            update |= {"calls": tuple(call.model_copy(update={"cached": True}) for call in message.calls)}
        case DraftRequested() if line.seq in branch.open:
            update |= _sampling(branch, ("candidates", "seed"))
        case ReferenceRequested() if line.seq in branch.open:
            update |= _sampling(branch, ("seed",))
    return message.model_copy(update=update)


def _sampling(branch: Branch, names: Iterable[str]) -> dict[str, Any]:
    """What a request took from the build's options, where these are set anew."""
    return {name: getattr(branch.options, name) for name in names if name in branch.changed}
