"""The teeth of a finished build: bounded in time, and never a reason for it to end otherwise. The edge."""

import asyncio
from collections.abc import Mapping

from guildbus.agents.sandbox import Sandbox
from guildbus.agents.teeth.measuring import measure
from guildbus.agents.teeth.shown import as_teeth
from guildbus.protocols.messages.verification import Teeth

LEAST_S = 3.0
"""With less time nothing useful comes out."""
GRACE_S = 10.0
"""What a measurement may take beyond its seconds, for mutants that had begun."""


async def measured_teeth(
    sandbox: Sandbox, tree: Mapping[str, str], seconds: float, left_s: float | None
) -> Teeth:
    """The teeth of a tree (with go.mod) within `seconds`; whatever goes wrong is said in `why`, never raised.

    `left_s` is what the run's deadline leaves, None without one: half of it is not touched.
    """
    if left_s is not None:
        seconds = min(seconds, left_s / 2 - GRACE_S)
    if seconds < LEAST_S:
        return Teeth(why=f"there was no time to measure: {LEAST_S:g} s are the least")
    try:
        async with asyncio.timeout(seconds + GRACE_S):
            return as_teeth(await measure(sandbox, tree, seconds=seconds))
    except TimeoutError:
        return Teeth(why=f"not measured within {seconds + GRACE_S:g} s")
    except Exception as error:  # noqa: BLE001 - a measure of a green must not make it red, bugs of ours included
        return Teeth(why=f"not measured: {error}")
