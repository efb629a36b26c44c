"""The agent on trial: its class, the message types that it speaks, the histories, and the kit's limits."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from guildbus.agents import contracts, vocabulary
from guildbus.agents.agent import Agent, Handler
from guildbus.agents.context import Context
from guildbus.agents.contracts import Member, bodies_of
from guildbus.agents.settings import AgentSettings
from guildbus.launch.conformance.histories import History, made_up, read_history
from guildbus.launch.conformance.stage_bus import Fault, StageTools
from guildbus.launch.membership import UNDERTAKER
from guildbus.launch.places import Host, cache_dir
from guildbus.protocols.errors import ConfigError, GuildbusError, UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry, standard_registry

SCHEMA_FILE = "guildbus-schema.json"
"""The recorded form of a package's own message types; it lies beside the agent's module."""


class EndedProcess(GuildbusError):
    """A handler called `sys.exit`."""

    code = "agent.ended_process"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How long the kit waits. Seconds.

    `hold_s`: the event loop may be held for so long at a time. `grace_s`: a handler whose delivery is taken
    back may need so long to let go. `patience_s`: an answer may take so long, if its own limit is not less.
    """

    hold_s: float = 0.1
    grace_s: float = 1.0
    patience_s: float = 30.0


USUAL: Final = Tolerances()


def scripted(prompt: str) -> str:
    """What the model says if the author does not."""
    return "This is what the conformance kit answers in the place of a model."


@dataclass(frozen=True)
class Subject:
    """What is tried. `effects` shows what the agent did outside its answers, as anything that has `==`.

    Files in the agent's state folder are watched without it. `schema` is the recorded schema file, if any.
    `replies` is the model: it is given a prompt, and gives the answer; the same to the same prompt.
    """

    agent_class: type[Agent]
    histories: tuple[History, ...]
    schema: Path | None = None
    effects: Callable[[], object] | None = None
    tolerances: Tolerances = USUAL
    replies: Callable[[str], str] = scripted

    @property
    def name(self) -> str:
        """`module:Class`."""
        return _name(self.agent_class)

    @cached_property
    def registry(self) -> Registry:
        """The messages that ship, those of the agent, and those of the histories."""
        told = {type(message) for history in self.histories for message in history.messages}
        return registry_of(self.agent_class).extended(told)

    def tools(self, folder: Path, fault: Fault | None = None) -> StageTools:
        """What `ctx` offers one instance."""
        return StageTools(settings_in(folder, self.agent_class.role), self.replies, fault)

    def make(self, folder: Path) -> Agent:
        """A new instance that keeps its files in `folder`. One that would end the process is given back."""
        agent = self._made(folder)
        guarded = {name: _guarded(handler) for name, handler in agent.handlers.items()}
        object.__setattr__(agent, "handlers", guarded)
        return agent

    def _made(self, folder: Path) -> Agent:
        """Classes that want no settings get none."""
        found = self.agent_class
        try:
            if found.__init__ is object.__init__:
                return found()
            return cast(Callable[[AgentSettings], Agent], found)(settings_in(folder, found.role))
        except GuildbusError:
            raise
        except Exception as error:  # somebody else's code
            raise UsageError(f"cannot be made: {type(error).__name__}: {error}", where=self.name) from error


def subject_of(
    agent_class: type[Agent],
    *,
    histories: Iterable[History] = (),
    schema: Path | None = None,
    effects: Callable[[], object] | None = None,
    tolerances: Tolerances = USUAL,
    replies: Callable[[str], str] = scripted,
) -> Subject:
    """The subject of a class. Without histories, two are made up from the classes of its messages.

    Raises UsageError if the class handles nothing that is in them, or if none can be made up.
    """
    bodies = tuple(agent_class.handled.values())
    where = _name(agent_class)
    contracts.check([Member(agent_class.role, agent_class)], UNDERTAKER)
    if not bodies:
        raise UsageError("handles no message", where=where, remedy="mark a method with @handles")
    found = tuple(histories) or made_up(bodies)
    if not any(isinstance(message, bodies) for history in found for message in history.messages):
        names = ", ".join(body.wire_type() for body in bodies)
        raise UsageError("no history holds a message that it handles", where=where, remedy=f"record {names}")
    return Subject(agent_class, found, schema or recorded_schema(agent_class), effects, tolerances, replies)


def recorded_subject(
    agent_class: type[Agent], histories: Iterable[Path], schema: Path | None = None
) -> Subject:
    """The subject of a class, with recorded histories (files). Raises UsageError, as `subject_of`."""
    registry = registry_of(agent_class)
    return subject_of(
        agent_class, histories=[read_history(path, registry) for path in histories], schema=schema
    )


def own_bodies(agent_class: type[Agent]) -> tuple[type[Message], ...]:
    """The bodies that it names and that do not ship with guildbus."""
    shipped = set(standard_registry().bodies.values())
    return tuple(body for body in bodies_of(agent_class) if body not in shipped)


def registry_of(agent_class: type[Agent]) -> Registry:
    """The messages that ship, those of installed packages, and its own. Raises ConfigError for a clash."""
    known = vocabulary.registry_of(vocabulary.vocabulary())
    try:
        return known.extended(bodies_of(agent_class))
    except ValueError as error:
        raise ConfigError(str(error), where=_name(agent_class), remedy="give one another `type`") from error


def recorded_schema(agent_class: type[Agent]) -> Path | None:
    """The schema file beside its module, if there is one."""
    found = schema_place(agent_class)
    return found if found is not None and found.is_file() else None


def schema_place(agent_class: type[Agent]) -> Path | None:
    """Where the schema file belongs: beside the module. None for a class that is in no file."""
    file = getattr(sys.modules.get(agent_class.__module__), "__file__", None)
    return None if file is None else Path(file).with_name(SCHEMA_FILE)


def settings_in(folder: Path, role: str) -> AgentSettings:
    """Settings that lead to no broker and no model; a folder of its own, and this machine's cache of Go."""
    return AgentSettings(
        name=role,
        role=role,
        endpoint="ipc:///nowhere/bus.sock",
        journal=folder / "journal.db",
        state_dir=folder / "state",
        cache_dir=cache_dir(Host.here()),
    )


def _guarded(handler: Handler) -> Handler:
    """SystemExit in a task would end the kit itself."""

    async def call(agent: Any, message: Any, ctx: Context) -> Sequence[Message]:
        try:
            return await handler(agent, message, ctx)
        except SystemExit as end:
            raise EndedProcess(f"SystemExit({end.code})", where=type(agent).__qualname__) from None

    return call


def _name(agent_class: type[Agent]) -> str:
    return f"{agent_class.__module__}:{agent_class.__qualname__}"
