"""The page of messages: each with who says it, who takes it, its fields; then the values inside them."""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from guildbus.agents.contracts import BROKERS_OWN
from guildbus.agents.roster import BUILT_IN_EMITS
from guildbus.launch.membership import UNDERTAKER
from guildbus.launch.reference.markdown import anchor, code, one_of, paragraphs, prose, table
from guildbus.launch.reference.schemas import Schema, default_in_words, type_in_words
from guildbus.launch.reference.sources import aliases_of, fields_of, path_of
from guildbus.protocols.export import recipients
from guildbus.protocols.messages import base, verification
from guildbus.protocols.messages.base import Incidental, Message
from guildbus.protocols.messages.control import EventNoticed, MessageDied
from guildbus.protocols.registry import standard_registry

HEAD: Final = """# Messages

What the agents of a guild say to each other, from the classes in
[protocols/messages/](../../protocols/messages/__init__.py). The frames and the envelope around them are in
[protocol.md](../protocol.md); the same types as JSON Schema and AsyncAPI 3 are in
[schema/guildbus.asyncapi.json](../schema/guildbus.asyncapi.json). How a type of your own is made:
[adding-a-specialist.md](../adding-a-specialist.md#message-types-of-your-own).

A field with a default may be left out. Unknown fields are refused. What says *may differ* tells how an
execution went and is not compared by `guildbus replay`. Names that end in `_s` are seconds, in `_bytes`
bytes, in `_chars` characters.
"""
_SUFFIXES: Final = {"_s": "seconds", "_bytes": "bytes", "_chars": "characters"}
_MAY_DIFFER: Final = "may differ"


def messages_page() -> str:
    """The whole page, but for its first line."""
    bodies = standard_registry().bodies
    parts = [HEAD, _overview(bodies.values())]
    parts += [f"## {code(name)}\n\n{_of_message(body)}" for name, body in bodies.items()]
    parts.append("## Values\n\nWhat stands inside messages, in the order of the alphabet.")
    parts += [_of_value(found) for found in _values(bodies.values())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _overview(bodies: Iterable[type[Message]]) -> str:
    rows = [
        [f"[{code(body.wire_type())}]({anchor(body.wire_type())})", _said_by(body), _taken_by(body)]
        for body in bodies
    ]
    return table(["type", "said by", "taken by"], rows)


def _said_by(body: type[Message]) -> str:
    if body.wire_type() in BROKERS_OWN:
        return "the broker"
    roles = [role for role, emits in BUILT_IN_EMITS.items() if body in emits]
    return ", ".join(roles) or "the command line"


def _taken_by(body: type[Message]) -> str:
    if body is MessageDied:
        return UNDERTAKER
    if body is EventNoticed:
        return "each role that subscribes"
    roles = recipients(body)
    return one_of(roles) if roles else "nobody: it is announced"


def _of_message(body: type[Message]) -> str:
    older = sorted(body.upcasters)
    upcast = f" Versions {one_of([str(n) for n in older], 'and')} come in through upcasters." if older else ""
    facts = (
        f"{code(body.__name__)} in [{path_of(body)}](../../{path_of(body)}), version {body.version}. "
        f"Said by {_said_by(body)}, taken by {_taken_by(body)}.{upcast}"
    )
    return f"{facts}\n\n{paragraphs(body.__doc__)}\n\n{_fields(body)}"


def _of_value(found: type[BaseModel]) -> str:
    place = f"In [{path_of(found)}](../../{path_of(found)})."
    return f"### {found.__name__}\n\n{place} {paragraphs(found.__doc__)}\n\n{_fields(found)}"


def _fields(owner: type[BaseModel]) -> str:
    schema: Schema = owner.model_json_schema(mode="validation")
    if not owner.model_fields:
        return "No fields."
    required = schema.get("required", ())
    rows = [
        [
            code(name),
            type_in_words(_plain(schema, schema["properties"][name])),
            default_in_words(schema["properties"][name], required=name in required),
            _notes(owner, name, field),
        ]
        for name, field in owner.model_fields.items()
    ]
    return table(["field", "type", "default", ""], rows)


def _plain(schema: Schema, field: Schema) -> Schema:
    """A reference that pydantic wraps, to give it a default, is that reference."""
    inner = field.get("allOf", [field])
    found: Schema = inner[0] if len(inner) == 1 else field
    return found


def _notes(owner: type[BaseModel], name: str, field: FieldInfo) -> str:
    stated = fields_of(owner).get(name)
    notes = [stated.text] if stated is not None and stated.text else []
    if stated is not None:
        notes += [text for alias, text in _aliases().items() if stated.annotation == alias]
    notes += [unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix) and not notes]
    if any(isinstance(mark, Incidental) and mark.when is None for mark in field.metadata):
        notes.append(_MAY_DIFFER)
    return prose("; ".join(note.rstrip(".") for note in notes))


def _aliases() -> dict[str, str]:
    return {
        name: " ".join(text.split())
        for module in (base, verification)
        for name, text in aliases_of(module).items()
    }


def _values(bodies: Iterable[type[Message]]) -> list[type[BaseModel]]:
    """Every model inside the bodies, by name."""
    names = {name for body in bodies for name in body.model_json_schema(mode="validation").get("$defs", {})}
    found = {one.__name__: one for one in _models() if one.__name__ in names}
    return [found[name] for name in sorted(found)]


def _models() -> Iterator[type[BaseModel]]:
    for name, module in list(sys.modules.items()):
        if name.startswith("guildbus.protocols."):
            for found in vars(module).values():
                if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == name:
                    yield found
