"""The pages of docs/reference, made from the code: what there is, with its types, defaults and meanings.

    python -P -m guildbus.launch.reference docs/reference       what `make reference` runs

    messages.py        every message: who says it, who takes it, its fields
    configuration.py   every table and key of guild.toml
    command_line.py    every command with its arguments and options
    errors.py          every code, its exit code, and what it means
    sources.py         what only the source says: docstrings of fields, classes with a `code`
    schemas.py         types, bounds and defaults in words, from JSON Schema
    markdown.py        headings, tables, cells

`pages()` is pure but for reading our own sources; tests/unit/test_reference.py holds the files to it. Only
what ships is in them: message types and agents of installed packages are not.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from guildbus.launch.reference.command_line import command_line_page
from guildbus.launch.reference.configuration import configuration_page
from guildbus.launch.reference.errors import errors_page
from guildbus.launch.reference.messages import messages_page

FIRST_LINE: Final = "<!-- Made from the code by `make reference`: change the code, not this page. -->"

_MAKERS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "messages.md": messages_page,
        "configuration.md": configuration_page,
        "command-line.md": command_line_page,
        "errors.md": errors_page,
    }
)


def pages() -> dict[str, str]:
    """File name -> its whole text."""
    return {name: f"{FIRST_LINE}\n\n{make()}" for name, make in _MAKERS.items()}
