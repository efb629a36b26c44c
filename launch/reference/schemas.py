"""Types, bounds and defaults in words, from the JSON Schema of a pydantic model. Pure.

The schema is what other programs go by, so the reference says what it says: `text, 1 to 512 characters`,
`whole number, 1 to 16`, `list of [FileTask](#filetask)`.
"""

import json
from typing import Any, Final

from guildbus.launch.reference.markdown import anchor, code, one_of

Schema = dict[str, Any]

_PLAIN: Final = {"integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def type_in_words(schema: Schema, *, nothing: str = "null") -> str:
    """What a value may be, as Markdown. `nothing` says what null is; '' leaves it out."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({anchor(name)})"
    if "const" in schema:
        return code(json.dumps(schema["const"], ensure_ascii=False))
    if "enum" in schema:
        return one_of([code(json.dumps(value, ensure_ascii=False)) for value in schema["enum"]])
    if "anyOf" in schema:
        told = [nothing if one.get("type") == "null" else type_in_words(one) for one in schema["anyOf"]]
        return one_of([text for text in told if text])
    match schema.get("type"):
        case "array":
            return f"list of {type_in_words(schema.get('items', {}))}{_bounds(schema, 'Items', '')}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"map from text to {type_in_words(schema['additionalProperties'])}"
        case "string":
            kind = "path" if schema.get("format") == "path" else "text"
            return f"{kind}{_bounds(schema, 'Length', ' characters')}"
        case "integer" | "number" as kind:
            return f"{_PLAIN[kind]}{_range(schema)}"
        case kind:
            return _PLAIN.get(str(kind), "anything")


def default_in_words(schema: Schema, *, required: bool, nothing: str = "null") -> str:
    """What is meant when it is left out. `nothing` stands for a default that is null."""
    if required:
        return "required"
    if "default" not in schema:
        return "empty"
    value = schema["default"]
    if value is None:
        return nothing
    if isinstance(value, dict) and value:
        return "its defaults"
    return code(json.dumps(value, ensure_ascii=False))


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f", {_number(least)} to {_number(most)}"
    told = [
        text
        for value, text in (
            (least, "at least"),
            (above, "more than"),
            (most, "at most"),
            (below, "less than"),
        )
        if value is not None
        for text in [f"{text} {_number(value)}"]
    ]
    return f", {', '.join(told)}" if told else ""


def _bounds(schema: Schema, what: str, unit: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is not None and most is not None:
        return f", {least} to {most}{unit}"
    if least is not None:
        return f", at least {least}{unit}"
    return f", at most {most}{unit}" if most is not None else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else str(value)
