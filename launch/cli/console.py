"""Printing: text for people on a console, one JSON object for scripts, errors with place and remedy."""

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from rich.console import Console

from guildbus.protocols.errors import GuildbusError, InfrastructureError, UsageError

GREEN = 0
RED = 1
USAGE = 2
INFRASTRUCTURE = 3
INTERRUPTED = 130
EXIT_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        GREEN: "green, or done as asked",
        RED: "honest red: a build that is not green, a check that failed, nothing that runs",
        USAGE: "bad usage, a bad spec or `guild.toml`, an output folder that is not ours: nothing was begun",
        INFRASTRUCTURE: "something that the work stands on is missing: model, Go, sandbox, broker, disk",
        INTERRUPTED: "interrupted; a build can be resumed",
    }
)
WIDE = 240


def out() -> Console:
    """Standard output; as wide as it takes where it is no terminal."""
    console = Console(soft_wrap=True, highlight=False)
    return console if console.is_terminal else Console(soft_wrap=True, highlight=False, width=WIDE)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def exit_code(error: GuildbusError) -> int:
    """2 for what the user asked, 3 for what the work stands on."""
    return USAGE if isinstance(error, UsageError) else INFRASTRUCTURE


def print_error(error: GuildbusError, *, as_json: bool = False) -> None:
    """What, where, and what to do: to standard error, or as an object for scripts."""
    if as_json:
        print_json(
            {"error": {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}}
        )
        return
    place = f"{error.where}: " if error.where else ""
    sys.stderr.write(f"error: {place}{error.what}\n")
    if error.remedy:
        sys.stderr.write(f"  try: {error.remedy}\n")


def is_ours(error: BaseException) -> bool:
    """Whether an error is one that a person can do something about."""
    return isinstance(error, UsageError | InfrastructureError)
