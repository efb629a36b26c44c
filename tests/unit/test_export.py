"""The generated documents: the golden file, and what counts as an incompatible change.

Made again by `guildbus protocols export > docs/schema/guildbus.asyncapi.json`.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from guildbus.protocols import export
from guildbus.protocols.messages.base import Message
from guildbus.protocols.registry import Registry, standard_registry

GOLDEN = Path(__file__).parents[2] / "docs" / "schema" / "guildbus.asyncapi.json"
REMEDY = "run: guildbus protocols export > docs/schema/guildbus.asyncapi.json"


def test_nothing_that_was_published_is_broken() -> None:
    published = json.loads(GOLDEN.read_text("utf-8"))
    broken = export.incompatibilities(published, export.asyncapi(standard_registry()))
    assert broken == [], "give the message a new version and an upcaster"


def test_the_golden_file_is_up_to_date() -> None:
    assert GOLDEN.read_text("utf-8") == export.asyncapi_text(standard_registry()), REMEDY


def test_the_text_is_stable() -> None:
    registry = standard_registry()
    turned = Registry(reversed(list(registry.bodies.values())))
    assert export.asyncapi_text(registry) == export.asyncapi_text(turned)


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = export.asyncapi(standard_registry())
    found = references(document)
    assert len(found) > 40
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_message_has_a_channel_headers_and_an_operation() -> None:
    document = export.asyncapi(standard_registry())
    assert document["asyncapi"] == "3.0.0"
    assert set(document["components"]["messages"]) == set(standard_registry().bodies)
    carried = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert carried == set(standard_registry().bodies)
    assert set(document["operations"]) == {f"receive.{queue}" for queue in document["channels"]}
    for message in document["components"]["messages"].values():
        assert message["headers"] == {"$ref": "#/components/schemas/envelope"}


def test_a_message_goes_to_the_queues_that_its_content_may_name() -> None:
    channels = export.asyncapi(standard_registry())["channels"]
    assert "draft.requested.v1" in channels["go-dev"]["messages"]
    assert "draft.requested.v1" in channels["go-test"]["messages"]
    assert "verification.finished.v1" in channels["repair-router"]["messages"]
    assert list(channels["announcements"]["messages"]) == [
        "build.finished.v1",
        "build.planned.v1",
        "dead.dropped.v1",
        "dead.requeued.v1",
        "event.noticed.v1",
        "message.died.v1",
    ]


def test_json_schemas_stand_alone() -> None:
    schemas = export.json_schemas(standard_registry())
    assert set(schemas) == set(standard_registry().bodies)
    for schema in schemas.values():
        assert all(reference.startswith("#/$defs/") for reference in references(schema))
        json.dumps(schema)


def schemas_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def remove_type(document: dict[str, Any]) -> None:
    del document["components"]["messages"]["build.planned.v1"]
    del document["channels"]["announcements"]["messages"]["build.planned.v1"]


def remove_nested_field(document: dict[str, Any]) -> None:
    del schemas_of(document)["TestFailure"]["properties"]["line"]


def require_field(document: dict[str, Any]) -> None:
    schemas_of(document)["BuildStopped"]["required"].append("failures")


def change_type(document: dict[str, Any]) -> None:
    schemas_of(document)["Diagnostic"]["properties"]["line"] = {"type": "string"}


def change_items(document: dict[str, Any]) -> None:
    schemas_of(document)["FileTask"]["properties"]["tests"]["items"] = {"type": "integer"}


def remove_value(document: dict[str, Any]) -> None:
    schemas_of(document)["DraftRequested"]["properties"]["author"]["enum"].remove("go-test")


def narrow(document: dict[str, Any]) -> None:
    schemas_of(document)["BuildOptions"]["properties"]["candidates"]["maximum"] = 2


def require_attribute(document: dict[str, Any]) -> None:
    schemas_of(document)["envelope"]["required"].append("deadline")


def move_queue(document: dict[str, Any]) -> None:
    del document["channels"]["go-test"]["messages"]["draft.requested.v1"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (remove_type, "build.planned.v1: the type is gone"),
        (remove_nested_field, "build.stopped.v1.failures[].line: the field is gone"),
        (require_field, "build.stopped.v1.failures: required now"),
        (change_type, "verification.finished.v1.diagnostics[].line: was integer, is string"),
        (change_items, "draft.requested.v1.task.tests[]: was string, is integer"),
        (remove_value, 'draft.requested.v1.author: "go-test" is no longer permitted'),
        (narrow, "build.requested.v1.options.candidates: maximum is 2, was 16"),
        (require_attribute, "envelope.deadline: required now"),
        (move_queue, "go-test: no longer takes draft.requested.v1"),
    ],
)
def test_incompatible_changes_are_named(change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    old = export.asyncapi(standard_registry())
    new = copy.deepcopy(old)
    change(new)
    assert sentence in export.incompatibilities(old, new)


class Extra(Message):
    """A type that is new."""

    type: ClassVar[str] = "extra.said"

    text: str = ""


def test_additions_are_compatible() -> None:
    old = export.asyncapi(standard_registry())
    new = export.asyncapi(Registry([*standard_registry().bodies.values(), Extra]))
    schemas_of(new)["TestFailure"]["properties"]["colour"] = {"type": "string"}
    schemas_of(new)["DraftRequested"]["properties"]["author"]["enum"].append("go-doc")
    assert export.incompatibilities(old, new) == []
    assert export.incompatibilities(new, old) != []
