"""Builds that were started from the page: each is `guildbus build` in a process of its own.

It goes on when the page or the server ends, as one that was started in a terminal with `nohup` would; cancel
it in the page or with `guildbus cancel`. Next: `acting.py`, which calls this.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guildbus.launch.config import GuildConfig
from guildbus.launch.output import check_folder
from guildbus.launch.places import make_private
from guildbus.launch.specfile import parse_spec
from guildbus.launch.swarm import SwarmPaths
from guildbus.launch.ui.pulse import Pulse
from guildbus.protocols.errors import UsageError

COMMAND: Final = (sys.executable, "-P", "-c", "from guildbus.launch.cli import main; main()")
SHOWN: Final = 8
ENDED_BADLY: Final = (2, 3)
"""Exit codes of a build that could not begin, or had nothing to stand on."""
OPTIONS: Final = {"candidates": (1, 16), "max_rounds": (1, 50), "seed": (0, 2**31 - 1)}


@dataclass(slots=True)
class Started:
    """One process. `folder` is empty for a resumed run, whose name is known from the start."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    folder: str = ""
    run: str | None = None
    started_at: float = field(default_factory=time.time)

    def shown(self, pulse: Pulse) -> dict[str, Any]:
        """For the page: `run` is None until its request is in the journal; `says` is what it printed last."""
        if self.run is None:
            self.run = pulse.run_of_folder(self.folder, self.started_at - 1)
        code = self.process.poll()
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        return {
            "name": self.name,
            "run": self.run,
            "out": self.folder,
            "ended": code is not None,
            "failed": code in ENDED_BADLY,
            "says": "\n".join(lines[-4:]) if code in ENDED_BADLY else lines[-1] if lines else "starting",
        }


class Launches:
    """What this server started. `asked` is the `guild.toml` that its own command line named."""

    def __init__(self, config: GuildConfig, cwd: Path, asked: Path | None) -> None:
        self._config = config
        self._cwd = cwd
        self._asked = asked
        self._started: list[Started] = []

    def specs(self) -> list[dict[str, str]]:
        """The specs that lie in the folder `specs` or beside it, with their text."""
        found = sorted({*self._cwd.glob("specs/*.yaml"), *self._cwd.glob("*.yaml")})
        return [
            {"path": str(path.relative_to(self._cwd)), "text": path.read_text("utf-8", "replace")}
            for path in found
            if path.is_file() and path.stat().st_size < 256 * 1024
        ]

    def build(self, text: str, out: str, options: dict[str, int]) -> Started:
        """Start a build. SpecError, OutputError or UsageError say what is wrong with what was asked."""
        spec = parse_spec(text, "spec")
        folder = self._folder(out or f"out/{spec.name}")
        check_folder(folder)
        words = [self._kept(spec.name, text), "--out", str(folder)]
        for name, (least, most) in OPTIONS.items():
            if (value := options.get(name)) is not None:
                if not least <= value <= most:
                    raise UsageError(f"must be from {least} to {most}", where=name)
                words += [f"--{name.replace('_', '-')}", str(value)]
        return self._start(spec.name, ["build", *words], folder=str(folder))

    def resume(self, run: str) -> Started:
        """Go on with a run that was interrupted."""
        return self._start(run, ["resume", run], run=run)

    def shown(self, pulse: Pulse) -> list[dict[str, Any]]:
        """What was started here, the newest first."""
        return [one.shown(pulse) for one in reversed(self._started[-SHOWN:])]

    def living(self) -> list[Started]:
        """Those that still run."""
        return [one for one in self._started if one.process.poll() is None]

    def _folder(self, out: str) -> Path:
        folder = (self._cwd / out).resolve()
        if self._cwd.resolve() not in folder.parents:
            raise UsageError(
                "must be below the folder that `guildbus ui` was started in",
                where=f"output folder {out!r}",
                remedy="name one like out/numkit",
            )
        return folder

    def _kept(self, name: str, text: str) -> str:
        folder = make_private(self._config.state_dir / "ui")
        path = folder / f"{name}-{secrets.token_hex(4)}.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def _start(self, name: str, words: Sequence[str], folder: str = "", run: str | None = None) -> Started:
        logs = SwarmPaths(make_private(self._config.state_dir)).logs
        logs.mkdir(exist_ok=True)
        log = logs / f"ui-{words[0]}-{secrets.token_hex(4)}.log"
        config = ["--config", str(self._asked)] if self._asked is not None else []
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*COMMAND, *config, *words],
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(Started(name, process, log, folder, run))
        return self._started[-1]
