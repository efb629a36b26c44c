"""The closed table of types, and the way in for older versions."""

from typing import Any, ClassVar

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.protocols import codec
from guildbus.protocols.errors import UnknownType
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry, standard_registry


class Parcel(Message):
    """Version 3 of a message that had two before."""

    type: ClassVar[str] = "parcel.sent"
    version: ClassVar[int] = 3

    weight_g: int
    sender: str


def grams(old: dict[str, Any]) -> dict[str, Any]:
    return {"weight_g": old["weight_kg"] * 1000}


def with_sender(old: dict[str, Any]) -> dict[str, Any]:
    return old | {"sender": "unknown"}


REGISTRY = Registry([Parcel], {("parcel.sent", 1): grams, ("parcel.sent", 2): with_sender})


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        (1, {"weight_kg": 2}),
        (2, {"weight_g": 2000}),
        (3, {"weight_g": 2000, "sender": "unknown"}),
    ],
)
def test_older_versions_come_in_through_upcasters(version: int, fields: dict[str, Any]) -> None:
    decoded = codec.decode(f"parcel.sent.v{version}", msgpack.packb(fields), REGISTRY)
    assert decoded == Parcel(weight_g=2000, sender="unknown")


@pytest.mark.parametrize(
    "wire_type",
    [
        "",
        "parcel.sent",
        "parcel.sent.v",
        "parcel.sent.v0",
        "parcel.sent.v4",
        "parcel.sent.v-1",
        "parcel.sent.v\N{ARABIC-INDIC DIGIT ONE}",
        "parcel.sent.v999999999999",
        "parcel.sent.v03",
        "other.v1",
        ".v1",
        "x" * 10_000,
    ],
)
def test_what_the_table_does_not_hold_is_refused(wire_type: str) -> None:
    with pytest.raises(UnknownType) as caught:
        REGISTRY.resolve(wire_type)
    assert len(caught.value.where) <= 128


def test_two_bodies_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"two bodies claim parcel\.sent\.v3"):
        Registry([Parcel, Parcel])


@settings(deadline=None)
@given(st.text(max_size=40))
def test_resolve_never_crashes(wire_type: str) -> None:
    try:
        standard_registry().resolve(wire_type)
    except UnknownType:
        return
    assert wire_type in standard_registry().bodies


def test_the_tables_are_read_only() -> None:
    with pytest.raises(TypeError):
        standard_registry().bodies["x.v1"] = Parcel  # type: ignore[index]


def test_every_shipped_body_names_itself_and_where_it_may_go() -> None:
    for wire_type, body in standard_registry().bodies.items():
        assert wire_type == f"{body.type}.v{body.version}"
        assert body.to is None or not body.recipients
        assert body.model_config["frozen"] is True
        assert body.model_config["extra"] == "forbid"
