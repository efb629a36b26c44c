"""What an agent's class promises, and whether a swarm of such classes can work: found out before it starts.

Every mistake is a ConfigError that names the agent, the type and what to do: a type that nobody sends to the
role, a subscription without a handler, two agents of one role that would not do the same work. Pure.
Next: `vocabulary.py`, which makes one registry of all types that the classes name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guildbus.agents.agent import Agent
from guildbus.protocols.errors import ConfigError
from guildbus.protocols.messages.base import ANY_ROLE, Message
from guildbus.protocols.messages.control import EventNoticed, MessageDied
from guildbus.protocols.messages.finish import FinishRequested

BROKERS_OWN = frozenset((EventNoticed.wire_type(), MessageDied.wire_type()))
"""What the broker alone writes."""


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a roster: an agent's name, and the class that plays its role."""

    name: str
    player: type[Agent]

    @property
    def role(self) -> str:
        """The role that it plays."""
        return self.player.role

    @property
    def where(self) -> str:
        """For errors: the agent, its role and its class."""
        return f"agent {self.name!r} ({self.player.__module__}:{self.player.__qualname__})"


def bodies_of(player: type[Agent]) -> tuple[type[Message], ...]:
    """Every message class that an agent's class names, each once."""
    return tuple(dict.fromkeys([*player.handled.values(), *player.emits, *player.subscribes]))


def check(members: Iterable[Member], undertaker: str) -> None:
    """Raises ConfigError for the first agent that could not do what its class says.

    `undertaker` is the role to which the broker addresses what died.
    """
    played: dict[str, Member] = {}
    for member in members:
        _check_bodies(member)
        _check_subscriptions(member)
        _check_handlers(member, undertaker)
        _check_same(played.setdefault(member.role, member), member)


def subscriptions(members: Iterable[Member]) -> dict[str, list[str]]:
    """{message type: the roles that hear of it}, for the broker."""
    table: dict[str, set[str]] = {}
    for member in members:
        for body in member.player.subscribes:
            table.setdefault(body.wire_type(), set()).add(member.role)
    return {kind: sorted(roles) for kind, roles in sorted(table.items())}


def _check_bodies(member: Member) -> None:
    for body in bodies_of(member.player):
        if not isinstance(getattr(body, "type", None), str):
            raise ConfigError(
                f"the message class {body.__module__}:{body.__qualname__} has no type",
                where=member.where,
                remedy='give it `type: ClassVar[str] = "area.happened"`',
            )
    for body in member.player.emits:
        if body.wire_type() in BROKERS_OWN:
            raise ConfigError(
                f"emits {body.wire_type()}, which only the broker writes",
                where=member.where,
                remedy="take it out of `emits`",
            )


def _check_subscriptions(member: Member) -> None:
    for body in member.player.subscribes:
        kind = body.wire_type()
        if kind == EventNoticed.wire_type():
            raise ConfigError(
                f"subscribes to {kind}: there would be one of each notice",
                where=member.where,
                remedy="subscribe to the types that it is about",
            )
        if kind not in member.player.handlers:
            raise ConfigError(
                f"subscribes to {kind} and has no handler for it",
                where=member.where,
                remedy=f"add a method with @handles({body.__name__}), or take it out of `subscribes`",
            )


def _check_handlers(member: Member, undertaker: str) -> None:
    subscribed = {body.wire_type() for body in member.player.subscribes}
    for kind, body in member.player.handled.items():
        takers = {body.to, *body.recipients} | ({undertaker} if kind == MessageDied.wire_type() else set())
        if kind in subscribed or takers & {member.role, member.name, ANY_ROLE}:
            _check_answer(member, body)
            continue
        named = " or ".join(sorted(taker for taker in takers if taker)) or "nobody"
        raise ConfigError(
            f"handles {kind}, which is addressed to {named}",
            where=member.where,
            remedy=f"add {body.__name__} to `subscribes` of {member.player.__qualname__}",
        )


def _check_answer(member: Member, body: type[Message]) -> None:
    """Whoever takes a body that must be answered needs the permission to."""
    taken = body not in member.player.subscribes
    if taken and body.answered_by is not None and body.answered_by not in member.player.emits:
        raise ConfigError(
            f"handles {body.wire_type()} and may not answer it by {body.answered_by.wire_type()}",
            where=member.where,
            remedy=f"add {body.answered_by.__name__} to `emits` of {member.player.__qualname__}",
        )


def check_finishers(members: Iterable[Member], finishers: Iterable[str]) -> None:
    """Raises ConfigError for a role of `[build] finishers` that does not take what finishers are sent."""
    players = {member.role: member for member in members}
    for role in finishers:
        member = players.get(role)
        if member is None or FinishRequested.wire_type() not in member.player.handlers:
            raise ConfigError(
                f"the role {role!r} is no finisher: it does not handle {FinishRequested.wire_type()}",
                where="[build] finishers" if member is None else member.where,
                remedy="take it out of [build] finishers, or give its class a handler for FinishRequested",
            )


def contract(player: type[Agent]) -> Mapping[str, frozenset[str]]:
    """The wire types that a class handles, emits and subscribes to."""
    return {
        "handles": frozenset(player.handlers),
        "emits": frozenset(body.wire_type() for body in player.emits),
        "subscribes": frozenset(body.wire_type() for body in player.subscribes),
    }


def _check_same(first: Member, second: Member) -> None:
    """Agents of one role take turns: each must be able to do what the other does."""
    ours, theirs = contract(first.player), contract(second.player)
    for what, kinds in ours.items():
        apart = sorted(kinds ^ theirs[what])
        if apart:
            who, other = (first, second) if apart[0] in kinds else (second, first)
            raise ConfigError(
                f"{who.name!r} {what} {apart[0]} and {other.name!r} does not; they take turns at the role"
                f" {first.role!r}",
                where=f"{first.where}, {second.where}",
                remedy="give one of them another role, or both the same handlers, `emits` and `subscribes`",
            )
