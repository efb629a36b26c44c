"""What is said about messages and runs as such: that one died, what became of it, that a run is called off.

None of it is about Go. `MessageDied` is published by the broker to the role that closes runs, so that
a message nobody could handle ends its run with a reason instead of a silence. `EventNoticed` is the broker's
too: it tells a role of a message of a type that it subscribes to (docs/protocol.md, section 6.9).
`RunCancelled` makes the broker drop all else that is open in its run (section 6.8).
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


class EventNoticed(Message):
    """A message of a type that a role subscribes to was admitted. `seq` is its number; 0: not known.

    The role's handler is called with that message, not with this.
    """

    type: ClassVar[str] = "event.noticed"

    message_id: str
    message_type: str
    seq: int = Field(default=0, ge=0)


class RunCancelled(Message):
    """Whoever asked for a run wants it no more. `by` names the agent or person; `reason` is for people."""

    type: ClassVar[str] = "run.cancelled"
    to: ClassVar[str | None] = "planner"

    reason: str
    by: str


class DeadRequeued(Message):
    """A dead letter is sent once more, as the message `copy_id`. Announced: it opens a closed run again."""

    type: ClassVar[str] = "dead.requeued"

    message_id: str
    copy_id: str
    by: str


class DeadDropped(Message):
    """A person has decided that a dead letter needs nothing more. Announced."""

    type: ClassVar[str] = "dead.dropped"

    message_id: str
    by: str
    reason: str = ""
