"""Run the trials one after the other, with one model server kept up; keep the tables as they grow."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from guildbus.agents.golang.toolchain import Toolchain
from guildbus.agents.oracle.agent import Oracle
from guildbus.agents.oracle.running import Witnesses
from guildbus.agents.reference import Reference
from guildbus.launch.bench import between_marks
from guildbus.launch.bench.oracle import report
from guildbus.launch.bench.oracle.matters import Matter
from guildbus.launch.bench.oracle.tally import Tally
from guildbus.launch.bench.oracle.trial import Court, tried
from guildbus.launch.config import GuildConfig, default_roster
from guildbus.launch.config_tables import AgentTable
from guildbus.launch.readiness import warm_toolchain
from guildbus.launch.serving import Fleet, served
from guildbus.launch.swarm import agent_settings

ROLES: Final = ("reference", "oracle")


async def run(
    config: GuildConfig, matters: Sequence[Matter], seed: int, out: Path | None, say: Callable[[str], None]
) -> list[Tally]:
    """A tally a matter. Completions are kept in a folder that is new: none comes from an earlier run."""
    if out is not None:
        between_marks.prepare(out, "# The oracle", report.BEGIN, report.END)
    found: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="guildbus-oracle-") as name:
        config = config.model_copy(update={"state_dir": Path(name, "s"), "agents": _roster(config)})
        toolchain = await warm_toolchain(config, lambda text: None)
        async with served(config, say) as models:
            await models.ready()
            court = await _court(config, models.fleets, toolchain, lambda text: None)
            try:
                for matter in matters:
                    found.append(await tried(court, matter, seed))
                    say(report.line(found[-1]))
                    if out is not None:
                        between_marks.write(out, report.BEGIN, report.END, report.tables(found))
            finally:
                await court.reference.stop()
    return found


def _roster(config: GuildConfig) -> tuple[AgentTable, ...]:
    """The configured agents, and the two that bring witnesses where the configuration leaves them out."""
    named = {agent.name: agent for agent in (*default_roster(), *config.agents)}
    return tuple(named.values())


async def _court(
    config: GuildConfig, fleets: Mapping[str, Fleet], toolchain: Toolchain, say: Callable[[str], None]
) -> Court:
    """The two agents as a swarm would start them. Raises SandboxError: it fails closed."""
    tables = {agent.role: agent for agent in config.agents}
    reference, oracle = (
        agent_settings(config, tables[role], role, fleets.get(tables[role].name, ()), unsafe=False)
        for role in ROLES
    )
    judge = Oracle(oracle)
    await judge.start()
    return Court(Reference(reference), judge, await Witnesses.start(toolchain, unsafe=False), say)
