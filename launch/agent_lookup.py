"""Agents by what a person calls them: `module:Class`, a line of the roster, an installed package's role."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from guildbus.agents.agent import Agent
from guildbus.agents.contracts import Member, check
from guildbus.agents.roster import BUILT_IN, ENTRY_POINT_GROUP, class_for, found_in
from guildbus.launch.config import GuildConfig
from guildbus.launch.membership import UNDERTAKER, message_names
from guildbus.protocols.errors import UsageError


def classes_of(target: str, config: GuildConfig) -> list[type[Agent]]:
    """The classes that are meant: one for a target, and all that are not built in for ''.

    Raises UsageError or ConfigError for a target that leads to no agent class.
    """
    if ":" in target:
        return [_class_at(target)]
    lines = {agent.name: (agent.role, agent.entry) for agent in config.agents}
    if target:
        return [class_for(*lines.get(target, (target, "")))]
    added = [line for line in lines.values() if line[0] not in BUILT_IN or ":" in line[1]]
    found = [class_for(*line) for line in added] + [class_for(role) for role in installed(config)]
    return list(dict.fromkeys(found))


def installed(config: GuildConfig) -> list[str]:
    """The roles of installed packages' agents that the roster does not have, sorted."""
    there = {agent.role for agent in config.agents} | set(BUILT_IN)
    return sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - there)


def listed(config: GuildConfig) -> list[dict[str, Any]]:
    """Every line of the roster, then what is installed beside it.

    `{name, role, replicas, takes, subscribes, emits, class, found}`. Raises ConfigError for the first agent
    of the roster that could not work in this swarm.
    """
    players = [Member(agent.name, class_for(agent.role, agent.entry)) for agent in config.agents]
    check(players, UNDERTAKER)
    message_names(config)
    rows = [
        _row(member, agent.replicas, found_in(agent.role, agent.entry))
        for agent, member in zip(config.agents, players, strict=True)
    ]
    return rows + [_row(Member(role, class_for(role)), 0, "entry point") for role in installed(config)]


def _row(member: Member, replicas: int, found: str) -> dict[str, Any]:
    player = member.player
    subscribes = sorted(body.wire_type() for body in player.subscribes)
    return {
        "name": member.name,
        "role": member.role,
        "replicas": replicas,
        "takes": sorted(set(player.handlers) - set(subscribes)),
        "subscribes": subscribes,
        "emits": sorted(body.wire_type() for body in player.emits),
        "class": f"{player.__module__}:{player.__qualname__}",
        "found": found,
    }


def _class_at(target: str) -> type[Agent]:
    module, _, name = target.partition(":")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        remedy = "install its package, or put its folder on PYTHONPATH"
        raise UsageError(f"no module: {error}", where=target, remedy=remedy) from error
    for step in name.split("."):
        found = getattr(found, step, None)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise UsageError("no class of an agent is there", where=target, remedy="name it module:Class")
    return found
