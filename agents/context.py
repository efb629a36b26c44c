"""What a handler is given beside its message: the run so far, a clock, a voice, a log.

`history` is the whole memory of an agent: the run's messages up to and with the one in hand, in
journal order. What comes later is not in it, so the same message always gives the same answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from guildbus.protocols.envelope import Envelope
from guildbus.protocols.messages.base import Message

MessageT = TypeVar("MessageT", bound=Message)


class Log(Protocol):
    """The part of structlog's interface that handlers use."""

    def info(self, event: str, **fields: object) -> object:
        """Something worth knowing."""

    def warning(self, event: str, **fields: object) -> object:
        """Something worth a look."""


@dataclass(frozen=True, slots=True)
class Context:
    """One handling of one message. `clock` gives seconds since the epoch."""

    envelope: Envelope
    max_attempts: int
    log: Log
    clock: Callable[[], float]
    say: Callable[[str], None]
    read_history: Callable[[Sequence[str]], Awaitable[list[Message]]]

    @property
    def run(self) -> str:
        """The run that the message belongs to."""
        return self.envelope.subject

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now sends the message to the dead letters."""
        return self.envelope.attempt >= self.max_attempts

    async def history(self, *bodies: type[Message]) -> list[Message]:
        """The run's messages of these types (of all types if none is named), with the one in hand."""
        return await self.read_history([body.wire_type() for body in bodies])

    async def latest(self, body: type[MessageT]) -> MessageT | None:
        """The newest message of one type in the run so far; None if there is none."""
        found = [message for message in await self.history(body) if isinstance(message, body)]
        return found[-1] if found else None
