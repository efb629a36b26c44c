"""What tells mutants from the code: run tests that print, and keep what only a mutant prints. The edge.

Measuring asks whether a test fails. This asks in what a mutant differs, so that a test can be written which
fails. The module's own tests are out of it: the caller lays tests into the tree that print a line for each
thing they looked at, behind a mark. All mutants are in one binary here too (`schema.py`).
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from guildbus.agents.sandbox import Sandbox
from guildbus.agents.teeth import workspace
from guildbus.agents.teeth.measuring import Measurement
from guildbus.agents.teeth.mutants import Mutant


@dataclass(frozen=True)
class ToldApart:
    """What each mutant printed otherwise. `skipped` did not run for want of time; `why` if nothing ran."""

    differs: Mapping[Mutant, str]
    skipped: int
    why: str = ""


async def told_apart(
    sandbox: Sandbox, tree: Mapping[str, str], mutants: Sequence[Mutant], mark: str, *, seconds: float
) -> ToldApart:
    """Run the tests of a tree (with go.mod) on each mutant, and compare the lines that hold `mark`.

    A mutant that does not come to its end, or ends the process, has printed what it had come to. It takes a
    few seconds more than `seconds` at most. SandboxError if the sandbox cannot start.
    """
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="guildbus-telling-") as name:
        folder = Path(name)
        workspace.copy_module(tree, folder)
        work = Measurement(sandbox, folder, end, lambda found: mutants, watched=mark)
        found = await work.run()
    skipped = found.count("skipped") if found.fates else len(mutants)
    return ToldApart(work.differs, skipped, found.why)
