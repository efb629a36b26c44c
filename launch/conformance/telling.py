"""A history in envelopes, as a journal has it: the same every time that it is told. Pure.

The agent takes what is addressed to its role, and by notices what it subscribes to.
"""

from dataclasses import dataclass, replace
from typing import Final

from guildbus.agents.runtime import wrap
from guildbus.bus.notices import notice_of
from guildbus.launch.conformance.histories import History
from guildbus.launch.conformance.subject import Subject
from guildbus.protocols.messages.base import ANY_ROLE
from guildbus.protocols.messages.control import MessageDied
from guildbus.protocols.wire import Packet

BEGAN: Final = 1_800_000_000.0
"""When every history begins, seconds since the epoch; its messages are a second apart."""


@dataclass(frozen=True, slots=True)
class Told:
    """A history as the bus has it. `handled` are the places, from 0, of the messages that the agent takes.

    `notices` are the broker's notices of those of them that it only subscribes to, by their places.
    """

    name: str
    packets: tuple[Packet, ...]
    handled: tuple[int, ...]
    notices: dict[int, Packet]

    def where(self, place: int) -> str:
        """For people: which message of which history."""
        return f"{self.name}, message {place + 1} ({self.packets[place].envelope.type})"

    def delivered(self, place: int) -> Packet:
        """What the agent is handed: the message, or the notice of it."""
        return self.notices.get(place, self.packets[place])


def told(subject: Subject, history: History, run: str = "") -> Told:
    """A history in envelopes; its run is called as the history if not `run`."""
    player = subject.agent_class
    run = run or history.name
    packets: list[Packet] = []
    handled: list[int] = []
    notices: dict[int, Packet] = {}
    for place, message in enumerate(history.messages):
        packet = wrap(message, source="kit/1", subject=run, now=BEGAN + place)
        name, seq = f"{run}/{place + 1}", 2 * place + 1
        named = isinstance(message, MessageDied) or ANY_ROLE in message.recipients
        to = player.role if named else packet.envelope.to
        packet = replace(
            packet,
            envelope=replace(packet.envelope, id=name, correlationid=name, seq=seq, to=to, deadline=None),
        )
        packets.append(packet)
        if not isinstance(message, tuple(player.handled.values())):
            continue
        if to == player.role:
            handled.append(place)
        elif isinstance(message, player.subscribes):
            handled.append(place)
            notice = notice_of(packet, seq, player.role, "kit", BEGAN + place, f"{name}/notice")
            notices[place] = replace(notice, envelope=replace(notice.envelope, seq=seq + 1))
    return Told(history.name, tuple(packets), tuple(handled), notices)
