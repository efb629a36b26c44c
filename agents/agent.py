"""An agent: a class with a role, and one typed handler a message type.

    class GoVetReviewer(Agent):
        role = "go-review"
        emits = (DraftRejected,)

        @handles(VerificationFinished)
        async def on_verification_finished(self, message, ctx):
            return [...]

A handler returns the messages that it emits, of the types that `emits` declares; they are published in the
same transaction that settles the message it was given. The broker refuses what no class of the role declares.
A handler is called for what is addressed to the role, and for the types that `subscribes` names, whoever
takes them. `contracts.py` checks all this before anything starts. A handler keeps nothing between calls that
it could not read from `ctx.history`. `runtime.py` drives it; a test calls it directly.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from guildbus.agents.context import Context
from guildbus.protocols.messages.base import Message

Handler = Callable[[Any, Any, Context], Awaitable[Sequence[Message]]]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

_MARK = "__guildbus_handles__"
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _is_body(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Message)


def handles(body: type[Message]) -> Callable[[HandlerT], HandlerT]:
    """Mark an async method `(self, message, ctx) -> list[Message]` as the handler of one body type."""

    def mark(handler: HandlerT) -> HandlerT:
        if not inspect.iscoroutinefunction(handler):
            raise TypeError(f"{handler.__qualname__} handles {body.wire_type()} and must be `async def`")
        parameters = list(inspect.signature(handler).parameters.values())
        if len(parameters) != 3 or any(one.kind not in _POSITIONAL for one in parameters):
            raise TypeError(f"{handler.__qualname__} must take (self, message, ctx)")
        stated = parameters[1].annotation
        if _is_body(stated) and not issubclass(body, stated):
            raise TypeError(
                f"{handler.__qualname__} handles {body.wire_type()}, and its message is a {stated.__name__}"
            )
        setattr(handler, _MARK, body)
        return handler

    return mark


class Agent:
    """The base of every agent.

    `emits` are the bodies that it may publish, `subscribes` those that it hears of whoever takes them,
    `credit` is how many messages it handles at once, `handler_limit_s` how long one may take. `handlers` and
    `handled` follow from the methods: wire type -> handler, wire type -> body.
    """

    role: ClassVar[str]
    emits: ClassVar[tuple[type[Message], ...]] = ()
    subscribes: ClassVar[tuple[type[Message], ...]] = ()
    credit: ClassVar[int] = 1
    handler_limit_s: ClassVar[float] = 1800.0
    handlers: ClassVar[Mapping[str, Handler]] = MappingProxyType({})
    handled: ClassVar[Mapping[str, type[Message]]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in ("emits", "subscribes"):
            declared: object = getattr(cls, name)
            if type(declared) is not tuple or not all(_is_body(body) for body in declared):
                raise TypeError(
                    f"{cls.__qualname__}.{name} must be a tuple of Message classes, not {declared!r}"
                )
        found, bodies = dict(cls.handlers), dict(cls.handled)
        for member in vars(cls).values():
            body = getattr(member, _MARK, None)
            if body is not None:
                found[body.wire_type()], bodies[body.wire_type()] = member, body
        cls.handlers, cls.handled = MappingProxyType(found), MappingProxyType(bodies)

    async def start(self) -> None:
        """Before the first message: check what the agent stands on. Raises InfrastructureError."""

    async def stop(self) -> None:
        """After the last message."""
