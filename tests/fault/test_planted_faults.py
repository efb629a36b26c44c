"""The fault suite notices: on a broker that breaks one promise, the scenario for it is not clean."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from guildbus.launch.bench.faults.planted import PLANTS
from guildbus.launch.bench.faults.runner import SCENARIOS, run_one

FOUND_BY = {
    "hasty": ("broker-steps", "lost"),
    "unsynced": ("power", "lost"),
    "unfenced": ("zombies", "double"),
    "open-house": ("malformed", "let_in"),
}


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a failed scenario leaves behind for people is removed here."""
    folder = tmp_path_factory.mktemp("g")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


LONG = {"hasty", "unfenced"}
"""What a broken promise leaves hanging is waited for."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in PLANTS]
)
@pytest.mark.usefixtures("left")
async def test_a_broken_promise_is_found(name: str) -> None:
    found_by, count = FOUND_BY[name]
    (scenario,) = [one for one in SCENARIOS if one.name == found_by]
    result = await run_one(scenario, 0.1 if count == "lost" else 0.0, 1, name)
    assert not result.ok
    # What was lost with the power may also be the middle of the file: then no broker takes it.
    ruined = any("refused to start" in one for one in result.outcome.wrong)
    assert getattr(result.outcome, count) > 0 or (name == "unsynced" and ruined), result.outcome
