"""Scoring any Go tree, without a run: build, vet and test in the sandbox, a point each."""

from pathlib import Path
from typing import Any

from guildbus.agents.diagnosis import failure_line
from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.judging import Judge
from guildbus.agents.sandbox.runners import open_sandbox
from guildbus.launch.config import GuildConfig
from guildbus.launch.readiness import warm_toolchain
from guildbus.protocols.errors import UsageError


async def score_folder(config: GuildConfig, folder: Path, *, unsafe: bool = False) -> dict[str, Any]:
    """`{folder, score, findings, failures}` of a Go module. UsageError if there is no go.mod."""
    if not (folder / "go.mod").is_file():
        raise UsageError("no go.mod there", where=str(folder), remedy="name the folder of a Go module")
    toolchain: Toolchain = await warm_toolchain(config, lambda text: None)
    sandbox = await open_sandbox(toolchain.policy(), unsafe=unsafe)
    judgement = await Judge(toolchain, sandbox).score(folder)
    findings = [f"{d.file}:{d.line}: {d.message} ({d.tool})" for d in judgement.diagnostics]
    findings += [failure_line(failure) for failure in judgement.failures]
    return {
        "folder": str(folder),
        "score": judgement.score.model_dump() | {"total": judgement.score.total},
        "findings": findings,
        "failures": [failure.model_dump(mode="json") for failure in judgement.failures],
    }
