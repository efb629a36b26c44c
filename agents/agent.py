"""An agent: a class with a role, and one typed handler a message type.

    class GoVetReviewer(Agent):
        role = "go-review"
        emits = (DraftRejected,)

        @handles(VerificationFinished)
        async def on_verification_finished(self, message, ctx):
            return [...]

A handler returns the messages that it emits, of the types that `emits` declares; they are published in the
same transaction that settles the message it was given. The broker refuses what no class of the role declares.
A handler keeps nothing between calls that it could not read from `ctx.history`.
`runtime.py` drives it; a test calls it directly.
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


def handles(body: type[Message]) -> Callable[[HandlerT], HandlerT]:
    """Mark an async method `(self, message, ctx) -> list[Message]` as the handler of one body type."""

    def mark(handler: HandlerT) -> HandlerT:
        if not inspect.iscoroutinefunction(handler):
            raise TypeError(f"{handler.__qualname__} handles {body.wire_type()} and must be `async def`")
        if len(inspect.signature(handler).parameters) != 3:
            raise TypeError(f"{handler.__qualname__} must take (self, message, ctx)")
        setattr(handler, _MARK, body)
        return handler

    return mark


def _is_body(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Message)


class Agent:
    """The base of every agent.

    `emits` are the bodies that it may publish, `credit` is how many messages it handles at once,
    `handler_limit_s` how long one may take.
    """

    role: ClassVar[str]
    emits: ClassVar[tuple[type[Message], ...]] = ()
    credit: ClassVar[int] = 1
    handler_limit_s: ClassVar[float] = 1800.0
    handlers: ClassVar[Mapping[str, Handler]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared: object = cls.emits
        if type(declared) is not tuple or not all(_is_body(body) for body in declared):
            raise TypeError(f"{cls.__qualname__}.emits must be a tuple of Message classes, not {declared!r}")
        found = dict(cls.handlers)
        for member in vars(cls).values():
            body = getattr(member, _MARK, None)
            if body is not None:
                found[body.wire_type()] = member
        cls.handlers = MappingProxyType(found)

    async def start(self) -> None:
        """Before the first message: check what the agent stands on. Raises InfrastructureError."""

    async def stop(self) -> None:
        """After the last message."""
