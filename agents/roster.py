"""Which class plays which role: the built-in eight, then entry points, then `module:Class`.

Classes are imported only when their process starts: an agent pays for its own imports alone.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Final, cast

from guildbus.agents.agent import Agent
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildPlanned, BuildStopped
from guildbus.protocols.messages.draft import DraftAccepted, DraftProposed, DraftRejected, DraftRequested
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    ReferenceRequested,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished

ENTRY_POINT_GROUP: Final = "guildbus.agents"

BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "planner": "guildbus.agents.planner:Planner",
        "go-dev": "guildbus.agents.go_dev:GoDev",
        "go-test": "guildbus.agents.go_test:GoTest",
        "gate-keeper": "guildbus.agents.gate_keeper:GateKeeper",
        "verifier": "guildbus.agents.verifier:Verifier",
        "repair-router": "guildbus.agents.repair_router:RepairRouter",
        "reference": "guildbus.agents.reference:Reference",
        "oracle": "guildbus.agents.oracle.agent:Oracle",
    }
)

BUILT_IN_EMITS: Final[Mapping[str, tuple[type[Message], ...]]] = MappingProxyType(
    {
        "planner": (BuildPlanned, DraftRequested, ReferenceRequested, FinishRequested, BuildFinished),
        "reference": (ReferenceProposed,),
        "go-dev": (DraftProposed,),
        "go-test": (DraftProposed,),
        "gate-keeper": (DraftAccepted, DraftRejected),
        "verifier": (VerificationFinished, FinishJudged),
        "repair-router": (DraftRequested, DraftProposed, OracleRequested, ReferenceRequested, BuildStopped),
        "oracle": (WitnessesEstablished, OracleAnswered, ReferenceRequested, FinishProposed),
    }
)
"""What the built-in classes declare, for whoever must know it without their imports. A test compares them."""


def found_in(role: str, entry: str = "") -> str:
    """Where the class of a role comes from: `built in`, `entry point` or `guild.toml`."""
    if ":" in entry:
        return "guild.toml"
    return "built in" if role in BUILT_IN else "entry point"


def emitted_types(role: str, entry: str = "") -> frozenset[str]:
    """The wire types that a role may publish. Imports only classes that are not built in. ConfigError."""
    built_in = role in BUILT_IN and ":" not in entry
    bodies = BUILT_IN_EMITS[role] if built_in else class_for(role, entry).emits
    return frozenset(body.wire_type() for body in bodies)


def class_for(role: str, entry: str = "") -> type[Agent]:
    """The class that plays a role. ConfigError says why there is none."""
    target = entry if ":" in entry else BUILT_IN.get(role) or _entry_point(entry or role)
    module, _, name = target.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"no agent class: {error}",
            where=f"role {role!r}, {target!r}",
            remedy="is the package installed, or its folder in PYTHONPATH?",
        ) from error
    except Exception as error:  # a wrong handler or `emits`, and whatever else a module does when imported
        raise ConfigError(
            f"no agent class: {type(error).__name__}: {error}",
            where=f"role {role!r}, {target!r}",
            remedy="mend the module: it must be importable",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ConfigError("not a subclass of guildbus.agents.agent.Agent", where=f"role {role!r}, {target!r}")
    if getattr(found, "role", None) != role:
        raise ConfigError(
            f"plays the role {getattr(found, 'role', None)!r}", where=f"role {role!r}, {target!r}"
        )
    return found


def make_agent(settings: AgentSettings) -> Agent:
    """The agent of these settings; classes that want none are made without."""
    found = class_for(settings.role, settings.entry)
    if found.__init__ is object.__init__:
        return found()
    return cast(Callable[[AgentSettings], Agent], found)(settings)


def _entry_point(name: str) -> str:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            return point.value
    raise ConfigError(
        "no agent plays this role",
        where=f"role {name!r}",
        remedy=f"give [[agents]] an entry `module:Class`, or install a package with the entry point group "
        f"{ENTRY_POINT_GROUP}",
    )
