"""Bodies: every type in the registry survives the way there and back, and nothing crashes the reader."""

import math
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from guildbus.protocols import codec
from guildbus.protocols.errors import GuildbusError, InvalidBody, UnknownType
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildFinished, BuildRequested, BuildStopped
from guildbus.protocols.messages.control import AttemptFailure, MessageDied
from guildbus.protocols.messages.finish import FinishRequested
from guildbus.protocols.messages.verification import Score
from guildbus.protocols.registry import standard_registry
from guildbus.protocols.spec import Spec, SpecFile

REGISTRY = standard_registry()
ALPHABET = st.characters(exclude_categories=["Cs"])


def values_of(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a pydantic JSON schema allows: only what our models use."""
    if "$ref" in schema:
        return values_of(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values_of(choice, definitions) for choice in schema["anyOf"]])
    match schema.get("type"):
        case "string":
            return st.text(ALPHABET, min_size=schema.get("minLength", 0), max_size=12)
        case "integer":
            return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))
        case "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum"))
            return st.floats(
                least, schema.get("maximum"), allow_nan=False, exclude_min="exclusiveMinimum" in schema
            )
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(
                values_of(schema["items"], definitions), min_size=schema.get("minItems", 0), max_size=2
            )
        case "object" if "properties" in schema:
            required = set(schema.get("required", ()))
            fields = {name: values_of(value, definitions) for name, value in schema["properties"].items()}
            return st.fixed_dictionaries(
                {name: field for name, field in fields.items() if name in required},
                optional={name: field for name, field in fields.items() if name not in required},
            )
        case "object":
            keys = st.text(ALPHABET, max_size=8)
            return st.dictionaries(keys, values_of(schema["additionalProperties"], definitions), max_size=2)
    raise AssertionError(f"the test does not know {schema}")


SPECS = st.builds(
    Spec,
    name=st.sampled_from(["numkit", "a.b-c_d"]),
    language=st.just("go"),
    go_module=st.sampled_from(["numkit", "example.com/x/y"]),
    description=st.text(ALPHABET, max_size=20),
    files=st.lists(
        st.builds(
            SpecFile,
            path=st.sampled_from(["a.go", "b/c.go", "go.mod"]),
            purpose=st.text(ALPHABET, min_size=1),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda file: file.path,
    ).map(tuple),
)


def bodies_of(body: type[Message]) -> st.SearchStrategy[dict[str, Any]]:
    schema = body.model_json_schema()
    values = values_of(schema, schema.get("$defs", {}))
    if body in (BuildRequested, FinishRequested):
        return st.tuples(values, SPECS).map(lambda pair: pair[0] | {"spec": pair[1].model_dump(mode="json")})
    return values


@pytest.mark.parametrize("wire_type", sorted(REGISTRY.bodies))
@settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
@given(data=st.data())
def test_every_body_survives_the_round_trip(wire_type: str, data: st.DataObject) -> None:
    body = REGISTRY.bodies[wire_type]
    message = body.model_validate(data.draw(bodies_of(body)))
    encoded = codec.encode(message)
    decoded = codec.decode(wire_type, encoded, REGISTRY)
    assert decoded == message
    assert type(decoded) is body
    assert codec.encode(decoded) == encoded


DIED = MessageDied(
    message_id="m",
    message_type="x.v1",
    queue="q",
    code="bus.lease",
    reason="its lease ran out",
    failures=(AttemptFailure(attempt=1, agent="a/1", code="c", reason="r"),),
)


def test_golden_body() -> None:
    assert codec.encode(DIED) == (
        b"\x86\xaamessage_id\xa1m\xacmessage_type\xa4x.v1\xa5queue\xa1q\xa4code\xa9bus.lease"
        b"\xa6reason\xb1its lease ran out\xa8failures\x91\x84\xa7attempt\x01"
        b"\xa5agent\xa3a/1\xa4code\xa1c\xa6reason\xa1r"
    )


def test_infinite_seconds_survive() -> None:
    finished = BuildFinished(
        spec_name="s",
        green=False,
        status="red:x",
        score=Score(),
        rounds=0,
        files=(),
        spans=({"kind": "model", "started_at": 1.0, "wall_s": math.inf},),
    )
    assert codec.decode("build.finished.v1", codec.encode(finished), REGISTRY) == finished


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x90",
        b"\xa1a",
        b"\x81\x01\x02",
        b"\x81\xc4\x01a\x01",
        b"\x80\x80",
        b"\x91" * 3000,
        b"\x81\xa1\xff\x01",
    ],
)
def test_what_is_no_map_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidBody):
        codec.decode("message.died.v1", data, REGISTRY)


def test_the_refusal_names_the_place() -> None:
    fields = DIED.model_dump(mode="json")
    fields["failures"][0]["attempt"] = -1
    with pytest.raises(InvalidBody) as caught:
        codec.decode("message.died.v1", msgpack.packb(fields), REGISTRY)
    assert caught.value.where == "message.died.v1 at failures.0.attempt"


def test_a_huge_unknown_field_gives_a_short_refusal() -> None:
    with pytest.raises(InvalidBody) as caught:
        codec.decode("message.died.v1", msgpack.packb({"x" * 100_000: 1}), REGISTRY)
    assert len(str(caught.value)) < 500


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnknownType):
        codec.decode("os.system.v1", b"\x80", REGISTRY)


def test_what_msgpack_cannot_hold_is_refused_when_encoded() -> None:
    with pytest.raises(InvalidBody):
        codec.encode(
            BuildFinished(spec_name="s", green=False, status="red:x", score=Score(), rounds=2**70, files=())
        )


def never_crashes(wire_type: str, data: bytes) -> None:
    try:
        decoded = codec.decode(wire_type, data, REGISTRY)
    except GuildbusError:
        return
    assert decoded.wire_type() == wire_type


wire_types = st.sampled_from(sorted(REGISTRY.bodies))


@settings(deadline=None)
@given(st.one_of(wire_types, st.text(max_size=20)), st.binary(max_size=200))
def test_random_bytes_never_crash(wire_type: str, data: bytes) -> None:
    never_crashes(wire_type, data)


@settings(deadline=None)
@given(
    wire_types,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats()
        | st.text(ALPHABET, max_size=5)
        | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(ALPHABET, max_size=5), inner, max_size=3)
        ),
    ),
)
def test_random_values_never_crash(wire_type: str, value: object) -> None:
    never_crashes(wire_type, msgpack.packb(value))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_mutated_bodies_never_crash(data: st.DataObject) -> None:
    stopped = BuildStopped(
        reason="stall", diagnosis="no way", failures=({"package": "p", "test": "t", "output": "o"},)
    )
    encoded = bytearray(codec.encode(data.draw(st.sampled_from([DIED, stopped]))))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    for wire_type in ("message.died.v1", "build.stopped.v1"):
        never_crashes(wire_type, bytes(encoded))


def test_a_spec_off_the_wire_is_held_to_the_rules_of_a_file() -> None:
    spec = {"name": "n", "language": "go", "go_module": "m", "files": [{"path": "../x.go", "purpose": "p"}]}
    with pytest.raises(InvalidBody, match=r"leaves the tree"):
        codec.decode("build.requested.v1", msgpack.packb({"spec": spec}), REGISTRY)


@settings(deadline=None)
@given(st.text(ALPHABET, max_size=30))
def test_any_text_in_a_body_survives(text: str) -> None:
    try:
        stopped = BuildStopped(reason=text, diagnosis=text)
    except ValidationError:
        assume(False)
    assert codec.decode("build.stopped.v1", codec.encode(stopped), REGISTRY) == stopped
