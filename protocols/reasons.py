"""Codes that no exception carries: why an attempt failed, a message died, a connection was refused. Pure.

They have the form of those in `errors.py`, `area.problem`, and stand beside them in the journal, in dead
letters and in the count of refusals that `guildbus status` shows. The code writes them as literals where it
decides; a test holds that it writes these and no others.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agent.crashed": "A handler raised what is no GuildbusError: a bug. The traceback is in its log.",
        "agent.error": "An agent gave a message back and said no code.",
        "agent.timeout": "A handler took longer than its class's `handler_limit_s`.",
        "agent.withdrawn": "An agent let go of a delivery that the broker took back: as it should be.",
        "bus.agent_gone": "The agent that held the message died, fell silent or left.",
        "bus.cancelled": "The message's run was cancelled.",
        "bus.damaged": "The message's record does not match its checksum: it is never delivered.",
        "bus.expired": "The message's deadline passed.",
        "bus.lease": "The agent that held the message did not renew its lease in time.",
        "bus.lost": "Deliveries of the message never reached their agent: the connection broke each time.",
        "bus.unclaimed": "No agent has ever taken from the message's queue in this life of the broker.",
        "connection.handshake": "No ZeroMQ, no CURVE, a wrong key of the broker, or an endless greeting.",
        "connection.identity": "The peer chose its own ZeroMQ identity.",
        "connection.key": "The key of the connection is not on the list.",
        "connection.limit": "There were more than `max_connections`; the longest silent one was closed.",
        "connection.shown_out": "The connection was ended: it went on being refused, or its key was revoked.",
        "connection.shut": "A message came of a connection that had been shown out.",
        "connection.user": "The process at the other end of the socket belongs to another user.",
    }
)
"""Code -> what it means, in one sentence."""
