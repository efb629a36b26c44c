"""The protocol as documents, generated from the models: JSON Schema and AsyncAPI 3.0. Pure.

`asyncapi_text` is what `guildbus protocols export` prints and what docs/schema/guildbus.asyncapi.json
holds; `incompatibilities` says what a change of the models would break for whoever speaks the old
form. The frames around the messages are not in these documents: docs/protocol.md has them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from guildbus.protocols.envelope import MAX_PRIORITY, MAX_TEXT, SPEC_VERSION, Envelope
from guildbus.protocols.messages.base import ANY_ROLE, Message
from guildbus.protocols.registry import Registry

PROTOCOL_VERSION: Final = "1.0.0"
ANNOUNCEMENTS: Final = "announcements"
NAMED_ROLE: Final = "named-role"

Document = dict[str, Any]

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_TIME: Final = {"type": "string", "format": "date-time", "minLength": 27, "maxLength": 27}
_COUNT: Final = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**53}
_ATTRIBUTES: Final[Mapping[str, Document]] = {
    "time": _TIME,
    "deadline": _TIME,
    "priority": {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY, "default": 4},
    "hops": _COUNT | {"default": 0},
    "attempt": _COUNT | {"default": 0},
    "seq": _COUNT | {"default": 0},
}
_REQUIRED: Final = ("id", "source", "specversion", "subject", "time", "type")


def json_schemas(registry: Registry) -> dict[str, Document]:
    """Wire type -> a self-contained JSON Schema (2020-12) of its body."""
    return {
        wire_type: {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"guildbus:{wire_type}"}
        | _schema_of(body)
        for wire_type, body in sorted(registry.bodies.items())
    }


def envelope_schema() -> Document:
    """The JSON Schema of the envelope: CloudEvents 1.0 attributes and ours, nothing else."""
    properties: Document = {"specversion": {"const": SPEC_VERSION}}
    for name in Envelope.__dataclass_fields__:
        properties[name] = dict(_ATTRIBUTES.get(name, _TEXT))
    return {
        "type": "object",
        "properties": properties,
        "required": list(_REQUIRED),
        "additionalProperties": False,
    }


def recipients(body: type[Message]) -> tuple[str, ...]:
    """The role queues that a body can go to; none for one that is announced, or that the broker addresses.

    NAMED_ROLE stands for the queue of the role that the body itself names.
    """
    taken = body.recipients or (() if body.to is None else (body.to,))
    return tuple(NAMED_ROLE if role == ANY_ROLE else role for role in taken)


def asyncapi(registry: Registry) -> Document:
    """The whole protocol as an AsyncAPI 3.0.0 document: a channel a role queue, and one for announcements."""
    bodies = dict(sorted(registry.bodies.items()))
    channels: dict[str, Document] = {}
    operations: dict[str, Document] = {}
    for wire_type, body in bodies.items():
        for queue in recipients(body) or (ANNOUNCEMENTS,):
            channel = channels.setdefault(queue, _channel(queue))
            channel["messages"][wire_type] = {"$ref": f"#/components/messages/{wire_type}"}
    for queue, channel in channels.items():
        operations[f"receive.{queue}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{queue}"},
            "messages": [{"$ref": f"#/channels/{queue}/messages/{name}"} for name in channel["messages"]],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "guildbus",
            "version": PROTOCOL_VERSION,
            "description": "What the agents of a guild say to each other. The frames: docs/protocol.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/msgpack",
        "channels": dict(sorted(channels.items())),
        "operations": dict(sorted(operations.items())),
        "components": {
            "schemas": {"envelope": envelope_schema()} | _shared_schemas(bodies),
            "messages": {wire_type: _message(wire_type, body) for wire_type, body in bodies.items()},
        },
    }


def asyncapi_text(registry: Registry) -> str:
    """`asyncapi` as JSON text: keys sorted, so that equal protocols give equal bytes."""
    return json.dumps(asyncapi(registry), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def incompatibilities(old: Document, new: Document) -> list[str]:
    """What whoever speaks `old` would trip over in `new`: both AsyncAPI documents of this module.

    A sentence each for a message type, a field or a permitted value that is gone, a field that is
    required now, a type that changed, a limit that got narrower, and a message that a queue no
    longer takes. Empty when only additions were made.
    """
    found: list[str] = []
    old_messages, new_messages = old["components"]["messages"], new["components"]["messages"]
    for wire_type in old_messages:
        if wire_type not in new_messages:
            found.append(f"{wire_type}: the type is gone")
            continue
        roots = [document["components"]["schemas"][wire_type] for document in (old, new)]
        found += _Comparison(old, new).of(wire_type, *roots)
    envelopes = [document["components"]["schemas"]["envelope"] for document in (old, new)]
    found += _Comparison(old, new).of("envelope", *envelopes)
    for queue, channel in old["channels"].items():
        taken = new["channels"].get(queue, {"messages": {}})["messages"]
        found += [
            f"{queue}: no longer takes {wire_type}"
            for wire_type in channel["messages"]
            if wire_type not in taken and wire_type in new_messages
        ]
    return found


class _Comparison:
    """A walk over two schemas side by side; a pair of definitions is visited once a message."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str]] = set()

    def of(self, place: str, old: Document, new: Document) -> list[str]:
        """What is narrower in `new`."""
        names = (old.get("$ref", ""), new.get("$ref", ""))
        if any(names):
            if names in self._seen:
                return []
            self._seen.add(names)
            old, new = _resolved(old, self._old), _resolved(new, self._new)
        if _kind(old) != _kind(new):
            return [f"{place}: was {_kind(old)}, is {_kind(new)}"]
        found = list(_narrowed(place, old, new))
        for name, was in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                found.append(f"{place}.{name}: the field is gone")
            else:
                found += self.of(f"{place}.{name}", was, new["properties"][name])
        newly = set(new.get("required", ())) - set(old.get("required", ()))
        found += [f"{place}.{name}: required now" for name in sorted(newly)]
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                found += self.of(f"{place}[]", old[part], new[part])
        for was, now in zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=False):
            found += self.of(place, was, now)
        return found


