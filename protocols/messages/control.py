"""What the bus itself says: an agent's failure to handle a message, and a dead letter.

Neither is about Go. `MessageDied` is published by the broker to the role that closes runs, so that
a message nobody could handle ends its run with a reason instead of a silence.
"""

from typing import ClassVar

from pydantic import Field

from guildbus.protocols.messages.base import Message, Part


class AttemptFailure(Part):
    """Why one attempt at a message did not settle it."""

    attempt: int = Field(ge=0)
    agent: str
    code: str
    reason: str


class MessageDied(Message):
    """A message went to the dead letters: nobody could handle it. `failures` holds every attempt's reason."""

    type: ClassVar[str] = "message.died"

    message_id: str
    message_type: str
    queue: str
    code: str
    reason: str
    failures: tuple[AttemptFailure, ...] = ()
