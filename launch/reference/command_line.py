"""The page of the command line: every command, its arguments and options, from the application itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import typer

from guildbus.launch.cli.app import app
from guildbus.launch.cli.console import EXIT_CODES
from guildbus.launch.reference.markdown import anchor, code, paragraphs, prose, table

HEAD: Final = """# Command line

Every command of `guildbus`, as `guildbus COMMAND --help` describes it. What they are for, and how they
belong together, is in [operations.md](../operations.md). An option that may be given again is marked
*again*; a command with `--json` prints one JSON document, and an error as `{"error": {"code", "what",
"where", "remedy"}}` ([errors.md](errors.md)).
"""
ROOT: Final = "guildbus"
_LEFT_OUT: Final = {"--help", "--install-completion", "--show-completion"}
_KINDS: Final[dict[Any, str]] = {str: "text", int: "integer", float: "number", Path: "path", bool: "flag"}

Command = Any
"""A command or an option of click, or of the copy of it that typer may bring."""


def command_line_page() -> str:
    """The whole page, but for its first line."""
    root: Command = typer.main.get_command(app)
    commands = list(_commands(root, ROOT))
    exits = [[code(str(number)), text] for number, text in EXIT_CODES.items()]
    index = [
        [f"[{code(path)}]({anchor(path)})", prose(_summary(command))]
        for path, command in commands
        if path != ROOT
    ]
    parts = [HEAD, "## Exit codes", table(["exit code", "meaning"], exits)]
    parts += ["## Commands", table(["command", ""], index)]
    parts += [_of_command(path, command) for path, command in commands]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _commands(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Every command that can be called, with the words that call it."""
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command or path == ROOT:
        yield path, command
    for name, one in inner.items():
        if not one.hidden:
            yield from _commands(one, f"{path} {name}")


def _of_command(path: str, command: Command) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    shown = [one for one in shown if not _LEFT_OUT & set(one.opts)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    words = [path, *map(_placeholder, arguments), *(["[OPTIONS]"] if options else [])]
    if path == ROOT:
        words.append("COMMAND")
    parts = [f"## {code(path)}", f"    {' '.join(words)}", paragraphs(_help(command))]
    if shown:
        rows = [
            [_names(one), _kind(command, one), _default(one), prose(_help(one))]
            for one in (*arguments, *options)
        ]
        parts.append(table(["", "type", "default", ""], rows))
    return "\n\n".join(part for part in parts if part.strip())


def _help(one: Command) -> str:
    return str(getattr(one, "help", None) or "")


def _summary(command: Command) -> str:
    return " ".join(_help(command).split("\n\n")[0].split())


def _placeholder(argument: Command) -> str:
    name = f"{_name(argument)}..." if argument.nargs == -1 or argument.multiple else _name(argument)
    return name if argument.required else f"[{name}]"


def _name(argument: Command) -> str:
    return str(argument.metavar or argument.name.upper())


def _names(one: Command) -> str:
    if one.param_type_name == "argument":
        return code(_name(one))
    names = ", ".join(code(name) for name in (*one.opts, *one.secondary_opts))
    variable = f" ({code(str(one.envvar))})" if one.envvar else ""
    return names + variable


def _kind(command: Command, one: Command) -> str:
    """The type that the command's function states, and its bounds."""
    if getattr(one, "is_flag", False):
        return "flag"
    hint = get_type_hints(command.callback, include_extras=True)[one.name]
    stated, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    kind, again = _innermost(stated), ", again" if _is_list(stated) else ""
    name: str = _KINDS.get(kind, kind.__name__)
    for mark in marks:
        least, most = mark.min, mark.max
        if least is not None and most is not None:
            name += f", {least} to {most}"
        elif least is not None:
            name += f", at least {least}"
    return name + again


def _is_list(stated: Any) -> bool:
    return any(get_origin(one) is list for one in (stated, *get_args(stated)))


def _innermost(stated: Any) -> Any:
    """`list[Path] | None` -> Path."""
    inner = [one for one in get_args(stated) if one is not type(None)]
    return _innermost(inner[0]) if inner else stated


def _default(one: Command) -> str:
    if one.required:
        return "required"
    default = one.default
    if default is None or default == "" or callable(default) or getattr(one, "is_flag", False):
        return ""
    return code(str(default))