def _narrowed(place: str, old: Document, new: Document) -> Iterator[str]:
    permitted, remaining = _values(old), _values(new)
    if remaining is not None and permitted is None:
        yield f"{place}: only {', '.join(remaining)} now"
    elif remaining is not None and permitted is not None:
        yield from (
            f"{place}: {value} is no longer permitted" for value in permitted if value not in remaining
        )
    for limit in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
        if limit in new and (limit not in old or new[limit] < old[limit]):
            yield f"{place}: {limit} is {new[limit]}, was {old.get(limit, 'open')}"
    for limit in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
        if limit in new and (limit not in old or new[limit] > old[limit]):
            yield f"{place}: {limit} is {new[limit]}, was {old.get(limit, 'open')}"


def _values(schema: Document) -> list[str] | None:
    if "const" in schema:
        return [json.dumps(schema["const"])]
    return [json.dumps(value) for value in schema["enum"]] if "enum" in schema else None


def _kind(schema: Document) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        return "object"
    value = schema.get("const", (schema.get("enum") or [None])[0])
    return str(schema.get("type", "string" if isinstance(value, str) else "anything"))


def _resolved(schema: Document, document: Document) -> Document:
    while "$ref" in schema:
        found: Document = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _schema_of(body: type[Message]) -> Document:
    return body.model_json_schema(mode="validation")


def _shared_schemas(bodies: Mapping[str, type[Message]]) -> dict[str, Document]:
    """All bodies and the values inside them, each once; a body is filed under its wire type."""
    references, definitions = models_json_schema(
        [(body, "validation") for body in bodies.values()], ref_template="#/components/schemas/{model}"
    )
    shared: dict[str, Document] = dict(definitions["$defs"])
    return shared | {wire_type: references[body, "validation"] for wire_type, body in bodies.items()}


def _channel(queue: str) -> Document:
    if queue == ANNOUNCEMENTS:
        return {
            "address": None,
            "description": "Messages without a `to`: journaled, settled at once, read from the journal.",
            "messages": {},
        }
    if queue == NAMED_ROLE:
        return {
            "address": "{role}",
            "parameters": {"role": {"description": "The role that the message names."}},
            "description": "The work queue of whichever role a message names.",
            "messages": {},
        }
    return {"address": queue, "description": f"The work queue of the role {queue}.", "messages": {}}


def _message(wire_type: str, body: type[Message]) -> Document:
    return {
        "name": wire_type,
        "title": body.__name__,
        "summary": (body.__doc__ or "").strip().partition("\n")[0],
        "contentType": "application/msgpack",
        "headers": {"$ref": "#/components/schemas/envelope"},
        "payload": {"$ref": f"#/components/schemas/{wire_type}"},
    }
