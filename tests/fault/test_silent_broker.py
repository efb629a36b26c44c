"""A broker that falls silent between its welcome and the first message: who sees a run to its end says so."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from guildbus.launch import attending
from guildbus.launch.attending import Attendance, attended
from guildbus.launch.config import parse_config
from guildbus.launch.ground import Need
from guildbus.launch.live import SilentView
from guildbus.launch.membership import UNDERTAKER, swarm_registry
from guildbus.launch.places import Host
from guildbus.launch.swarm import read_record
from guildbus.protocols.errors import BusError
from guildbus.protocols.messages.control import RunCancelled
from guildbus.protocols.wire import Packet


async def test_a_message_that_is_never_confirmed_is_not_waited_for_for_ever(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("g")  # a socket's path has at most 100 bytes
    text = f'state_dir = "{folder}/s"\ncache_dir = "{folder}/c"\n'
    config = parse_config(text, "guild.toml", replace(Host.here(), environ={}), folder)
    monkeypatch.setattr(attending, "SWARM_SILENT_S", 1.0)

    class AtTheWrongMoment(Attendance):
        def packets(self, source: str, now: float) -> list[Packet]:
            record = read_record(config)
            assert record is not None
            (broker,) = (one["pid"] for one in record["processes"] if one["name"] == "broker")
            os.kill(broker, signal.SIGSTOP)
            return super().packets(source, now)

    need = Need("r-1", "cancel", crew=frozenset({UNDERTAKER}))
    opening = RunCancelled(reason="", by="test")
    attendance = AtTheWrongMoment(need, SilentView(), swarm_registry(config), opening=opening)
    with pytest.raises(BusError, match="no sign of life"):
        async with attended(config, attendance):
            pytest.fail("the run has not ended")
    assert not (Path(config.state_dir) / "run" / "swarm.json").exists()
