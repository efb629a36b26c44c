"""The message types that a swarm speaks: ours, those that packages register, those that agents' classes name.

A package registers its types by the entry-point group `guildbus.messages`; an entry names a module, whose
message classes are all meant, or one class:

    [project.entry-points."guildbus.messages"]
    review = "my_package.messages"

All processes of a swarm must know the same types. So the command that starts it makes a list of names
(`module:Class`), and each process makes its registry of that list by `registry_of`.
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Final

from guildbus.agents.contracts import Member, bodies_of
from guildbus.protocols.errors import ConfigError, UnknownType
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry, standard_registry

MESSAGES_GROUP: Final = "guildbus.messages"


def name_of(body: type[Message]) -> str:
    """`module:Class`, by which another process imports it."""
    return f"{body.__module__}:{body.__qualname__}"


def vocabulary(members: Iterable[Member] = ()) -> tuple[str, ...]:
    """The names of all types that are not ours: the installed packages', then those of these agents' classes.

    Raises ConfigError for an entry point that is none, two classes of one type, and a class that cannot be
    imported by name.
    """
    ours = standard_registry()
    found: dict[str, None] = {}
    for point in entry_points(group=MESSAGES_GROUP):
        where = f"entry point {MESSAGES_GROUP}: {point.name} = {point.value}"
        found.update(dict.fromkeys(name_of(body) for body in _bodies_at(point.value, where)))
    for member in members:
        for body in bodies_of(member.player):
            if ours.bodies.get(body.wire_type()) is not body:
                _check_importable(body, member.where)
                found[name_of(body)] = None
    names = tuple(found)
    registry_of(names)
    return names


def registry_of(names: Sequence[str]) -> Registry:
    """Our types and those of these names. ConfigError for what cannot be imported, or claims a taken type."""
    registry, owners = standard_registry(), dict.fromkeys(standard_registry().bodies, "guildbus")
    for name in names:
        for body in _bodies_at(name, f"message type {name}"):
            try:
                registry = registry.extended([body])
            except ValueError:
                raise ConfigError(
                    f"two classes claim {body.wire_type()}: it is {owners[body.wire_type()]}'s already",
                    where=f"message type {name}",
                    remedy="give one of them another `type`, or another `version`",
                ) from None
            owners.setdefault(body.wire_type(), name)
    return registry


def check_known(member: Member, registry: Registry) -> None:
    """Raises ConfigError if the class names a type that the swarm does not speak."""
    for body in bodies_of(member.player):
        try:
            known, _ = registry.resolve(body.wire_type())
        except UnknownType:
            known = None
        if known is not body:
            raise ConfigError(
                f"the swarm does not know the type {body.wire_type()} ({name_of(body)})",
                where=member.where,
                remedy=f"register its module as an entry point of {MESSAGES_GROUP}, or start the swarm anew",
            )


def _check_importable(body: type[Message], where: str) -> None:
    try:
        same = _bodies_at(name_of(body), where) == [body]
    except ConfigError:
        same = False
    if not same:
        raise ConfigError(
            f"the message class {name_of(body)} cannot be imported by this name",
            where=where,
            remedy="define it at the top of an importable module",
        )


def _bodies_at(name: str, where: str) -> list[type[Message]]:
    """The message classes at `module:Class`, or all that a module defines."""
    module, _, attribute = name.partition(":")
    try:
        found = import_module(module)
        target: object = getattr(found, attribute) if attribute else found
    except Exception as error:  # whatever a module of somebody else's does when it is imported
        raise ConfigError(
            f"cannot be imported: {type(error).__name__}: {error}",
            where=where,
            remedy="is the package installed, or its folder in PYTHONPATH?",
        ) from error
    bodies = _defined_in(target) if isinstance(target, ModuleType) else [target]
    good = [one for one in bodies if isinstance(one, type) and issubclass(one, Message)]
    if not good or len(good) != len(bodies) or not all(isinstance(getattr(b, "type", 0), str) for b in good):
        raise ConfigError(
            "names no message class",
            where=where,
            remedy="it must be a module with subclasses of guildbus.Message, or one of them with a `type`",
        )
    return good


def _defined_in(module: ModuleType) -> list[object]:
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, Message)
        and one.__module__ == module.__name__
        and isinstance(getattr(one, "type", None), str)
    ]
