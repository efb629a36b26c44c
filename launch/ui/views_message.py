"""One message, opened: envelope, body, what its model calls were given, every attempt at it. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from guildbus.bus.tail import Attempt, Stored
from guildbus.launch.run_log import decode_line
from guildbus.launch.ui.views_calls import calls_of
from guildbus.launch.ui.views_swimlane import lives_of, row_of
from guildbus.protocols.codec import unpack_map
from guildbus.protocols.errors import InvalidBody, ProtocolError
from guildbus.protocols.registry import Registry


def opened(stored: Stored, attempts: Sequence[Attempt], registry: Registry) -> dict[str, Any]:
    """`{row, envelope, body, calls, life, unreadable}`; a body that nobody can read as far as it goes."""
    envelope = stored.packet.envelope
    told: dict[str, Any] = {
        "envelope": envelope.to_header() | {"seq": stored.seq},
        "life": lives_of(attempts).get(stored.seq, []),
        "calls": [],
        "unreadable": "",
    }
    try:
        line = decode_line(stored, registry)
    except ProtocolError as error:
        return told | {"row": None, "unreadable": str(error), "body": plain_body(stored.packet.body)}
    return told | {
        "row": row_of(line),
        "body": line.message.model_dump(mode="json"),
        "calls": list(calls_of(line)),
    }


def plain_body(body: bytes) -> Any:
    """A body as plain data, whatever its type; its size and its error if it is no map."""
    try:
        fields = unpack_map(body, where="body")
    except InvalidBody as error:
        return {"unreadable": str(error), "bytes": len(body)}
    return json.loads(json.dumps(fields, default=repr))  # a strange body may hold what JSON has no word for
