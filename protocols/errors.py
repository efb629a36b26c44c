"""One error root for the whole project.

Every error that a person or a peer may see says *what* happened, *where*, and *what to do*.
Its `code` is stable: it travels in ERROR frames, in failure messages and in `--json` output,
and the command line maps its first word to an exit code (design §8).
"""

from typing import ClassVar


class GuildbusError(Exception):
    """The root. `code` is `area.problem`; `where` names a file, line, frame or agent.

    A handler that fails is tried again, unless its error is `final`: the next attempt could only fail alike.
    """

    code: ClassVar[str] = "internal.error"
    final: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{remedy}"


class UsageError(GuildbusError):
    """The user asked for something that cannot be done as asked: exit code 2."""

    code = "usage.invalid"


class SpecError(UsageError):
    """A spec that cannot be built; `where` is `file:line`."""

    code = "usage.spec"


class ConfigError(UsageError):
    """A `guild.toml` that cannot be used; `where` names the file and key."""

    code = "usage.config"


class OutputError(UsageError):
    """The output folder holds files that are not ours to replace."""

    code = "usage.output"


class InfrastructureError(GuildbusError):
    """Something that the work stands on is missing or broken: exit code 3."""

    code = "infra.error"


class ModelError(InfrastructureError):
    """No model endpoint, or one that answers nonsense."""

    code = "infra.model"


class ToolchainError(InfrastructureError):
    """No usable Go toolchain."""

    code = "infra.toolchain"


class SandboxError(InfrastructureError):
    """No sandbox can be made here, and nothing generated runs without one."""

    code = "infra.sandbox"


class BusError(InfrastructureError):
    """The broker cannot be reached, refused us, or its socket is in use."""

    code = "infra.bus"


class JournalError(BusError):
    """The disk under the journal refuses for now: nothing was lost, and it may be tried again."""

    code = "infra.journal"


class ProtocolError(GuildbusError):
    """Bytes or bodies that break docs/protocol.md. Never a crash: counted and answered."""

    code = "protocol.invalid"


class FrameError(ProtocolError):
    """Not a well-formed frame set: count, version, kind or header."""

    code = "protocol.frame"


class TooLarge(ProtocolError):
    """Over the size limit of a frame or a message."""

    code = "protocol.too_large"


class UnknownType(ProtocolError):
    """A (type, version) that the closed registry does not hold."""

    code = "protocol.unknown_type"


class InvalidBody(ProtocolError):
    """A body that does not validate against its model."""

    code = "protocol.invalid_body"


class Refused(ProtocolError):
    """The broker understood and refuses: wrong token, full queue, not this role's type."""

    code = "protocol.refused"


class Unanswered(ProtocolError):
    """A handler gave no answer of the type that its message asks for: whoever waits would wait for ever."""

    code = "protocol.unanswered"


class QueueFull(Refused):
    """The queue is at its bound; the publisher should wait and try again."""

    code = "protocol.queue_full"


class TooMany(Refused):
    """The broker has as many agents or queues as it may have."""

    code = "protocol.too_many"


class StaleAttempt(Refused):
    """The fencing token is out of date: someone else has the message now."""

    code = "protocol.stale_attempt"


class Withdrawn(Refused):
    """The broker took a delivery back: its run was cancelled, it expired, or its lease ran out. Stop."""

    code = "protocol.withdrawn"


class NoSession(Refused):
    """The broker does not know this peer (any more): say HELLO."""

    code = "protocol.no_session"


class Replaced(Refused):
    """A newer incarnation has this agent's name: this process has nothing left to do."""

    code = "protocol.replaced"


class NotAllowed(Refused):
    """Not this key's name or role, not this role's type, or not in this agent's name."""

    code = "protocol.not_allowed"
