"""Writing down the form of an agent's own message types, so that a later change that breaks it is seen."""

from pathlib import Path

from guildbus.agents.agent import Agent
from guildbus.launch.conformance.schema import broken, schema_text
from guildbus.launch.conformance.subject import own_bodies, schema_place
from guildbus.protocols.errors import UsageError


def record_schema(agent_class: type[Agent], target: Path | None = None) -> Path | None:
    """Write the schema file; its path, or None if the agent speaks no types of its own.

    Raises UsageError if that would break what is recorded there: the recorded form stays.
    """
    if not own_bodies(agent_class):
        return None
    place = target or schema_place(agent_class)
    if place is None:
        raise UsageError(
            "its module is in no file", where=agent_class.__qualname__, remedy="name a file with --schema"
        )
    if place.exists() and (found := broken(agent_class, place)):
        remedy = f"{found[0].remedy}; or delete the file, if nobody speaks the old form"
        raise UsageError(found[0].what, where=str(place), remedy=remedy)
    place.write_text(schema_text(agent_class), encoding="utf-8")
    return place
