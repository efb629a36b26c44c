"""A swarm in the background: `guildbus up` starts this module as a process of its own, `down` ends it.

    python -P -m guildbus.launch.background [--config FILE] [--unsafe-no-sandbox]

It prints one JSON line `{"ready": ...}` when the swarm stands, or `{"error": ...}` and exit code 2 or 3.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from guildbus.bus.late_log import get_logger, log_as
from guildbus.bus.locks import unlock_file
from guildbus.launch.config import GuildConfig, load_config
from guildbus.launch.ground import try_lock, vacated
from guildbus.launch.places import Host, make_private
from guildbus.launch.process import cap_log
from guildbus.launch.readiness import check_sandbox, warm_toolchain
from guildbus.launch.serving import served
from guildbus.launch.supervisor import LOG_LIMIT_BYTES, ChildStatus
from guildbus.launch.swarm import RunningSwarm, SwarmPaths, owner_of, place_lock, read_record
from guildbus.protocols.errors import GuildbusError, InfrastructureError, UsageError

STOP_TIMEOUT_S = 20.0


def start_in_background(config: GuildConfig, asked: Path | None, *, unsafe: bool) -> dict[str, Any]:
    """The record of the swarm that now runs. UsageError if one runs already."""
    if (record := read_record(config)) is not None:
        raise UsageError(
            f"a swarm is up already (pid {record['pid']}, started by {owner_of(record)})",
            where=str(config.state_dir),
            remedy="`guildbus status` shows it, `guildbus down` stops it",
        )
    make_private(config.state_dir)
    paths = SwarmPaths(config.state_dir)
    paths.logs.mkdir(exist_ok=True)
    argv = [sys.executable, "-P", "-m", "guildbus.launch.background"]
    argv += ["--config", str(asked)] if asked is not None else []
    argv += ["--unsafe-no-sandbox"] if unsafe else []
    cap_log(paths.logs / "swarm.log", LOG_LIMIT_BYTES)
    with (paths.logs / "swarm.log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None
    with process.stdout as answers:
        line = answers.readline()
    answer = json.loads(line) if line else {}
    record = read_record(config)
    if "ready" not in answer or record is None:
        process.wait()
        error = answer.get("error", {})
        kind = UsageError if process.returncode == 2 else InfrastructureError
        raise kind(
            error.get("what", "the swarm ended without a word"),
            where=error.get("where", str(paths.logs / "swarm.log")),
            remedy=error.get("remedy", "`guildbus doctor` checks what it needs"),
        )
    return record


def stop_in_background(config: GuildConfig) -> bool:
    """Stop the swarm that is up and wait until it is gone; False if there was none."""
    record = read_record(config)
    if record is None:
        return False
    if record["owner"] != "up":
        raise UsageError(
            f"this swarm belongs to {owner_of(record)} (pid {record['pid']})",
            where=str(config.state_dir),
            remedy=f"`guildbus cancel {record['only_run']}`, or interrupt that command"
            if record["only_run"]
            else "it ends with that program",
        )
    try:
        process = psutil.Process(record["pid"])
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_TIMEOUT_S)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        raise InfrastructureError(
            f"the swarm did not stop within {STOP_TIMEOUT_S:.0f} s",
            where=f"pid {record['pid']}",
            remedy="kill that process: all of its children end with it",
        ) from None
    return True


async def _serve(config: GuildConfig, *, unsafe: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    make_private(config.runtime_dir)
    place = try_lock(place_lock(config), wait_s=1.0)  # a warden may be tidying up
    if place is None:
        raise UsageError(
            "a swarm is starting or stopping here",
            where=str(config.state_dir),
            remedy="see `guildbus status`",
        )
    try:
        await _run(config, stop, unsafe=unsafe)
    finally:
        unlock_file(place_lock(config), place)


async def _run(config: GuildConfig, stop: asyncio.Event, *, unsafe: bool) -> None:
    """The swarm, from its start until `stop`."""
    await vacated(config)
    await check_sandbox(config, unsafe=unsafe)
    await warm_toolchain(config, lambda text: None)
    async with served(config, lambda text: None) as models:
        swarm = RunningSwarm(config, models, owner="up", unsafe=unsafe, on_event=_log_phase)
        try:
            await asyncio.gather(swarm.start(), models.ready())
        except BaseException:
            await swarm.stop()
            raise
        _answer({"ready": os.getpid()})
        stopping = asyncio.create_task(stop.wait())
        living = asyncio.create_task(swarm.wait())
        try:
            await asyncio.wait({stopping, living}, return_when=asyncio.FIRST_COMPLETED)
            if living.done():
                living.result()
        finally:
            stopping.cancel()
            await swarm.stop()
            living.cancel()


def _log_phase(status: ChildStatus) -> None:
    """A process of the swarm has come up, ended, or been given up."""
    say = get_logger("supervisor").warning if status.reason else get_logger("supervisor").info
    say(
        "process",
        name=status.name,
        phase=str(status.phase),
        pid=status.pid,
        restarts=status.restarts,
        reason=status.reason,
    )


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run a swarm until SIGTERM."""
    parser = argparse.ArgumentParser(prog="guildbus.launch.background")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--unsafe-no-sandbox", action="store_true")
    arguments = parser.parse_args()
    log_as("swarm")
    try:
        config = load_config(Host.here(), arguments.config)
        asyncio.run(_serve(config, unsafe=arguments.unsafe_no_sandbox))
    except GuildbusError as error:
        _answer({"error": {"what": error.what, "where": error.where, "remedy": error.remedy}})
        get_logger("main").error("cannot_work", code=error.code, what=str(error))
        sys.exit(2 if isinstance(error, UsageError) else 3)


if __name__ == "__main__":
    main()
