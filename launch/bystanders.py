"""Who still has to hear of a run that has ended: what a build waits for before it stops its own swarm.

A role that subscribes to the last messages of a run gets them when the run is over. Nobody else waits for it,
and the swarm of a build ends with its build, so the build gives it its time. The bus sees to it that every
message ends, in a result or as a dead letter; so does the wait.
"""

from collections.abc import Iterable

from guildbus.bus.notices import NOTICE
from guildbus.bus.records import OPEN
from guildbus.bus.tail import Stored


def still_hearing(messages: Iterable[Stored]) -> list[str]:
    """The roles with an open notice, or an open message that came of one, sorted.

    `messages` are all of one run, in journal order.
    """
    heard: set[str] = set()
    roles: set[str] = set()
    for stored in messages:
        envelope = stored.packet.envelope
        if envelope.type == NOTICE or envelope.causationid in heard:
            heard.add(envelope.id)
            if stored.state == OPEN and envelope.to is not None:
                roles.add(envelope.to)
    return sorted(roles)
