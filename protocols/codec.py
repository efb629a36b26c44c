"""Bodies to bytes and back: a body is one msgpack map that validates against its model.

Decoding trusts nothing: bytes that are no map, a type that is not registered, a map that does not
validate each raise a typed error that names the place. Read `wire.py` next.
"""

from typing import TYPE_CHECKING, Any

import msgpack
from pydantic import ValidationError

from guildbus.protocols.errors import InvalidBody
from guildbus.protocols.messages.base import Message

if TYPE_CHECKING:  # the broker encodes one type, and is not to import them all for that
    from guildbus.protocols.messages.base import Upcaster
    from guildbus.protocols.registry import Registry


def encode(message: Message) -> bytes:
    """The body's bytes: the same message always gives the same bytes.

    Raises InvalidBody for what msgpack cannot hold: an integer of more than 64 bits.
    """
    try:
        data: bytes = msgpack.packb(message.model_dump(mode="json"), use_bin_type=True)
    except (ValueError, OverflowError) as error:
        raise InvalidBody(f"not packable: {error}"[:200], where=message.wire_type()) from None
    return data


def decode(wire_type: str, data: bytes, registry: "Registry") -> Message:
    """The body that `data` holds.

    Raises UnknownType for a type that is not registered, InvalidBody for bytes that do not validate.
    """
    body, upcasters = registry.resolve(wire_type)
    fields = unpack_map(data, where=wire_type)
    for upcast in upcasters:
        fields = _upcast(upcast, fields, wire_type)
    try:
        return body.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise InvalidBody(
            f"{error.error_count()} mistakes, the first: {first['msg']}"[:200],
            where=f"{wire_type} at {place or 'the top'}"[:200],
        ) from None


def _upcast(upcast: "Upcaster", fields: dict[str, Any], wire_type: str) -> dict[str, Any]:
    """One version on. An upcaster is anybody's code, and stumbles over fields that nobody validated."""
    try:
        return upcast(fields)
    except Exception as error:
        what = f"the upcaster fails: {type(error).__name__}: {error}"
        raise InvalidBody(what[:200], where=wire_type) from error


def unpack_map(data: bytes, *, where: str) -> dict[str, Any]:
    """One msgpack map with text keys; InvalidBody for anything else (never a crash)."""
    try:
        fields = msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidBody(f"not msgpack: {error}"[:200], where=where) from None
    if type(fields) is not dict or not all(type(key) is str for key in fields):
        raise InvalidBody("not a map with text keys", where=where)
    return fields
