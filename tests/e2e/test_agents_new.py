"""`guildbus agents new`: what it writes is installed into an environment of its own, and works there."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from guildbus.launch.conformance.kit import CHECKS
from guildbus.launch.scaffold import new_package
from guildbus.protocols.errors import OutputError, UsageError
from guildhall import GUILDBUS

ROLE = "security-review"
COMMAND = "from guildbus.launch.cli import main; main()"


class Place:
    """A folder, a new package in it, and an environment that sees what this one has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / ROLE
        self.python = folder / "venv" / "bin" / "python"

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=100,
            env=os.environ | {"GUILDBUS_STATE_DIR": str(self.folder / "state"), "PIP_NO_INDEX": "1"},
            check=False,
        )

    def agents(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.python, "-P", "-c", COMMAND, "agents", *arguments)

    def install(self) -> None:
        venv.create(self.folder / "venv", with_pip=False, symlinks=True)
        [site] = (self.folder / "venv" / "lib").glob("python*/site-packages")
        here = sysconfig.get_path("purelib")
        (site / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
        done = self.run(self.python, "-m", "pip", "install", *options, "-e", self.package)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("new"))
    made = place.run(GUILDBUS, "agents", "new", ROLE)
    assert made.returncode == 0, made.stderr
    place.install()
    return place


FIXTURE = """
from guildbus import DraftAccepted
from guildbus.testing import make_up
from security_review.agent import SecurityReview


def test_the_plugin_gives_a_fixture(play):
    [answer] = play(SecurityReview, make_up(DraftAccepted))
    assert answer.found == ()
"""


def test_its_own_tests_pass_where_it_is_installed(place: Place) -> None:
    (place.package / "tests" / "test_fixture.py").write_text(FIXTURE)
    options = ("-q", "-p", "no:cacheprovider", "-p", "guildbus.testing", "--rootdir", place.package)
    tested = place.run(place.python, "-P", "-m", "pytest", *options, place.package)
    assert tested.returncode == 0, tested.stdout
    said = f"{len(CHECKS) + 1} passed, 1 skipped"  # it calls nothing that could fail
    assert said in tested.stdout


def test_it_is_listed_and_conforms(place: Place) -> None:
    rows = json.loads(place.agents("list", "--json").stdout)
    [row] = [row for row in rows if row["name"] == ROLE]
    assert row["class"] == "security_review.agent:SecurityReview"
    assert row["replicas"] == 0
    checked = place.agents("check", "--json")  # all that are not built in
    assert checked.returncode == 0, checked.stdout
    [report] = json.loads(checked.stdout)["agents"]
    assert report["agent"] == row["class"]


def test_the_agent_is_twenty_lines_at_most(place: Place) -> None:
    text = (place.package / "src" / "security_review" / "agent.py").read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 20


def test_nothing_is_overwritten(place: Place) -> None:
    before = {path: path.read_bytes() for path in place.package.rglob("*.*") if path.is_file()}
    with pytest.raises(OutputError, match="something is there already"):
        new_package(ROLE, place.package)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "name", ["Review", "../x", "go-dev", "json", "a--b", "", "class", "x" * 65, "sync\n"]
)
def test_a_name_that_is_no_role_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        new_package(name, tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(OutputError):
        new_package(ROLE, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
