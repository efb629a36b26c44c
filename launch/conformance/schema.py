"""The agent's own message types against the form in which they were recorded.

The recorded form is an AsyncAPI document, as `guildbus protocols export` writes one of the types that ship. A
change that whoever speaks the recorded form would trip over needs a new version of the type.
"""

import json
from pathlib import Path
from typing import Any

from guildbus.agents.agent import Agent
from guildbus.launch.conformance.bench import Bench
from guildbus.launch.conformance.findings import Finding, Untried
from guildbus.launch.conformance.subject import own_bodies
from guildbus.protocols.errors import UsageError
from guildbus.protocols.export import asyncapi, asyncapi_text, incompatibilities
from guildbus.protocols.registry import Registry

NEW_VERSION = "give the type a new version, and keep what was"


async def schema(bench: Bench) -> list[Finding]:
    """No recorded field is removed, retyped or newly required without a new version of its type."""
    if not own_bodies(bench.subject.agent_class):
        raise Untried("it speaks no message types of its own")
    if bench.subject.schema is None:
        raise Untried(f"nothing is recorded yet: guildbus agents check {bench.subject.name} --record")
    return broken(bench.subject.agent_class, bench.subject.schema)


def broken(agent_class: type[Agent], recorded: Path) -> list[Finding]:
    """What the classes break of their recorded form. UsageError if the file cannot be read."""
    old, new = _read(recorded), asyncapi(Registry(own_bodies(agent_class)))
    try:
        old["components"]["schemas"]["envelope"] = new["components"]["schemas"]["envelope"]
        found = incompatibilities(old, new)
    except (KeyError, TypeError) as error:
        raise UsageError("not a schema that the kit has recorded", where=str(recorded)) from error
    names = {body.type for body in own_bodies(agent_class)}
    return [
        Finding(what, str(recorded), NEW_VERSION) for what in found if not _has_a_newer_version(what, names)
    ]


def schema_text(agent_class: type[Agent]) -> str:
    """The form of its own message types now."""
    return asyncapi_text(Registry(own_bodies(agent_class)))


def _has_a_newer_version(what: str, names: set[str]) -> bool:
    """`review.noted.v1: the type is gone`, while there is a review.noted of another version."""
    wire_type, _, rest = what.partition(": ")
    return rest == "the type is gone" and wire_type.rpartition(".v")[0] in names


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the schema cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise UsageError(f"no JSON: {error}", where=str(path)) from error
    if not isinstance(found, dict):
        raise UsageError("not a schema that the kit has recorded", where=str(path))
    return found
