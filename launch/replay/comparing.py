"""Where two bodies differ, leaving out what is incidental. Pure.

Which fields are incidental (times, durations, where an answer came from) is said at the fields themselves, by
`Incidental` in `guildbus.protocols.messages.base`; `incidental_fields` lists them all. Nothing is left out
by name here. Read `rehearsal.py` next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from guildbus.protocols.messages.base import Incidental, Message

ABSENT: Final = "(absent)"


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """`field` is a path such as `candidates[0].content`; `want` was recorded, `got` came of the replay."""

    field: str
    want: Any
    got: Any


def first_difference(want: object, got: object, field: str = "") -> FieldDifference | None:
    """The first field, in the order of the model, in which two values differ; None if they are equal."""
    if isinstance(want, BaseModel) and type(want) is type(got):
        return _first(
            first_difference(getattr(want, name), getattr(got, name), f"{field}.{name}".lstrip("."))
            for name, info in type(want).model_fields.items()
            if not _is_incidental(info, getattr(want, name), getattr(got, name))
        )
    if isinstance(want, Mapping) and isinstance(got, Mapping):
        keys = dict.fromkeys([*want, *got])
        return _first(
            first_difference(want.get(key, ABSENT), got.get(key, ABSENT), f"{field}[{key!r}]") for key in keys
        )
    if _is_list(want) and _is_list(got):
        return _in_lists(want, got, field)
    if type(want) is type(got) and want == got:
        return None
    return FieldDifference(field, want, got)


def incidental_fields(bodies: Iterable[type[Message]]) -> list[str]:
    """Every field that is left out: `draft.proposed.v1: calls[].started_at`, sorted."""
    return sorted(f"{body.wire_type()}: {path}" for body in bodies for path in _paths(body, ""))


def _in_lists(want: Sequence[Any], got: Sequence[Any], field: str) -> FieldDifference | None:
    pairs = zip(want, got, strict=False)
    found = _first(first_difference(w, g, f"{field}[{n}]") for n, (w, g) in enumerate(pairs))
    if found is not None or len(want) == len(got):
        return found
    n = min(len(want), len(got))
    return FieldDifference(
        f"{field}[{n}]", want[n] if n < len(want) else ABSENT, got[n] if n < len(got) else ABSENT
    )


def _first(found: Iterator[FieldDifference | None]) -> FieldDifference | None:
    return next((one for one in found if one is not None), None)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_incidental(info: FieldInfo, want: object, got: object) -> bool:
    return any(mark.when is None or mark.when(want) or mark.when(got) for mark in _marks(info))


def _marks(info: FieldInfo) -> list[Incidental]:
    return [mark for mark in info.metadata if isinstance(mark, Incidental)]


def _paths(model: type[BaseModel], lead: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        marks = _marks(info)
        if marks:
            yield f"{lead}{name}" + (" (in part)" if all(mark.when for mark in marks) else "")
        if not marks or all(mark.when for mark in marks):
            for inner, suffix in _models_in(info.annotation, ""):
                yield from _paths(inner, f"{lead}{name}{suffix}.")


def _models_in(annotation: Any, suffix: str) -> Iterator[tuple[type[BaseModel], str]]:
    """The models inside a type such as `tuple[ModelCall, ...] | None`, with `[]` for each level of list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    listed = getattr(annotation, "__origin__", None) in (tuple, list, dict)
    for inner in get_args(annotation):
        yield from _models_in(inner, f"{suffix}[]" if listed else suffix)
