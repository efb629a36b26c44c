"""The base of every body, and the few values that several conversations share.

A body is a frozen pydantic model. Its class says its wire name (`type`, `version`) and who
takes it: `recipient` is a role, one agent's name, or None for an announcement that nobody
has to act on (it is journaled, and settled at once). See docs/protocol.md, section "Bodies".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A value inside a body."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, ser_json_inf_nan="constants")


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of one version of a body to those of the next."""


BodyClass: TypeAlias = type["Message"]

ANY_ROLE: Final = "*"
"""In `recipients`: whichever role the body names."""


class Message(Part):
    """A body. Subclasses set `type` and `version`; the registry holds them all.

    `upcasters` lead from the older versions to this one: {1: from 1 to 2, 2: from 2 to 3} for version 3.

    Where the content decides who takes it, a body overrides `recipient` and lists in `recipients`
    whom that may name. `answered_by` is the body that whoever takes it must answer with, if it must; a body
    that is of no use after some time says so by `own_deadline`.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1
    to: ClassVar[str | None] = None
    recipients: ClassVar[tuple[str, ...]] = ()
    answered_by: ClassVar[BodyClass | None] = None
    upcasters: ClassVar[Mapping[int, Upcaster]] = MappingProxyType({})

    @property
    def recipient(self) -> str | None:
        """The role or agent that takes this message; None announces it."""
        return self.to

    @property
    def own_deadline(self) -> float | None:
        """Its own deadline, in seconds since the epoch; None leaves it that of the message it answers."""
        return None

    @classmethod
    def wire_type(cls) -> str:
        """The CloudEvents `type`, such as `draft.requested.v1`."""
        return f"{cls.type}.v{cls.version}"


RelativePath = Annotated[str, Field(min_length=1, max_length=512)]
"""A slash-separated path inside the package tree; `guildbus.protocols.spec` checks it."""


@dataclass(frozen=True)
class Incidental:
    """Marks a field that says how an execution went (times, where an answer came from), not what came of it.

    Two executions of one run may differ in it, so `guildbus replay` does not compare it. `when` says for
    which values that holds; without it, for all.
    """

    when: Callable[[Any], bool] | None = None


INCIDENTAL = Incidental()

Seconds = Annotated[float, Field(ge=0), INCIDENTAL]
Moment = Annotated[float, INCIDENTAL]
"""Seconds since the epoch."""


class Span(Part):
    """A stretch of wall time that was spent outside the guild (model or toolchain).

    `started_at` is seconds since the epoch, so that spans of several processes can be united.
    """

    kind: str
    started_at: Moment
    wall_s: Seconds


Spans = Annotated[tuple[Span, ...], INCIDENTAL]
