"""docs/tutorial.md and the how-tos, followed to the letter in a fresh virtual environment.

The environment is what `make setup` would have made, but that it sees the packages of this one instead of
fetching them. The model is the stub endpoint, in a `guild.toml` that lies there before the page is begun.
All else is real.
"""

import json
import os
import sys
import sysconfig
import venv
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from guildhall import ROOT, Guild, numkit, rule
from pages import File, Shell, follow, steps

DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
HOW_TO = DOCS / "how-to"
AGENT = "go-describe/go_describe.py"
MADE_BY_SETUP = ("guildbus", "pip", "pytest")
NOT_THEIRS = ("VIRTUAL_ENV", "PYTHONPATH")
SCRIPT = """#!{python}
import sys
from {module} import {attr}
sys.exit({attr}())
"""


class Clone:
    """What a reader has: a clone of the repository with its `.venv`, and a state folder of its own."""

    def __init__(self, guild: Guild) -> None:
        self.guild = guild
        self.folder = (guild.folder / "clone").resolve()
        self.work = self.folder / "my-guild"
        self.work.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "specs"):
            (self.folder / name).symlink_to(ROOT / name)
        self._make_environment(self.folder / ".venv")

    def _make_environment(self, place: Path) -> None:
        venv.create(place, with_pip=False, symlinks=True)
        [site] = (place / "lib").glob("python*/site-packages")
        here = sysconfig.get_path("purelib")
        (site / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        for point in entry_points(group="console_scripts"):
            if point.name in MADE_BY_SETUP:
                script = place / "bin" / point.name
                text = SCRIPT.format(python=place / "bin" / "python", module=point.module, attr=point.attr)
                script.write_text(text, encoding="utf-8")
                script.chmod(0o755)
        (place / ".python").write_text(f"{self.folder}\n")
        (place / ".setup").touch()

    def shell(self, folder: Path, *, activated: bool) -> Shell:
        """A shell of the reader's. Nothing of this process's own environment is on its PATH."""
        own = str(Path(sys.executable).parent)
        path = [one for one in os.environ["PATH"].split(os.pathsep) if one != own]
        if activated:
            path.insert(0, str(self.folder / ".venv" / "bin"))
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environ = self.guild.environment | pip | {"PATH": os.pathsep.join(path)}
        return Shell(folder, {name: text for name, text in environ.items() if name not in NOT_THEIRS})

    def begin(self) -> None:
        """Lay the `guild.toml` with the stub endpoint where the reader works."""
        self.guild.serve([rule(numkit())])
        (self.guild.folder / "guild.toml").rename(self.work / "guild.toml")


@pytest.fixture
def clone(guild: Guild) -> Clone:
    clone = Clone(guild)
    clone.begin()
    return clone


def test_the_agent_of_the_tutorial_has_at_most_twenty_lines() -> None:
    first = next(step for step in steps(TUTORIAL.read_text("utf-8")) if isinstance(step, File))
    assert first.path == AGENT
    assert len([line for line in first.text.splitlines() if line.strip()]) <= 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_tutorial_ends_with_the_readers_own_agent_in_the_trace(clone: Clone) -> None:
    with clone.shell(clone.folder, activated=False) as shell:
        done = [command.text for command in follow(TUTORIAL, shell)]
        assert "guildbus build ../specs/numkit.yaml" in done
        code, said = shell.run("guildbus trace last --format json")
        assert code == 0
        follow(HOW_TO / "read-along.md", shell)
    messages = json.loads("\n".join(said))
    [described] = [message for message in messages if message["type"] == "package.described.v1"]
    assert described["source"].split("/")[0] == "go-describe"
    assert described["body"]["exports"] == ["func Clamp(x, lo, hi int) int", "func GCD(a, b int) int"]
    [notice] = [message for message in messages if message["id"] == described["causationid"]]
    assert (notice["type"], notice["to"]) == ("event.noticed.v1", "go-describe")
    assert clone.guild.leftovers() == []


@pytest.mark.long
def test_agents_in_ci(clone: Clone) -> None:
    with clone.shell(clone.work, activated=True) as shell:
        follow(HOW_TO / "ci.md", shell)
    report = json.loads((clone.work / "security-review" / "conformance.json").read_text("utf-8"))
    assert report["ok"]


@pytest.mark.long
def test_a_swarm_over_tcp_with_keys(clone: Clone) -> None:
    with clone.shell(clone.work, activated=True) as shell:
        follow(HOW_TO / "tcp-with-keys.md", shell)
    assert clone.guild.leftovers() == []
