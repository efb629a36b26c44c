"""Who may say what: the message types that a role may publish, and in whose name. Pure.

The broker goes by the header alone, so this is all that it can promise: a message of a type came from an
agent of a role that may say it, under that agent's own name, and an answer stays in the run that it answers.
`agents/roster.py` and `launch/swarm.py` make the table from the classes' `emits`; docs/adr/0013 says why.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from guildbus.bus.events import Ack, PeerEvent, Publish
from guildbus.protocols.errors import NotAllowed
from guildbus.protocols.wire import Packet

OPERATOR: Final = "operator"
"""The role of the person at the command line."""
ANY_TYPE: Final = "*"
"""Stands for every type: an operator hands out copies of dead messages, whatever they are."""


class Permissions:
    """{role: types that it may publish}. A role that is not in the table may publish nothing."""

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        self._table = {role: frozenset(types) for role, types in table.items()}

    def denial(
        self, event: PeerEvent, *, role: str, instance: str, answering: str | None = None
    ) -> NotAllowed | None:
        """Why an agent may not say this; None if it may.

        `answering` is the run of the message that an ACK settles, if that is still open.
        """
        match event:
            case Publish(packet=packet):
                return self._refusal(packet, role, instance)
            case Ack(emits=emits):
                for packet in emits:
                    refusal = self._refusal(packet, role, instance)
                    if refusal is not None:
                        return refusal
                    if answering is not None and packet.envelope.subject != answering:
                        return NotAllowed(
                            f"an answer to run {answering[:64]!r} in run {packet.envelope.subject[:64]!r}",
                            where="subject",
                            remedy="emit in the run of the message that is settled",
                        )
        return None

    def _refusal(self, packet: Packet, role: str, instance: str) -> NotAllowed | None:
        envelope = packet.envelope
        allowed = self._table.get(role, frozenset())
        if envelope.type not in allowed and ANY_TYPE not in allowed:
            return NotAllowed(
                f"the role {role[:64]!r} may not publish {envelope.type[:64]}",
                where="type",
                remedy="declare it in `emits` of the agent's class",
            )
        if envelope.source != instance:
            return NotAllowed(
                f"the source is {envelope.source[:64]!r} and the session {instance[:64]!r}", where="source"
            )
        return None
