"""Scoring any Go tree, without a run: build, vet and test in the sandbox, a point each, and its teeth."""

from pathlib import Path
from typing import Any

from guildbus.agents.diagnosis import failure_line
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.agents.teeth.measuring import measure
from guildbus.agents.teeth.shown import as_teeth
from guildbus.launch.config import GuildConfig
from guildbus.launch.readiness import warm_toolchain
from guildbus.protocols.errors import UsageError

FULL = 3
TEETH_SECONDS = 300.0
"""What a measurement asked for by name may take; in a build it is `[build] teeth_seconds`."""


async def score_folder(
    config: GuildConfig, folder: Path, *, unsafe: bool = False, teeth_seconds: float = 0
) -> dict[str, Any]:
    """`{folder, score, findings, failures}` of a Go module. UsageError if it has no go.mod, or our state.

    With `teeth_seconds`, `teeth` as well: the mutation score, for which at most so long is taken. It is None
    below 3/3, since a suite that fails tells nothing of mutants.
    """
    if not (folder / "go.mod").is_file():
        raise UsageError("no go.mod there", where=str(folder), remedy="name the folder of a Go module")
    if _inside(config.state_dir, folder):
        raise UsageError(
            "the state folder lies in there, and the module's tests would see its journal and socket",
            where=str(config.state_dir),
            remedy="set state_dir to a folder elsewhere",
        )
    toolchain: Toolchain = await warm_toolchain(config, lambda text: None)
    sandbox = await open_sandbox(toolchain.policy(), unsafe=unsafe)
    judgement = await Judge(toolchain, sandbox).score(folder)
    findings = [f"{d.file}:{d.line}: {d.message} ({d.tool})" for d in judgement.diagnostics]
    findings += [failure_line(failure) for failure in judgement.failures]
    report: dict[str, Any] = {
        "folder": str(folder),
        "score": judgement.score.model_dump() | {"total": judgement.score.total},
        "findings": findings,
        "failures": [failure.model_dump(mode="json") for failure in judgement.failures],
    }
    if teeth_seconds:
        report["teeth"] = None
        if judgement.score.total == FULL:
            measured = await measure(sandbox, folder, seconds=teeth_seconds)
            report["teeth"] = as_teeth(measured).model_dump(mode="json")
    return report


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
