"""Dead letters, folded from the journal: what died, why each attempt failed, what became of it. Pure.

The broker marks a message dead and leaves it. What people do about it is said in messages: a *requeued*
letter is the cause of a copy of its type, a *dropped* one is named by a `dead.dropped`. So nothing in the
journal is ever changed by hand, and the trace of the run tells it all. `requeueing.py` sends these messages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from guildbus.bus.records import DEAD
from guildbus.bus.tail import Attempt, Stored
from guildbus.protocols import codec
from guildbus.protocols.envelope import Envelope
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.control import DeadDropped
from guildbus.protocols.registry import Registry
from guildbus.protocols.wire import Packet

Fate = Literal["dead", "requeued", "dropped"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that nobody could handle.

    `failures` are its attempts that failed, the last of them its death; `copies` the ids of the messages
    that it was requeued as, oldest first; `dropped` is the newest word on leaving it, if there is one.
    """

    packet: Packet
    failures: tuple[Attempt, ...]
    copies: tuple[str, ...] = ()
    dropped: DeadDropped | None = None

    @property
    def envelope(self) -> Envelope:
        """The letter's envelope, as it was published."""
        return self.packet.envelope

    @property
    def id(self) -> str:
        """The message id."""
        return self.envelope.id

    @property
    def death(self) -> Attempt | None:
        """What ended it; None if the journal has no record of that."""
        return self.failures[-1] if self.failures else None

    @property
    def fate(self) -> Fate:
        """What became of it; a copy says more than a word about dropping."""
        if self.copies:
            return "requeued"
        return "dropped" if self.dropped is not None else "dead"


def dead_letters(
    messages: Iterable[Stored], attempts: Iterable[Attempt], registry: Registry
) -> list[DeadLetter]:
    """The dead letters among the messages of one or more runs, in journal order."""
    died: list[Stored] = []
    copies: dict[tuple[str, str], list[str]] = defaultdict(list)
    dropped: dict[str, DeadDropped] = {}
    for stored in messages:
        envelope = stored.packet.envelope
        if envelope.causationid is not None:
            copies[envelope.causationid, envelope.type].append(envelope.id)
        if stored.state == DEAD:
            died.append(stored)
        if envelope.type == DeadDropped.wire_type():
            word = codec.decode(envelope.type, stored.packet.body, registry)
            if isinstance(word, DeadDropped):
                dropped[word.message_id] = word
    failures: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.event in ("failed", "dead"):
            failures[attempt.seq].append(attempt)
    return [
        DeadLetter(
            stored.packet,
            tuple(failures[stored.seq]),
            tuple(copies[stored.packet.envelope.id, stored.packet.envelope.type]),
            dropped.get(stored.packet.envelope.id),
        )
        for stored in died
    ]


def find_letter(letters: Sequence[DeadLetter], wanted: str) -> DeadLetter:
    """The letter of this id, or the only one whose id begins so. UsageError for none, or for several."""
    fitting = [letter for letter in letters if letter.id == wanted]
    fitting = fitting or [letter for letter in letters if wanted and letter.id.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    where = f"dead letter {wanted!r}"
    if fitting:
        shown = ", ".join(letter.id for letter in fitting[:5])
        raise UsageError(f"{len(fitting)} fit: {shown}", where=where, remedy="say more of its id")
    raise UsageError(
        "no dead letter has this id", where=where, remedy="`guildbus dead list --all` shows them"
    )
