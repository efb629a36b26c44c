"""One agent process: `python -P -m guildbus.agents.main --settings FILE`.

Prints one JSON line `{"ready": ...}` once the broker has welcomed it; ends on SIGTERM, and with its parent.
"""

import argparse
import asyncio
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guildbus.bus.late_log import get_logger, log_as, ready_line
from guildbus.bus.lifeline import watch_lifeline

if TYPE_CHECKING:
    from guildbus.agents.settings import AgentSettings


def main() -> None:
    """Run until told to stop. Exit code 3 if the agent cannot work here."""
    watch_lifeline()
    parser = argparse.ArgumentParser(prog="guildbus.agents.main")
    parser.add_argument("--settings", type=Path, required=True)
    arguments = parser.parse_args()

    from guildbus.agents.settings import AgentSettings
    from guildbus.protocols.errors import GuildbusError

    settings = AgentSettings.model_validate_json(arguments.settings.read_text(encoding="utf-8"))
    log_as(settings.name)
    try:
        asyncio.run(_serve(settings))
    except GuildbusError as error:
        get_logger("main").error("cannot_work", code=error.code, what=str(error))
        sys.exit(3)


async def _serve(settings: "AgentSettings") -> None:
    from guildbus.agents.contracts import Member
    from guildbus.agents.roster import make_agent
    from guildbus.agents.runtime import Runtime
    from guildbus.agents.tools import OwnTools
    from guildbus.agents.vocabulary import check_known, registry_of
    from guildbus.bus.client import ZmqBus
    from guildbus.bus.interface import AgentIdentity

    agent = make_agent(settings)
    registry = registry_of(settings.messages)
    check_known(Member(settings.name, type(agent)), registry)
    tools = OwnTools(settings)
    identity = AgentIdentity(settings.name, settings.role, f"{os.getpid()}-{uuid.uuid4().hex[:6]}")
    keys = None
    if settings.client_key is not None:
        from guildbus.bus.curve import ClientKeys
        from guildbus.bus.keys import read_pair

        keys = ClientKeys(read_pair(settings.client_key), settings.server_key)
    bus = ZmqBus(settings.endpoint, identity, journal=settings.journal, credit=agent.credit, keys=keys)
    telemetry: Any = None
    runtime: Runtime
    if settings.telemetry is None:
        runtime = Runtime(agent, bus, identity, registry, tools=tools)
    else:
        from guildbus.agents.telemetry.observed import ObservedRuntime
        from guildbus.agents.telemetry.provider import Telemetry

        telemetry = Telemetry.start(settings.telemetry, identity.instance)
        runtime = ObservedRuntime(agent, bus, identity, registry, telemetry, tools=tools)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stop)
    try:
        await runtime.run(on_ready=lambda: _say_ready(identity.instance))
    finally:
        await tools.aclose()
        if telemetry is not None:
            telemetry.close()


def _say_ready(instance: str) -> None:
    sys.stdout.write(ready_line(instance))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
