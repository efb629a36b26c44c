"""The page of guild.toml: every table and key with its type, default and meaning."""

from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from guildbus.launch.config import GuildConfig
from guildbus.launch.reference.markdown import code, first_sentence, prose, table
from guildbus.launch.reference.schemas import Schema, default_in_words, type_in_words
from guildbus.launch.reference.sources import fields_of
from guildbus.launch.tables import Table

HEAD: Final = """# Configuration

Every table and key of `guild.toml`, from [launch/config_tables.py](../../launch/config_tables.py) and
[launch/model_table.py](../../launch/model_table.py). Where
the file is looked for, examples, and the environment variables are in
[operations.md](../operations.md#guildtoml). A key that is not known is an error. Relative paths are
relative to the file's folder, and `~` is your home. No key of an API is ever in the file.

`guildbus doctor` and every other command name a mistake by file and key, with the exit code 2
([usage.config](../troubleshooting.md#usageconfig)).
"""
_BY_THE_MACHINE: Final = "[by the machine](../operations.md#where-things-are)"
_UNSET: Final = "unset"


def configuration_page() -> str:
    """The whole page, but for its first line."""
    tables: list[str] = []
    plain: list[list[str]] = []
    texts = fields_of(GuildConfig)
    schema: Schema = GuildConfig.model_json_schema(mode="validation")
    for name, field in GuildConfig.model_fields.items():
        kind, heading = _table_of(name, field.annotation)
        if kind is None:
            type_ = type_in_words(schema["properties"][name], nothing="")
            plain.append([code(name), type_, _BY_THE_MACHINE, prose(texts[name].text)])
        else:
            tables.append(f"## {code(heading)}\n\n{_said_of(kind)}\n\n{_keys(kind)}")
    top = "## At the top\n\n" + table(["key", "type", "default", "meaning"], plain)
    return "\n\n".join([HEAD.strip(), top, *tables]) + "\n"


def _table_of(name: str, annotation: Any) -> tuple[type[Table] | None, str]:
    """The table behind a key, and how it is headed in TOML."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation, f"[{name}]"
    inner = [one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, Table)]
    if not inner:
        return None, ""
    return inner[0], f"[{name}.NAME]" if get_origin(annotation) is dict else f"[[{name}]]"


def _said_of(kind: type[BaseModel]) -> str:
    """What the table's docstring says behind its own heading."""
    _, _, said = first_sentence(kind.__doc__).partition(": ")
    return said[:1].upper() + said[1:]


def _keys(kind: type[BaseModel]) -> str:
    schema: Schema = kind.model_json_schema(mode="validation")
    texts = fields_of(kind)
    rows = [
        [
            code(name),
            type_in_words(schema["properties"][name], nothing=""),
            default_in_words(schema["properties"][name], required=field.is_required(), nothing=_UNSET),
            prose(" ".join(texts[name].text.split())),
        ]
        for name, field in kind.model_fields.items()
    ]
    return table(["key", "type", "default", "meaning"], rows)
