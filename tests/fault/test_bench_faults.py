"""Each scenario of `guildbus bench faults`, with a few faults instead of hundreds."""

import random

import pytest

from guildbus.launch.bench.faults.runner import SCENARIOS, run_one
from guildbus.launch.bench.faults.scenario import Scenario


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_bus_keeps_its_promises(scenario: Scenario) -> None:
    result = await run_one(scenario, 0.0, random.randrange(1 << 30))
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.ok, result.outcome
    assert result.outcome.faults >= 1
