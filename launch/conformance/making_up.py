"""A message made up from its class: valid, small, and different for each `variant`. Pure.

It follows the JSON Schema of the class. Rules that a validator holds are not in a schema: where a made-up
message breaks one, only the required fields are filled, and if that does not help a recorded one is needed.
"""

from typing import Any, Final, TypeVar

from pydantic import ValidationError

from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message

MessageT = TypeVar("MessageT", bound=Message)

DEEPEST: Final = 6

Schema = dict[str, Any]


def make_up(body: type[MessageT], variant: int = 1) -> MessageT:
    """A message of this class. Raises UsageError if its rules cannot be met from the schema alone."""
    schema = body.model_json_schema(mode="validation")
    first: ValidationError | None = None
    for filled in (True, False):
        try:
            fields = _Maker(schema.get("$defs", {}), variant, filled=filled).of(schema, body.__name__, 0)
            return body.model_validate(fields)
        except ValidationError as error:
            first = first or error
    mistake = first.errors(include_url=False, include_input=False)[0] if first else {"msg": ""}
    raise UsageError(
        f"no message can be made up: {mistake['msg']}",
        where=body.wire_type(),
        remedy="record a history with one: guildbus trace RUN --format json",
    )


class _Maker:
    """Values for schemas. `filled`: optional fields get values too."""

    def __init__(self, definitions: Schema, variant: int, *, filled: bool) -> None:
        self._definitions = definitions
        self._variant = variant
        self._filled = filled

    def of(self, schema: Schema, name: str, depth: int) -> Any:
        if "$ref" in schema:
            return self.of(self._definitions[schema["$ref"].rpartition("/")[2]], name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self._variant % len(schema["enum"])]
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.of(schema[choice][0], name, depth)
        match schema.get("type"):
            case "object":
                return self._map(schema, name, depth)
            case "array":
                return self._list(schema, name, depth)
            case "string":
                return self._text(schema, name)
            case "integer" | "number":
                return self._number(schema)
            case "boolean":
                return self._variant % 2 == 0
            case "null":
                return None
            case _:
                return f"{name}-{self._variant}"

    def _map(self, schema: Schema, name: str, depth: int) -> Schema:
        fields: Schema = schema.get("properties", {})
        required = schema.get("required", ())
        optional = self._filled and depth < DEEPEST
        made = {
            field: self.of(inner, field, depth + 1)
            for field, inner in fields.items()
            if field in required or optional
        }
        if not fields and isinstance(inner := schema.get("additionalProperties"), dict) and optional:
            return {f"{name}-{n}": self.of(inner, name, depth + 1) for n in range(1, 4)}
        return made

    def _list(self, schema: Schema, name: str, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.of(item, name, depth + 1) for item in schema["prefixItems"]]
        few = 1 if self._filled and depth < DEEPEST else 0
        count = max(schema.get("minItems", 0), min(few, schema.get("maxItems", few)))
        return [self.of(schema.get("items", {}), name, depth + 1) for _ in range(count)]

    def _text(self, schema: Schema, name: str) -> str:
        text = f"{name}-{self._variant}".ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]

    def _number(self, schema: Schema) -> int | float:
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        most = schema.get("maximum", schema.get("exclusiveMaximum", least + 1_000_001) - 1)
        return min(least + self._variant, max(most, least))  # type: ignore[no-any-return]
