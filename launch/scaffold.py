"""`guildbus agents new`: a package with a working agent, its test and a README, from `templates/agent`."""

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Final

from guildbus.agents.agent import Agent
from guildbus.agents.roster import BUILT_IN
from guildbus.launch.conformance.schema import schema_text
from guildbus.launch.conformance.subject import SCHEMA_FILE
from guildbus.protocols.errors import OutputError, UsageError

NAME_FORM: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME: Final = 64


def new_package(name: str, folder: Path) -> list[Path]:
    """Write the package of a role; the files, in the order of reading.

    Raises UsageError for a name that is no role or no package, OutputError if the folder holds anything.
    """
    package = _package(name)
    words = {
        "name": name,
        "package": package,
        "class_name": "".join(part.capitalize() for part in name.split("-")),
    }
    agent = _filled("src/agent.py.txt", words)
    texts = {
        "README.md": _filled("README.md.txt", words),
        "pyproject.toml": _filled("pyproject.toml.txt", words),
        f"src/{package}/__init__.py": _filled("src/__init__.py.txt", words),
        f"src/{package}/agent.py": agent,
        f"src/{package}/{SCHEMA_FILE}": schema_text(
            _class_in(agent, f"{package}.agent", words["class_name"])
        ),
        "tests/test_agent.py": _filled("tests/test_agent.py.txt", words),
    }
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            "something is there already", where=str(folder), remedy="name a new folder with --dir"
        )
    try:
        return [_written(folder / path, text) for path, text in texts.items()]
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", where=str(folder)) from error


def _package(name: str) -> str:
    package = name.replace("-", "_")
    if not NAME_FORM.fullmatch(name) or len(name) > LONGEST_NAME:
        raise UsageError(
            "not a role's name", where=repr(name), remedy="lower-case words with hyphens, as security-review"
        )
    if name in BUILT_IN:
        raise UsageError("a built-in role", where=name, remedy="choose a name that is not taken")
    if package in sys.stdlib_module_names or package == "guildbus" or keyword.iskeyword(package):
        raise UsageError(
            "Python has a use for this name", where=package, remedy=f"choose another, as {name}-review"
        )
    return package


def _filled(path: str, words: dict[str, str]) -> str:
    text = files("guildbus.launch").joinpath("templates/agent", path).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _class_in(text: str, module: str, name: str) -> type[Agent]:
    """The class of an agent's text, without a file of it."""
    made = ModuleType(module)
    exec(compile(text, module, "exec"), vars(made))
    found: type[Agent] = getattr(made, name)
    return found


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
