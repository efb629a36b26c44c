"""The closed table of message types: (type, version) -> body model.

Nothing is ever imported by a name read off the wire: a type that is not in the table is refused.
An older version of a body comes in through an *upcaster*, a pure function from the old map to
the next version's map; chains of them lead to the newest. A swarm with message types of its own speaks
`standard_registry().extended(...)`: `agents/vocabulary.py` finds them. Read `codec.py` next.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from guildbus.protocols.errors import UnknownType
from guildbus.protocols.messages import build, control, draft, finish, oracle, verification
from guildbus.protocols.messages.base import Message, Upcaster


class Registry:
    """An immutable table of bodies and upcasters. Raises ValueError on a clash when it is made."""

    def __init__(
        self, bodies: Iterable[type[Message]], upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        table: dict[str, type[Message]] = {}
        for body in bodies:
            if body.wire_type() in table:
                raise ValueError(f"two bodies claim {body.wire_type()}")
            table[body.wire_type()] = body
        self._table = MappingProxyType(table)
        steps = {(body.type, old): step for body in table.values() for old, step in body.upcasters.items()}
        self._upcasters = MappingProxyType(steps | dict(upcasters or {}))

    def extended(self, bodies: Iterable[type[Message]]) -> "Registry":
        """This table and these bodies, each once. Raises ValueError if one claims another's type."""
        more = [body for body in dict.fromkeys(bodies) if self._table.get(body.wire_type()) is not body]
        return Registry([*self._table.values(), *more], self._upcasters) if more else self

    def spellings(self, wire_type: str) -> tuple[str, ...]:
        """A type and its older versions that come in as it: what to look for in a journal, newest first."""
        found = [wire_type]
        name, _, version = wire_type.rpartition(".v")
        number = int(version) - 1 if version.isascii() and version.isdigit() else 0
        while (name, number) in self._upcasters and f"{name}.v{number}" not in self._table:
            found.append(f"{name}.v{number}")
            number -= 1
        return tuple(found)

    @property
    def bodies(self) -> Mapping[str, type[Message]]:
        """Wire type -> model, such as `draft.requested.v1` -> DraftRequested."""
        return self._table

    def resolve(self, wire_type: str) -> tuple[type[Message], tuple[Upcaster, ...]]:
        """The model for a wire type, and the upcasters to run first (none for the newest version).

        Raises UnknownType for a type, a version or a form that the table does not hold.
        """
        body = self._table.get(wire_type)
        if body is not None:
            return body, ()
        name, _, version = wire_type.rpartition(".v")
        steps: list[Upcaster] = []
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 6 else -1
        while (upcaster := self._upcasters.get((name, number))) is not None:
            steps.append(upcaster)
            number += 1
            body = self._table.get(f"{name}.v{number}")
            if body is not None:
                return body, tuple(steps)
        raise UnknownType(
            "no such message type",
            where=wire_type[:128],
            remedy="`guildbus protocols export` lists the types of this version",
        )


@cache
def standard_registry() -> Registry:
    """The table of the messages that guildbus ships."""
    return Registry(
        [
            build.BuildRequested,
            build.BuildPlanned,
            build.BuildStopped,
            build.BuildFinished,
            draft.DraftRequested,
            draft.DraftProposed,
            draft.DraftAccepted,
            draft.DraftRejected,
            verification.VerificationFinished,
            finish.FinishRequested,
            finish.FinishProposed,
            finish.FinishJudged,
            oracle.ReferenceRequested,
            oracle.ReferenceProposed,
            oracle.WitnessesEstablished,
            oracle.OracleRequested,
            oracle.OracleAnswered,
            control.MessageDied,
            control.EventNoticed,
            control.RunCancelled,
            control.DeadRequeued,
            control.DeadDropped,
        ]
    )
