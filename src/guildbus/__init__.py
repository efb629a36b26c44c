"""guildbus: independent agents write Go over a message bus, and evidence decides.

What an agent of your own needs is here; docs/adding-a-specialist.md shows how it is used::

    from guildbus import Agent, Context, Message, handles

    Agent, handles            a class with a role, and a handler a message type
    Context, Answer           what a handler is given; what `ctx.complete` answers
    Message, Part             bases of your own messages, and of values inside them
    Prompts                   prompts as files beside your module
    GoSource, code_in         a Go file, function by function; the code in a model's reply
    said_of                   what a spec says of one function
    Envelope, ModelCall       who sent a message and why; the record of a model call
    AgentSettings             what an agent with an `__init__` is given
    MemoryBroker, MemoryBus, Runtime, AgentIdentity, wrap     the bus in one event loop, for tests
    GuildbusError ...         the errors that a handler may raise or meet
    BuildRequested ...        the messages of a build

Programs that build start at `Swarm`, and docs/python-api.md shows how::

    Swarm                     build, resume, cancel, trace: what the commands do
    BuildReport, RunSummary, TracedMessage      what it gives
    Spec, View, PlainView     what it may be given: a spec as data, and who is shown what goes on

Each is imported from its module when it is first used: `import guildbus` alone costs nothing.

The code lives in the four top-level folders of the repository, one a layer; each may import
only those to its left::

    protocols  <-  bus  <-  agents  <-  launch

Start reading at `guildbus.protocols` (what is said), then `guildbus.bus` (how it travels),
`guildbus.agents` (who speaks) and `guildbus.launch` (how it starts).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guildbus.agents.agent import Agent, handles
    from guildbus.agents.context import Context
    from guildbus.agents.golang.source import GoFunction, GoSource, code_in
    from guildbus.agents.prompt_files import PromptError, Prompts
    from guildbus.agents.runtime import Runtime, wrap
    from guildbus.agents.said_of import said_of
    from guildbus.agents.settings import AgentSettings
    from guildbus.agents.tools import Answer, OwnTools
    from guildbus.bus.interface import AgentIdentity
    from guildbus.bus.memory import MemoryBroker, MemoryBus
    from guildbus.bus.notices import Subscriptions
    from guildbus.launch.api import Swarm
    from guildbus.launch.live import PlainView, View
    from guildbus.launch.results import BuildReport, RunSummary, TracedMessage
    from guildbus.protocols.envelope import Envelope
    from guildbus.protocols.errors import (
        BusError,
        ConfigError,
        GuildbusError,
        InfrastructureError,
        ModelError,
        OutputError,
        ProtocolError,
        SandboxError,
        SpecError,
        ToolchainError,
        UsageError,
    )
    from guildbus.protocols.messages.base import Message, Part, Span
    from guildbus.protocols.messages.build import BuildFinished, BuildPlanned, BuildRequested, BuildStopped
    from guildbus.protocols.messages.control import EventNoticed, MessageDied, RunCancelled
    from guildbus.protocols.messages.draft import (
        DraftAccepted,
        DraftProposed,
        DraftRejected,
        DraftRequested,
        ModelCall,
    )
    from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
    from guildbus.protocols.messages.verification import VerificationFinished
    from guildbus.protocols.registry import Registry, standard_registry
    from guildbus.protocols.spec import Spec

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "AgentIdentity",
    "AgentSettings",
    "Answer",
    "BuildFinished",
    "BuildPlanned",
    "BuildReport",
    "BuildRequested",
    "BuildStopped",
    "BusError",
    "ConfigError",
    "Context",
    "DraftAccepted",
    "DraftProposed",
    "DraftRejected",
    "DraftRequested",
    "Envelope",
    "EventNoticed",
    "FinishJudged",
    "FinishProposed",
    "FinishRequested",
    "GoFunction",
    "GoSource",
    "GuildbusError",
    "InfrastructureError",
    "MemoryBroker",
    "MemoryBus",
    "Message",
    "MessageDied",
    "ModelCall",
    "ModelError",
    "OutputError",
    "OwnTools",
    "Part",
    "PlainView",
    "PromptError",
    "Prompts",
    "ProtocolError",
    "Registry",
    "RunCancelled",
    "RunSummary",
    "Runtime",
    "SandboxError",
    "Span",
    "Spec",
    "SpecError",
    "Subscriptions",
    "Swarm",
    "ToolchainError",
    "TracedMessage",
    "UsageError",
    "VerificationFinished",
    "View",
    "code_in",
    "handles",
    "said_of",
    "standard_registry",
    "wrap",
]

_HOMES = {
    "agents.agent": ("Agent", "handles"),
    "agents.context": ("Context",),
    "agents.golang.source": ("GoFunction", "GoSource", "code_in"),
    "agents.prompt_files": ("PromptError", "Prompts"),
    "agents.said_of": ("said_of",),
    "agents.runtime": ("Runtime", "wrap"),
    "agents.settings": ("AgentSettings",),
    "agents.tools": ("Answer", "OwnTools"),
    "bus.interface": ("AgentIdentity",),
    "bus.memory": ("MemoryBroker", "MemoryBus"),
    "bus.notices": ("Subscriptions",),
    "launch.api": ("Swarm",),
    "launch.live": ("PlainView", "View"),
    "launch.results": ("BuildReport", "RunSummary", "TracedMessage"),
    "protocols.envelope": ("Envelope",),
    "protocols.errors": (
        "BusError",
        "ConfigError",
        "GuildbusError",
        "InfrastructureError",
        "ModelError",
        "OutputError",
        "ProtocolError",
        "SandboxError",
        "SpecError",
        "ToolchainError",
        "UsageError",
    ),
    "protocols.messages.base": ("Message", "Part", "Span"),
    "protocols.messages.build": ("BuildFinished", "BuildPlanned", "BuildRequested", "BuildStopped"),
    "protocols.messages.control": ("EventNoticed", "MessageDied", "RunCancelled"),
    "protocols.messages.draft": (
        "DraftAccepted",
        "DraftProposed",
        "DraftRejected",
        "DraftRequested",
        "ModelCall",
    ),
    "protocols.messages.finish": ("FinishJudged", "FinishProposed", "FinishRequested"),
    "protocols.messages.verification": ("VerificationFinished",),
    "protocols.registry": ("Registry", "standard_registry"),
    "protocols.spec": ("Spec",),
}


def __getattr__(name: str) -> object:
    """A public name, from where it lives."""
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"guildbus.{module}"), name)
    raise AttributeError(f"module 'guildbus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
