"""Cancelling a run: `run.cancelled` into the journal, and the planner's answer out of it.

The broker withdraws all that is open in the run, so that model requests are closed and sandboxed processes
killed at once; the planner closes the run with the best tree so far. Where no swarm is up, broker and
planner are started for as long as that takes: no model, no sandbox.
"""

from guildbus.bus.permissions import OPERATOR
from guildbus.launch.attending import Attendance, attended, read_log
from guildbus.launch.config import GuildConfig
from guildbus.launch.ground import Need, Stand
from guildbus.launch.live import View
from guildbus.launch.membership import UNDERTAKER
from guildbus.launch.report import end_of
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.messages.control import RunCancelled
from guildbus.protocols.registry import Registry


async def cancel(
    config: GuildConfig,
    run: str,
    reason: str,
    view: View,
    registry: Registry,
    *,
    stand: Stand | None = None,
) -> BuildFinished:
    """How the run ended: as cancelled, unless it had ended before. Raises InfrastructureError."""
    log = read_log(config, run, registry)
    if (ended := end_of(log)) is not None:
        return ended
    need = Need(run, "cancel", requested_at=log.lines[0].at, crew=frozenset({UNDERTAKER}))
    opening = RunCancelled(reason=reason, by=OPERATOR)
    attendance = Attendance(need, view, registry, opening=opening, seen=log.lines[-1].seq, stand=stand)
    async with attended(config, attendance):
        return read_log(config, run, registry).of(BuildFinished)[-1]
