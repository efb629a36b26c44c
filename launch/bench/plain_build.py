"""One build as a user types it: the plain command in a process of its own, and the report that it prints."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from guildbus.launch.config import GuildConfig
from guildbus.protocols.errors import InfrastructureError

COMMAND: Final = (sys.executable, "-P", "-c", "from guildbus.launch.cli import main; main()")


def environment(config: GuildConfig, asked: Path | None) -> dict[str, str]:
    """What a build inherits, so that it reads the same configuration with this state folder.

    `asked` is the configuration file that was named on the command line.
    """
    own = {"GUILDBUS_STATE_DIR": str(config.state_dir), "GUILDBUS_CACHE_DIR": str(config.cache_dir)}
    named = {"GUILDBUS_CONFIG": str(asked.absolute())} if asked is not None else {}
    return {**os.environ, **own, **named}


async def build(
    spec: Path, seed: int, out: Path, environ: Mapping[str, str], more: Sequence[str] = ()
) -> dict[str, Any]:
    """The report of a build; `more` are words of its command line.

    Raises InfrastructureError if it ended without one.
    """
    words = ("build", str(spec), "--seed", str(seed), "--out", str(out), "--json", *more)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *words,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
    try:
        report: dict[str, Any] = json.loads(output)
    except ValueError:
        report = {}
    if "run_id" not in report:
        what = report.get("error", {}).get("what") or error.decode(errors="replace").strip()[-500:]
        raise InfrastructureError(
            f"the build ended with exit code {process.returncode}: {what}", where=str(spec)
        )
    return report
