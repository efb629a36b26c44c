"""`value`: a dataclass that the type checker holds frozen, and that costs no more than a plain one to make.

A frozen dataclass sets each field through `object.__setattr__`, which makes it five times slower to build.
The broker builds about thirty for every message that it routes. mypy runs in `make check`, so whoever
assigns to a field learns of it there. Read `envelope.py` next.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Plain data with slots, compared and hashed by its fields; not to be changed."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
