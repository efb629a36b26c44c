"""Whose classes are in a swarm beside ours, what they make its broker and agents know, and whether they fit.

A swarm of built-in agents alone imports none of them here: what they say and take is known. The classes of
`guild.toml` and of installed packages are imported, with those of ours that share a role with them.
"""

from guildbus.agents import contracts
from guildbus.agents.contracts import Member
from guildbus.agents.roster import class_for, found_in
from guildbus.agents.vocabulary import registry_of, vocabulary
from guildbus.launch.config import GuildConfig
from guildbus.protocols.registry import Registry

UNDERTAKER = "planner"


def members(config: GuildConfig) -> tuple[Member, ...]:
    """The agents that are not ours, and ours that take turns with them. ConfigError for a missing class."""
    foreign = {agent.role for agent in config.agents if found_in(agent.role, agent.entry) != "built in"}
    return tuple(
        Member(agent.name, class_for(agent.role, agent.entry))
        for agent in config.agents
        if agent.role in foreign
    )


def checked_members(config: GuildConfig) -> tuple[Member, ...]:
    """The same. ConfigError names the first whose class could not work in this swarm."""
    found = members(config)
    contracts.check(found, UNDERTAKER)
    contracts.check_finishers(found, config.build.finishers)
    return found


def message_names(config: GuildConfig) -> tuple[str, ...]:
    """The message types beside ours, `module:Class`, that all processes of this swarm must know."""
    return vocabulary(members(config))


def swarm_registry(config: GuildConfig) -> Registry:
    """What every process of this configuration reads messages by. ConfigError if it cannot be made."""
    return registry_of(message_names(config))
