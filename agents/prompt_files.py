"""Prompts as files: the templates in `prompts/` beside an agent's module, checked when that is imported.

    PROMPTS = Prompts(__name__, {"review.md": ("rule", "function")})

    answer = await ctx.complete(PROMPTS.fill("review.md", rule=rule, function=text))

A placeholder is `$name` (or `${name}`), a dollar sign of the text `$$`. What the files ask for and what the
module promises to fill in is compared at once, so that a swarm with a wrong prompt does not start.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

from guildbus.protocols.errors import UsageError

FOLDER = "prompts"


class PromptError(UsageError):
    """A template that is not there, or whose placeholders are not those that are filled in."""

    code = "usage.prompt"


class Prompts:
    """The templates of one module. `templates` is file name -> its placeholders.

    Raises PromptError for a file that is missing or cannot be read, a `$` that begins no placeholder, and
    placeholders that are not exactly those stated.
    """

    def __init__(self, module: str, templates: Mapping[str, Iterable[str]]) -> None:
        folder = _folder_of(module)
        self._templates = {
            name: _read(folder / name, frozenset(fields)) for name, fields in templates.items()
        }
        self._fields = {name: frozenset(fields) for name, fields in templates.items()}

    def fill(self, name: str, /, **values: object) -> str:
        """The text of a template, with its placeholders filled in.

        Raises PromptError for a name that was not stated, and for values that are not its placeholders.
        """
        template = self._templates.get(name)
        if template is None:
            known = ", ".join(sorted(self._templates))
            raise PromptError("no such prompt", where=name, remedy=f"there are: {known}")
        _compare(self._fields[name], frozenset(values), name, "filled in")
        return template.substitute({key: str(value) for key, value in values.items()})


def _folder_of(module: str) -> Path:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise PromptError(
            "the module is in no file", where=f"Prompts({module!r})", remedy="write Prompts(__name__, ...)"
        )
    return Path(file).with_name(FOLDER)


def _read(path: Path, fields: frozenset[str]) -> Template:
    try:
        template = Template(path.read_text(encoding="utf-8").strip("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"the prompt cannot be read: {error}",
            where=str(path),
            remedy="is it in the package's data ([tool.setuptools.package-data])?",
        ) from error
    if not template.is_valid():
        raise PromptError("a `$` begins no placeholder", where=str(path), remedy="write $$ for a dollar sign")
    _compare(frozenset(template.get_identifiers()), fields, str(path), "stated")
    return template


def _compare(wanted: frozenset[str], given: frozenset[str], where: str, done: str) -> None:
    if missing := sorted(wanted - given):
        what = f"${', $'.join(missing)} would stay empty"
        raise PromptError(what, where=where, remedy=f"each placeholder of the file must be {done}")
    if unknown := sorted(given - wanted):
        what = f"it has no ${', $'.join(unknown)}"
        raise PromptError(what, where=where, remedy="take it out, or write it into the file")
